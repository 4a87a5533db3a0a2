"""Save's interest, exchange rate, values and health, bit for bit, as pure integers.

Interest compounds per slot, a year being 63,072,000 slots. Collateral tokens and liquidity are
exchanged at minted : (available + borrowed - protocol fees). Health is what may be owed before
liquidation over what is owed with borrow weights, at the reserves' own prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from chains.model.units import WAD, Wad, div_down
from chains.solana.protocols.save.decimals import (
    BPS_WAD,
    PERCENT,
    MathOverflow,
    ceil_units,
    divide,
    floor_units,
    multiply,
    power,
    stored,
    whole,
    wide,
)
from chains.solana.protocols.save.state import Borrow, Deposit, Obligation, Reserve

SLOTS_PER_YEAR: Final = 63_072_000
MAX_PRICE_AGE_S: Final = 120
CONFIDENCE_PART: Final = 10
MAX_SCALE: Final = 18
EVERYTHING: Final = (1 << 64) - 1
"""As an amount: all that is owed."""


class MissingReserve(ValueError):
    """An obligation names a reserve that was not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OraclePrices:
    """A reserve's spot and smoothed price, wad per whole token."""

    spot: int
    smoothed: int


def calculate_utilization(reserve: Reserve) -> int:
    """Give the borrowed part of available + borrowed, wad."""
    total = wide(whole(reserve.available) + reserve.borrowed)
    return divide(reserve.borrowed, total) if total else 0


def calculate_borrow_rate(reserve: Reserve) -> int:
    """Give the borrow rate per year, wad."""
    terms, used = reserve.terms, calculate_utilization(reserve)
    optimal, most = terms.optimal_utilization, terms.max_utilization
    if used <= optimal * PERCENT:
        if optimal == 0:
            return terms.min_rate * PERCENT
        return _climb(used, 0, optimal, terms.min_rate, terms.optimal_rate)
    if used <= most * PERCENT:
        return _climb(used, optimal, most, terms.optimal_rate, terms.max_rate)
    return _climb(used, most, 100, terms.max_rate, terms.super_max_rate)


def _climb(used: int, start: int, end: int, low: int, high: int) -> int:
    part = divide(wide(used - start * PERCENT), wide((end - start) * PERCENT))
    return wide(multiply(part, wide((high - low) * PERCENT)) + low * PERCENT)


