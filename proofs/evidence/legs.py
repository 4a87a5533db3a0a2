"""A proved account as its health is calculated from it: legs, totals and native health."""

from collections.abc import Iterator
from dataclasses import dataclass

from chains.evm.protocols.aave_v3.math import (
    PriceMissing,
    Weights,
    accrue_units,
    calculate_account_data,
    collateral_accrual,
    effective_weights,
    find_category,
    find_price,
    stable_accrual,
    variable_accrual,
)
from chains.evm.protocols.aave_v3.state import AccountData, Holding, Reserve
from chains.model.ids import Address
from chains.model.position import Accrual, Side
from proofs.evidence.aave_v3 import ProvedMarket

_NO_WEIGHTS = Weights(ltv=0, liquidation_threshold=0, liquidation_bonus=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedLeg:
    """One asset held or owed: base units at the block's time, price (USD x 1e8), weights (bps).

    `accrual` is what the units were accrued from; `price` is None where none was read.
    """

    asset: Address
    side: Side
    units: int
    decimals: int
    price: int | None
    ltv: int
    liquidation_threshold: int
    accrual: Accrual


def calculate_account(proved: ProvedMarket, account: Address) -> AccountData:
    """Give the totals and the health that the pool calculates for a proved account."""
    return calculate_account_data(proved.market, proved.users[account])


def list_legs(proved: ProvedMarket, account: Address) -> tuple[ProvedLeg, ...]:
    """Give a proved account's legs in the order of the reserves, variable debt before stable."""
    return tuple(
        leg
        for holding in proved.users[account].holdings
        for leg in _list_holding(proved, account, holding)
    )


def _list_holding(proved: ProvedMarket, account: Address, holding: Holding) -> Iterator[ProvedLeg]:
    market = proved.market
    reserve = market.reserves[holding.number]
    category = find_category(market, proved.users[account])
    try:
        price = find_price(market, category, reserve)
    except PriceMissing:
        price = None
    if holding.scaled_collateral:
        weights = effective_weights(market.version, category, reserve, holding)
        accrual = collateral_accrual(reserve, holding)
        yield _leg(proved, reserve, Side.COLLATERAL, accrual, price, weights)
    if holding.scaled_debt:
        accrual = variable_accrual(reserve, holding)
        yield _leg(proved, reserve, Side.DEBT, accrual, price, _NO_WEIGHTS)
    if holding.stable_debt is not None:
        accrual = stable_accrual(holding.stable_debt)
        yield _leg(proved, reserve, Side.DEBT, accrual, price, _NO_WEIGHTS)


def _leg(
    proved: ProvedMarket,
    reserve: Reserve,
    side: Side,
    accrual: Accrual,
    price: int | None,
    weights: Weights,
) -> ProvedLeg:
    market = proved.market
    return ProvedLeg(
        asset=reserve.asset,
        side=side,
        units=accrue_units(market.version, side, accrual, market.now),
        decimals=reserve.decimals,
        price=price,
        ltv=weights.ltv,
        liquidation_threshold=weights.liquidation_threshold,
        accrual=accrual,
    )
