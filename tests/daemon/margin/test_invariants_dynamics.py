"""What holds of volatility, haircuts, distances and cures for every input."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.margin.cure import calculate_cures
from daemon.margin.distance import find_sigmas, measure_assets, measure_distance
from daemon.margin.haircuts import Market, lower_threshold, measure_haircut
from daemon.margin.outlook import InForce, calculate_multiplier, put_in_force
from daemon.margin.scenarios import RiskBook
from daemon.margin.shortfall import measure_shortfall
from daemon.margin.volatility import VolatilityTerms, forecast
from tests.daemon.margin.risk_books import DAY_S, NOW, books, scale, spot

volatilities = st.floats(0.01, 5)
returns = st.lists(st.floats(-0.6, 0.6), min_size=1, max_size=150)
FIELDS = ("volatility", "liquidation_s", "sold", "age_s", "confidence", "chain")


@given(returns, st.floats(0.01, 2))
def test_a_forecast_is_a_number_and_never_less_than_any_way(
    found: list[float], floor: float
) -> None:
    seen = forecast(found, VolatilityTerms(floor=floor))

    assert all(math.isfinite(part) and part >= 0 for part in seen.parts.values())
    assert seen.volatility >= max(floor, *seen.parts.values())


@given(volatilities, volatilities, volatilities)
def test_the_multiplier_of_margins_never_falls_when_volatility_rises(
    first: float, second: float, reference: float
) -> None:
    low, high = sorted((first, second))

    assert 1 <= calculate_multiplier(low, reference) <= calculate_multiplier(high, reference) <= 2.5


@given(
    st.lists(st.tuples(volatilities, st.floats(0, 3 * DAY_S)), min_size=1, max_size=12),
    volatilities,
)
def test_what_is_in_force_is_never_below_the_forecast_and_falls_by_a_tenth_a_day_at_most(
    steps: list[tuple[float, float]], first: float
) -> None:
    state = InForce(volatility=first, at=0)
    for foreseen, passed in steps:
        before, state = state, put_in_force(state, foreseen, state.at + passed)
        assert state.volatility >= foreseen
        least = before.volatility * 0.9 ** (passed / DAY_S)
        assert state.volatility >= least * (1 - 1e-12)


@given(volatilities, st.lists(st.floats(0, 2 * DAY_S), min_size=1, max_size=10))
def test_how_often_one_looks_does_not_change_how_fast_volatility_is_let_down(
    first: float, waits: list[float]
) -> None:
    start = put_in_force(InForce(volatility=first, at=0), first / 10, 1)
    often = start
    for wait in waits:
        often = put_in_force(often, first / 10, often.at + wait)
    once = put_in_force(start, first / 10, often.at)

    assert often.volatility == pytest.approx(once.volatility)


@given(
    st.builds(
        Market,
        volatility=volatilities,
        liquidation_s=st.floats(0, 1e6),
        sold=st.floats(0, 10),
        age_s=st.floats(0, 2 * DAY_S),
        heartbeat_s=st.floats(0, DAY_S),
        confidence=st.floats(0, 1),
        chain=st.floats(0, 1),
    ),
    st.sampled_from(FIELDS),
    st.floats(0, 1e5),
    st.floats(0, 1),
)
def test_whatever_gets_worse_never_lowers_a_haircut(
    market: Market, field: str, more: float, threshold: float
) -> None:
    worse = replace(market, **{field: getattr(market, field) + more})

    before, after = measure_haircut(market), measure_haircut(worse)
    assert 0 <= before.total <= after.total <= 1
    assert threshold >= lower_threshold(threshold, before) >= lower_threshold(threshold, after) >= 0


@given(books())
def test_distances_and_losses_are_numbers_and_scale_does_not_move_them(book: RiskBook) -> None:
    found = measure_distance(book, now=NOW)
    for side in (found.down, found.up):
        assert side is None or 0 <= side <= 0.95
    for each in measure_assets(book, now=NOW):
        assert each.price > 0
    sigmas = find_sigmas(found, 0.6)
    assert sigmas is None or sigmas >= 0
    lost = measure_shortfall(book, now=NOW, volatility=0.6)
    assert all(0 <= x < math.inf for x in (lost.lacking, lost.bad_debt, lost.expected or 0.0))
    again = measure_distance(scale(book, 2.0), now=NOW)
    assert again.down == pytest.approx(found.down, abs=1e-9)
    assert again.up == pytest.approx(found.up, abs=1e-9)


@given(books(options=False), st.floats(10, 1e5))
def test_stable_collateral_never_brings_liquidation_nearer(book: RiskBook, value: float) -> None:
    extra = spot(value, domain=min(book.domains), underlying="USDC", id="extra")
    before = measure_distance(book, now=NOW)
    after = measure_distance(replace(book, spots=(*book.spots, extra)), now=NOW)

    for old, new in ((before.down, after.down), (before.up, after.up)):
        assert new is None or (old is not None and new >= old - 1e-12)


@given(
    st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.floats(0.5, 3),
    st.floats(0, 1),
    st.floats(0, 0.2),
)
def test_a_cure_reaches_its_target_or_says_that_it_cannot(
    held: float, owed: float, target: float, threshold: float, cost: float
) -> None:
    assume(owed > 1e-3)
    found = calculate_cures(
        collateral=held, requirement=owed, target=target, threshold=threshold, cost=cost
    )

    assert (found.deleverage is None) == (found.unable is not None)
    assert held >= (owed - found.repay) * target - 1e-9 * max(held, owed)
    if found.deleverage is not None:
        left = held - found.deleverage * (1 + cost) * threshold
        assert left >= (owed - found.deleverage) * target - 1e-6 * max(held, owed)
