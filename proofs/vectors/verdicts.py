"""Verdict vectors: files, what is expected of them, and what every verifier must answer.

`python -m proofs.vectors` writes verdicts_v1.json again; a test keeps the two equal. Files are kept
as edits of a few sound ones: `[[at, drop, put], …]`, ascending places in the base's bytes, how many
bytes go and which come, one character (below 256) per byte.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain as joined
from pathlib import Path
from typing import Any, Final

from proofs.document import encode_document
from proofs.refusal import Refused
from proofs.succession import decode_chain, verify_chain
from proofs.typed import ZERO
from proofs.vectors.bases import build_bases
from proofs.vectors.cases import Case, accept, change, expect, misform
from proofs.vectors.chains import build_chains, follow
from proofs.vectors.judged import misjudge
from proofs.vectors.keyed import sign_otherwise
from proofs.vectors.signed import defy, misrule, missign
from proofs.verify import Expected, Verdict, verify_file

PATH: Final = Path(__file__).with_name("verdicts_v1.json")
Edit = tuple[int, int, str]
_OWN: Final = Expected()


def build_verdicts() -> dict[str, Any]:
    """Give the verdict vectors as JSON values."""
    sound, damaged = (accept(), expect()), (misform(), change())
    families = (
        *sound,
        *damaged,
        defy(),
        misjudge(),
        misrule(),
        missign(),
        sign_otherwise(),
        follow(),
    )
    bases = {name: encode_document(document) for name, document in build_bases().items()}
    return {
        "bases": {name: raw.decode() for name, raw in bases.items()},
        "chains": {name: raw.decode() for name, raw in build_chains().items()},
        "vectors": [_write(case, bases[case.base]) for case in joined.from_iterable(families)],
    }


def write_verdicts() -> str:
    """Give the text of the file: one vector on each line."""
    verdicts = build_verdicts()
    bases, chains = (json.dumps(verdicts[name], indent=2) for name in ("bases", "chains"))
    lines = ",\n".join(json.dumps(vector) for vector in verdicts["vectors"])
    return f'{{\n"bases": {bases},\n"chains": {chains},\n"vectors": [\n{lines}\n]}}\n'


def apply_edits(base: bytes, edits: list[Edit]) -> bytes:
    """Give the file that the edits make of a base."""
    parts, at = [], 0
    for start, drop, put in edits:
        parts += [base[at:start], put.encode("latin-1")]
        at = start + drop
    return b"".join([*parts, base[at:]])


def judge(raw: bytes, expected: Expected, now: int, chain: bytes | None = None) -> dict[str, Any]:
    """Give the verdict on a file, and on the chain of committees first, as JSON values."""
    try:
        if chain is not None:
            opened = decode_chain(chain)
            verify_chain(opened)
            expected = replace(expected, chain=opened)
        return _view(verify_file(raw, expected, now=now))
    except Refused as refused:
        return {"refused": refused.refusal.name.lower()}


def _write(case: Case, base: bytes) -> dict[str, Any]:
    chain = None if case.chain is None else build_chains()[case.chain]
    return {
        "name": case.name,
        "base": case.base,
        "edits": list(_compare(base, case.raw)),
        "now": str(case.now),
        "expected": _view_expected(case.expected) | _view_chain(case.chain),
        "verdict": judge(case.raw, case.expected, case.now, chain),
    }


def _view_chain(name: str | None) -> dict[str, str]:
    return {} if name is None else {"chain": name}


def _view(verdict: Verdict) -> dict[str, Any]:
    health = verdict.health
    return {
        "digest": "0x" + verdict.digest.hex(),
        "collateralE8": str(health.collateral),
        "requirementE8": str(health.requirement),
        "netEquityE8": str(health.equity),
        "healthFactorE18": None if health.factor is None else str(health.factor),
        "signers": list(verdict.signers),
        "pinned": verdict.pinned,
    }


def _view_expected(expected: Expected) -> dict[str, Any]:
    """Give what is expected beyond the verifier's own limits."""
    committee_id, members = expected.committee_id, expected.members
    view = {
        "deployment": expected.deployment,
        "audience": None if expected.audience == ZERO else "0x" + expected.audience.hex(),
        "committeeId": None if committee_id is None else "0x" + committee_id.hex(),
        "members": None if members is None else sorted(members),
        "maxTtl": None if expected.max_ttl_s == _OWN.max_ttl_s else str(expected.max_ttl_s),
        "maxSkew": None if expected.max_skew_s == _OWN.max_skew_s else str(expected.max_skew_s),
    }
    return {name: value for name, value in view.items() if value is not None}


def _compare(base: bytes, made: bytes) -> Iterator[Edit]:
    """Give the edits: object by object, and text by text where both have as many texts."""
    at = 0
    for old, new in _pair(_split(base, b"{"), _split(made, b"{")):
        texts, others = _split(old, b'"'), _split(new, b'"')
        same = len(texts) == len(others)
        for before, after in zip(texts, others, strict=True) if same else [(old, new)]:
            if before != after:
                yield _cut(at, before, after)
            at += len(before)


def _split(raw: bytes, mark: bytes) -> list[bytes]:
    parts = raw.split(mark)
    return [part + mark for part in parts[:-1]] + parts[-1:]


def _pair(old: list[bytes], new: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Put parts side by side; where some come or go, their neighbours stay together."""
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    whole = [("replace", 0, len(old), 0, len(new))]
    for _, i, j, k, end in whole if len(old) == len(new) else steps:
        if j - i == end - k:
            yield from zip(old[i:j], new[k:end], strict=True)
        else:
            yield b"".join(old[i:j]), b"".join(new[k:end])


def _cut(at: int, before: bytes, after: bytes) -> Edit:
    """Give one edit without what both begin and end with."""
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    put = after[head : len(after) - tail]
    return at + head, len(before) - tail - head, put.decode("latin-1")
