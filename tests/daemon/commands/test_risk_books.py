"""`plimsoll risk report|stress|compare|hedge|rebalance` answer from files, in words and JSON."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.daemon.commands.conftest import Run

PNG: Final = b"\x89PNG"
LEG: Final = {"underlying": "ETH", "tier": "major"}
BOOK: Final[dict[str, Any]] = {
    "now": 1_800_000_000,
    "domains": {
        "aave": {"chain": "eip155:1", "venue": "aave_v3"},
        "desk": {"chain": "venue:desk", "venue": "desk", "margin": 2000},
    },
    "spots": [
        {"domain": "aave", "units": 10, "price": 2000, "lt": 0.85, "ltv": 0.8} | LEG,
    ],
    "debts": [
        {"domain": "aave", "underlying": "USDC", "tier": "stable", "units": 15000, "price": 1}
    ],
    "perps": [
        {
            "domain": "desk",
            "size": -6,
            "entry": 2000,
            "mark": 2000,
            "initial": 0.04,
            "maintenance": 0.02,
        }
        | LEG
    ],
    "options": [],
}
HEDGE: Final[dict[str, Any]] = {
    "underlying": "ETH",
    "instruments": [
        {
            "id": "perp",
            "fee": 0.0005,
            "daily_vol": 0.04,
            "volume": 1e9,
            "margin": 0.02,
            "domain": "desk",
            "floor": 1.1,
        }
    ],
}
PLACES: Final[dict[str, Any]] = {
    "places": {
        "base": {"collateral": 8000, "requirement": 9000, "target": 1.1, "weight": 0.8},
        "mainnet": {
            "collateral": 40000,
            "requirement": 10000,
            "target": 1.1,
            "weight": 0.8,
            "withdrawable": 20000,
        },
    },
    "bridges": [{"from": "mainnet", "to": "base", "fee": 0.0006, "cap": 50000, "time_s": 900}],
}
FILES: Final[dict[str, dict[str, Any]]] = {
    "report": BOOK,
    "stress": BOOK,
    "compare": BOOK,
    "hedge": BOOK | {"hedge": HEDGE},
    "rebalance": PLACES,
}


def write(folder: Path, document: object) -> Path:
    path = folder / "input.json"
    path.write_text(json.dumps(document))
    return path


def ask(plimsoll: Run, folder: Path, command: str) -> dict[str, Any]:
    path = write(folder, FILES[command])
    found: dict[str, Any] = json.loads(plimsoll("risk", command, path, "--json").out)
    return found


def test_a_report_has_every_view_and_says_where_figures_come_from(
    plimsoll: Run, tmp_path: Path
) -> None:
    shown = ask(plimsoll, tmp_path, "report")
    factors = [view["factor"] for view in shown["views"]]
    assert factors[:3] == sorted(factors[:3], reverse=True)
    assert shown["components"][0]["usd"] == 20_000
    assert shown["scenarios"][0]["loss_usd"] >= shown["scenarios"][1]["loss_usd"]


def test_a_stress_says_what_is_repaid_and_how_it_is_sold(plimsoll: Run, tmp_path: Path) -> None:
    rows = ask(plimsoll, tmp_path, "stress")["shocks"]
    assert [row["shock_percent"] for row in rows] == [-10, -20, -30, -40, -50]
    market = rows[1]["domains"][0]
    assert market["repaid_usd"] == pytest.approx(15_000)
    assert sum(piece["usd"] for piece in market["sales"]) == pytest.approx(market["seized_usd"])


def test_a_comparison_says_what_cross_margin_saves(plimsoll: Run, tmp_path: Path) -> None:
    shown = ask(plimsoll, tmp_path, "compare")
    isolated, cross = shown["modes"]
    assert shown["saved_usd"] == pytest.approx(isolated["required_usd"] - cross["required_usd"])
    assert shown["saved_usd"] > 0


def test_a_hedge_goes_to_the_edge_of_its_band(plimsoll: Run, tmp_path: Path) -> None:
    shown = ask(plimsoll, tmp_path, "hedge")
    assert shown["delta_usd"] == pytest.approx(8_000)
    assert shown["left_usd"] == pytest.approx(shown["band_usd"])
    assert shown["trades"][0]["native_health"] > 1.1


def test_a_rebalancing_meets_its_targets(plimsoll: Run, tmp_path: Path) -> None:
    shown = ask(plimsoll, tmp_path, "rebalance")
    assert shown["feasible"]
    assert shown["health"]["base"] == pytest.approx(1.1)


def test_a_target_that_cannot_be_met_says_why_and_exits_1(plimsoll: Run, tmp_path: Path) -> None:
    bridge = PLACES["bridges"][0] | {"cap": 100}
    found = plimsoll("risk", "rebalance", write(tmp_path, PLACES | {"bridges": [bridge]}))
    assert found.code == 1
    assert "! mainnet -> base: carries 100.00 USD at most" in found.out


@pytest.mark.parametrize("command", list(FILES))
def test_tables_are_for_people_and_pictures_are_drawn(
    plimsoll: Run, tmp_path: Path, command: str
) -> None:
    picture = tmp_path / "picture.png"
    found = plimsoll("risk", command, write(tmp_path, FILES[command]), "--plot", picture)
    assert (found.code, found.err) == (0, "")
    assert "\n" in found.out
    assert "{" not in found.out
    assert picture.read_bytes()[:4] == PNG


@pytest.mark.parametrize("command", list(FILES))
@pytest.mark.parametrize("content", ["[]", "{", "{}"])
def test_a_file_that_is_wrong_is_one_line(
    plimsoll: Run, tmp_path: Path, command: str, content: str
) -> None:
    path = tmp_path / "input.json"
    path.write_text(content)
    found = plimsoll("risk", command, path)
    assert found.code == 2
    assert "input.json" in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_an_expired_option_is_named(plimsoll: Run, tmp_path: Path) -> None:
    option = {
        "domain": "desk",
        "kind": "call",
        "style": "european",
        "strike": 2200,
        "expiry": 1,
        "size": -2,
        "mark": 80,
        "vol": 0.65,
        "forward": 2000,
    }
    path = write(tmp_path, BOOK | {"options": [option | LEG]})
    found = plimsoll("risk", "stress", path)
    assert found.code == 2
    assert "expiry 1 has passed" in found.err
