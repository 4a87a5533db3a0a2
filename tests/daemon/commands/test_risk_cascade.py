"""`plimsoll risk cascade` shows what a fall sets off, and names what is wrong."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.daemon.commands.conftest import Run

PNG: Final = b"\x89PNG"
FLEET: Final[dict[str, Any]] = {
    "assets": {
        "ETH": {"price": 2000, "daily_vol": 0.04, "volume": 1e6},
        "USDC": {"price": 1, "daily_vol": 0.001, "volume": 1e9},
    },
    "venues": {
        "market": {"chain": "eip155:1", "curve": "aave", "bonus": 0.05, "thresholds": {"ETH": 0.8}}
    },
    "accounts": {"low": {"venue": "market", "collateral": {"ETH": 100}, "debt": {"USDC": 150_000}}},
}


def test_a_generated_fleet_falls_by_every_shock_and_keeps_every_cent(plimsoll: Run) -> None:
    shown = json.loads(plimsoll("risk", "cascade", "--accounts", "300", "--json").out)
    assert [found["shock_percent"] for found in shown["shocks"]] == [-10, -20, -30, -40, -50]
    assert all(found["amplification"] >= 1 for found in shown["shocks"])
    assert all(abs(found["ledger_usd"]["residual"]) < 0.005 for found in shown["shocks"])
    assert shown["shocks"][-1]["bad_debt_usd"] > 0
    assert {row["source"] for row in shown["contagion"]} == {"asset", "venue", "chain"}
    assert len(shown["venues"]) == 5


def test_the_same_seed_gives_the_same_figures(plimsoll: Run) -> None:
    asked = ("risk", "cascade", "--accounts", "50", "--seed", "3", "--json")
    assert plimsoll(*asked).out == plimsoll(*asked).out


def test_a_file_is_read_and_its_tables_printed(plimsoll: Run, tmp_path: Path) -> None:
    path, picture = tmp_path / "fleet.json", tmp_path / "cascade.png"
    path.write_text(json.dumps(FLEET))
    shock = ("--shock", "-5", "--shock", "-30", "--asset", "ETH")
    out = plimsoll("risk", "cascade", path, *shock, "--plot", picture).out
    assert "1 accounts on 1 venues, 200,000.00 USD of collateral\n" in out
    assert "-30 %" in out
    assert "chain eip155:1" in out
    assert picture.read_bytes()[:4] == PNG


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--shock", "-100"), "--shock: -100 % leaves no price"),
        (("--asset", "DOGE"), "asset 'DOGE' is not known"),
    ],
)
def test_a_wrong_option_is_one_line(plimsoll: Run, options: tuple[str, ...], message: str) -> None:
    found = plimsoll("risk", "cascade", "--accounts", "5", *options)
    assert found.code == 2
    assert message in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_a_wrong_file_is_one_line(plimsoll: Run, tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps(FLEET | {"venues": {}}))
    found = plimsoll("risk", "cascade", path)
    assert found.code == 2
    assert "fleet.json: venue 'market' is not known" in found.err


def test_without_matplotlib_the_extra_is_named(
    plimsoll: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    picture = tmp_path / "cascade.png"
    found = plimsoll("risk", "cascade", "--accounts", "5", "--plot", picture)
    assert found.code == 1
    assert "--plot: matplotlib is not installed; install the extra: risk" in found.err
    assert not picture.exists()
