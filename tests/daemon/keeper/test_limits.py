"""Spend limits fail closed; lanes that keep failing are closed for a while."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.units import USD, Usd
from daemon.keeper.limits import (
    DAY_S,
    HOUR_S,
    Breaker,
    Limits,
    Spend,
    closed_until,
    find_allowance,
    refuse_spend,
)
from tests.support.values import CHEAP, NOW

LIMITS = Limits(per_transaction=Usd(10 * USD), per_hour=Usd(20 * USD), per_day=Usd(30 * USD))


def spend(gas: float, *, at: int = NOW, moved: float = 0) -> Spend:
    return Spend(at=at, chain=CHEAP, gas=Usd(round(gas * USD)), moved=Usd(round(moved * USD)))


def refuse(wanted: Spend, *ledger: Spend, limits: Limits = LIMITS) -> str | None:
    return refuse_spend(wanted, ledger, limits, now=NOW)


def test_what_is_within_every_limit_is_allowed() -> None:
    assert refuse(spend(10), spend(10)) is None
    assert refuse(spend(10), spend(10), spend(10, at=NOW - HOUR_S)) is None


def test_each_limit_refuses_with_its_figures() -> None:
    over = refuse(spend(10.01))
    assert over == "the limit per transaction would be passed: $10.01 of $10.00"
    assert "per hour" in (refuse(spend(1), spend(10), spend(9.5)) or "")
    day = [spend(10, at=NOW - HOUR_S - i) for i in range(3)]
    assert "per day" in (refuse(spend(0.01), *day) or "")


def test_what_is_older_than_its_window_no_longer_counts() -> None:
    assert refuse(spend(10), *[spend(10, at=NOW - DAY_S)] * 9) is None


def test_a_clock_set_back_opens_nothing() -> None:
    assert refuse(spend(1), spend(20, at=NOW + 5_000)) is not None


def test_an_unknown_amount_is_refused() -> None:
    assert refuse(spend(-1)) == "what it would spend is not known"
    assert refuse(spend(1, moved=-1)) == "what it would spend is not known"


def test_the_owners_value_does_not_count() -> None:
    assert refuse(spend(1, moved=1_000)) is None


def test_the_allowance_is_what_the_tightest_limit_leaves() -> None:
    def allowed(*ledger: Spend) -> int:
        return find_allowance(spend(0), ledger, LIMITS, now=NOW)

    assert allowed() == 10 * USD
    assert allowed(spend(13)) == 7 * USD
    assert allowed(spend(13, at=NOW - HOUR_S), spend(13, at=NOW - HOUR_S)) == 4 * USD
    assert allowed(spend(99)) == 0
    assert allowed(replace(spend(99), liquidates=True)) == 10 * USD


def test_liquidations_never_take_what_rescues_may_spend() -> None:
    hunted = [replace(spend(10), liquidates=True)] * 3
    assert refuse(spend(10), *hunted) is None
    assert "per hour" in (refuse(replace(spend(1), liquidates=True), *hunted) or "")
    rescued = [spend(10)] * 2
    assert "per hour" in (refuse(replace(spend(1), liquidates=True), *rescued) or "")


@given(st.lists(st.tuples(st.integers(0, 12 * USD), st.integers(0, 3 * DAY_S)), max_size=60))
def test_no_run_of_allowed_spends_ever_passes_a_limit(wanted: list[tuple[int, int]]) -> None:
    done: list[Spend] = []
    for gas, at in sorted(wanted, key=lambda one: one[1]):
        candidate = Spend(at=at, chain=CHEAP, gas=Usd(gas), moved=Usd(0))
        if refuse_spend(candidate, done, LIMITS, now=at) is None:
            done.append(candidate)
    for last in done:
        for window, limit in ((HOUR_S, LIMITS.per_hour), (DAY_S, LIMITS.per_day)):
            inside = [s.gas for s in done if last.at - window < s.at <= last.at]
            assert sum(inside) <= limit


BREAKER = Breaker(failures=3, window_s=100, rest_s=50)


@pytest.mark.parametrize(
    ("failures", "until"),
    [
        ([], 0),
        ([10, 20], 0),
        ([10, 20, 30], 80),
        ([30, 10, 20], 80),
        ([0, 50, 101], 0),
        ([0, 50, 100, 160], 150),
        ([0, 50, 100, 140], 190),
    ],
)
def test_enough_failures_within_the_window_close_the_lane(failures: list[int], until: int) -> None:
    assert closed_until(failures, BREAKER) == until
