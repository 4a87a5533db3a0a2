"""The shared vectors, and what the verifiers in JavaScript are asked about them."""

import base64
import json
import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from proofs.document import MAX_BYTES
from proofs.envelope import BadEnvelope, Envelope, decode_envelope, encode_envelope
from proofs.merkle import verify_path
from proofs.refusal import Refusal
from proofs.statement import hash_audience
from proofs.strict import view_struct
from proofs.vectors import PATH, verdicts
from proofs.vectors.bases import CONSUMER, TIME, WORLDS, build_bases
from proofs.verify import Expected
from tests.proofs.js import evidence

Vector = dict[str, Any]
FILE: Final = json.loads(verdicts.PATH.read_text())
VECTORS: Final[tuple[Vector, ...]] = tuple(FILE["vectors"])
NAMES: Final = tuple(vector["name"] for vector in VECTORS)
EXAMPLE: Final = json.loads(PATH.read_text())
PLACES: Final = (-1, 0, 1, 2, 3, 4, 5, 2**32 + 1, 2**52)
_MUTATED: Final = 250
_SEED: Final = 20
_ALPHABET: Final = b'"\\{}[]:,0123456789abcdefx -+.eEuntrflNI\n\x00\x7f\x80\xc3\xff'


def raw_of(vector: Vector) -> bytes:
    """Give the vector's file."""
    base = FILE["bases"][vector["base"]].encode()
    return verdicts.apply_edits(base, [(at, drop, put) for at, drop, put in vector["edits"]])


def chain_of(vector: Vector) -> bytes | None:
    """Give the file of the chain of committees that the vector names."""
    name = vector["expected"].get("chain")
    return None if name is None else FILE["chains"][name].encode()


@lru_cache
def mutated() -> tuple[bytes, ...]:
    """Give files damaged at random, always the same, and one that is too large."""
    return (*_mutate(_MUTATED), b" " * (MAX_BYTES + 1))


def _mutate(count: int) -> Iterator[bytes]:
    chance = random.Random(_SEED)  # noqa: S311 -- no secret
    bases = [text.encode() for text in FILE["bases"].values()]
    for _ in range(count):
        raw = chance.choice(bases)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(raw))
            drop = chance.choice((0, 1, 1, 2, chance.randrange(400)))
            put = bytes(chance.choices(_ALPHABET, k=chance.randint(0, 3)))
            again = chance.randrange(len(raw))
            put += raw[again : again + chance.choice((0, 0, 60))]
            raw = raw[:at] + put + raw[at + drop :]
        yield raw


@lru_cache
def envelopes() -> tuple[bytes, ...]:
    """Give the example's envelope, sound and damaged."""
    raw = bytes.fromhex(EXAMPLE["envelope"][2:])
    header = len(raw) - 32 * 21
    signed = [build_bases()[base].envelope for base in ("ed25519", "bls12-381")]
    return (
        raw,
        b"",
        raw[:40],
        raw[:-1],
        raw + b"\x00",
        b"PLMT" + raw[4:],
        raw[:4] + b"\x02" + raw[5:],
        *(raw[:5] + bytes([scheme]) + raw[6:] for scheme in (0, 9, 255)),
        raw[:7] + b"\x05" + raw[8:],
        raw[:7] + b"\x00" + raw[8:],
        raw[:7] + b"\x03" + raw[8:],
        raw[:8] + bytes([raw[8] ^ 1]) + raw[9:],
        raw[:40] + b"\x1d" + raw[41:],
        raw[:40] + b"\x0f" + raw[41:],
        raw[:40] + b"\x0e" + raw[41:],
        raw[:header] + b"\x01" + raw[header + 1 :],
        raw[:-32] + b"\xff" * 32,
        *map(encode_envelope, signed),
        *(encode_envelope(envelope)[:-1] for envelope in signed),
    )


