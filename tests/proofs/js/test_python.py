"""The shared vectors in Python: the committed verdicts are the reference's own."""

from typing import Any

import pytest

from chains.model.ids import Address
from proofs.refusal import Refusal
from proofs.typed import ZERO
from proofs.vectors.bases import build_bases
from proofs.vectors.verdicts import PATH, judge, write_verdicts
from proofs.verify import Expected
from tests.proofs.js.vectors import FILE, NAMES, VECTORS, Vector, chain_of, raw_of


def expected_of(vector: Vector) -> Expected:
    named: dict[str, Any] = vector["expected"]
    members = named.get("members")
    committee_id = named.get("committeeId")
    return Expected(
        deployment=named.get("deployment"),
        audience=bytes.fromhex(named["audience"][2:]) if "audience" in named else ZERO,
        committee_id=None if committee_id is None else bytes.fromhex(committee_id[2:]),
        members=None if members is None else frozenset(map(Address, members)),
        max_ttl_s=int(named.get("maxTtl", Expected().max_ttl_s)),
        max_skew_s=int(named.get("maxSkew", Expected().max_skew_s)),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_python_gives_the_verdict(vector: Vector) -> None:
    found = judge(raw_of(vector), expected_of(vector), int(vector["now"]), chain_of(vector))
    assert found == vector["verdict"]


def test_the_committed_vectors_are_what_the_code_makes() -> None:
    assert PATH.read_text() == write_verdicts(), "run `python -m proofs.vectors`"


def test_there_are_enough_vectors_and_every_refusal_has_one() -> None:
    assert len(VECTORS) >= 200
    assert len(set(NAMES)) == len(NAMES)
    refused = {vector["verdict"].get("refused") for vector in VECTORS}
    of_evidence = {refusal for refusal in Refusal if refusal.code >= Refusal.EVIDENCE.code}
    assert refused - {None} == {r.name.lower() for r in set(Refusal) - of_evidence}


def test_every_base_is_accepted_by_some_vector() -> None:
    accepted = {v["base"] for v in VECTORS if "digest" in v["verdict"] and not v["edits"]}
    assert accepted == set(FILE["bases"]) == set(build_bases())


def test_the_vectors_hold_converted_prices_and_a_solana_chain() -> None:
    leaves = build_bases()["staked"].statement.leaves
    converted = [leg for leg in leaves.positions if leg.asset != leaves.prices[leg.price].asset]
    assert {leg.asset.split(":")[0] for leg in converted} == {"eip155", "solana"}
