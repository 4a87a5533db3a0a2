"""`plimsoll risk fleet` shows who is lowest and what scenarios cost, and names what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.commands.conftest import Outcome, Run

GOOD: dict[str, Any] = {
    "assets": {
        "WETH": {"price": 2000, "threshold": 0.8},
        "USDC": {"price": 1, "threshold": 0.9},
    },
    "accounts": {
        "safe": {"collateral": {"WETH": 10}, "debt": {"USDC": 1000}},
        "low": {"collateral": {"WETH": 1}, "debt": {"USDC": 1700}},
        "free": {"collateral": {"USDC": 5}},
    },
    "scenarios": [{"WETH": -0.1 * step} for step in range(10)],
}


def run(plimsoll: Run, folder: Path, document: object, *options: object) -> Outcome:
    path = folder / "fleet.json"
    path.write_text(json.dumps(document))
    return plimsoll("risk", "fleet", path, *options)


def test_the_lowest_come_first_with_what_they_stand_to_lose(plimsoll: Run, tmp_path: Path) -> None:
    shown = json.loads(run(plimsoll, tmp_path, GOOD, "--alpha", "0.8", "--json").out)
    assert shown["under_one"] == 1
    assert shown["lowest"] == [
        {
            "account": "low",
            "health": 0.941176,
            "value_at_risk_usd": 1_400,
            "expected_shortfall_usd": 1_700,
        },
        {
            "account": "safe",
            "health": 16,
            "value_at_risk_usd": 14_000,
            "expected_shortfall_usd": 17_000,
        },
    ]


def test_the_table_says_the_same_to_people(plimsoll: Run, tmp_path: Path) -> None:
    out = run(plimsoll, tmp_path, GOOD, "--count", "1").out
    assert "low        0.941176        1,800.00" in out
    assert "safe" not in out
    assert "1 of 3 accounts are under 1; 10 scenarios, level 0.975" in out


def test_without_scenarios_no_losses_are_shown(plimsoll: Run, tmp_path: Path) -> None:
    fleet = {name: part for name, part in GOOD.items() if name != "scenarios"}
    shown = json.loads(run(plimsoll, tmp_path, fleet, "--json").out)
    assert [each["expected_shortfall_usd"] for each in shown["lowest"]] == [None, None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"assets": None}, "assets is missing, or no table of names"),
        ({"assets": {"WETH": 1}}, "assets.WETH is no table"),
        ({"assets": {"WETH": {"price": -1}}}, "assets.WETH.price is -1, not from 0 to inf"),
        ({"assets": {"WETH": {"price": "2"}}}, "assets.WETH.price is '2', not a number"),
        (
            {"assets": {"WETH": {"price": 1, "threshold": 1.2}}},
            "assets.WETH.threshold is 1.2, not from 0 to 1",
        ),
        ({"accounts": {"a": 5}}, "accounts.a.collateral is no table"),
        ({"accounts": {"a": {"debt": {"DOGE": 1}}}}, "accounts.a.debt: DOGE is not among the"),
        ({"accounts": {"a": {"debt": {"USDC": -1}}}}, "accounts.a.debt.USDC is -1"),
        ({"accounts": {"a": {"debt": {"USDC": True}}}}, "accounts.a.debt.USDC is True"),
        ({"scenarios": "x"}, "scenarios is no list"),
        ({"scenarios": [5]}, r"scenarios[0] is no table"),
        ({"scenarios": [{"WETH": -1.5}]}, "scenarios[0].WETH is -1.5, not from -1"),
        ({"scenarios": [{"X": 0}]}, "scenarios[0]: X is not among the assets"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_field(
    plimsoll: Run, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    accounts = {} if "assets" in change else GOOD["accounts"]
    document = GOOD | {"accounts": accounts, "scenarios": []} | change
    found = run(plimsoll, tmp_path, document)
    assert found.code == 2
    assert message in found.err
    assert found.err.count("\n") == 1


def test_a_level_or_a_file_that_cannot_be_used_is_refused(plimsoll: Run, tmp_path: Path) -> None:
    assert "alpha: 2.0 is not between" in run(plimsoll, tmp_path, GOOD, "--alpha", "2").err
    assert "no JSON object" in run(plimsoll, tmp_path, []).err
    assert "No such file" in plimsoll("risk", "fleet", tmp_path / "none.json").err
