"""Volatility: each way of foreseeing it, the greatest of all, and slow returns from heights."""

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from daemon.margin.outlook import InForce, calculate_multiplier, put_in_force
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.volatility import (
    Garch,
    Quote,
    VolatilityTerms,
    Way,
    annualise,
    calculate_returns,
    digest_closes,
    find_implied,
    forecast,
    forecast_garch,
    forecast_har,
)
from tests.daemon.margin.risk_books import DAY_S, NOW

GARCH = Garch(omega=2e-5, alpha=0.05, gamma=0.1, beta=0.85, nu=5.0)
CALM = [0.01, -0.01] * 100
HOUR_S = 3_600


def test_the_greatest_of_all_ways_counts_and_names_itself() -> None:
    terms = VolatilityTerms(floor=0.3)

    calm = forecast(CALM, terms)
    assert calm.binding is Way.FLOOR
    assert calm.parts[Way.EWMA] == pytest.approx(0.01 * math.sqrt(365))
    assert calm.parts[Way.HAR] == pytest.approx(0.01 * math.sqrt(365))

    shocked = forecast([*CALM, -0.3], terms, garch=GARCH)
    assert shocked.binding is Way.GARCH
    assert shocked.volatility == shocked.parts[Way.GARCH] > shocked.parts[Way.EWMA]

    quoted = forecast(CALM, terms, implied=1.1)
    assert (quoted.binding, quoted.volatility) == (Way.IMPLIED, 1.1)


def test_a_fall_raises_the_asymmetric_forecast_more_than_a_rise() -> None:
    fallen, risen = (forecast_garch(GARCH, [*CALM, shock]) for shock in (-0.1, 0.1))

    assert fallen - risen == pytest.approx(GARCH.gamma * 0.01)


def test_the_heterogeneous_model_finds_what_made_the_series() -> None:
    rng = np.random.default_rng(5)
    squares = list(rng.uniform(0.5, 1.5, 30))
    for _ in range(400):
        found = np.array(squares)
        parts = 0.3 * found[-1] + 0.3 * found[-7:].mean() + 0.3 * found[-30:].mean()
        squares.append(float(0.1 + parts + rng.normal(0, 1e-6)))
    expected = 0.1 + 0.3 * squares[-1] + 0.3 * np.mean(squares[-7:]) + 0.3 * np.mean(squares[-30:])

    assert forecast_har(squares) == pytest.approx(expected, rel=1e-3)
    assert forecast_har(squares[:89]) is None


def test_the_option_nearest_the_money_tells_and_the_expiry_with_most() -> None:
    week, months = NOW + 7 * DAY_S, NOW + 60 * DAY_S
    near = Quote(strike=2_050.0, forward=2_000.0, expiry=week, volatility=0.7)
    wing = replace(near, strike=900.0, volatility=1.9)
    far = replace(near, expiry=months, volatility=0.9)
    ending = replace(near, expiry=NOW + DAY_S - 1, volatility=3.0)

    assert find_implied([near, wing, far, ending], NOW) == 0.9
    assert find_implied([near, wing, ending], NOW) == 0.7
    assert find_implied([ending], NOW) is None


def test_a_higher_forecast_counts_at_once_and_a_lower_one_after_a_day_below() -> None:
    high = put_in_force(InForce(volatility=0.5, at=0), 1.0, HOUR_S)
    assert high == InForce(volatility=1.0, at=HOUR_S)

    below = put_in_force(high, 0.4, 2 * HOUR_S)
    held = put_in_force(below, 0.4, 2 * HOUR_S + DAY_S)
    assert (below.volatility, held.volatility) == (1.0, 1.0)

    let_down = put_in_force(held, 0.4, 2 * HOUR_S + 2 * DAY_S)
    assert let_down.volatility == pytest.approx(0.9)
    assert put_in_force(let_down, 0.89, 2 * HOUR_S + 30 * DAY_S).volatility == 0.89


def test_a_forecast_back_at_the_top_starts_the_wait_anew() -> None:
    below = put_in_force(InForce(volatility=1.0, at=0), 0.4, 1)
    again = put_in_force(below, 1.0, DAY_S)
    waits = put_in_force(again, 0.4, DAY_S + 1)

    assert put_in_force(waits, 0.4, 2 * DAY_S).volatility == 1.0


@pytest.mark.parametrize(
    ("volatility", "expected"), [(0.3, 1.0), (0.6, 1.0), (0.9, 1.5), (9.0, 2.5)]
)
def test_margins_grow_with_volatility_within_their_bounds(
    volatility: float, expected: float
) -> None:
    assert calculate_multiplier(volatility, 0.6) == pytest.approx(expected)


def test_the_digest_tells_closes_apart_to_the_last_digit_and_day() -> None:
    days = [date(2024, 8, 1) + timedelta(days=n) for n in range(3)]
    closes = [3_000.0, 2_900.0, 2_400.1]

    assert digest_closes(days, closes) == digest_closes(list(days), list(closes))
    others = (
        digest_closes(days, [3_000.0, 2_900.0, 2_400.1000000000004]),
        digest_closes([day + timedelta(days=1) for day in days], closes),
    )
    assert digest_closes(days, closes) not in others


def test_returns_are_logarithms_and_a_variance_is_a_year_of_days() -> None:
    assert calculate_returns([100.0, 110.0, 99.0]).tolist() == pytest.approx(
        [math.log(1.1), math.log(0.9)]
    )
    assert annualise(0.0004) == pytest.approx(0.02 * math.sqrt(365))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda: calculate_returns([1.0, 0.0]), "closes"),
        (lambda: calculate_returns([1.0, math.nan]), "closes"),
        (lambda: forecast([], VolatilityTerms()), "returns"),
        (lambda: forecast([math.inf], VolatilityTerms()), "returns"),
        (lambda: forecast(CALM, VolatilityTerms(), implied=math.nan), "implied is nan"),
        (lambda: VolatilityTerms(decay=1.0), "decay is 1.0"),
        (lambda: VolatilityTerms(floor=0.0), "floor is 0.0"),
        (lambda: replace(GARCH, beta=0.96), "garch"),
        (lambda: replace(GARCH, gamma=-0.2), "garch"),
        (lambda: replace(GARCH, omega=math.nan), "omega is nan"),
        (lambda: put_in_force(None, math.nan, 0), "volatility is nan"),
        (lambda: put_in_force(InForce(volatility=1.0, at=5), 0.4, 4), "now is 4"),
        (lambda: calculate_multiplier(0.5, 0.0), "reference is 0.0"),
    ],
)
def test_a_figure_that_is_none_is_named(bad: object, said: str) -> None:
    assert callable(bad)
    with pytest.raises(InvalidRiskInput, match=said):
        bad()