def accrue(reserve: Reserve, slot: int) -> Reserve:
    """Charge interest up to a slot; MathOverflow for a slot before the reserve's own."""
    elapsed = wide(slot - reserve.slot)
    if not elapsed:
        return reserve
    factor = power(WAD + calculate_borrow_rate(reserve) // SLOTS_PER_YEAR, elapsed)
    borrowed = stored(multiply(reserve.borrowed, factor))
    fee = multiply(borrowed - reserve.borrowed, reserve.terms.take_rate * PERCENT)
    return replace(
        reserve,
        slot=slot,
        borrowed=borrowed,
        cumulative_rate=stored(multiply(reserve.cumulative_rate, factor)),
        protocol_fees=stored(reserve.protocol_fees + fee),
    )


def refresh_reserve(reserve: Reserve, prices: OraclePrices, slot: int) -> Reserve:
    """Do what the program's refresh does, with prices it accepts."""
    accrued = accrue(reserve, slot)
    return replace(
        accrued, stale=False, price=stored(prices.spot), smoothed_price=stored(prices.smoothed)
    )


def scale_price(number: int, exponent: int) -> int:
    """Give number x 10^exponent as a decimal; MathOverflow where the program refuses it."""
    if number <= 0 or not -MAX_SCALE <= exponent <= MAX_SCALE:
        raise MathOverflow(f"{number} x 10^{exponent} is no price")
    if exponent >= 0:
        return stored(whole(number) * 10**exponent)
    return stored(div_down(whole(number), 10**-exponent))


def calculate_exchange_rate(reserve: Reserve) -> int:
    """Give the collateral tokens per unit of liquidity, wad; 1 while there are none."""
    total = wide(whole(reserve.available) + reserve.borrowed)
    total = wide(total - reserve.protocol_fees)
    if not total or not reserve.collateral_minted:
        return WAD
    return divide(whole(reserve.collateral_minted), total)


def to_collateral(reserve: Reserve, liquidity: int) -> int:
    """Give the collateral tokens for units of liquidity, rounded down."""
    return floor_units(multiply(whole(liquidity), calculate_exchange_rate(reserve)))


def to_liquidity(reserve: Reserve, collateral: int) -> int:
    """Give the liquidity that collateral tokens stand for, wad."""
    return divide(whole(collateral), calculate_exchange_rate(reserve))


def calculate_value(reserve: Reserve, price: int, amount: int) -> int:
    """Give the value of an amount (wad of base units) at a price, wad of US dollars."""
    return divide(multiply(price, amount), wide(10**reserve.decimals * WAD))


def calculate_borrow_weight(reserve: Reserve) -> int:
    """Give the factor that debts in this reserve count with, wad."""
    return wide(WAD + reserve.terms.added_weight_bps * BPS_WAD)


def accrue_borrow(borrow: Borrow, reserve: Reserve) -> Borrow:
    """Bring what is owed to the reserve's cumulative rate."""
    rate = reserve.cumulative_rate
    if wide(rate - borrow.cumulative_rate) == 0:
        return borrow
    amount = stored(multiply(borrow.amount, divide(rate, borrow.cumulative_rate)))
    return replace(borrow, amount=amount, cumulative_rate=rate)


def calculate_repay(owed: int, wanted: int) -> tuple[int, int]:
    """Give what a payment of up to `wanted` units settles (wad) and what it costs (units)."""
    settled = owed if wanted == EVERYTHING else min(owed, whole(wanted))
    return settled, ceil_units(settled)


def refresh_obligation(
    obligation: Obligation, reserves: Mapping[bytes, Reserve], slot: int
) -> Obligation:
    """Do what the program's refresh does with reserves that are of this slot.

    Raises MissingReserve, or MathOverflow where the program fails.
    """
    deposits = [_value_deposit(d, _find(reserves, d.reserve)) for d in obligation.deposits]
    borrows = [_value_borrow(b, _find(reserves, b.reserve)) for b in obligation.borrows]
    return replace(
        obligation,
        slot=slot,
        stale=False,
        deposits=tuple(d.entry for d in deposits),
        borrows=tuple(b.entry for b in borrows),
        deposited_value=stored(sum(d.entry.value for d in deposits)),
        allowed_value=stored(sum(d.allowed for d in deposits)),
        unhealthy_value=stored(sum(d.unhealthy for d in deposits)),
        super_unhealthy_value=stored(sum(d.super_unhealthy for d in deposits)),
        unweighted_value=stored(sum(b.entry.value for b in borrows)),
        borrowed_value=stored(sum(b.weighted for b in borrows)),
        borrowed_upper_value=stored(sum(b.weighted_upper for b in borrows)),
    )


def calculate_health(obligation: Obligation) -> Wad | None:
    """Give unhealthy over borrowed value, rounded down; None where nothing is owed.

    The program liquidates at 1 and below.
    """
    if obligation.borrowed_value == 0:
        return None
    return Wad(div_down(obligation.unhealthy_value * WAD, obligation.borrowed_value))


@dataclass(frozen=True, slots=True, kw_only=True)
class _ValuedDeposit:
    entry: Deposit
    allowed: int
    unhealthy: int
    super_unhealthy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _ValuedBorrow:
    entry: Borrow
    weighted: int
    weighted_upper: int


def _find(reserves: Mapping[bytes, Reserve], key: bytes) -> Reserve:
    if (reserve := reserves.get(key)) is None:
        raise MissingReserve(f"reserve {key.hex()} is not among those read")
    return reserve


def _prices(reserve: Reserve) -> list[int]:
    extra = [] if reserve.extra_price is None else [reserve.extra_price]
    return [reserve.price, reserve.smoothed_price, *extra]


def _value_deposit(deposit: Deposit, reserve: Reserve) -> _ValuedDeposit:
    amount = to_liquidity(reserve, deposit.amount)
    value = stored(calculate_value(reserve, reserve.price, amount))
    lower = calculate_value(reserve, min(_prices(reserve)), amount)
    terms = reserve.terms
    return _ValuedDeposit(
        entry=replace(deposit, value=value),
        allowed=multiply(lower, terms.loan_to_value * PERCENT),
        unhealthy=multiply(value, terms.threshold * PERCENT),
        super_unhealthy=multiply(value, terms.max_threshold * PERCENT),
    )


def _value_borrow(borrow: Borrow, reserve: Reserve) -> _ValuedBorrow:
    accrued = accrue_borrow(borrow, reserve)
    value = stored(calculate_value(reserve, reserve.price, accrued.amount))
    upper = calculate_value(reserve, max(_prices(reserve)), accrued.amount)
    weight = calculate_borrow_weight(reserve)
    return _ValuedBorrow(
        entry=replace(accrued, value=value),
        weighted=multiply(value, weight),
        weighted_upper=multiply(upper, weight),
    )
