"""One digest, four verifiers: how many shared vectors each is asked, and how many are bad."""

from collections.abc import Callable
from typing import Any

import pytest

from proofs.vectors.bases import build_bases
from tests.proofs.js import test_chromium, test_evm, test_node, test_python
from tests.proofs.js.vectors import NAMES, VECTORS

ASKED: dict[str, Callable[..., None]] = {
    "Python": test_python.test_python_gives_the_verdict,
    "Node": test_node.test_node_gives_the_verdict,
    "Chromium": test_chromium.test_chromium_gives_the_verdict,
    "EVM": test_evm.test_the_contract_gives_the_verdict,
}


def names_of(test: Callable[..., None]) -> frozenset[str]:
    """Give the vectors that a test is run on."""
    marks: list[pytest.Mark] = test.pytestmark  # type: ignore[attr-defined] # pytest puts it there
    (mark,) = (mark for mark in marks if mark.name == "parametrize")
    ids: Any = mark.kwargs["ids"]
    assert len(ids) == len(mark.args[1])
    return frozenset(ids)


def is_refused_on_chain(name: str) -> bool:
    """Say whether the contract refuses a vector, by what it must answer."""
    vector = VECTORS[NAMES.index(name)]
    envelope = test_evm.envelope_of(vector)
    assert envelope is not None
    committee = build_bases()[vector["base"]].statement.committee
    caller, now = test_evm.caller_of(vector), int(vector["now"])
    return not test_evm.foresee(envelope, committee, caller, now).startswith("0x")


def test_two_hundred_vectors_run_in_all_four_and_many_are_bad() -> None:
    asked = {name: names_of(test) for name, test in ASKED.items()}
    shared = frozenset.intersection(*asked.values())
    bad = {n for n in shared if "refused" in VECTORS[NAMES.index(n)]["verdict"]}
    bad_on_chain = {n for n in shared if is_refused_on_chain(n)}
    counts = {name: len(names) for name, names in asked.items()}
    counts |= {"all": len(shared), "bad": len(bad), "bad on chain": len(bad_on_chain)}
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))  # noqa: T201 -- the count
    assert len(shared) >= 200, counts
    assert min(len(bad), len(bad_on_chain)) >= 100, counts
    assert len(shared - bad) >= 40, counts
    assert asked["Python"] == asked["Node"] == asked["Chromium"] == set(NAMES)
