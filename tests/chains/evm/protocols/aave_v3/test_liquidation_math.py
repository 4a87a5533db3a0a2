"""What must hold of any predicted liquidation, and the sizes worth trying."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chains.evm.protocols.aave_v3.liquidation import (
    EVERYTHING,
    FULL_CLOSE_BELOW,
    MIN_LEFTOVER,
    Liquidation,
    calculate_max_debt,
    predict_liquidation,
)
from chains.evm.protocols.aave_v3.pair import Blocked, BlockReason, Pair, find_pair
from chains.evm.protocols.aave_v3.rounding import RAY
from chains.evm.protocols.aave_v3.sizing import (
    Size,
    find_dust_edge,
    rank_liquidations,
)
from chains.evm.protocols.aave_v3.state import Market, StableDebt, User, Version
from chains.model.units import USD, WAD
from tests.chains.evm.protocols.aave_v3.building import NOW, holding, market_of, reserve, user_of

VERSIONS = st.sampled_from(Version)
INDICES = st.integers(RAY, 2 * RAY)


def account(
    version: Version,
    held_usd: float,
    owed_usd: float,
    *,
    liquidity_index: int = RAY,
    borrow_index: int = RAY,
) -> tuple[Market, User]:
    """WETH at $2,000 (threshold 82.5 %, bonus 5 %) against USDC."""
    weth = reserve(
        0, price=2_000 * USD, threshold=8_250, bonus=10_500, liquidity_index=liquidity_index
    )
    usdc = reserve(1, decimals=6, borrow_index=borrow_index)
    held = int(held_usd * 10**18 / 2_000) * RAY // liquidity_index
    owed = int(owed_usd * 10**6) * RAY // borrow_index
    return market_of(version, weth, usdc), user_of(holding(0, held=held), holding(1, owed=owed))


def liquidate(state: Market, user: User, cover: int = EVERYTHING) -> Liquidation | Blocked:
    return predict_liquidation(state, user, collateral=0, debt=1, debt_to_cover=cover)


def done(outcome: Liquidation | Blocked) -> Liquidation:
    assert isinstance(outcome, Liquidation)
    return outcome


def reason(outcome: Liquidation | Blocked) -> BlockReason:
    assert isinstance(outcome, Blocked)
    return outcome.reason


@pytest.mark.parametrize("version", list(Version))
def test_a_little_under_water_half_may_be_closed(version: Version) -> None:
    outcome = done(liquidate(*account(version, 20_000, 17_000)))
    assert outcome.max_debt == outcome.debt_repaid == 8_500 * 10**6


@pytest.mark.parametrize("version", list(Version))
def test_far_under_water_everything_may_be_closed(version: Version) -> None:
    outcome = done(liquidate(*account(version, 20_000, 18_000)))
    assert outcome.debt_repaid == 18_000 * 10**6
    assert outcome.account.debt == 0


def test_a_small_pair_may_be_closed_in_full_on_36_only() -> None:
    assert done(liquidate(*account(Version.V3_6, 2_000, 1_690))).debt_repaid == 1_690 * 10**6
    assert done(liquidate(*account(Version.V3_0, 2_000, 1_690))).debt_repaid == 845 * 10**6


def test_the_full_close_begins_just_under_two_thousand_dollars() -> None:
    state, user = account(Version.V3_6, 2_400, 2_000)
    assert done(liquidate(state, user)).max_debt == 1_000 * 10**6
    smaller = replace(user, holdings=(user.holdings[0], holding(1, owed=1_999_999_999)))
    assert done(liquidate(state, smaller)).max_debt == 1_999_999_999
    assert FULL_CLOSE_BELOW == 2_000 * USD


def test_three_six_halves_the_whole_debt_and_three_zero_the_reserves() -> None:
    for version, most in ((Version.V3_0, 5_000), (Version.V3_6, 8_500)):
        state, user = account(version, 20_000, 10_000)
        state = replace(state, reserves={**state.reserves, 2: reserve(2)})
        user = replace(user, holdings=(*user.holdings, holding(2, owed=7_000 * WAD)))
        assert done(liquidate(state, user)).max_debt == most * 10**6


def test_the_bonus_is_paid_from_the_collateral_and_shared_with_the_treasury() -> None:
    outcome = done(liquidate(*account(Version.V3_6, 20_000, 17_000)))
    taken = 8_500 * WAD * 10_500 // 10_000 // 2_000
    assert outcome.collateral_seized + outcome.protocol_fee == taken
    bonus = taken - taken * 10_000 // 10_500
    assert abs(outcome.protocol_fee - bonus // 10) <= 1
    assert outcome.gross_bonus == outcome.collateral_value - outcome.debt_value


def test_partial_liquidations_that_leave_dust_are_refused_on_36_only() -> None:
    state, user = account(Version.V3_6, 2_200, 1_900)
    assert reason(liquidate(state, user, 1_000 * 10**6)) is BlockReason.DUST
    assert done(liquidate(state, user, 900 * 10**6)).account.debt == MIN_LEFTOVER
    old, same = account(Version.V3_0, 2_200, 1_900)
    assert done(liquidate(old, same, 900 * 10**6)).account.debt == MIN_LEFTOVER


def test_taking_all_collateral_is_never_dust_and_writes_the_rest_off_on_36() -> None:
    outcome = done(liquidate(*account(Version.V3_6, 10_000, 12_000)))
    assert outcome.account.debt == outcome.account.collateral == 0
    assert outcome.deficit == {1: 12_000 * 10**6 - outcome.debt_repaid}
    assert not outcome.user.holding(0).used_as_collateral
    left = done(liquidate(*account(Version.V3_0, 10_000, 12_000)))
    assert left.deficit == {}
    assert left.account.debt == (12_000 * 10**6 - left.debt_repaid) * 100


def test_every_other_debt_is_written_off_with_the_last_collateral() -> None:
    state, user = account(Version.V3_6, 10_000, 11_000)
    extra = {2: reserve(2), 3: replace(reserve(3), active=False)}
    state = replace(state, reserves={**state.reserves, **extra})
    debts = (holding(2, owed=5 * WAD), holding(3, owed=7 * WAD))
    outcome = done(liquidate(state, replace(user, holdings=(*user.holdings, *debts))))
    assert outcome.deficit[2] == 5 * WAD
    assert 3 not in outcome.deficit
    assert outcome.user.holding(3).scaled_debt == 7 * WAD


def test_stable_debt_is_repaid_after_variable_debt() -> None:
    state, user = account(Version.V3_0, 20_000, 9_000)
    stable = StableDebt(principal=9_000 * 10**6, rate=RAY // 20, updated_at=NOW)
    owing = replace(user.holdings[1], stable_debt=stable)
    outcome = done(liquidate(state, replace(user, holdings=(user.holdings[0], owing)), EVERYTHING))
    assert outcome.debt_repaid == 18_000 * 10**6
    cover = 10_000 * 10**6
    partial = done(liquidate(state, replace(user, holdings=(user.holdings[0], owing)), cover))
    left = partial.user.holding(1)
    assert left.scaled_debt == 0
    assert left.stable_debt == replace(stable, principal=8_000 * 10**6)
    assert left.borrowed


@pytest.mark.parametrize("version", list(Version))
def test_each_refusal_has_its_reason(version: Version) -> None:
    state, user = account(version, 20_000, 17_000)
    usdc = state.reserves[1]
    broken = {
        BlockReason.RESERVE_INACTIVE: replace(usdc, active=False),
        BlockReason.RESERVE_PAUSED: replace(usdc, paused=True),
        BlockReason.NO_PRICE: replace(usdc, price=None),
    }
    for expected, changed in broken.items():
        other = replace(state, reserves={**state.reserves, 1: changed})
        assert reason(liquidate(other, user)) is expected
    silenced = replace(state, sentinel_allows=False)
    assert reason(liquidate(silenced, user)) is BlockReason.SENTINEL
    healthy = replace(user, holdings=(user.holdings[0], holding(1, owed=1)))
    assert reason(liquidate(state, healthy)) is BlockReason.HEALTHY
    assert reason(liquidate(state, user, 0)) is BlockReason.ZERO_AMOUNT
    backwards = predict_liquidation(state, user, collateral=1, debt=0)
    assert reason(backwards) is BlockReason.NOT_COLLATERAL
    no_debt = predict_liquidation(state, user, collateral=0, debt=0)
    assert reason(no_debt) is BlockReason.NO_DEBT


def test_the_grace_period_ends_after_its_second() -> None:
    state, user = account(Version.V3_6, 20_000, 17_000)
    for until, blocked in ((NOW, True), (NOW - 1, False)):
        waiting = replace(state.reserves[0], grace_until=until)
        outcome = liquidate(replace(state, reserves={**state.reserves, 0: waiting}), user)
        assert isinstance(outcome, Blocked) is blocked


@given(
    version=VERSIONS,
    held=st.floats(50, 100_000),
    ratio=st.floats(0.83, 1.3),
    share=st.floats(0.001, 1.1),
    liquidity_index=INDICES,
    borrow_index=INDICES,
)
def test_a_liquidation_moves_no_more_than_there_is_and_pays_no_more_than_the_bonus(
    version: Version,
    held: float,
    ratio: float,
    share: float,
    liquidity_index: int,
    borrow_index: int,
) -> None:
    state, user = account(
        version,
        held,
        held * ratio,
        liquidity_index=liquidity_index,
        borrow_index=borrow_index,
    )
    outcome = liquidate(state, user, int(held * ratio * share * 10**6))
    assume(isinstance(outcome, Liquidation))
    outcome = done(outcome)
    pair = find_pair(state, user, collateral=0, debt=1)
    assert isinstance(pair, Pair)
    assert 0 < outcome.debt_repaid <= outcome.max_debt <= pair.total_debt
    assert outcome.collateral_seized + outcome.protocol_fee <= pair.collateral_balance
    after = outcome.user.holding(0), outcome.user.holding(1)
    assert 0 <= after[0].scaled_collateral < user.holding(0).scaled_collateral
    assert 0 <= after[1].scaled_debt < user.holding(1).scaled_debt
    assert outcome.collateral_value <= outcome.debt_value * 105 // 100 + 2_000


@given(held=st.floats(1_500, 50_000), ratio=st.floats(0.826, 0.93), owed_index=INDICES)
def test_the_dust_edge_is_the_most_that_passes(held: float, ratio: float, owed_index: int) -> None:
    state, user = account(Version.V3_6, held, held * ratio, borrow_index=owed_index)
    pair = find_pair(state, user, collateral=0, debt=1)
    assume(isinstance(pair, Pair))
    assert isinstance(pair, Pair)
    edge = find_dust_edge(pair)
    assume(0 < edge < calculate_max_debt(pair))
    assert isinstance(liquidate(state, user, edge), Liquidation)
    assert reason(liquidate(state, user, edge + 1)) is BlockReason.DUST


def test_the_best_choice_is_the_maximum_sent_without_a_figure() -> None:
    choice, *_ = rank_liquidations(*account(Version.V3_6, 20_000, 17_000))
    assert (choice.size, choice.debt_to_cover) == (Size.MAXIMUM, EVERYTHING)
    assert choice.outcome.debt_repaid == 8_500 * 10**6


def test_where_the_maximum_would_leave_dust_the_edge_is_chosen() -> None:
    state, user = account(Version.V3_6, 4_300, 2_100)
    state = replace(state, reserves={**state.reserves, 2: reserve(2)})
    user = replace(user, holdings=(*user.holdings, holding(2, owed=1_500 * WAD)))
    assert reason(liquidate(state, user)) is BlockReason.DUST
    choices = rank_liquidations(state, user)
    sizes = [(choice.outcome.debt, choice.size) for choice in choices]
    assert sizes == [(2, Size.MAXIMUM), (1, Size.DUST_EDGE), (2, Size.DUST_EDGE)]
    assert choices[1].debt_to_cover == 1_100 * 10**6


def test_a_limit_caps_the_choice_and_its_dust_edge() -> None:
    state, user = account(Version.V3_6, 20_000, 18_500)
    (limited, *_) = rank_liquidations(state, user, {1: 3_000 * 10**6})
    assert (limited.size, limited.debt_to_cover) == (Size.LIMIT, 3_000 * 10**6)
    choices = rank_liquidations(state, user, {1: 18_000 * 10**6})
    assert [choice.size for choice in choices] == [Size.DUST_EDGE]
    assert choices[0].debt_to_cover < 18_000 * 10**6


@pytest.mark.parametrize("version", list(Version))
def test_a_healthy_user_offers_no_choice(version: Version) -> None:
    assert rank_liquidations(*account(version, 20_000, 1_000)) == ()


@given(version=VERSIONS, held=st.floats(100, 50_000), ratio=st.floats(0.83, 1.2))
def test_no_single_size_beats_the_best_choice(version: Version, held: float, ratio: float) -> None:
    state, user = account(version, held, held * ratio)
    ranked = rank_liquidations(state, user)
    for share in range(1, 11):
        outcome = liquidate(state, user, int(held * ratio * share * 10**5))
        if isinstance(outcome, Liquidation):
            assert outcome.gross_bonus <= ranked[0].outcome.gross_bonus + 2_000
