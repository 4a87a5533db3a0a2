"""Aave v3 liquidations to the last unit: what a `liquidationCall` moves and what it leaves.

Pure integers, each release with its own close factor, rounding, dust rule and bad debt.
Source: LiquidationLogic.sol of @aave/core-v3 1.19.3 (3.0) and @aave-dao/aave-v3-origin 3.6.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from chains.evm.protocols.aave_v3.math import calculate_account_data
from chains.evm.protocols.aave_v3.pair import (
    CLOSE_FACTOR_HEALTH,
    Blocked,
    BlockReason,
    Pair,
    find_pair,
)
from chains.evm.protocols.aave_v3.rounding import percent_div, percent_div_ceil, percent_mul
from chains.evm.protocols.aave_v3.settlement import (
    Amounts,
    Seizure,
    repay,
    seize,
    write_off_debts,
)
from chains.evm.protocols.aave_v3.state import AccountData, Holding, Market, User, Version
from chains.model.units import USD, div_down

CLOSE_FACTOR: Final = 5_000
"""Basis points of the debt that may be repaid while the account is not far under water."""
FULL_CLOSE_BELOW: Final = 2_000 * USD
"""3.6: a pair whose collateral or debt is worth less may be closed in full."""
MIN_LEFTOVER: Final = FULL_CLOSE_BELOW // 2
"""3.6: a partial liquidation leaves at least this value on both sides."""
EVERYTHING: Final = 2**256 - 1
"""As `debt_to_cover`: as much as the pool allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """What a `liquidationCall` moves, in base units, and the account it leaves behind.

    `collateral` and `debt` are reserve numbers. `max_debt` is the most the close factor allows;
    `collateral_seized` goes to the liquidator, `protocol_fee` (`fee_scaled` at index 1) to the
    treasury; `deficit` is the debt written off per reserve number (3.6). Values are USD x 1e8
    at the oracle's prices.
    """

    collateral: int
    debt: int
    max_debt: int
    debt_repaid: int
    collateral_seized: int
    protocol_fee: int
    fee_scaled: int
    debt_value: int
    collateral_value: int
    deficit: Mapping[int, int]
    user: User
    account: AccountData

    @property
    def gross_bonus(self) -> int:
        """What the liquidator gains at the oracle's prices, before gas and swaps."""
        return self.collateral_value - self.debt_value


def predict_liquidation(
    market: Market, user: User, *, collateral: int, debt: int, debt_to_cover: int = EVERYTHING
) -> Liquidation | Blocked:
    """Say what `liquidationCall` at the market's time would do to a user.

    `collateral` and `debt` are reserve numbers, `debt_to_cover` base units of the debt asset.
    """
    pair = find_pair(market, user, collateral=collateral, debt=debt)
    return pair if isinstance(pair, Blocked) else liquidate_pair(pair, debt_to_cover)


def liquidate_pair(pair: Pair, debt_to_cover: int) -> Liquidation | Blocked:
    """Say what covering up to `debt_to_cover` of a pair would do."""
    amounts = calculate_amounts(pair, min(debt_to_cover, calculate_max_debt(pair)))
    if leaves_dust(pair, amounts):
        return Blocked(reason=BlockReason.DUST)
    return _settle(pair, amounts)


def calculate_max_debt(pair: Pair) -> int:
    """Give the most debt (base units) that one call may repay, before the collateral's limit.

    3.0: half of the reserve's debt above health 0.95. 3.6: half of the account's whole debt,
    and only where both sides of the pair are worth at least FULL_CLOSE_BELOW.
    """
    far_under = pair.account.health <= CLOSE_FACTOR_HEALTH
    if pair.market.version is Version.V3_0:
        return pair.total_debt if far_under else percent_mul(pair.total_debt, CLOSE_FACTOR)
    owed = pair.value_debt(pair.total_debt)
    held = pair.value_collateral(pair.collateral_balance)
    half = percent_mul(pair.account.debt, CLOSE_FACTOR)
    if far_under or min(owed, held) < FULL_CLOSE_BELOW or owed <= half:
        return pair.total_debt
    return div_down(half * pair.debt.unit, pair.debt_price)


def calculate_amounts(pair: Pair, cover: int) -> Amounts:
    """Give what repaying `cover` base units takes, limited by the collateral there is."""
    taken, needed = collateral_for(pair, cover), cover
    if taken > pair.collateral_balance:
        taken = pair.collateral_balance
        worth = div_down(
            pair.collateral_price * taken * pair.debt.unit, pair.debt_price * pair.collateral.unit
        )
        divide = percent_div if pair.market.version is Version.V3_0 else percent_div_ceil
        needed = divide(worth, pair.bonus)
    extra = taken - percent_div(taken, pair.bonus) if pair.collateral.protocol_fee else 0
    fee = percent_mul(extra, pair.collateral.protocol_fee)
    value = pair.value_collateral(taken)
    return Amounts(debt=needed, collateral=taken - fee, fee=fee, value=value)


def collateral_for(pair: Pair, cover: int) -> int:
    """Give the collateral (base units, bonus included) that repaying `cover` units is worth."""
    base = div_down(
        pair.debt_price * cover * pair.collateral.unit, pair.collateral_price * pair.debt.unit
    )
    return percent_mul(base, pair.bonus)


def leaves_dust(pair: Pair, amounts: Amounts) -> bool:
    """Say whether 3.6 refuses amounts that clear neither side and leave too little of one."""
    debt_left = pair.total_debt - amounts.debt
    collateral_left = pair.collateral_balance - amounts.collateral - amounts.fee
    if pair.market.version is Version.V3_0 or debt_left <= 0 or collateral_left <= 0:
        return False
    least = min(pair.value_debt(debt_left), pair.value_collateral(collateral_left))
    return least < MIN_LEFTOVER


def _settle(pair: Pair, amounts: Amounts) -> Liquidation | Blocked:
    write_off = pair.market.version is Version.V3_6 and pair.account.collateral == amounts.value
    holdings = {holding.number: holding for holding in pair.user.holdings}
    owed = repay(pair, holdings[pair.debt.number], amounts.debt, write_off=write_off)
    if owed is None:
        return Blocked(reason=BlockReason.ZERO_AMOUNT)
    holdings[pair.debt.number] = owed
    seizure = seize(pair, holdings[pair.collateral.number], amounts)
    if seizure is None:
        return Blocked(reason=BlockReason.ZERO_AMOUNT)
    holdings[pair.collateral.number] = seizure.holding
    deficit: dict[int, int] = {}
    if write_off:
        holdings, deficit = write_off_debts(pair.market, holdings)
        if outstanding := pair.total_debt - amounts.debt:
            deficit[pair.debt.number] = outstanding
    return _report(pair, amounts, seizure, holdings, deficit)


def _report(
    pair: Pair,
    amounts: Amounts,
    seizure: Seizure,
    holdings: Mapping[int, Holding],
    deficit: Mapping[int, int],
) -> Liquidation:
    user = replace(pair.user, holdings=tuple(holdings.values()))
    return Liquidation(
        collateral=pair.collateral.number,
        debt=pair.debt.number,
        max_debt=calculate_max_debt(pair),
        debt_repaid=amounts.debt,
        collateral_seized=amounts.collateral,
        protocol_fee=seizure.fee,
        fee_scaled=seizure.fee_scaled,
        debt_value=pair.value_debt(amounts.debt),
        collateral_value=pair.value_collateral(amounts.collateral),
        deficit=deficit,
        user=user,
        account=calculate_account_data(pair.market, user),
    )
