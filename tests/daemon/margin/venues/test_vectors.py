"""How close Derive's portfolio margin comes, beside each case's own tolerance."""

import math

from tests.vectors.reading import list_cases, read_document
from tests.vectors.table import COVERED


def test_margins_of_pmrm2_are_within_a_billionth() -> None:
    document = read_document("derive_pmrm2")
    compare = COVERED["derive_pmrm2", "portfolio_margin"]

    for case in list_cases("derive_pmrm2"):
        for name, found, expected in compare(case, document):
            if name in ("IM", "MM"):
                assert math.isclose(found, expected, rel_tol=1e-9), (case["id"], name)
