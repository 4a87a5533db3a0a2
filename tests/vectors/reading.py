"""Figures that public systems assert or document, and how close ours must come to them.

Every file names its licence, every case its source and its tolerance.
"""

import gzip
import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

CASES: Final = Path(__file__).with_name("cases")
Case = Mapping[str, Any]
Figures = Iterator[tuple[str, float, float]]
"""What was compared, what we find, what is expected."""


@cache
def read_document(system: str) -> Mapping[str, Any]:
    """Give a system's file."""
    packed = CASES / f"{system}.json.gz"
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else None
    found: Mapping[str, Any] = json.loads(raw or (CASES / f"{system}.json").read_bytes())
    return found


def list_cases(system: str, *kinds: str) -> tuple[Case, ...]:
    """Give a system's cases, of these kinds or of all."""
    cases = read_document(system)["cases"]
    return tuple(case for case in cases if not kinds or case["kind"] in kinds)


def read_tolerance(case: Case) -> tuple[float, float]:
    """Give a case's relative and absolute tolerance; exact ones allow for float64."""
    words = str(case["tolerance"]).split()
    if words[0] == "exact":
        return 1e-15, 0.0
    if words[0] == "rel":
        return float(words[1]), 1e-12
    if words[0] == "abs":
        return 0.0, float(words[1])
    raise ValueError(f"{case['id']}: no tolerance is known as {case['tolerance']!r}")


def list_misses(case: Case, figures: Figures) -> list[str]:
    """Say which figures are farther from what is expected than the case allows."""
    rel, absolute = read_tolerance(case)
    compared = list(figures)
    if not compared:
        return [f"{case['id']}: nothing was compared"]
    return [
        f"{case['id']}: {name} is {found!r}, expected {expected!r}"
        for name, found, expected in compared
        if not math.isclose(found, expected, rel_tol=rel, abs_tol=absolute)
    ]
