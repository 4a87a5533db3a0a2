"""Aave v3 accounts to the last unit: interest, balances, eMode, totals and health.

Pure integers, each release with its own rounding.
Source: GenericLogic.sol, MathUtils.sol, ReserveLogic.sol, TokenMath.sol, EModeLogic.sol of
@aave/core-v3 1.19.3 (3.0) and @aave-dao/aave-v3-origin 3.6.0 (3.6).
"""

from dataclasses import dataclass, replace
from typing import Final

from chains.evm.protocols.aave_v3.rounding import (
    RAY,
    percent_mul,
    percent_mul_floor,
    ray_mul,
    ray_mul_ceil,
    ray_mul_floor,
    wad_div,
)
from chains.evm.protocols.aave_v3.state import (
    AccountData,
    Category,
    Holding,
    Market,
    Reserve,
    StableDebt,
    User,
    Version,
)
from chains.model.position import Accrual, Side
from chains.model.units import BPS, div_down, div_up

SECONDS_PER_YEAR: Final = 365 * 24 * 3600
NO_DEBT: Final = 2**256 - 1


class PriceMissing(ValueError):
    """The oracle gives no price for an asset that the figure needs."""


def calculate_linear_interest(rate: int, elapsed_s: int) -> int:
    """Give the growth factor (ray) of supplied units over `elapsed_s` at a yearly rate (ray)."""
    return RAY + div_down(rate * elapsed_s, SECONDS_PER_YEAR)


def calculate_compounded_interest(version: Version, rate: int, elapsed_s: int) -> int:
    """Give the growth factor (ray) of debt: three terms of the series, as the release does it.

    3.0 expands the binomial of a rate per second, whose third term its rounding all but loses
    at usual rates; 3.6 expands the exponential.
    """
    if elapsed_s == 0:
        return RAY
    if version is Version.V3_0:
        return _compound_binomial(rate, elapsed_s)
    x = div_down(rate * elapsed_s, SECONDS_PER_YEAR)
    return RAY + x + ray_mul(x, div_down(x, 2) + ray_mul(x, div_down(x, 6)))


def _compound_binomial(rate: int, elapsed_s: int) -> int:
    pairs = elapsed_s * (elapsed_s - 1)
    triples = pairs * max(elapsed_s - 2, 0)
    squared = div_down(ray_mul(rate, rate), SECONDS_PER_YEAR * SECONDS_PER_YEAR)
    cubed = div_down(ray_mul(squared, rate), SECONDS_PER_YEAR)
    first = div_down(rate * elapsed_s, SECONDS_PER_YEAR)
    return RAY + first + div_down(pairs * squared, 2) + div_down(triples * cubed, 6)


def accrue_index(version: Version, side: Side, accrual: Accrual, now: int) -> int:
    """Bring an index (ray) up to `now`: linear for collateral, compounded for debt."""
    elapsed_s = now - accrual.updated_at
    if elapsed_s < 0:
        raise ValueError(f"the index was brought up at {accrual.updated_at}, after {now}")
    if elapsed_s == 0:
        return accrual.index_ray
    if side is Side.COLLATERAL:
        factor = calculate_linear_interest(accrual.rate_ray, elapsed_s)
    else:
        factor = calculate_compounded_interest(version, accrual.rate_ray, elapsed_s)
    return ray_mul(factor, accrual.index_ray)


def unscale(version: Version, side: Side, scaled: int, index: int) -> int:
    """Give the base units of a scaled balance; 3.6 rounds against the user, 3.0 half up."""
    if version is Version.V3_0:
        return ray_mul(scaled, index)
    return ray_mul_floor(scaled, index) if side is Side.COLLATERAL else ray_mul_ceil(scaled, index)


def accrue_units(version: Version, side: Side, accrual: Accrual, now: int) -> int:
    """Give the base units at `now` of what a leg was accrued from."""
    return unscale(version, side, accrual.scaled, accrue_index(version, side, accrual, now))


def collateral_accrual(reserve: Reserve, holding: Holding) -> Accrual:
    """Give what the supplied units of a holding accrue from."""
    return Accrual(
        scaled=holding.scaled_collateral,
        index_ray=reserve.liquidity_index,
        rate_ray=reserve.liquidity_rate,
        updated_at=reserve.updated_at,
    )


