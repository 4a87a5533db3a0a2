"""The threat table of docs/attestations.md: whatever it names is there and mounts the attack."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from proofs.refusal import Refusal
from proofs.vectors import PATH as VECTORS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/attestations.md"
SECTION = re.compile(r"^## Threats$(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")
NONE = "—"
ATTACKS = (
    "Replay",
    "Stale price",
    "Rogue key",
    "Equivocation",
    "Long range",
    "Time shear",
    "Omitted debt",
    "Lying endpoint",
    "Malleable signatures",
    "Second preimage",
)
"""The attacks that the format was designed against."""
FILES_ALONE = {"Lying endpoint", "The same leg twice", "A price of another underlying"}
CONTRACTS_ALONE = {"A keeper vouches"}


class Row(NamedTuple):
    """One row of the table, cell by cell."""

    attack: str
    answer: str
    python: str
    javascript: str
    on_chain: str


def read_rows() -> Iterator[Row]:
    """Read the table below the heading Threats."""
    (section,) = re.findall(
        r"^## Threats$(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield Row(*(cell.strip() for cell in line.strip("|").split(" | ")))


ROWS = tuple(read_rows())
rows = pytest.mark.parametrize("row", ROWS, ids=[row.attack for row in ROWS])


@cache
def list_tests(path: str) -> frozenset[str]:
    """Give the names of a file's tests."""
    tree = ast.parse((ROOT / "tests" / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        n.name for n in tree.body if isinstance(n, functions) and n.name.startswith("test_")
    )


@cache
def list_refusals() -> frozenset[str]:
    """Give what some shared vector is refused as."""
    files = [VECTORS.with_name(name) for name in ("verdicts_v1.json", "evidence_v1.json")]
    vectors: list[dict[str, Any]] = [v for f in files for v in json.loads(f.read_text())["vectors"]]
    return frozenset(str(vector["verdict"].get("refused")) for vector in vectors)


def stands_for(row: Row, attacks: set[str]) -> bool:
    return any(row.attack.startswith(attack) for attack in attacks)


def test_every_attack_has_a_row() -> None:
    assert all(any(row.attack.startswith(attack) for row in ROWS) for attack in ATTACKS)


@rows
def test_the_tests_that_a_row_names_exist(row: Row) -> None:
    named = NAMED.findall(row.python) + NAMED.findall(row.on_chain)
    for path, name in (each.split("::") for each in named):
        assert name in list_tests(path), f"{path}::{name}"
    assert NAMED.findall(row.python)
    assert (row.on_chain == NONE) == stands_for(row, FILES_ALONE)
    assert row.on_chain == NONE or NAMED.findall(row.on_chain)


@rows
def test_the_refusals_that_a_row_names_are_those_of_shared_vectors(row: Row) -> None:
    named = NAMED.findall(row.javascript)
    assert (row.javascript == NONE) == (not named) == stands_for(row, CONTRACTS_ALONE)
    assert set(named) <= {refusal.name.lower() for refusal in Refusal}
    assert set(named) <= list_refusals()
