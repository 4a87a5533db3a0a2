"""What a liquidation of a Kamino loan repays and seizes, bit for bit. Pure.

Sources: the public vectors of bonus, close amount, amounts and fees, and the documented rules:
repay the debt with the highest borrow factor, seize the collateral with the lowest threshold.
"""

from dataclasses import dataclass
from typing import Final

from chains.solana.protocols.klend.fraction import (
    ONE,
    bps,
    ceil,
    div,
    floor,
    mul,
    percent,
    sub,
    whole,
)
from chains.solana.protocols.klend.math import NO_GROUP, redeemable
from chains.solana.protocols.klend.state import (
    Borrow,
    Deposit,
    ElevationGroup,
    LendingMarket,
    Obligation,
    Reserve,
    ReserveConfig,
    Values,
)

BAD_DEBT_LTV: Final = percent(99)
NO_GROUP_BONUS_BPS: Final = 65_535
DAY_S: Final = 86_400
_LEAST_FEE: Final = 1


class Healthy(ValueError):
    """The loan may not be liquidated."""


class NoSuchPart(ValueError):
    """The loan has no deposit, or no debt, in a reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonuses:
    """The liquidation bonuses of a collateral and a debt reserve together, in basis points."""

    least: int
    most: int
    bad_debt: int
    group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What is written off the debt (a fraction), paid in, and taken out in c-tokens."""

    settled_sf: int
    repaid: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """A liquidation's outcome.

    `received` is in base units of the collateral's token after the protocol's fee.
    """

    amounts: Amounts
    bonus_sf: int
    redeemed: int
    protocol_fee: int

    @property
    def received(self) -> int:
        """What the liquidator gets."""
        return self.redeemed - self.protocol_fee


def ltv(values: Values) -> int:
    """Give debt with borrow factors over deposits."""
    return div(values.adjusted_debt_sf, values.deposited_sf)


def plain_ltv(values: Values) -> int:
    """Give debt without borrow factors over deposits."""
    return div(values.debt_sf, values.deposited_sf)


def unhealthy_ltv(values: Values) -> int:
    """Give the loan-to-value at which the loan may be liquidated."""
    return div(values.unhealthy_sf, values.deposited_sf)


def gather_bonuses(
    collateral: ReserveConfig, debt: ReserveConfig, group: ElevationGroup | None
) -> Bonuses:
    """Give the bonuses of a pair: the higher of both, for bad debt the lower.

    An elevation group's own maximum counts only where neither reserve's is below it.
    """
    cap = group.max_bonus_bps if group else 0
    counts = 0 < cap <= min(collateral.max_bonus_bps, debt.max_bonus_bps)
    return Bonuses(
        least=max(collateral.min_bonus_bps, debt.min_bonus_bps),
        most=max(collateral.max_bonus_bps, debt.max_bonus_bps),
        bad_debt=min(collateral.bad_debt_bonus_bps, debt.bad_debt_bonus_bps),
        group=cap if counts else NO_GROUP_BONUS_BPS,
    )


def calculate_bonus(
    bonuses: Bonuses, *, user_ltv: int, user_plain_ltv: int, max_allowed_ltv: int
) -> int:
    """Give the liquidation bonus: it grows with the distance past the limit.

    It never eats more than the equity left; near bad debt it is the pair's bonus for that.
    """
    if user_plain_ltv >= BAD_DEBT_LTV:
        equity = max(ONE - user_plain_ltv, 0)
        return max(bps(bonuses.bad_debt), equity)
    past = sub(user_ltv, max_allowed_ltv)
    most = bps(min(bonuses.most, bonuses.group))
    bonus = min(max(bps(bonuses.least), past), most)
    return min(bonus, sub(ONE, user_plain_ltv))


def closable(borrow: Borrow, values: Values, market: LendingMarket, user_ltv: int) -> int:
    """Give how much of a debt one liquidation may repay, as a fraction of base units.

    The close factor counts on all debts together; past the insolvency limit it is 1. Both are
    capped by this debt and by the market's value at once.
    """
    risky = user_ltv > percent(market.insolvency_ltv_pct)
    factor = ONE if risky else percent(market.close_factor_pct)
    value = min(mul(values.debt_sf, factor), borrow.value_sf, whole(market.max_liquidation_value))
    return mul(borrow.amount_sf, div(value, borrow.value_sf))


def calculate_amounts(
    deposit: Deposit, *, total_value_sf: int, debt_sf: int, whole_debt: bool
) -> Amounts:
    """Give what a liquidation worth `total_value_sf` with its bonus pays in and takes out.

    `whole_debt` says that the debt is so small that it goes at once; c-tokens worth less than
    one of them then go with it.
    """
    if total_value_sf > deposit.value_sf:
        part = mul(debt_sf, div(deposit.value_sf, total_value_sf))
        settled = debt_sf if whole_debt else part
        return Amounts(settled_sf=settled, repaid=ceil(settled), withdrawn=deposit.amount)
    if total_value_sf == deposit.value_sf:
        return Amounts(settled_sf=debt_sf, repaid=ceil(debt_sf), withdrawn=deposit.amount)
    seized = mul(whole(deposit.amount), div(total_value_sf, deposit.value_sf))
    everything = whole_debt and seized < ONE
    return Amounts(
        settled_sf=debt_sf,
        repaid=ceil(debt_sf),
        withdrawn=deposit.amount if everything else floor(seized),
    )