def variable_accrual(reserve: Reserve, holding: Holding) -> Accrual:
    """Give what the variable debt of a holding accrues from."""
    return Accrual(
        scaled=holding.scaled_debt,
        index_ray=reserve.borrow_index,
        rate_ray=reserve.borrow_rate,
        updated_at=reserve.updated_at,
    )


def stable_accrual(debt: StableDebt) -> Accrual:
    """Give what stable debt accrues from: its principal, at index 1 when its rate was set."""
    return Accrual(
        scaled=debt.principal, index_ray=RAY, rate_ray=debt.rate, updated_at=debt.updated_at
    )


def calculate_collateral(market: Market, reserve: Reserve, holding: Holding) -> int:
    """Give the supplied base units at the market's time."""
    accrual = collateral_accrual(reserve, holding)
    return accrue_units(market.version, Side.COLLATERAL, accrual, market.now)


def calculate_variable_debt(market: Market, reserve: Reserve, holding: Holding) -> int:
    """Give the variable debt in base units at the market's time."""
    accrual = variable_accrual(reserve, holding)
    return accrue_units(market.version, Side.DEBT, accrual, market.now)


def calculate_stable_debt(market: Market, holding: Holding) -> int:
    """Give the stable debt in base units at the market's time; 0 without any."""
    if (debt := holding.stable_debt) is None:
        return 0
    return accrue_units(market.version, Side.DEBT, stable_accrual(debt), market.now)


def calculate_debt(market: Market, reserve: Reserve, holding: Holding) -> int:
    """Give all debt of a holding in base units at the market's time."""
    variable = calculate_variable_debt(market, reserve, holding)
    return variable + calculate_stable_debt(market, holding)


def value_collateral(units: int, price: int, unit: int) -> int:
    """Give the value (USD x 1e8) of base units held, rounded down."""
    return div_down(units * price, unit)


def value_debt(version: Version, units: int, price: int, unit: int) -> int:
    """Give the value (USD x 1e8) of base units owed: rounded up by 3.6, down by 3.0."""
    if version is Version.V3_0:
        return div_down(units * price, unit)
    return div_up(units * price, unit)


def find_category(market: Market, user: User) -> Category | None:
    """Give the user's eMode category, None outside eMode; ValueError when it was not read."""
    if user.category == 0:
        return None
    if (category := market.categories.get(user.category)) is None:
        raise ValueError(f"eMode category {user.category} is not known of this market")
    return category


def covers(version: Version, category: Category | None, reserve: Reserve) -> bool:
    """Say whether a user's category applies to collateral in a reserve."""
    if category is None:
        return False
    if version is Version.V3_0:
        return reserve.category == category.number
    return bool(category.collateral_bitmap >> reserve.number & 1)


def find_price(market: Market, category: Category | None, reserve: Reserve) -> int:
    """Give the price the pool uses for a user's asset; PriceMissing where there is none.

    3.0 lets a category's price source stand for every asset of that category.
    """
    if has_own_price(market.version, category, reserve) and category and category.price:
        return category.price
    if reserve.price is None:
        raise PriceMissing(f"the oracle has no price for {reserve.asset}")
    return reserve.price


def has_own_price(version: Version, category: Category | None, reserve: Reserve) -> bool:
    """Say whether a category's price source stands for a reserve's price (3.0 only)."""
    if version is not Version.V3_0 or category is None or category.price_source is None:
        return False
    return bool(category.price) and covers(version, category, reserve)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The basis points a reserve's collateral counts with for one user."""

    ltv: int
    liquidation_threshold: int
    liquidation_bonus: int


