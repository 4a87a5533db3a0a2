"""The policy of the pool, for any number of endpoints and any history."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.rpc.policy import (
    Cause,
    EndpointState,
    Limits,
    Sighting,
    Verdict,
    choose,
    common_height,
    due,
    judge,
    readmit,
    set_aside,
)

LIMITS = Limits(max_lag=5, probation=2, backoff_s=1, backoff_cap_s=8, forgive_s=100)
CHAIN = 10
SIGHTINGS = st.builds(
    Sighting,
    reference=st.sampled_from([CHAIN, CHAIN, CHAIN, 1]),
    height=st.integers(0, 30),
    hash=st.sampled_from([b"a", b"b", b"c"]),
)
ROUNDS = st.lists(
    st.dictionaries(st.integers(0, 3), SIGHTINGS, max_size=4), min_size=1, max_size=12
)


def fresh(count: int) -> tuple[EndpointState, ...]:
    return tuple(EndpointState(label=f"e{index}") for index in range(count))


def see(height: int = 100, hash_: bytes = b"a", chain: int = CHAIN) -> Sighting:
    return Sighting(reference=chain, height=height, hash=hash_)


def decide(states: tuple[EndpointState, ...], *sightings: Sighting, now: float = 0.0) -> Verdict:
    return judge(states, dict(enumerate(sightings)), reference=CHAIN, now=now, limits=LIMITS)


def causes(verdict: Verdict) -> list[Cause | None]:
    return [state.aside.cause if state.aside else None for state in verdict.states]


@given(ROUNDS)
def test_what_disagrees_or_is_of_another_chain_is_never_asked(
    rounds: list[dict[int, Sighting]],
) -> None:
    states = fresh(4)
    for now, sightings in enumerate(rounds):
        verdict = judge(states, sightings, reference=CHAIN, now=now, limits=LIMITS)
        states = verdict.states
        chosen = choose(states)
        assert len(set(chosen)) == len(chosen)
        for index in range(4):
            aside = states[index].aside
            banned = aside is not None and aside.cause in (Cause.DISAGREES, Cause.WRONG_CHAIN)
            assert (index in chosen) is not banned


@given(ROUNDS)
def test_an_endpoint_comes_back_after_agreeing_often_enough(
    rounds: list[dict[int, Sighting]],
) -> None:
    states = fresh(4)
    for now, sightings in enumerate(rounds):
        states = judge(states, sightings, reference=CHAIN, now=now, limits=LIMITS).states
    for _ in range(LIMITS.probation):
        verdict = decide(states, see(), see(), see(), see(), now=len(rounds))
        states = verdict.states
    assert causes(verdict) == [None] * 4


@given(st.dictionaries(st.integers(0, 3), SIGHTINGS, min_size=1))
def test_the_common_height_is_one_that_nobody_who_counts_lacks(
    sightings: dict[int, Sighting],
) -> None:
    height = common_height(fresh(4), sightings, reference=CHAIN, limits=LIMITS)
    same = [s.height for s in sightings.values() if s.reference == CHAIN]
    assert (height is None) == (not same)
    if height is not None:
        assert height in same


@given(st.integers(1, 40))
def test_waits_double_up_to_the_cap_and_start_anew_when_forgiven(strikes: int) -> None:
    state = EndpointState(label="e")
    for strike in range(strikes):
        state = set_aside(state, Cause.FAILED, "x", now=0.0, limits=LIMITS)
        assert state.aside is not None
        assert state.aside.retry_at == min(2**strike, 8)
    state = set_aside(readmit(state), Cause.FAILED, "x", now=101.0, limits=LIMITS)
    assert state.aside is not None
    assert state.aside.retry_at == 102.0


def test_an_endpoint_waits_at_least_as_long_as_it_asked() -> None:
    state = set_aside(fresh(1)[0], Cause.FAILED, "429", now=5.0, limits=LIMITS, wait_s=30.0)
    assert due([state], now=34.0) == ()
    assert due([state], now=35.0) == (0,)


def test_the_configured_order_holds_and_the_failed_come_last() -> None:
    first, second, third = fresh(3)
    first = set_aside(first, Cause.FAILED, "x", now=9.0, limits=LIMITS)
    second = set_aside(second, Cause.LAGGING, "x", now=3.0, limits=LIMITS)
    assert choose([first, second, third]) == (2, 1, 0)


def test_a_lone_endpoint_far_ahead_does_not_make_the_others_lag() -> None:
    assert causes(decide(fresh(3), see(5_000), see(100), see(99))) == [None, None, None]


def test_the_common_height_of_two_is_that_of_the_one_behind_however_far() -> None:
    seen = {0: see(100), 1: see(10**9), 2: see(50, chain=1)}
    assert common_height(fresh(3), seen, reference=CHAIN, limits=LIMITS) == 100


def test_one_of_two_on_another_history_does_not_make_the_other_lag() -> None:
    verdict = decide(fresh(2), see(100, b"a"), see(10**9, b"b"))
    assert causes(verdict) == [None, None]
    assert verdict.split is not None


def watched(*heights: int) -> tuple[EndpointState, ...]:
    """Give two endpoints that were at these heights together, one second after another."""
    states = fresh(2)
    for now, height in enumerate(heights):
        states = decide(states, see(height), see(height), now=now).states
    return states


def test_a_jump_away_from_the_other_and_from_ones_own_pace_is_a_split() -> None:
    verdict = decide(watched(100, 102), see(104), see(10**9), now=2.0)
    assert causes(verdict) == [None, None]
    assert verdict.split is not None
    assert "jumped to 1000000000" in verdict.split
    assert decide(verdict.states, see(106), see(106), now=3.0).split is None


def test_one_of_two_that_stands_still_lags_behind_one_that_keeps_its_pace() -> None:
    verdict = decide(watched(100, 120, 140), see(140), see(160), now=3.0)
    assert (causes(verdict), verdict.split) == ([Cause.LAGGING, None], None)


def test_time_makes_up_for_a_jump_that_was_none() -> None:
    states = watched(100, 102)
    assert decide(states, see(102), see(130), now=2.0).split is not None
    assert causes(decide(states, see(102), see(130), now=8.0)) == [Cause.LAGGING, None]


def test_one_set_aside_that_claims_to_be_far_ahead_does_not_make_others_lag() -> None:
    liar, honest = fresh(2)
    liar = set_aside(liar, Cause.FAILED, "x", now=0.0, limits=LIMITS)
    assert causes(decide((liar, honest), see(10**9), see(100)))[1] is None


@pytest.mark.parametrize("grave", [Cause.DISAGREES, Cause.WRONG_CHAIN])
@pytest.mark.parametrize("mere", [Cause.FAILED, Cause.LAGGING])
def test_what_is_not_to_be_believed_is_not_to_be_believed_after_failing_either(
    grave: Cause, mere: Cause
) -> None:
    state = set_aside(fresh(1)[0], grave, "a fork", now=0.0, limits=LIMITS)
    state = set_aside(state, mere, "no answer", now=1.0, limits=LIMITS)
    assert choose([state]) == ()
    assert state.aside is not None
    assert (state.aside.cause, state.aside.reason) == (grave, "a fork")
    assert state.aside.retry_at == 3.0


def test_the_one_behind_is_set_aside() -> None:
    assert causes(decide(fresh(2), see(100), see(80))) == [None, Cause.LAGGING]


def test_a_majority_sets_the_minority_aside() -> None:
    verdict = decide(fresh(3), see(hash_=b"a"), see(hash_=b"b"), see(hash_=b"b"))
    assert causes(verdict) == [Cause.DISAGREES, None, None]
    assert verdict.split is None


def test_no_majority_is_a_split_that_punishes_nobody() -> None:
    verdict = decide(fresh(2), see(hash_=b"a"), see(hash_=b"b"))
    assert causes(verdict) == [None, None]
    assert verdict.split is not None
    assert "disagree" in verdict.split


def test_those_set_aside_do_not_outvote_those_in_use() -> None:
    states = list(fresh(3))
    for index in (1, 2):
        states[index] = set_aside(states[index], Cause.DISAGREES, "x", now=0.0, limits=LIMITS)
    verdict = decide(tuple(states), see(hash_=b"a"), see(hash_=b"b"), see(hash_=b"b"))
    assert causes(verdict) == [None, Cause.DISAGREES, Cause.DISAGREES]


def test_a_mere_failure_needs_one_good_check_a_lag_two() -> None:
    failed, lagged = fresh(2)
    failed = set_aside(failed, Cause.FAILED, "x", now=0.0, limits=LIMITS)
    lagged = set_aside(lagged, Cause.LAGGING, "x", now=0.0, limits=LIMITS)
    once = decide((failed, lagged), see(), see())
    assert causes(once) == [None, Cause.LAGGING]
    assert causes(decide(once.states, see(), see())) == [None, None]


def test_trouble_during_probation_starts_it_again() -> None:
    state = set_aside(fresh(1)[0], Cause.WRONG_CHAIN, "x", now=0.0, limits=LIMITS)
    once = decide((state,), see())
    again = decide(once.states, see(chain=1))
    assert again.states[0].aside is not None
    assert again.states[0].aside.agreed == 0
    assert replace(again.states[0], aside=None).strikes == 2
