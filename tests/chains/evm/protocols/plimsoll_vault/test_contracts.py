"""Functions, structs and events are called as the compiler of the contracts names them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest

from chains.evm.abi.function import Function
from chains.evm.protocols.plimsoll_vault import contracts, events
from chains.evm.protocols.plimsoll_vault.ledger import Order, Receipt
from chains.evm.protocols.plimsoll_vault.state import Legs, SeizureTerms
from daemon.devnet.vaults import compile_vault

NAMES = ("vault", "pool", "seizure", "judge")
FUNCTIONS = {name: found for name, found in vars(contracts).items() if isinstance(found, Function)}


@cache
def compiled(kind: str) -> dict[str, list[Mapping[str, Any]]]:
    """Give all that the contracts have of a kind, by name; only what calls from outside may use."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name in NAMES:
        for entry in compile_vault(name).abi:
            if entry["type"] == kind:
                found.setdefault(entry["name"], []).append(entry)
    return found


def type_of(part: Mapping[str, Any]) -> str:
    """Give a type as calldata has it, structs as tuples."""
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    inner = ",".join(type_of(one) for one in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def types_of(parts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(type_of(part) for part in parts)


def components(name: str) -> Iterator[list[str]]:
    """Give the field names of what a function returns, in each contract that has it."""
    for entry in compiled("function")[name]:
        (result,) = entry["outputs"]
        yield [one["name"] for one in result["components"]]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_is_there_as_it_is_called(name: str) -> None:
    function = FUNCTIONS[name]
    found = [
        (types_of(entry["inputs"]), types_of(entry["outputs"]))
        for entry in compiled("function")[function.name]
    ]
    read = [outputs for inputs, outputs in found if inputs == function.inputs]
    assert read, f"{function.name} takes {[inputs for inputs, _ in found]}"
    assert not function.outputs or function.outputs in read


def test_structs_have_their_fields_in_order() -> None:
    assert [list(contracts.PLAN_FIELDS)] == list(components("plan_lock"))
    (judged,) = [e for e in compiled("function")["judge"] if e["inputs"]]
    names = [one["name"] for one in judged["outputs"][0]["components"]]
    assert list(contracts.JUDGED_FIELDS) == names
    assert [list(Legs.__slots__)] == list(components("legs"))
    (lock,) = [
        e
        for e in compiled("function")["lock"]
        if len(e["inputs"]) == 4 and e["outputs"][0]["type"] == "tuple"
    ]
    assert len(lock["outputs"][0]["components"]) == len(Order.__slots__)
    (fill,) = compiled("function")["fill"]
    assert len(fill["outputs"][0]["components"]) == len(Receipt.__slots__)
    (terms,) = [names for names in components("terms") if "grace_s" in names]
    assert len(terms) == len(SeizureTerms.__slots__)
    for ours, theirs in zip(SeizureTerms.__slots__, terms, strict=True):
        assert theirs.removesuffix("_e18").removesuffix("_e8") == ours


UNHEARD = {"Seized", "CollateralLocked", "CollateralUnlocked"}
"""What the seizure's own events tell already."""


def test_every_event_of_an_account_can_be_decoded() -> None:
    known = {
        (s.name, len(s.indexed)): tuple(part.rpartition(" ")[0] for part in (*s.indexed, *s.data))
        for s in events._SHAPES
    }
    found = {}
    for entry in (one for same in compiled("event").values() for one in same):
        first, *rest = entry["inputs"] or [{"name": ""}]
        if first["name"] == "account" and first["indexed"] and entry["name"] not in UNHEARD:
            ordered = sorted(rest, key=lambda one: not one["indexed"])
            indexed = sum(one["indexed"] for one in rest)
            found[entry["name"], indexed] = types_of(ordered)
    assert known == found
