"""The shared vectors of evidence as tests read them, and Python's verdict on them."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import zstandard

import proofs.vectors
from proofs.document import decode_document
from proofs.evidence.bundle import MAGIC
from proofs.evidence.check import verify_evidence
from proofs.refusal import Refused
from proofs.verify import Expected, verify_file

PATH: Final = Path(proofs.vectors.__file__).with_name("evidence_v1.json")
ANCHORED: Final = "anchored"
UNANCHORED: Final = "consistent, unanchored"
Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """The sound file and bundle, unpacked, and the vectors that edit them; `now` in seconds."""

    file: bytes
    bundle: bytes
    now: str
    vectors: tuple[dict[str, Any], ...]


@cache
def read_vectors() -> Vectors:
    """Read the committed vectors."""
    made = json.loads(PATH.read_text())
    return Vectors(
        file=unpack(base64.b64decode(made["file"])),
        bundle=unpack(base64.b64decode(made["bundle"]).removeprefix(MAGIC)),
        now=made["now"],
        vectors=tuple(made["vectors"]),
    )


def apply_edits(base: bytes, edits: Sequence[Edit]) -> bytes:
    """Give what the edits make of a base."""
    parts, at = [], 0
    for start, drop, put in edits:
        parts += [base[at:start], base64.b64decode(put)]
        at = start + drop
    return b"".join([*parts, base[at:]])


def judge(file: bytes, bundle: bytes, now: int) -> dict[str, Any]:
    """Give Python's verdict on a file and the unpacked bundle beside it, as JSON values."""
    try:
        statement = verify_file(file, Expected(), now=now).statement
        found = verify_evidence(statement, MAGIC + pack(bundle))
    except Refused as refused:
        return {"refused": refused.refusal.name.lower()}
    return {
        chain: {
            "accounts": grounds.accounts,
            "markets": grounds.markets,
            "positions": grounds.positions,
            "prices": grounds.prices,
            "pricesStated": grounds.prices_stated,
        }
        for chain, grounds in found.items()
    }


def answer_of(verdict: Mapping[str, Any], anchors: Sequence[str] = ()) -> dict[str, Any]:
    """Give what JavaScript answers, which knows anchors: those are the chains that it was given."""
    if "refused" in verdict:
        return dict(verdict)
    chains = {
        chain: {**grounds, "anchored": chain in anchors} for chain, grounds in verdict.items()
    }
    firm = set(hashes()) <= set(verdict) & set(anchors)
    return {"verdict": ANCHORED if firm else UNANCHORED, "chains": chains}


@cache
def hashes() -> Mapping[str, str]:
    """Give the hashes of the blocks that are stated, by chain."""
    blocks = decode_document(read_vectors().file).statement.leaves.blocks
    return {block.caip2: "0x" + block.block_hash.hex() for block in blocks}


@cache
def list_anchors() -> tuple[tuple[dict[str, str], dict[str, Any]], ...]:
    """Give anchors to try on the sound file and bundle, each with the answer that is due."""
    sound = read_vectors().vectors[0]["verdict"]
    one, other = hashes()
    loud = {chain: "0x" + text[2:].upper() for chain, text in hashes().items()}
    return (
        ({}, answer_of(sound)),
        ({one: hashes()[one]}, answer_of(sound, [one])),
        (loud, answer_of(sound, [one, other])),
        ({one: hashes()[one], other: hashes()[one]}, {"refused": "evidence_block"}),
        ({"eip155:1": hashes()[one]}, _misused("the statement has no block of eip155:1")),
        ({one: "0x01"}, _misused(f"the anchor of {one} is not 0x hex of 32 bytes")),
    )


def _misused(detail: str) -> dict[str, str]:
    return {"crashed": f"TypeError: {detail}"}


def pack(raw: bytes) -> bytes:
    """Give a zstd frame."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(raw)


def unpack(raw: bytes) -> bytes:
    """Give what a zstd frame holds."""
    return zstandard.decompress(raw)
