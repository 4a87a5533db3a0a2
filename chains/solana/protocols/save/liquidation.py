"""What a liquidation on Save pays and takes, to the unit, as pure integers.

At or above the threshold a fifth of all that is owed may be covered at once, at most 500,000 USD,
and a borrow worth no more than 1 USD whole. The bonus climbs from the reserve's own to its
greatest between the two thresholds; with the protocol's fee it is at most 25 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from chains.model.units import WAD
from chains.solana.protocols.save.decimals import (
    PERCENT,
    TENTH_PERCENT,
    ceil_units,
    divide,
    floor_units,
    multiply,
    whole,
    wide,
)
from chains.solana.protocols.save.math import EVERYTHING, to_collateral, to_liquidity
from chains.solana.protocols.save.state import Borrow, Deposit, Obligation, Reserve

CLOSE_FACTOR: Final = 20 * PERCENT
MAX_VALUE_AT_ONCE: Final = 500_000 * WAD
DUST_VALUE: Final = WAD
BONUS_LIMIT: Final = 25 * PERCENT


class Refusal(IntEnum):
    """Why the program refuses, by its own error number."""

    NO_LIQUIDITY = 20
    TOO_SMALL = 28
    HEALTHY = 29
    NO_COLLATERAL = 37
    NO_DEBT = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus:
    """The part on top of the covered value, and the protocol's share of that value (wad)."""

    total: int
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """The debt settled (wad), what it costs (units), the collateral tokens it takes."""

    settled: int
    repaid: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """What the liquidator pays and gets, base units.

    `received` is the liquidity redeemed, `fee` the protocol's part of it; `kept_collateral` are
    collateral tokens that the reserve had no liquidity for.
    """

    amounts: Amounts
    received: int
    fee: int
    kept_collateral: int

    @property
    def net(self) -> int:
        """Liquidity after the fee."""
        return self.received - self.fee


def calculate_bonus(obligation: Obligation, reserve: Reserve) -> Bonus | None:
    """Give the bonus of seizing from a reserve; None for an obligation that is healthy."""
    owed, bound = obligation.borrowed_value, obligation.unhealthy_value
    if owed < bound:
        return Bonus(total=0, fee=0) if obligation.closeable else None
    terms, extra = reserve.terms, 0
    fee = terms.liquidation_fee * TENTH_PERCENT
    if obligation.super_unhealthy_value != bound:
        span = wide(obligation.super_unhealthy_value - bound)
        part = min(divide(owed - bound, span), WAD)
        extra = multiply(part, wide((terms.max_bonus - terms.bonus) * PERCENT))
    return Bonus(total=min(terms.bonus * PERCENT + extra + fee, BONUS_LIMIT), fee=fee)


def calculate_cover(obligation: Obligation, borrow: Borrow, wanted: int) -> int:
    """Give how much of a borrow may be covered now, wad; `wanted` is in units."""
    if borrow.value <= DUST_VALUE:
        return borrow.amount
    limit = min(multiply(obligation.borrowed_value, CLOSE_FACTOR), borrow.value, MAX_VALUE_AT_ONCE)
    most = min(multiply(divide(limit, borrow.value), borrow.amount), borrow.amount)
    return most if wanted == EVERYTHING else min(most, whole(wanted))


def calculate_amounts(
    obligation: Obligation, deposit: Deposit, borrow: Borrow, bonus: Bonus, wanted: int
) -> Amounts:
    """Give what covering up to `wanted` units of a borrow pays and takes of a deposit."""
    cover = calculate_cover(obligation, borrow, wanted)
    part = divide(cover, borrow.amount)
    value = multiply(multiply(borrow.value, part), wide(WAD + bonus.total))
    settled, withdrawn = cover, deposit.amount
    if value > deposit.value:
        settled = multiply(cover, divide(deposit.value, value))
    elif value < deposit.value:
        withdrawn = floor_units(multiply(whole(deposit.amount), divide(value, deposit.value)))
    return Amounts(settled=settled, repaid=ceil_units(settled), withdrawn=withdrawn)


def calculate_fee(received: int, bonus: Bonus) -> int:
    """Give the protocol's part of redeemed liquidity, rounded up, at least 1."""
    without_bonus = divide(whole(received), wide(WAD + bonus.total))
    return max(ceil_units(multiply(without_bonus, bonus.fee)), 1)


def predict_liquidation(
    obligation: Obligation,
    reserves: Mapping[bytes, Reserve],
    *,
    repay: bytes,
    withdraw: bytes,
    wanted: int = EVERYTHING,
) -> Liquidation | Refusal:
    """Say what liquidating a refreshed obligation does, by the keys of two reserves.

    Raises MathOverflow where the program's arithmetic fails.
    """
    deposit = next((d for d in obligation.deposits if d.reserve == withdraw), None)
    borrow = next((b for b in obligation.borrows if b.reserve == repay), None)
    if deposit is None or not deposit.value:
        return Refusal.NO_COLLATERAL
    if borrow is None or not borrow.value:
        return Refusal.NO_DEBT
    source = reserves[withdraw]
    if (bonus := calculate_bonus(obligation, source)) is None:
        return Refusal.HEALTHY
    amounts = calculate_amounts(obligation, deposit, borrow, bonus, wanted)
    if not amounts.repaid or not amounts.withdrawn:
        return Refusal.TOO_SMALL
    if repay == withdraw:
        source = replace(
            source,
            available=source.available + amounts.repaid,
            borrowed=max(source.borrowed - amounts.settled, 0),
        )
    return _redeem(source, amounts, bonus)


def _redeem(reserve: Reserve, amounts: Amounts, bonus: Bonus) -> Liquidation | Refusal:
    redeemed = min(amounts.withdrawn, to_collateral(reserve, reserve.available))
    if not redeemed:
        return Liquidation(amounts=amounts, received=0, fee=0, kept_collateral=amounts.withdrawn)
    received = floor_units(to_liquidity(reserve, redeemed))
    if not 0 < received <= reserve.available:
        return Refusal.NO_LIQUIDITY
    return Liquidation(
        amounts=amounts,
        received=received,
        fee=calculate_fee(received, bonus),
        kept_collateral=amounts.withdrawn - redeemed,
    )
