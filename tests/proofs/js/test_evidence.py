"""The shared vectors of evidence in Python: the committed verdicts are the reference's own."""

from typing import Any

import pytest

from proofs.evidence import check
from proofs.refusal import Refusal
from tests.proofs.js.evidence import PATH, apply_edits, judge, read_vectors

VECTORS = read_vectors()


@pytest.mark.parametrize("vector", VECTORS.vectors, ids=lambda vector: vector["name"])
def test_python_gives_the_verdict(vector: dict[str, Any]) -> None:
    file = apply_edits(VECTORS.file, vector["file"])
    bundle = apply_edits(VECTORS.bundle, vector["bundle"])
    assert judge(file, bundle, int(VECTORS.now)) == vector["verdict"]


def test_the_sound_file_is_proved_whole_on_both_releases() -> None:
    sound = VECTORS.vectors[0]
    assert (sound["file"], sound["bundle"]) == ([], [])
    assert len(sound["verdict"]) == 2
    for grounds in sound["verdict"].values():
        assert grounds["accounts"] >= 5
        assert grounds["positions"] > 8
        assert grounds["prices"] == grounds["pricesStated"] == 3
    formulas = {b'"formula":"aave_v3@3.0"', b'"formula":"aave_v3@3.6"'}
    assert all(formula in VECTORS.file for formula in formulas)


def test_every_refusal_of_evidence_has_a_vector_and_names_are_told_apart() -> None:
    refused = {vector["verdict"].get("refused") for vector in VECTORS.vectors}
    of_evidence = {r for r in Refusal if Refusal.EVIDENCE.code <= r.code < 80}
    assert refused - {None} == {refusal.name.lower() for refusal in of_evidence}
    assert set(check._REFUSALS.values()) < of_evidence
    assert len({vector["name"] for vector in VECTORS.vectors}) >= 150


def test_the_vectors_stay_small() -> None:
    assert PATH.stat().st_size < 400_000
