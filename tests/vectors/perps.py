"""Cases of Synthetix v3 and Hyperliquid, computed by our modules."""

from collections.abc import Mapping
from typing import Any

from chains.model.units import WAD
from daemon.margin.venues import hyperliquid
from daemon.margin.venues.synthetix_v3 import (
    Account,
    Market,
    Position,
    calculate_fill_price,
    measure_account,
)
from tests.vectors.reading import Case, Figures, scale

Given = Mapping[str, Any]


def compare_synthetix(case: Case, document: Given) -> Figures:
    """Compare gains, margin and whether the account may be liquidated, to the last of 18 digits."""
    del document
    expected = case["expected"]
    positions = _read_positions(case["inputs"])
    found = _measure(case["inputs"], positions)
    for name, theirs in expected["pnl"].items():
        yield f"pnl of {name}", positions[name].pnl, scale(theirs, WAD)
    yield "available", found.available, scale(expected["available_margin"], WAD)
    yield "liquidatable", found.liquidatable, expected["liquidatable"]
    if "total_open_interest" in expected:
        total = sum(position.notional for position in positions.values())
        yield "open interest", total, scale(expected["total_open_interest"], WAD)


def compare_synthetix_maintenance(case: Case, document: Given) -> Figures:
    """Compare the maintenance margin of five positions."""
    del document
    found = _measure(case["inputs"], _read_positions(case["inputs"]))
    yield "maintenance", found.maintenance / WAD, case["expected"]["maintenance_margin"]


def _measure(given: Given, positions: Mapping[str, Position]) -> Account:
    return measure_account(scale(given["collateral_usd"], WAD), tuple(positions.values()))


def _read_positions(given: Given) -> dict[str, Position]:
    """Give the positions, each filled by an order on a market that had none."""
    found = {}
    for row in given["markets"]:
        least = given.get(f"minimum_position_margin_{row['name']}", 0)
        market = Market(
            skew_scale=scale(row["skew_scale"], WAD),
            initial_fraction=scale(row["initial_margin_fraction"], WAD),
            least_initial=scale(row["min_initial_margin_ratio"], WAD),
            maintenance=scale(row["maintenance_margin_scalar"], WAD),
            least_margin=scale(least, WAD),
        )
        size, oracle = scale(row["size"], WAD), scale(row["oracle_price_at_entry"], WAD)
        found[row["name"]] = Position(
            market=market,
            size=size,
            entry=calculate_fill_price(market, oracle, skew=0, size=size),
            price=scale(row["oracle_price_now"], WAD),
        )
    return found


def compare_borrowable(case: Case, document: Given) -> Figures:
    """Compare what a balance lets its owner borrow."""
    del document
    given = case["inputs"]
    found = hyperliquid.calculate_borrowable(given["token_balance"], given["oracle"], given["ltv"])
    yield "borrowable", found, case["expected"]["borrowable_usd"]


def compare_rate(case: Case, document: Given) -> Figures:
    """Compare the rate of borrowing."""
    del document
    found = hyperliquid.calculate_borrow_rate(case["inputs"]["utilisation"])
    yield "rate", found, case["expected"]["apy"]


def compare_maintenance(case: Case, document: Given) -> Figures:
    """Compare the maintenance margin of a perp."""
    del document
    given = case["inputs"]
    found = hyperliquid.require_maintenance(given["notional"], given["max_leverage"])
    yield "maintenance", found, case["expected"]["maintenance_margin"]


def compare_liquidation_price(case: Case, document: Given) -> Figures:
    """Compare the price at which an isolated position is liquidated."""
    del document
    given = case["inputs"]
    found = hyperliquid.calculate_liquidation_price(
        given["side"],
        given["entry"],
        given["size"],
        margin=given["isolated_margin"],
        max_leverage=given["max_leverage"],
    )
    yield "price", found, case["expected"]["liq_price"]
