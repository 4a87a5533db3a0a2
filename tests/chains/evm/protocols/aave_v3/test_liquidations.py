"""Predicted liquidations against executed ones, to the unit, on the real bytecode."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from chains.evm.protocols.aave_v3.liquidation import (
    EVERYTHING,
    Liquidation,
    calculate_max_debt,
    liquidate_pair,
    predict_liquidation,
)
from chains.evm.protocols.aave_v3.pair import Blocked, BlockReason, Pair, find_pair
from chains.evm.protocols.aave_v3.sizing import Size, find_dust_edge, rank_liquidations
from chains.model.ids import AccountId
from tests.chains.evm.protocols.aave_v3.conftest import OpenMarket
from tests.chains.evm.protocols.aave_v3.executing import (
    Moment,
    check,
    execute,
    find_moment,
    find_refusal,
    find_unhealthy,
)

pytestmark = pytest.mark.net

AT_LEAST = 40
OFTEN = 12
ROUNDS = 3
WETH_FALLS = (1_793.37, 1_702.11, 1_590.9)
REFUSALS = {
    BlockReason.DUST: ("MustNotLeaveDust()",),
    BlockReason.ZERO_AMOUNT: ("InvalidBurnAmount()", "25"),
}

Dice = random.Random
Draw = Callable[[Dice, Pair], int]


def _everything(_: Dice, __: Pair) -> int:
    return EVERYTHING


def _partial(dice: Dice, pair: Pair) -> int:
    return dice.randint(1, calculate_max_debt(pair))


def _around_close_factor(dice: Dice, pair: Pair) -> int:
    return max(calculate_max_debt(pair) + dice.choice((-1, 0, 1)), 1)


def _at_dust_edge(_: Dice, pair: Pair) -> int:
    return max(find_dust_edge(pair), 1)


def _over_dust_edge(_: Dice, pair: Pair) -> int:
    return max(find_dust_edge(pair), 1) + 1


DRAWS: tuple[Draw, ...] = (
    _everything,
    _at_dust_edge,
    _partial,
    _over_dust_edge,
    _around_close_factor,
)


async def test_predictions_equal_executions_at_every_size(market: OpenMarket) -> None:
    dice = Dice(7)
    seen: Counter[str] = Counter()
    for usd in WETH_FALLS:
        market.chain.set_price("WETH", usd, protocol_only=True)
        for index, account in enumerate(await find_unhealthy(market)):
            seen += await _attempt_in_turn(market, account, dice, index)
    assert seen["executed"] >= AT_LEAST
    assert seen["close factor held"] >= OFTEN
    assert seen["debt cleared"] >= OFTEN
    assert seen["collateral cleared"] >= OFTEN // 4
    if market.market.version == "3.6":
        assert seen["_at_dust_edge executed"] >= OFTEN // 4
        assert seen["_over_dust_edge refused"] >= OFTEN // 4


async def _attempt_in_turn(
    market: OpenMarket, account: AccountId, dice: Dice, first: int
) -> Counter[str]:
    """Liquidate one user in several sizes and count what came of it."""
    seen: Counter[str] = Counter()
    for turn in range(ROUNDS):
        draw = DRAWS[(first + turn) % len(DRAWS)]
        outcome = await _attempt(market, account, dice, draw)
        if outcome is None:
            break
        words = _describe(outcome)
        seen.update([*words, f"{draw.__name__} {words[0]}"])
    return seen


async def _attempt(
    market: OpenMarket, account: AccountId, dice: Dice, draw: Draw
) -> Liquidation | Blocked | None:
    """Draw a pair and a size, predict, execute, compare; None when the user is healthy again."""
    moment = await find_moment(market, account, dice.randint(1, 900))
    pair = _draw_pair(dice, moment)
    if pair is None:
        return None
    cover = draw(dice, pair)
    predicted = liquidate_pair(pair, cover)
    collateral, debt = pair.collateral.number, pair.debt.number
    if isinstance(predicted, Blocked):
        refusal = find_refusal(market, moment, collateral=collateral, debt=debt, cover=cover)
        assert refusal in REFUSALS[predicted.reason]
    else:
        executed = execute(market, moment, collateral=collateral, debt=debt, cover=cover)
        check(predicted, executed, await market.read(account), account)
    return predicted


def _draw_pair(dice: Dice, moment: Moment) -> Pair | None:
    pairs = [
        pair
        for held in moment.user.holdings
        for owed in moment.user.holdings
        if not isinstance(
            pair := find_pair(moment.state, moment.user, collateral=held.number, debt=owed.number),
            Blocked,
        )
    ]
    return dice.choice(pairs) if pairs else None


def _describe(outcome: Liquidation | Blocked) -> list[str]:
    if isinstance(outcome, Blocked):
        return ["refused", outcome.reason]
    words = ["executed"]
    owed = outcome.user.holding(outcome.debt)
    if outcome.debt_repaid == outcome.max_debt and owed.scaled_debt:
        words.append("close factor held")
    if not owed.scaled_debt:
        words.append("debt cleared")
    if not outcome.user.holding(outcome.collateral).used_as_collateral:
        words.append("collateral cleared")
    return words


async def test_a_crash_is_settled_to_the_last_unit_bad_debt_included(market: OpenMarket) -> None:
    dice = Dice(11)
    market.chain.set_price("WETH", 700, protocol_only=True)
    market.chain.set_price("WBTC", 20_000, protocol_only=True)
    cleared = 0
    for account in (await find_unhealthy(market))[:25]:
        while True:
            outcome = await _attempt(market, account, dice, _everything)
            if outcome is None:
                break
            assert isinstance(outcome, Liquidation)
            if outcome.account.collateral == 0:
                cleared += 1
                in_full = outcome.account.debt == 0
                assert in_full == (market.market.version == "3.6")
                break
    assert cleared >= 10


async def test_the_ranked_choices_are_accepted_as_predicted(market: OpenMarket) -> None:
    sizes: Counter[Size] = Counter()
    for account in (await find_unhealthy(market))[:20]:
        moment = await find_moment(market, account, 30)
        choices = rank_liquidations(moment.state, moment.user)
        gains = [choice.outcome.gross_bonus for choice in choices]
        assert gains == sorted(gains, reverse=True)
        best = choices[0]
        sizes[best.size] += 1
        collateral, debt = best.outcome.collateral, best.outcome.debt
        executed = execute(
            market, moment, collateral=collateral, debt=debt, cover=best.debt_to_cover
        )
        check(best.outcome, executed, await market.read(account), account)
        again = predict_liquidation(
            moment.state,
            moment.user,
            collateral=collateral,
            debt=debt,
            debt_to_cover=best.debt_to_cover,
        )
        assert again == best.outcome
    assert sizes[Size.MAXIMUM] > 0
