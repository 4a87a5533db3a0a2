"""Figures of public systems, case by case at each case's own tolerance."""

import pytest

from tests.vectors.reading import Case, list_cases
from tests.vectors.table import COVERED, NOT_COVERED, check, find_reason, list_systems

PAIRS = [(system, case) for system in list_systems() for case in list_cases(system)]
COMPARED = [
    pytest.param(system, case, id=f"{system}-{case['id']}")
    for system, case in PAIRS
    if find_reason(system, case) is None
]


@pytest.mark.parametrize(("system", "case"), COMPARED)
def test_a_case_comes_out_as_its_source_says(system: str, case: Case) -> None:
    assert check(system, case) == []


def test_every_kind_of_case_is_compared_or_its_reason_is_told() -> None:
    kinds = {(system, case["kind"]) for system, case in PAIRS}

    assert kinds == COVERED.keys() | NOT_COVERED.keys()
    assert not COVERED.keys() & NOT_COVERED.keys()
