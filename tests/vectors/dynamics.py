"""Cases of our own model on volatility, distances, times and cures."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from daemon.margin.cure import calculate_cures
from daemon.margin.distance import (
    calculate_carry_days,
    calculate_diffusive_days,
    measure_distance,
)
from daemon.margin.equity import StandardEquity
from daemon.margin.scenarios import Domain, RiskLeg
from daemon.margin.volatility import annualise, weigh_squares
from tests.daemon.margin.risk_books import CHAINS, NOW, debt, make_book, perp, spot
from tests.vectors.reading import Case, Figures

DAYS_A_YEAR: Final = 365


def compare_distance(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the fall that liquidates collateral in one asset, with or without a perp in it."""
    del document
    given, expected = case["inputs"], case["expected"]
    held = given.get("perp")
    legs: list[RiskLeg] = [spot(value, lt=lt) for value, lt in given["collateral"]]
    legs.append(debt(given["debt"]))
    if held:
        legs.append(perp(held["size"] * held["mark"], maintenance=held["mm_fraction"]))
    margin = float(held["margin"]) if held else 0.0
    book = make_book(*legs, a=Domain(id="a", chain=CHAINS[0], venue="market", margin=margin))
    yield "x_star", measure_distance(book, now=NOW).down or 0.0, expected["x_star"]
    if "slope" in expected:
        moves = np.array([[0.0, 0.0], [-0.1, 0.0]])
        now, then = StandardEquity(book, now=NOW).value(moves).tolist()
        yield "E0", now, expected["E0"]
        yield "slope", (now - then) / 0.1, expected["slope"]


def compare_time(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the time that chance takes, or interest."""
    del document
    given, expected = case["inputs"], case["expected"]
    if "days" in expected:
        found = calculate_diffusive_days(given["x_star"], given["annual_vol"], given["q"])
        yield "days", found, expected["days"]
        return
    days = calculate_carry_days(given["HF"], given["borrow_rate_cc"], given["supply_rate_cc"])
    yield "years", (days or 0.0) / DAYS_A_YEAR, expected["years"]


def compare_cures(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the three ways to a target."""
    del document
    given, expected = case["inputs"], case["expected"]
    found = calculate_cures(
        collateral=given["C"],
        requirement=given["R"],
        target=given["HF_target"],
        threshold=given["w"],
        cost=given["cost"],
    )
    yield "top_up", found.supply or 0.0, expected["top_up"]
    yield "repay_external", found.repay, expected["repay_external"]
    yield "repay_from_collateral", found.deleverage or 0.0, expected["repay_from_collateral"]


def compare_ewma(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare exponentially weighted squares."""
    del document
    given, expected = case["inputs"], case["expected"]
    found = weigh_squares(given["returns"], given["var0"], given["lambda"])
    yield "variance", found, expected["variance"]
    yield "annual_vol_365", annualise(found), expected["annual_vol_365"]
