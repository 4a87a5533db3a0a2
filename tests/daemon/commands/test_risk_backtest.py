"""`plimsoll risk generate` makes price files, `plimsoll risk backtest` judges forecasts on them."""

import json
import sys
from pathlib import Path

import pytest

from tests.daemon.commands.conftest import Run

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def prices(plimsoll: Run, tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    made = plimsoll("risk", "generate", "--shape", "2024-08-05", "--seed", 4, "--out", path)
    assert made.code == 0
    assert "no market ever showed them" in made.out
    return path


def test_breach_rates_stand_beside_the_nominal_and_are_drawn(
    plimsoll: Run, prices: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "backtest.png"
    found = plimsoll(
        "risk",
        "backtest",
        prices,
        "--window",
        250,
        "--refit-days",
        300,
        "--plot",
        picture,
        "--json",
    )

    assert found.code == 0, found.err
    shown = json.loads(found.out)
    assert shown["generated"].startswith("shapes of 2024-08-05, seed 4")
    assert [column["name"] for column in shown["columns"]] == ["MAJOR_1", "MAJOR_2", "ALT"]
    for column in shown["columns"]:
        assert column["fits"] == 3
        assert column["fits_without_parameters"] == {}
        assert {m["model"] for m in column["models"]} == {"historical", "ewma", "margin", "normal"}
        for model in column["models"]:
            assert model["nominal_rate"] == 0.025
            assert model["breach_rate"] == model["breaches"] / model["days"]
            for test in ("kupiec", "christoffersen_independence", "christoffersen_conditional"):
                assert 0 <= model[test]["p"] <= 1
    assert picture.read_bytes().startswith(PNG)
    assert picture.stat().st_size > 20_000


def test_the_table_names_generated_prices_and_says_what_the_tests_make_of_each_model(
    plimsoll: Run, prices: Path
) -> None:
    found = plimsoll("risk", "backtest", prices, "--timeout", 0)

    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert lines[0].startswith("GENERATED: shapes of 2024-08-05, seed 4")
    row = next(line for line in lines if "MAJOR_2" in line and "margin" in line)
    assert "2.50%" in row
    assert row.split("  ")[-1].strip() in ("as told", "too many", "too few", "clustered")
    assert "! ALT: 30 of 30 fits gave no parameters: no parameters within 0 s" in lines


def test_a_file_is_not_written_over(plimsoll: Run, prices: Path) -> None:
    again = plimsoll("risk", "generate", "--out", prices)

    assert again.code == 1
    assert "File exists" in again.err


def test_what_cannot_be_used_is_one_line(
    plimsoll: Run, prices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("date,close\n2024-08-04,1\n2024-08-05,nan\n")
    found = plimsoll("risk", "backtest", bad)
    assert found.code == 2
    assert found.err == f"plimsoll: {bad}: row 3: close: 'nan' is no positive number\n"

    bad.write_text("date,close\n2024-08-04,1\n")
    assert "1 closes are too few" in plimsoll("risk", "backtest", bad).err
    assert "alpha is 2.0" in plimsoll("risk", "backtest", prices, "--alpha", 2).err
    assert "2024" in plimsoll("risk", "generate", "--shape", "1987-10-19").err

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    drawn = plimsoll("risk", "backtest", prices, "--timeout", 0, "--plot", tmp_path / "x.png")
    assert drawn.code == 1
    assert drawn.err == "plimsoll: --plot: matplotlib is not installed; install the extra: risk\n"


def test_a_past_forecast_is_given_again_with_the_digest_of_its_inputs(
    plimsoll: Run, prices: Path, tmp_path: Path
) -> None:
    lines = prices.read_text().splitlines()
    shorter = tmp_path / "shorter.csv"
    shorter.write_text("\n".join(lines[:-30]) + "\n")
    day = lines[-31].partition(",")[0]

    then = json.loads(plimsoll("risk", "volatility", shorter, "--json").out)
    again = json.loads(plimsoll("risk", "volatility", prices, "--through", day, "--json").out)

    assert again == then
    assert again["model"] == "plimsoll/volatility/1"
    for column in again["columns"]:
        assert column["last"] == day
        assert column["volatility"] == max(column["ways"].values())
        assert column["garch"] is not None
    bad = plimsoll("risk", "volatility", prices, "--through", "2024-02-30")
    assert bad.code == 2
    assert "--through: '2024-02-30' is no day of the file" in bad.err
