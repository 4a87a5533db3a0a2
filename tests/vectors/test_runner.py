"""What the runner counts, and how close a figure must come."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.vectors import table
from tests.vectors.__main__ import draw, main
from tests.vectors.reading import Case, Figures, list_misses, read_document, scale
from tests.vectors.table import COVERED, NOT_VALUED, PARTLY, Result, list_systems, run

EXACT: Case = {"id": "a", "tolerance": "exact"}


def test_integers_agree_to_the_last_unit_where_float64_would_not_see_it() -> None:
    large = 10**18

    assert list_misses(EXACT, iter([("x", large, large)])) == []
    assert list_misses(EXACT, iter([("x", large + 1, large)])) != []
    assert list_misses(EXACT, iter([])) == ["a: nothing was compared"]


@pytest.mark.parametrize(
    ("tolerance", "near", "far"),
    [
        ("exact (18-decimal)", 1.0, 1.0 + 1e-12),
        ("rel 1e-9", 1.0 + 1e-10, 1.0 + 1e-8),
        ("abs 0.01 upstream; exact value derived", 1.009, 1.011),
        ("1 native unit", 1.9, 2.1),
    ],
)
def test_a_case_sets_how_close_its_figures_must_come(
    tolerance: str, near: float, far: float
) -> None:
    case = {"id": "a", "tolerance": tolerance}

    assert list_misses(case, iter([("x", near, 1.0)])) == []
    assert list_misses(case, iter([("x", far, 1.0)])) != []


def test_a_decimal_figure_is_never_rounded_into_units() -> None:
    assert scale(50_000.01, 10**6) == 50_000_010_000
    with pytest.raises(ValueError, match="no whole number"):
        scale(0.1234567, 10**6)


def test_every_file_tells_its_licence_and_every_case_its_source() -> None:
    for system in list_systems():
        document = read_document(system)
        assert document["licence"], system
        assert all(case["source"] and case["origin"] for case in document["cases"]), system


def test_what_is_left_out_by_its_name_exists() -> None:
    names = {case["id"] for system in list_systems() for case in read_document(system)["cases"]}

    assert PARTLY.keys() | NOT_VALUED.keys() <= names


def test_all_systems_are_counted_and_nothing_misses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(list_systems()) + 2
    assert lines[-1].split() == ["all", "415", "393", "0", "22"]


def test_a_miss_is_counted_and_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compare(case: Case, document: Mapping[str, Any]) -> Figures:
        del case, document
        yield "everything", 1, 2

    monkeypatch.setattr(table, "list_systems", lambda: ("span",))
    monkeypatch.setattr(table, "COVERED", {**COVERED, ("span", "scenario_array"): compare})

    assert main() == 1
    assert "everything is 1, expected 2" in capsys.readouterr().out
    [found] = run()
    assert found.passed + len(found.misses) == found.cases


def test_a_reason_is_shown_with_its_count() -> None:
    result = Result(system="a", cases=3, passed=1, misses=(), left_out={"no adapter": 2})

    assert "no adapter (2)" in list(draw([result]))[1]
