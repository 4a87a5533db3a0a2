"""From marginfi's state to what the margin engine reads: legs and positions. Pure.

`native_health` is maintenance assets over liabilities with the share values the program holds at
the anchor, for its health checks accrue no interest. Legs carry units accrued to the anchor's
time. Prices are biased natively, which no leg shows; collateral weights above 1 are shown as 1.
`native_debt` is what maintenance takes the liabilities for, weights and bias included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.position import Leg, Position, Side
from chains.model.units import BPS, USD, WAD, Bps, Usd, Wad, div_down, div_up
from chains.solana.markets import Target, address_of
from chains.solana.protocols.marginfi.fixed import BITS, ceil, floor
from chains.solana.protocols.marginfi.math import (
    Health,
    Requirement,
    asset_amount,
    asset_weight,
    find_emode,
    holds,
    liability_amount,
    owes,
)
from chains.solana.protocols.marginfi.prices import PricedBank
from chains.solana.protocols.marginfi.state import Account, BankPrices, EmodeWeights, Group

PROTOCOL: Final = "marginfi"
LAYOUT_VERSION: Final = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Valued:
    """An account with its health: to keep its loans, and without weights."""

    account: Account
    maintenance: Health
    equity: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """A group and its banks, by their keys."""

    group: Group
    banks: Mapping[bytes, PricedBank]

    @property
    def prices(self) -> Mapping[bytes, BankPrices]:
        """The prices there are numbers for."""
        return {key: bank.prices for key, bank in self.banks.items() if bank.prices}


def calculate_ratio(health: Health) -> Wad | None:
    """Give assets over liabilities, rounded down; None without debt."""
    if health.liabilities <= 0:
        return None
    return Wad(div_down(health.assets * WAD, health.liabilities))


def build_position(
    target: Target,
    market: AccountId,
    valued: Valued | None,
    banks: Mapping[bytes, PricedBank],
    anchor: BlockAnchor,
) -> Position:
    """Give one margin account's position; without legs where there is none."""
    stored = {key: priced.stored for key, priced in banks.items()}
    emode = find_emode(valued.account, stored) if valued else {}
    return Position(
        protocol=PROTOCOL,
        version=LAYOUT_VERSION,
        market=market,
        account=target.account,
        anchor=anchor,
        legs=tuple(_build_legs(valued.account, banks, emode)) if valued else (),
        native_health=calculate_ratio(valued.maintenance) if valued else None,
        native_collateral=_usd_down(valued.equity.assets if valued else 0),
        native_debt=_usd_up(valued.maintenance.liabilities if valued else 0),
        obligation=address_of(target),
        suppliable=tuple(_collateral_leg(priced, emode, 0) for priced in banks.values()),
    )


def _build_legs(
    account: Account, banks: Mapping[bytes, PricedBank], emode: Mapping[int, EmodeWeights]
) -> Iterator[Leg]:
    for balance in account.balances:
        priced = banks[balance.bank]
        if owes(balance):
            yield _debt_leg(priced, ceil(liability_amount(priced.accrued, balance)))
        elif holds(balance):
            units = floor(asset_amount(priced.accrued, balance))
            yield _collateral_leg(priced, emode, units)


def _collateral_leg(priced: PricedBank, emode: Mapping[int, EmodeWeights], units: int) -> Leg:
    def weight(requirement: Requirement) -> Bps:
        if priced.stored.isolated:
            return Bps(0)
        number = asset_weight(priced.stored, emode, requirement)
        return Bps(min(div_down(number * BPS, 1 << BITS), BPS))

    return replace(
        _bare_leg(priced, Side.COLLATERAL, units),
        ltv=weight(Requirement.INITIAL),
        liquidation_threshold=weight(Requirement.MAINTENANCE),
    )


def _debt_leg(priced: PricedBank, units: int) -> Leg:
    weight = priced.stored.weights.liability_maint
    return replace(
        _bare_leg(priced, Side.DEBT, units), debt_weight=Bps(div_up(weight * BPS, 1 << BITS))
    )


def _bare_leg(priced: PricedBank, side: Side, units: int) -> Leg:
    return Leg(
        asset=priced.price.asset,
        symbol=priced.terms.symbol,
        side=side,
        units=units,
        decimals=priced.stored.decimals,
        price=priced.price,
    )


def _usd_down(value: int) -> Usd:
    return Usd(div_down(value * USD, 1 << BITS))


def _usd_up(value: int) -> Usd:
    return Usd(div_up(value * USD, 1 << BITS))
