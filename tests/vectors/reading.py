"""Figures that public systems assert or document, and how close ours must come to them.

Every file names its licence, every case its source and its tolerance.
"""

import gzip
import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

CASES: Final = Path(__file__).with_name("cases")
Case = Mapping[str, Any]
Figures = Iterator[tuple[str, float, float]]
"""What was compared, what we find, what is expected; integers are compared as integers."""
EXACT: Final = 1e-15


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
    """Give a case's relative and absolute tolerance; exact ones allow for float64 of floats."""
    words = str(case["tolerance"]).split()
    if words[0] == "exact":
        return EXACT, 0.0
    if words[0] == "rel":
        return float(words[1]), 1e-12
    if words[0] == "abs":
        return 0.0, float(words[1])
    if words[1:] == ["native", "unit"]:
        return 0.0, float(words[0])
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
        if not _agree(found, expected, rel, absolute)
    ]


def scale(figure: object, unit: int) -> int:
    """Give a decimal figure of a case in whole units; ValueError where it has a fraction left."""
    scaled = Decimal(str(figure)) * unit
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{figure} is no whole number of 1/{unit}")
    return int(scaled)


def _agree(found: float, expected: float, rel: float, absolute: float) -> bool:
    whole = isinstance(found, int) and isinstance(expected, int)
    if whole and absolute == 0.0 and rel == EXACT:
        return found == expected
    return math.isclose(found, expected, rel_tol=rel, abs_tol=absolute)