def calculate_protocol_fee(redeemed: int, bonus_sf: int, fee_pct: int) -> int:
    """Give the protocol's part of the bonus, in base units, rounded up and at least 1."""
    amount = whole(redeemed)
    bonus = sub(amount, div(amount, ONE + bonus_sf))
    return max(ceil(mul(bonus, percent(fee_pct))), _LEAST_FEE)


def deleverage_threshold(decrease_bps_per_day: int, seconds: int) -> int:
    """Give the loan-to-value above which an auto-deleveraged loan may be liquidated."""
    days = whole(seconds) // DAY_S
    return max(ONE - mul(bps(decrease_bps_per_day), days), 0)


def deleverage_bonus(
    *, min_bps: int, max_bps: int, increase_bps_per_day: int, seconds: int, user_plain_ltv: int
) -> int:
    """Give the bonus of an auto-deleveraging: it grows by the day, up to the equity left."""
    days = whole(seconds) // DAY_S
    bonus = bps(min_bps) + mul(bps(increase_bps_per_day), days)
    return min(bonus, bps(max_bps), max(ONE - user_plain_ltv, 0))


def predict_liquidation(
    obligation: Obligation,
    market: LendingMarket,
    *,
    collateral: Reserve,
    debt: Reserve,
    units: int,
) -> Liquidation:
    """Say what liquidating up to `units` of a debt gives, from a refreshed obligation.

    Raises Healthy where it may not be liquidated, NoSuchPart where it has no such deposit or
    debt.
    """
    deposit = find_deposit(obligation, collateral.key)
    borrow = find_borrow(obligation, debt.key)
    bonus = bonus_of(obligation, market, collateral, debt)
    whole_debt = borrow.value_sf < whole(market.min_full_liquidation_value)
    paid = borrow.amount_sf
    if not whole_debt:
        most = closable(borrow, obligation.values, market, ltv(obligation.values))
        paid = min(most, whole(units), borrow.amount_sf)
    ratio = div(paid, borrow.amount_sf)
    amounts = calculate_amounts(
        deposit,
        total_value_sf=mul(mul(borrow.value_sf, ratio), ONE + bonus),
        debt_sf=paid,
        whole_debt=whole_debt,
    )
    return _settle(amounts, bonus, collateral)


def bonus_of(
    obligation: Obligation, market: LendingMarket, collateral: Reserve, debt: Reserve
) -> int:
    """Give the bonus for one pair of a refreshed loan; Healthy where there is none to be had."""
    limit, user = unhealthy_ltv(obligation.values), ltv(obligation.values)
    if user < limit or obligation.values.debt_sf == 0:
        raise Healthy("the loan is below its liquidation limit")
    group = find_group(obligation, market, collateral, debt)
    return calculate_bonus(
        gather_bonuses(collateral.config, debt.config, group),
        user_ltv=user,
        user_plain_ltv=plain_ltv(obligation.values),
        max_allowed_ltv=limit,
    )


def find_group(
    obligation: Obligation, market: LendingMarket, collateral: Reserve, debt: Reserve
) -> ElevationGroup | None:
    """Give the loan's elevation group where both reserves are in it."""
    group = obligation.elevation_group
    shared = collateral.config.elevation_groups & debt.config.elevation_groups
    return market.groups.get(group) if group != NO_GROUP and group in shared else None


def find_deposit(obligation: Obligation, reserve: bytes) -> Deposit:
    """Give the loan's deposit in a reserve; NoSuchPart without one."""
    for deposit in obligation.deposits:
        if deposit.reserve == reserve:
            return deposit
    raise NoSuchPart(f"the loan has no deposit in reserve {reserve.hex()}")


def find_borrow(obligation: Obligation, reserve: bytes) -> Borrow:
    """Give the loan's debt in a reserve; NoSuchPart without one."""
    for borrow in obligation.borrows:
        if borrow.reserve == reserve:
            return borrow
    raise NoSuchPart(f"the loan has no debt in reserve {reserve.hex()}")


def _settle(amounts: Amounts, bonus_sf: int, collateral: Reserve) -> Liquidation:
    redeemed = floor(redeemable(collateral, amounts.withdrawn))
    fee = calculate_protocol_fee(redeemed, bonus_sf, collateral.config.liquidation_fee_pct)
    return Liquidation(amounts=amounts, bonus_sf=bonus_sf, redeemed=redeemed, protocol_fee=fee)
