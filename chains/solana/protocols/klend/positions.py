"""From refreshed state to what the margin engine reads: legs and positions. Pure.

A leg's threshold is its reserve's or its elevation group's. Borrow factors are part of
`native_health` and `native_debt`, and each debt's leg names its own. Interest accrues per slot, so
legs carry units of the anchor's slot and no `Accrual`, which counts in seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.units import BPS, USD, WAD, Bps, Usd, Wad, div_down, div_up
from chains.solana.markets import AssetTerms, Target, address_of
from chains.solana.protocols.klend.fraction import BITS, ceil
from chains.solana.protocols.klend.math import (
    NO_GROUP,
    borrow_factor,
    deposit_units,
    weigh_deposit,
)
from chains.solana.protocols.klend.state import LendingMarket, Obligation, Reserve, Values

PROTOCOL: Final = "klend"
LAYOUT_VERSION: Final = "1"
_BPS_PERCENT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedReserve:
    """A reserve refreshed at the read's slot, its asset's terms, and what its price is worth."""

    state: Reserve
    terms: AssetTerms
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """A market and its refreshed reserves, by their keys."""

    market: LendingMarket
    reserves: Mapping[bytes, PricedReserve]


def calculate_health(values: Values) -> Wad | None:
    """Give the program's own ratio, rounded down: liquidation limit over weighted debt."""
    if values.adjusted_debt_sf == 0:
        return None
    return Wad(div_down(values.unhealthy_sf * WAD, values.adjusted_debt_sf))


def build_position(
    target: Target,
    market: AccountId,
    loan: Obligation | None,
    view: MarketView,
    anchor: BlockAnchor,
) -> Position:
    """Give one obligation's position, refreshed before; without legs where there is none."""
    values = loan.values if loan else None
    group = loan.elevation_group if loan else NO_GROUP
    return Position(
        protocol=PROTOCOL,
        version=LAYOUT_VERSION,
        market=market,
        account=target.account,
        anchor=anchor,
        legs=tuple(_build_legs(loan, view)) if loan else (),
        native_health=calculate_health(values) if values else None,
        native_collateral=_usd_down(values.deposited_sf if values else 0),
        native_debt=_usd_up(values.adjusted_debt_sf if values else 0),
        obligation=address_of(target),
        suppliable=tuple(
            _collateral_leg(priced, view, group, 0) for priced in view.reserves.values()
        ),
    )


def _build_legs(loan: Obligation, view: MarketView) -> Iterator[Leg]:
    for deposit in loan.deposits:
        priced = view.reserves[deposit.reserve]
        units = deposit_units(priced.state, deposit)
        yield _collateral_leg(priced, view, loan.elevation_group, units)
    for borrow in loan.borrows:
        priced = view.reserves[borrow.reserve]
        factor = borrow_factor(priced.state, loan.elevation_group)
        yield replace(
            _bare_leg(priced, Side.DEBT, ceil(borrow.amount_sf)),
            debt_weight=Bps(div_up(factor * BPS, 1 << BITS)),
        )


def _collateral_leg(priced: PricedReserve, view: MarketView, group: int, units: int) -> Leg:
    weights = weigh_deposit(view.market, priced.state, group)
    return replace(
        _bare_leg(priced, Side.COLLATERAL, units),
        ltv=Bps(weights.ltv_pct * _BPS_PERCENT),
        liquidation_threshold=Bps(weights.threshold_pct * _BPS_PERCENT),
    )


def _bare_leg(priced: PricedReserve, side: Side, units: int) -> Leg:
    return Leg(
        asset=priced.price.asset,
        symbol=priced.terms.symbol,
        side=side,
        units=units,
        decimals=priced.state.decimals,
        price=priced.price,
    )


def _usd_down(value_sf: int) -> Usd:
    return Usd(div_down(value_sf * USD, 1 << BITS))


def _usd_up(value_sf: int) -> Usd:
    return Usd(div_up(value_sf * USD, 1 << BITS))
