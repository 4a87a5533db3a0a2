"""Cases of markets that have no adapter here, as far as liquidation curves (float64) say them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chains.model.units import WAD
from daemon.margin.curves import build_euler, find_morpho_bonus
from daemon.margin.liquidation import calculate_health, liquidate
from tests.vectors.reading import Case, Figures

Given = Mapping[str, Any]


def compare_incentive(case: Case, document: Given) -> Figures:
    """Compare Morpho's incentive factor, as a float."""
    del document
    found = 1 + find_morpho_bonus(int(case["inputs"]["lltv_wad"]) / WAD)
    yield "factor", found, int(case["expected"]["lif_wad"]) / WAD


def compare_score(case: Case, document: Given) -> Figures:
    """Compare Euler's health score, and its exact value."""
    del document
    collateral, threshold, debt = _read_account(case["inputs"])
    found = float(calculate_health(collateral, threshold, debt)[0])
    yield "score", found, case["expected"]["health_score"]
    yield "exact score", found, case["expected"]["exact_health_score"]


def compare_euler(case: Case, document: Given) -> Figures:
    """Compare what may be repaid on Euler, and what it yields in units of the collateral."""
    del document
    given, expected = case["inputs"], case["expected"]
    collateral, threshold, debt = _read_account(given)
    curve = build_euler(given["max_liquidation_discount"])
    found = liquidate(collateral, threshold, debt, curve)
    [(_, price, _)] = given["collateral"]
    yield "repaid", float(found.repaid[0]) / given["debt_price"], expected["max_repay"]
    yield "yield", float(found.seized[0]) / price, expected["max_yield"]
    if "discount_factor" in expected:
        yield "discount", 1 / (1 + float(found.bonus[0])), expected["discount_factor"]


def _read_account(
    given: Given,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    values = [units * price for units, price, _ in given["collateral"]]
    adjusted = [units * price * ltv for units, price, ltv in given["collateral"]]
    held = np.array([sum(values)], dtype=np.float64)
    threshold = np.array([sum(adjusted) / sum(values) if sum(values) else 1.0])
    debt = np.array([given["debt"] * given["debt_price"]], dtype=np.float64)
    return held, threshold, debt
