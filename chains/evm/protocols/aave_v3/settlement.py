"""What a liquidation leaves on the user's token balances, corrected to the token's last unit.

Source: LiquidationLogic.sol, AToken.sol, VariableDebtToken.sol, StableDebtToken.sol of
@aave/core-v3 1.19.3 (3.0) and @aave-dao/aave-v3-origin 3.6.0 (3.6).
"""

from dataclasses import dataclass, replace

from chains.evm.protocols.aave_v3.math import calculate_debt, unscale
from chains.evm.protocols.aave_v3.pair import Pair
from chains.evm.protocols.aave_v3.rounding import ray_div, ray_div_ceil, ray_div_floor
from chains.evm.protocols.aave_v3.state import Holding, Market, StableDebt, Version
from chains.model.position import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Base units that change hands, before the tokens' own rounding.

    `debt` is repaid, `collateral` goes to the liquidator, `fee` to the treasury; `value`
    (USD x 1e8) is that of all collateral taken, the fee included.
    """

    debt: int
    collateral: int
    fee: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seizure:
    """The holding after the collateral left, and the fee as the token moved it.

    `fee` is base units, `fee_scaled` the same at index 1.
    """

    holding: Holding
    fee: int
    fee_scaled: int


def repay(pair: Pair, holding: Holding, amount: int, *, write_off: bool) -> Holding | None:
    """Give the holding after `amount` of its debt was repaid; None where the burn reverts.

    With `write_off` (3.6, no collateral left) the rest of the debt goes too.
    """
    if pair.market.version is Version.V3_0:
        return _repay_half_up(pair, holding, amount)
    burnt = ray_div_floor(pair.total_debt if write_off else amount, pair.debt_index)
    if burnt == 0:
        return None
    left = holding.scaled_debt - burnt
    return replace(holding, scaled_debt=left, borrowed=left != 0)


def _repay_half_up(pair: Pair, holding: Holding, amount: int) -> Holding | None:
    """Burn variable debt first and stable debt with what is left of the amount (3.0)."""
    from_variable = min(amount, pair.variable_debt)
    from_stable = amount - from_variable
    burnt = ray_div(from_variable, pair.debt_index)
    if burnt == 0 and (from_variable or not from_stable):
        return None
    stable = holding.stable_debt
    if from_stable and stable is not None:
        left = pair.stable_debt - from_stable
        fresh = StableDebt(principal=left, rate=stable.rate, updated_at=pair.market.now)
        stable = fresh if left else None
    return replace(
        holding,
        scaled_debt=holding.scaled_debt - burnt,
        stable_debt=stable,
        borrowed=amount != pair.total_debt,
    )


def seize(pair: Pair, holding: Holding, amounts: Amounts) -> Seizure | None:
    """Give the holding after its collateral was taken; None where the burn reverts.

    The fee shrinks to what the burn left where rounding asks for a unit more.
    """
    version, index = pair.market.version, pair.collateral_index
    to_scaled = ray_div if version is Version.V3_0 else ray_div_ceil
    burnt = to_scaled(amounts.collateral, index)
    if burnt == 0:
        return None
    left = holding.scaled_collateral - burnt
    fee, fee_scaled = amounts.fee, to_scaled(amounts.fee, index)
    if fee_scaled > left:
        fee, fee_scaled = unscale(version, Side.COLLATERAL, left, index), left
    cleared = amounts.collateral + amounts.fee == pair.collateral_balance
    after = replace(
        holding,
        scaled_collateral=left - fee_scaled,
        used_as_collateral=holding.used_as_collateral and not cleared,
    )
    return Seizure(holding=after, fee=fee, fee_scaled=fee_scaled)


def write_off_debts(
    market: Market, holdings: dict[int, Holding]
) -> tuple[dict[int, Holding], dict[int, int]]:
    """Clear every remaining debt in an active reserve (3.6); give the holdings and the deficit.

    The deficit is base units per reserve number.
    """
    after, deficit = dict(holdings), dict[int, int]()
    for number, holding in holdings.items():
        reserve = market.reserves[number]
        if not (holding.borrowed and reserve.active):
            continue
        if outstanding := calculate_debt(market, reserve, holding):
            deficit[number] = outstanding
        after[number] = replace(holding, scaled_debt=0, borrowed=False)
    return after, deficit
