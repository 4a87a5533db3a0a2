"""Venues' own figures, and our model's, case by case at each case's own tolerance."""

import math

import pytest

from tests.vectors.portfolio import COVERED
from tests.vectors.reading import Case, list_cases, list_misses, read_document

ASSERTED = [
    pytest.param(system, case, id=case["id"])
    for system, kind in COVERED
    for case in list_cases(system, kind)
]


@pytest.mark.parametrize(("system", "case"), ASSERTED)
def test_a_case_comes_out_as_its_source_says(system: str, case: Case) -> None:
    compare = COVERED[system, case["kind"]]

    assert list_misses(case, compare(case, read_document(system))) == []


def test_margins_of_pmrm2_are_within_a_billionth() -> None:
    document = read_document("derive_pmrm2")
    compare = COVERED["derive_pmrm2", "portfolio_margin"]

    for case in list_cases("derive_pmrm2"):
        for name, found, expected in compare(case, document):
            if name in ("IM", "MM"):
                assert math.isclose(found, expected, rel_tol=1e-9), (case["id"], name)


def test_no_case_of_these_systems_is_left_out() -> None:
    for system in {system for system, _ in COVERED} - {"unified_model"}:
        assert {case["kind"] for case in list_cases(system)} <= {
            k for s, k in COVERED if s == system
        }
