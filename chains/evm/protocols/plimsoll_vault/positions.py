"""A vault account's legs on one chain as the model's position: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chains.evm.protocols.plimsoll_vault.math import value_units
from chains.evm.protocols.plimsoll_vault.state import NO_DEBT, Asset, Legs
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, AssetId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.units import Bps, Usd, Wad, div_down, div_up

PROTOCOL = "plimsoll_vault"
VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultView:
    """All that positions are made from: the vault, its assets, their prices, and the anchor."""

    vault: AccountId
    assets: tuple[Asset, ...]
    symbols: Mapping[int, str]
    prices: Mapping[int, Price]
    anchor: BlockAnchor


def build_position(view: VaultView, owner: AccountId, legs: Legs, high: int | None) -> Position:
    """Give the owner's position: its own chain's legs, and the health that a lock is judged by.

    `high` is HF_high of the whole account, on all chains, at this chain's prices; None where this
    chain judges nobody by it, for it was never told of the others. What is lent to
    other chains and what is locked counts as collateral here, where it lies; what is lent to this
    chain counts there.
    """
    return Position(
        protocol=PROTOCOL,
        version=VERSION,
        market=view.vault,
        account=owner,
        anchor=view.anchor,
        legs=tuple(_build_legs(view, legs)),
        native_health=None if high is None or high == NO_DEBT else Wad(high),
        native_collateral=_add(view, legs.collateral, up=False),
        native_debt=_add(view, legs.debt, up=True),
    )


def _add(view: VaultView, units: tuple[int, ...], *, up: bool) -> Usd:
    return Usd(
        sum(
            value_units(held, asset.price or 0, up=up)
            for asset, held in zip(view.assets, units, strict=True)
        )
    )


def _build_legs(view: VaultView, legs: Legs) -> Iterator[Leg]:
    for asset in view.assets:
        for side, wad in (
            (Side.COLLATERAL, legs.collateral[asset.number]),
            (Side.DEBT, legs.debt[asset.number]),
        ):
            if wad and asset.token is not None:
                yield _build_leg(view, asset, side, wad)


def _build_leg(view: VaultView, asset: Asset, side: Side, wad: int) -> Leg:
    """Give a leg in base units of its token: collateral rounded down, debt up."""
    if asset.token is None:
        raise ValueError(f"asset {asset.number} has no token here")
    supplied = side is Side.COLLATERAL
    return Leg(
        asset=AssetId.erc20(view.anchor.chain, asset.token),
        symbol=view.symbols[asset.number],
        side=side,
        units=div_down(wad, asset.scale) if supplied else div_up(wad, asset.scale),
        decimals=asset.decimals,
        price=view.prices[asset.number],
        ltv=Bps(asset.ltv if supplied else 0),
        liquidation_threshold=Bps(asset.threshold if supplied else 0),
    )
