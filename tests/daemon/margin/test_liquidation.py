"""Curves close and pay what their protocols do, and no call takes what is not there."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.curves import (
    PRESETS,
    Curve,
    Knot,
    PreLiquidation,
    build_aave,
    build_aave_v4,
    build_euler,
    build_kamino,
    build_pre_liquidation,
    build_preset,
    find_morpho_bonus,
)
from daemon.margin.liquidation import calculate_health, liquidate
from daemon.margin.scenarios import InvalidRiskInput

SLACK: Final = 1e-9
money = st.floats(1.0, 1e8)
presets = st.builds(
    build_preset, st.sampled_from(PRESETS), st.just(0.8), st.floats(0.01, 0.1, allow_nan=False)
)


def close_and_bonus(curve: Curve, health: float) -> tuple[float, float]:
    close, bonus = curve.at(np.array([health]))
    return float(close[0]), float(bonus[0])


def take(
    collateral: float, debt: float, curve: Curve, threshold: float = 0.8
) -> tuple[float, float]:
    found = liquidate(np.array([collateral]), np.array([threshold]), np.array([debt]), curve)
    return float(found.repaid[0]), float(found.seized[0])


def test_aave_halves_above_its_threshold_and_takes_all_at_it_or_when_small() -> None:
    curve = build_aave(0.05)
    assert close_and_bonus(curve, 0.97) == (0.5, 0.05)
    assert close_and_bonus(curve, 0.95) == (1.0, 0.05)
    assert close_and_bonus(curve, 0.94)[0] == 1.0
    whole, _ = take(900.0, 900 * 0.8 / 0.97, curve)
    assert whole == pytest.approx(900 * 0.8 / 0.97)


@pytest.mark.parametrize(
    ("ltv", "threshold", "expected"),
    [
        (0.8, 0.795, 0.02),
        (0.835, 0.8, 0.035),
        (0.9, 0.8, 0.05),
        (0.97, 0.8, 0.03),
        (1.03, 0.8, 0.0099),
    ],
)
def test_kaminos_bonus_is_that_of_its_derived_cases(
    ltv: float, threshold: float, expected: float
) -> None:
    found = liquidate(
        np.array([1e5]), np.array([threshold]), np.array([ltv * 1e5]), build_kamino(threshold)
    )
    assert found.bonus[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("ltv", "part"), [(0.85, 0.2), (0.9499, 0.2), (0.96, 1.0)])
def test_kamino_closes_a_fifth_or_all_where_it_is_risky(ltv: float, part: float) -> None:
    repaid, _ = take(1e5, ltv * 1e5, build_kamino(0.8))
    assert repaid == pytest.approx(part * ltv * 1e5)


def test_kamino_repays_half_a_million_at_once() -> None:
    repaid, _ = take(1e7, 8.5e6, build_kamino(0.8))
    assert repaid == 500_000


@pytest.mark.parametrize(
    ("lltv", "factor"), [(0.86, 1.043841), (0.915, 1.026167), (0.945, 1.016777), (0.98, 1.006036)]
)
def test_morphos_bonus_follows_from_its_lltv(lltv: float, factor: float) -> None:
    assert 1 + find_morpho_bonus(lltv) == pytest.approx(factor, abs=5e-7)


def test_pre_liquidation_is_linear_in_the_loan_to_value() -> None:
    terms = PreLiquidation(begins=0.7, close_factors=(0.1, 0.5), bonuses=(0.01, 0.03))
    curve = build_pre_liquidation(0.8, terms)
    assert close_and_bonus(curve, 0.8 / 0.75) == pytest.approx((0.3, 0.02))
    assert close_and_bonus(curve, 0.99)[0] == 1.0
    assert take(1000.0, 699.0, curve) == (0.0, 0.0)


def test_eulers_discount_is_what_health_lacks_up_to_its_cap() -> None:
    curve = build_euler(0.2)
    score = 100 * 0.4 * 0.3 / (5 * 2.5)
    _, bonus = close_and_bonus(curve, score)
    assert 5 * 2.5 * (1 + bonus) / 0.4 == pytest.approx(32.552083333333336, abs=1e-9)
    assert close_and_bonus(curve, 0.5)[1] == pytest.approx(0.25)


def test_euler_seizes_everything_where_the_debt_with_its_discount_is_more() -> None:
    repaid, seized = take(100 * 0.4, 17 * 2.7, build_euler(0.2), threshold=0.99)
    assert seized == pytest.approx(40)
    assert repaid / 2.7 == pytest.approx(12.78140885984023, rel=1e-12)


def test_aave_v4_lifts_health_to_its_target_and_leaves_no_dust() -> None:
    curve = build_aave_v4(0.02, 0.06, target=1.05)
    collateral, debt = 100_000.0, 82_000.0
    repaid, seized = take(collateral, debt, curve)
    assert (collateral - seized) * 0.8 / (debt - repaid) == pytest.approx(1.05)
    assert take(1_200.0, 1_000.0, curve)[0] == 1_000


@pytest.mark.parametrize(
    ("knots", "message"),
    [
        ((), "no knots"),
        ((Knot(health=1, close_factor=0, bonus=0),), "out of range"),
        ((Knot(health=1, close_factor=float("nan"), bonus=0),), "close_factor is nan"),
        (
            (
                Knot(health=1, close_factor=1, bonus=0.1),
                Knot(health=0.9, close_factor=1, bonus=0.1),
            ),
            "low to high",
        ),
        (
            (
                Knot(health=0.9, close_factor=1, bonus=0),
                Knot(health=1, close_factor=1, bonus=0.1),
            ),
            "may not rise",
        ),
    ],
)
def test_a_curve_that_makes_no_sense_is_refused(knots: tuple[Knot, ...], message: str) -> None:
    with pytest.raises(InvalidRiskInput, match=message):
        Curve(name="x", knots=knots)


def test_a_bonus_that_makes_loans_worse_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="under 1"):
        build_preset("aave", 0.95, 0.06)
    with pytest.raises(InvalidRiskInput, match="not one of"):
        build_preset("nobody", 0.8, 0.06)


@given(presets, st.floats(0.3, 1.2), st.floats(0.3, 1.2))
def test_less_health_never_closes_less_or_pays_less(curve: Curve, one: float, other: float) -> None:
    low, high = sorted((one, other))
    below, above = close_and_bonus(curve, low), close_and_bonus(curve, high)
    assert below[0] >= above[0] - SLACK
    assert below[1] >= above[1] - SLACK


@given(presets, money, st.floats(0.5, 2.0))
def test_nobody_takes_more_than_there_is(curve: Curve, collateral: float, ltv: float) -> None:
    debt = ltv * collateral
    repaid, seized = take(collateral, debt, curve)
    assert 0 <= repaid <= debt * (1 + SLACK)
    assert 0 <= seized <= collateral
    assert repaid <= seized * (1 + SLACK)


@given(presets, money, st.floats(0.9, 0.999))
def test_near_its_threshold_a_call_never_makes_the_loan_worse(
    curve: Curve, collateral: float, health: float
) -> None:
    debt = collateral * 0.8 / health
    if (1 + curve.largest_bonus) * debt > collateral:
        return
    repaid, seized = take(collateral, debt, curve)
    left, owed = np.array([collateral - seized]), np.array([debt - repaid])
    if owed[0] > SLACK * debt:
        assert calculate_health(left, np.array([0.8]), owed)[0] >= health * (1 - SLACK)
