"""Kamino Lend's interest, exchange rates and obligation values, bit for bit. Pure.

USD and rates are U68F60 fractions (`fraction.py`); the cumulative rate has 256 bits. Sources: the
formulas of `@kamino-finance/klend-sdk` 8.0.2 (MIT); order and rounding of the steps as recorded
in public vectors and in the values that obligations on mainnet store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from chains.solana.protocols.klend.fraction import (
    BITS,
    ONE,
    Overflow,
    bps,
    check,
    div,
    floor,
    mul,
    percent,
    sub,
    whole,
)
from chains.solana.protocols.klend.state import (
    Borrow,
    CurvePoint,
    Deposit,
    LendingMarket,
    Obligation,
    Reserve,
    Values,
)

SLOTS_PER_YEAR: Final = 2 * 86_400 * 365
NO_GROUP: Final = 0
_FULL_BPS: Final = 10_000
_EXACT_POWERS: Final = 4


class MissingReserve(ValueError):
    """An obligation names a reserve that is not at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a deposit counts with, in percent."""

    ltv_pct: int
    threshold_pct: int


def compound(rate_sf: int, slots: int) -> int:
    """Give the growth over `slots` at a yearly rate.

    Up to 4 slots exactly, beyond them by the first three terms of the binomial series, each from
    the one before (`reserve.ts#L1238`).
    """
    base = rate_sf // SLOTS_PER_YEAR
    if slots <= _EXACT_POWERS:
        return _small_power(ONE + base, slots)
    first = check(base * slots)
    second = check(mul(first, base) * (slots - 1)) // 2
    third = check(mul(second, base) * (slots - 2)) // 3
    return check(ONE + first + second + third)


def total_supply(reserve: Reserve) -> int:
    """Give what depositors own, in base units: the cash and the loans, less fees."""
    owned = whole(reserve.available) + reserve.borrowed_sf
    fees = reserve.protocol_fees_sf + reserve.referrer_fees_sf + reserve.pending_fees_sf
    return sub(owned, fees)


def utilization(reserve: Reserve) -> int:
    """Give the part of the supply that is lent."""
    supply = total_supply(reserve)
    return div(reserve.borrowed_sf, supply) if supply else 0


def borrow_rate(curve: tuple[CurvePoint, ...], used_sf: int) -> int:
    """Give the yearly rate at a utilization, linear between the curve's points.

    A utilization within the basis point of a curve's point has that point's rate. Overflow for
    a curve that falls, or is not a curve from 0 to 1.
    """
    used = min(used_sf, ONE)
    used_bps = floor(used * _FULL_BPS)
    for left, right in pairwise(curve):
        if left.utilization_bps <= used_bps <= right.utilization_bps:
            return _interpolate(left, right, used, used_bps)
    raise Overflow(f"a borrow rate's curve has no point for {used_bps} bps")


def accrue_reserve(reserve: Reserve, market: LendingMarket, slot: int) -> Reserve:
    """Give the reserve as its refresh at `slot` would leave it, its price unchanged."""
    slots = slot - reserve.slot
    if slots <= 0:
        return reserve
    host = bps(reserve.config.host_rate_bps)
    growth = compound(borrow_rate(reserve.config.curve, utilization(reserve)) + host, slots)
    debt = mul(reserve.borrowed_sf, growth)
    host_fee = sub(mul(reserve.borrowed_sf, compound(host, slots)), reserve.borrowed_sf)
    variable = sub(sub(debt, reserve.borrowed_sf), host_fee)
    take = percent(reserve.config.take_rate_pct)
    protocol_fee = mul(variable, take)
    referrers = mul(variable, mul(take, bps(market.referral_fee_bps)))
    return replace(
        reserve,
        slot=slot,
        borrowed_sf=debt,
        rate_sf=(reserve.rate_sf * growth) >> BITS,
        protocol_fees_sf=check(sub(reserve.protocol_fees_sf + protocol_fee + host_fee, referrers)),
        pending_fees_sf=check(reserve.pending_fees_sf + referrers),
    )


def redeemable(reserve: Reserve, ctokens: int) -> int:
    """Give the base units, as a fraction, that c-tokens stand for; 1:1 in an empty reserve."""
    supply = total_supply(reserve)
    if reserve.collateral_supply == 0 or supply == 0:
        return whole(ctokens)
    return check(ctokens * supply // reserve.collateral_supply)


def accrue_borrow(borrow: Borrow, reserve: Reserve) -> Borrow:
    """Give a loan at its reserve's cumulative rate; Overflow where that rate fell."""
    if reserve.rate_sf == borrow.rate_sf:
        return borrow
    if borrow.rate_sf <= 0 or reserve.rate_sf < borrow.rate_sf:
        raise Overflow("a reserve's cumulative rate is below its loan's")
    amount = check(borrow.amount_sf * reserve.rate_sf // borrow.rate_sf)
    return replace(borrow, amount_sf=amount, rate_sf=reserve.rate_sf)


def market_value(reserve: Reserve, amount_sf: int) -> int:
    """Give the USD value of base units at the reserve's price."""
    unit: int = 10**reserve.decimals
    return mul(amount_sf, reserve.price_sf) // unit


def weigh_deposit(market: LendingMarket, reserve: Reserve, group: int) -> Weights:
    """Give what a deposit counts with: its group's terms where the reserve is in the group."""
    if group != NO_GROUP and group in reserve.config.elevation_groups and group in market.groups:
        terms = market.groups[group]
        return Weights(ltv_pct=terms.ltv_pct, threshold_pct=terms.threshold_pct)
    return Weights(ltv_pct=reserve.config.ltv_pct, threshold_pct=reserve.config.threshold_pct)


def borrow_factor(reserve: Reserve, group: int) -> int:
    """Give what a debt is multiplied with: at least 1, and 1 inside an elevation group.

    A loan in a group has one debt only, of the group's own reserve.
    """
    if group != NO_GROUP:
        return ONE
    return max(ONE, percent(reserve.config.borrow_factor_pct))


def refresh_obligation(
    obligation: Obligation, market: LendingMarket, reserves: Mapping[bytes, Reserve]
) -> Obligation:
    """Give the obligation as its refresh would leave it, from reserves that are fresh.

    Raises MissingReserve, and Overflow where the program would abort.
    """
    deposited = allowed = unhealthy = debt = adjusted = 0
    deposits: list[Deposit] = []
    for deposit in obligation.deposits:
        reserve = find_reserve(reserves, deposit.reserve)
        value = market_value(reserve, redeemable(reserve, deposit.amount))
        weights = weigh_deposit(market, reserve, obligation.elevation_group)
        deposits.append(replace(deposit, value_sf=value))
        deposited += value
        allowed += mul(value, percent(weights.ltv_pct))
        unhealthy += mul(value, percent(weights.threshold_pct))
    borrows: list[Borrow] = []
    for borrow in obligation.borrows:
        reserve = find_reserve(reserves, borrow.reserve)
        accrued = accrue_borrow(borrow, reserve)
        value = market_value(reserve, accrued.amount_sf)
        weighted = mul(value, borrow_factor(reserve, obligation.elevation_group))
        borrows.append(replace(accrued, value_sf=value, adjusted_value_sf=weighted))
        debt += value
        adjusted += weighted
    values = Values(
        deposited_sf=check(deposited),
        debt_sf=check(debt),
        adjusted_debt_sf=check(adjusted),
        allowed_sf=check(allowed),
        unhealthy_sf=check(unhealthy),
    )
    return replace(
        obligation,
        deposits=tuple(deposits),
        borrows=tuple(borrows),
        values=values,
        slot=max((reserve.slot for reserve in reserves.values()), default=obligation.slot),
        stale=False,
    )


def find_reserve(reserves: Mapping[bytes, Reserve], key: bytes) -> Reserve:
    """Give a reserve by its key; MissingReserve where it is not at hand."""
    if key not in reserves:
        raise MissingReserve(f"reserve {key.hex()} was not read")
    return reserves[key]


def deposit_units(reserve: Reserve, deposit: Deposit) -> int:
    """Give the base units a deposit redeems for, rounded down."""
    return floor(redeemable(reserve, deposit.amount))


def _small_power(base_sf: int, exponent: int) -> int:
    if exponent == _EXACT_POWERS:
        squared = mul(base_sf, base_sf)
        return mul(squared, squared)
    result = ONE
    for _ in range(exponent):
        result = mul(result, base_sf)
    return result


def _interpolate(left: CurvePoint, right: CurvePoint, used: int, used_bps: int) -> int:
    for point in (left, right):
        if point.utilization_bps == used_bps:
            return bps(point.rate_bps)
    rise = right.rate_bps - left.rate_bps
    run = right.utilization_bps - left.utilization_bps
    if rise < 0:
        raise Overflow("a borrow rate's curve falls")
    return check(sub(used, bps(left.utilization_bps)) * rise) // run + bps(left.rate_bps)