def effective_weights(
    version: Version, category: Category | None, reserve: Reserve, holding: Holding
) -> Weights:
    """Give the weights after eMode and the collateral flag; all 0 where it is not collateral.

    A reserve with LTV 0 keeps 0 in eMode on 3.0, and where its bit says so on 3.6.
    """
    if not counts_as_collateral(version, reserve, holding):
        return Weights(ltv=0, liquidation_threshold=0, liquidation_bonus=0)
    if category is None or not covers(version, category, reserve):
        return Weights(
            ltv=reserve.ltv,
            liquidation_threshold=reserve.liquidation_threshold,
            liquidation_bonus=reserve.liquidation_bonus,
        )
    if version is Version.V3_0:
        without_ltv = reserve.ltv == 0
    else:
        without_ltv = bool(category.ltv_zero_bitmap >> reserve.number & 1)
    return Weights(
        ltv=0 if without_ltv else category.ltv,
        liquidation_threshold=category.liquidation_threshold,
        liquidation_bonus=category.liquidation_bonus,
    )


def usable_weights(
    version: Version, category: Category | None, reserve: Reserve, holding: Holding
) -> Weights:
    """Give the weights the reserve would have if it were used as collateral."""
    used = replace(holding, used_as_collateral=True)
    return effective_weights(version, category, reserve, used)


def counts_as_collateral(version: Version, reserve: Reserve, holding: Holding) -> bool:
    """Say whether the pool adds a holding to the collateral.

    3.0 leaves out a reserve whose own threshold is 0, 3.6 adds it with that threshold.
    """
    if version is Version.V3_0 and reserve.liquidation_threshold == 0:
        return False
    return holding.used_as_collateral


def may_supply(market: Market, user: User, reserve: Reserve) -> bool:
    """Say whether what a user supplies to a reserve counts as collateral at once.

    The pool turns collateral on by itself only with a user's first units of an asset, unless
    its LTV is 0 or it isolates its user, or the user is isolated. Supply caps are not looked at.
    """
    holding = user.holding(reserve.number)
    open_for_supply = reserve.active and not (reserve.frozen or reserve.paused)
    category = find_category(market, user)
    weights = usable_weights(market.version, category, reserve, holding)
    if not open_for_supply or weights.liquidation_threshold == 0:
        return False
    if holding.used_as_collateral:
        return True
    ltv = reserve.ltv if market.version is Version.V3_0 else weights.ltv
    fresh = holding.scaled_collateral == 0 and reserve.debt_ceiling == 0 and ltv != 0
    return fresh and not _is_isolated(market, user)


def _is_isolated(market: Market, user: User) -> bool:
    used = [holding.number for holding in user.holdings if holding.used_as_collateral]
    return len(used) == 1 and market.reserves[used[0]].debt_ceiling != 0


def calculate_account_data(market: Market, user: User) -> AccountData:
    """Give what the pool's `getUserAccountData` returns at the market's time.

    Raises PriceMissing for an asset in use without a price.
    """
    if user.empty:
        return _account_data(market.version, 0, 0, 0, 0)
    category = find_category(market, user)
    collateral = debt = ltv_sum = threshold_sum = 0
    for holding in user.holdings:
        if not (holding.used_as_collateral or holding.borrowed):
            continue
        reserve = market.reserves[holding.number]
        price = find_price(market, category, reserve)
        if counts_as_collateral(market.version, reserve, holding):
            units = calculate_collateral(market, reserve, holding)
            value = value_collateral(units, price, reserve.unit)
            weights = effective_weights(market.version, category, reserve, holding)
            collateral += value
            ltv_sum += value * weights.ltv
            threshold_sum += value * weights.liquidation_threshold
        if holding.borrowed:
            units = calculate_debt(market, reserve, holding)
            debt += value_debt(market.version, units, price, reserve.unit)
    return _account_data(market.version, collateral, debt, ltv_sum, threshold_sum)


def _account_data(
    version: Version, collateral: int, debt: int, ltv_sum: int, threshold_sum: int
) -> AccountData:
    ltv = div_down(ltv_sum, collateral) if collateral else 0
    threshold = div_down(threshold_sum, collateral) if collateral else 0
    if debt == 0:
        health = NO_DEBT
    elif version is Version.V3_0:
        health = wad_div(percent_mul(collateral, threshold), debt)
    else:
        health = div_down(wad_div(threshold_sum, debt), BPS)
    multiply = percent_mul if version is Version.V3_0 else percent_mul_floor
    return AccountData(
        collateral=collateral,
        debt=debt,
        available_borrows=max(multiply(collateral, ltv) - debt, 0),
        liquidation_threshold=threshold,
        ltv=ltv,
        health=health,
    )
