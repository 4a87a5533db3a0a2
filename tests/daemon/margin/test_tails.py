import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daemon.margin.correlation import (
    aggregate_losses,
    aggregate_worst,
    estimate_correlation,
    project_psd,
    stress_correlation,
)
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.tails import (
    calculate_shortfall,
    calculate_student_shortfall,
    calculate_var,
    scale_returns,
)

losses = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
alphas = st.floats(0.01, 0.99)


@given(losses, alphas)
def test_the_shortfall_lies_between_the_value_at_risk_and_the_worst_loss(
    found: Sequence[float], alpha: float
) -> None:
    shortfall = calculate_shortfall(found, alpha)

    assert calculate_var(found, alpha) <= shortfall <= max(found) + 1e-6


@given(losses, losses, alphas)
def test_the_shortfall_of_a_sum_is_at_most_the_sum_of_shortfalls(
    one: Sequence[float], other: Sequence[float], alpha: float
) -> None:
    days = min(len(one), len(other))
    first, second = np.array(one[:days]), np.array(other[:days])

    together = calculate_shortfall(first + second, alpha)

    assert together <= calculate_shortfall(first, alpha) + calculate_shortfall(second, alpha) + 1e-5


def test_the_order_statistic_is_that_of_the_exact_product() -> None:
    ten = list(range(1, 11))

    assert calculate_var(ten, 0.9) == 9
    assert calculate_var(ten, 0.91) == 10
    assert calculate_shortfall(ten, 0.85) == pytest.approx((10 + 0.5 * 9) / 1.5)


def test_the_student_check_agrees_with_what_is_normal_and_fears_what_is_not() -> None:
    rng = np.random.default_rng(3)
    normal, wild = rng.normal(0, 1, 20_000), rng.standard_t(4, 20_000) / math.sqrt(2)

    assert calculate_student_shortfall(normal, 0.975) == pytest.approx(2.338, rel=0.03)
    assert calculate_student_shortfall(wild, 0.975) > calculate_student_shortfall(normal, 0.975)
    assert calculate_student_shortfall([5.0, 5.0], 0.975) == 5.0


def test_calm_days_are_scaled_up_to_a_wild_today() -> None:
    returns = np.array([0.01, -0.01] * 30 + [0.08, -0.09])

    scaled = scale_returns(returns)

    assert np.abs(scaled[20]) > 2 * np.abs(returns[20])
    assert scale_returns(np.zeros(5)).tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("found", "alpha", "said"),
    [([], 0.9, "losses"), ([1.0, math.nan], 0.9, "losses"), ([1.0], 1.0, "alpha is 1.0")],
)
def test_losses_that_say_nothing_are_named(found: list[float], alpha: float, said: str) -> None:
    for calculate in (calculate_var, calculate_shortfall, calculate_student_shortfall):
        with pytest.raises(InvalidRiskInput, match=said):
            calculate(found, alpha)


squares = arrays(np.float64, (4, 4), elements=st.floats(-1, 1))


@given(squares)
def test_a_projected_matrix_is_a_correlation(drawn: np.ndarray) -> None:
    matrix = (drawn + drawn.T) / 2
    np.fill_diagonal(matrix, 1.0)

    projected = project_psd(matrix)

    assert np.linalg.eigvalsh(projected)[0] >= -1e-9
    assert np.diag(projected) == pytest.approx(np.ones(4))
    assert project_psd(projected) == pytest.approx(projected, abs=1e-9)


sizes = arrays(np.float64, (4,), elements=st.floats(0, 1e3))


@given(squares, sizes, sizes, st.floats(0, 1))
def test_a_smaller_loss_never_asks_for_more(
    drawn: np.ndarray, falling: np.ndarray, rising: np.ndarray, part: float
) -> None:
    matrix = project_psd((drawn + drawn.T) / 2 * (1 - np.eye(4)) + np.eye(4))
    same, credit = stress_correlation(matrix, np.full((4, 4), 0.5), intensity=0.5)
    smaller = falling.copy()
    smaller[0] *= part

    less = aggregate_worst(smaller, rising, same, credit)
    more = aggregate_worst(falling, rising, same, credit)

    assert less <= more + 1e-9 * more
    assert more >= max(falling.max(), rising.max()) - 1e-9
    assert more <= falling.sum() + rising.sum() + 1e-9


def test_same_signs_are_shrunk_towards_one_and_offsets_towards_nothing() -> None:
    matrix = np.array([[1.0, 0.8], [0.8, 1.0]])
    free, capped = np.ones((2, 2)), np.full((2, 2), 0.3)

    same, credit = stress_correlation(matrix, free, intensity=0.5)
    _, less = stress_correlation(matrix, capped, intensity=0.5)

    assert same[0, 1] == pytest.approx(0.9)
    assert credit[0, 1] == pytest.approx(0.4)
    assert less[0, 1] == pytest.approx(0.3)
    _, adding = stress_correlation(np.array([[1, -0.8], [-0.8, 1]]), free, intensity=0.5)
    assert adding[0, 1] == pytest.approx(-0.9), "what moves apart adds to what offsets"


def test_offsets_lower_the_aggregate_of_what_moves_together() -> None:
    same, credit = np.full((2, 2), 1.0), np.array([[1.0, 0.4], [0.4, 1.0]])

    assert aggregate_losses(np.array([100.0, 100.0]), same, credit) == pytest.approx(200)
    assert aggregate_losses(np.array([100.0, -100.0]), same, credit) == pytest.approx(
        math.sqrt(2e4 - 2 * 0.4 * 1e4)
    )


def test_beyond_eight_factors_the_smallest_add_up_in_full() -> None:
    falling, rising = np.arange(10.0, 0.0, -1), np.zeros(10)

    found = aggregate_worst(falling, rising, np.eye(10), np.eye(10))

    assert found == pytest.approx(math.sqrt(sum(x * x for x in range(3, 11))) + 2 + 1)


def test_history_gives_its_correlation_and_how_far_to_trust_it() -> None:
    rng = np.random.default_rng(5)
    market = rng.normal(0, 0.03, 400)
    returns = {
        "ETH": (market + rng.normal(0, 0.01, 400)).tolist(),
        "BTC": (market + rng.normal(0, 0.01, 400)).tolist(),
        "USDC": [0.0] * 400,
    }

    found, intensity = estimate_correlation(returns)
    _, noisy = estimate_correlation({name: row[:6] for name, row in returns.items()})

    assert found.of("BTC", "ETH") == pytest.approx(0.9, abs=0.03)
    assert found.of("USDC", "ETH") == 0
    assert 0 < intensity < noisy <= 1