@lru_cache
def questions() -> str:
    """Give everything that JavaScript is asked, as JSON."""
    return json.dumps(
        {
            "verdicts": FILE,
            "files": [{"put": raw.decode("latin-1"), "now": TIME} for raw in mutated()],
            "example": json.dumps(EXAMPLE["file"], sort_keys=True, separators=(",", ":")),
            "inclusion": _inclusion() | {"places": PLACES},
            "envelopes": ["0x" + raw.hex() for raw in envelopes()],
            "evidence": _evidence(),
        }
    )


def _evidence() -> dict[str, Any]:
    """Give the vectors of evidence with their bases unpacked, and the anchors to try."""
    made = evidence.read_vectors()
    return {
        "file": base64.b64encode(made.file).decode(),
        "bundle": base64.b64encode(made.bundle).decode(),
        "now": made.now,
        "vectors": [{"file": v["file"], "bundle": v["bundle"]} for v in made.vectors],
        "anchors": [anchors for anchors, _ in evidence.list_anchors()],
    }


def _inclusion() -> dict[str, Any]:
    return {
        "root": EXAMPLE["file"]["header"]["positionsRoot"],
        "structHash": EXAMPLE["hashStruct"]["positions"][1],
        "path": EXAMPLE["inclusion"]["path"],
    }


def compare(answers: dict[str, Any]) -> None:
    """Assert that everything beside the verdicts is as Python has it."""
    assert answers["refusals"] == {refusal.name.lower(): refusal.code for refusal in Refusal}
    _compare_example(answers["example"])
    _compare_places(answers["places"])
    _compare_files(answers["files"])
    _compare_envelopes(answers["envelopes"])
    assert [found.get("crashed", "")[:10] for found in answers["misuse"]] == ["TypeError:"] * 11
    assert answers["anchored"] == [expected for _, expected in evidence.list_anchors()]
    assert answers["misproved"] == ["TypeError"] * 4


def _compare_example(found: dict[str, Any]) -> None:
    domain = {name: EXAMPLE["domain"][name] for name in ("salt", "separator")}
    same = ("types", "emptyRoot", "keysRoot", "hashStruct", "inclusion", "digest")
    assert found == {name: EXAMPLE[name] for name in same} | {
        "domain": domain,
        "committeeId": "0x" + WORLDS.committee.id.hex(),
        "audience": "0x" + hash_audience(CONSUMER).hex(),
    }


def _compare_places(found: list[bool]) -> None:
    asked = _inclusion()
    root, leaf = bytes.fromhex(asked["root"][2:]), bytes.fromhex(asked["structHash"][2:])
    path = [bytes.fromhex(sibling[2:]) for sibling in asked["path"]]
    assert found == [verify_path(root, leaf, place, path) for place in PLACES]
    assert found.count(True) == 1


def _compare_files(found: list[dict[str, Any]]) -> None:
    told = [verdicts.judge(raw, Expected(), TIME) for raw in mutated()]
    apart = [i for i, (theirs, ours) in enumerate(zip(found, told, strict=True)) if theirs != ours]
    assert [(mutated()[i][:200], found[i], told[i]) for i in apart] == []


def _compare_envelopes(found: list[dict[str, Any]]) -> None:
    for raw, opened in zip(envelopes(), found, strict=True):
        try:
            envelope = decode_envelope(raw)
        except BadEnvelope:
            assert set(opened) == {"bad"}
        else:
            assert opened == _view_envelope(envelope)
    assert found[0]["header"] == EXAMPLE["file"]["header"]
    assert "signature scheme 9 is unknown" in found[8]["bad"]


def _view_envelope(envelope: Envelope) -> dict[str, Any]:
    return {
        "scheme": envelope.scheme.label,
        "committeeSize": envelope.committee_size,
        "header": view_struct(envelope.header),
        "signatures": [
            {"member": member, "signature": "0x" + raw.hex()} for member, raw in envelope.signatures
        ],
    }
