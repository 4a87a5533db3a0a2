"""One collateral and one debt of a user, as a liquidation sees them, or why none may happen.

Source: LiquidationLogic.sol, ValidationLogic.sol of @aave/core-v3 1.19.3 (3.0) and
@aave-dao/aave-v3-origin 3.6.0 (3.6).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chains.evm.protocols.aave_v3.math import (
    PriceMissing,
    accrue_index,
    calculate_account_data,
    calculate_collateral,
    calculate_stable_debt,
    calculate_variable_debt,
    collateral_accrual,
    counts_as_collateral,
    covers,
    effective_weights,
    find_category,
    find_price,
    value_collateral,
    value_debt,
    variable_accrual,
)
from chains.evm.protocols.aave_v3.state import (
    AccountData,
    Category,
    Holding,
    Market,
    Reserve,
    User,
    Version,
)
from chains.model.position import Side
from chains.model.units import WAD

CLOSE_FACTOR_HEALTH: Final = 95 * WAD // 100
"""Health at or under which all of the debt may be repaid; under it the sentinel is not asked."""


class BlockReason(StrEnum):
    """Why `liquidationCall` would revert."""

    NO_PRICE = "the oracle gives no price"
    RESERVE_INACTIVE = "a reserve is not active"
    RESERVE_PAUSED = "a reserve is paused"
    SENTINEL = "the price oracle sentinel forbids it"
    GRACE_PERIOD = "a reserve is in its liquidation grace period"
    HEALTHY = "the health factor is not below 1"
    NOT_COLLATERAL = "the asset is not used as collateral"
    NO_DEBT = "the asset is not owed"
    DUST = "it would leave dust"
    ZERO_AMOUNT = "an amount rounds to zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A liquidation that the pool would refuse."""

    reason: BlockReason

    def __str__(self) -> str:
        return f"liquidation blocked: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One user's collateral and debt, brought up to the market's time.

    Balances are base units, prices USD x 1e8 as the liquidation uses them, indices 1e27,
    `bonus` basis points (10500 for 5 %).
    """

    market: Market
    user: User
    account: AccountData
    collateral: Reserve
    debt: Reserve
    collateral_price: int
    debt_price: int
    collateral_index: int
    debt_index: int
    collateral_balance: int
    variable_debt: int
    stable_debt: int
    bonus: int

    @property
    def total_debt(self) -> int:
        """All debt in the debt reserve, in base units."""
        return self.variable_debt + self.stable_debt

    def value_debt(self, units: int) -> int:
        """Value base units of the debt asset (USD x 1e8)."""
        return value_debt(self.market.version, units, self.debt_price, self.debt.unit)

    def value_collateral(self, units: int) -> int:
        """Value base units of the collateral asset (USD x 1e8)."""
        return value_collateral(units, self.collateral_price, self.collateral.unit)


def find_pair(market: Market, user: User, *, collateral: int, debt: int) -> Pair | Blocked:
    """Bring a user's collateral and debt up to date; Blocked where no size would pass.

    `collateral` and `debt` are reserve numbers.
    """
    category = find_category(market, user)
    try:
        account = calculate_account_data(market, user)
        prices = _find_prices(market, category, market.reserves[collateral], market.reserves[debt])
    except PriceMissing:
        return Blocked(reason=BlockReason.NO_PRICE)
    pair = _bring_up(market, user, account, category, (collateral, debt), prices)
    reason = _find_block(pair, user.holding(collateral))
    return pair if reason is None else Blocked(reason=reason)


def _bring_up(
    market: Market,
    user: User,
    account: AccountData,
    category: Category | None,
    numbers: tuple[int, int],
    prices: tuple[int, int],
) -> Pair:
    collateral, debt = (market.reserves[number] for number in numbers)
    held, owed = (user.holding(number) for number in numbers)
    version, now = market.version, market.now
    supplied, borrowed = collateral_accrual(collateral, held), variable_accrual(debt, owed)
    weights = effective_weights(version, category, collateral, held)
    return Pair(
        market=market,
        user=user,
        account=account,
        collateral=collateral,
        debt=debt,
        collateral_price=prices[0],
        debt_price=prices[1],
        collateral_index=accrue_index(version, Side.COLLATERAL, supplied, now),
        debt_index=accrue_index(version, Side.DEBT, borrowed, now),
        collateral_balance=calculate_collateral(market, collateral, held),
        variable_debt=calculate_variable_debt(market, debt, owed),
        stable_debt=calculate_stable_debt(market, owed),
        bonus=weights.liquidation_bonus,
    )


def _find_prices(
    market: Market, category: Category | None, collateral: Reserve, debt: Reserve
) -> tuple[int, int]:
    """Give both prices; on 3.0 a category's price source stands for any debt of its users."""
    prices = find_price(market, None, collateral), find_price(market, None, debt)
    if market.version is Version.V3_6 or category is None or category.price_source is None:
        return prices
    if category.price is None:
        raise PriceMissing(f"eMode category {category.number} has no price")
    inside = covers(market.version, category, collateral)
    return (category.price if inside else prices[0]), category.price


def _find_block(pair: Pair, held: Holding) -> BlockReason | None:
    """Give the first failed check, in the pool's order."""
    market, reserves = pair.market, (pair.collateral, pair.debt)
    health = pair.account.health
    silenced = not market.sentinel_allows and health >= CLOSE_FACTOR_HEALTH
    used = counts_as_collateral(market.version, pair.collateral, held)
    checks = (
        (BlockReason.RESERVE_INACTIVE, not all(reserve.active for reserve in reserves)),
        (BlockReason.RESERVE_PAUSED, any(reserve.paused for reserve in reserves)),
        (BlockReason.SENTINEL, silenced),
        (BlockReason.GRACE_PERIOD, any(_in_grace(market, reserve) for reserve in reserves)),
        (BlockReason.HEALTHY, health >= WAD),
        (BlockReason.NOT_COLLATERAL, not used),
        (BlockReason.NO_DEBT, pair.total_debt == 0),
        (BlockReason.NO_PRICE, pair.collateral_price == 0 or pair.debt_price == 0),
    )
    return next((reason for reason, failed in checks if failed), None)


def _in_grace(market: Market, reserve: Reserve) -> bool:
    return market.version is Version.V3_6 and reserve.grace_until >= market.now
