"""The shared vectors of evidence: files with the bundles beside them, and every verifier's verdict.

`python -m tests.proofs.js.evidence_vectors` makes them anew from devnet chains: other blocks, other
hashes, the same cases. Each vector is the sound file and bundle with edits. The bundle is kept
packed; edits are of what it unpacks to, and what they put is base64.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from proofs.evidence.bundle import encode_bundle
from proofs.evidence.rlp import Encoded, RlpError, decode_list, encode_string
from tests.proofs.js.evidence import PATH, Edit, judge, pack
from tests.proofs.js.evidence_cases import build_cases
from tests.proofs.js.evidence_ground import Ground, build_ground
from tests.support.devnet import run_devnet

_DEPTH: Final = 2


def build_vectors(ground: Ground) -> dict[str, Any]:
    """Give the vectors as JSON values."""
    cases = list(build_cases(ground))
    now = ground.statement.header.issued_at
    return {
        "bundle": _text(encode_bundle(ground.evidence)),
        "file": _text(pack(cases[0].file)),
        "now": str(now),
        "vectors": [
            {
                "name": case.name,
                "file": _compare(cases[0].file.split(b'"'), case.file.split(b'"'), b'"'),
                "bundle": _compare(_cut(cases[0].bundle), _cut(case.bundle)),
                "verdict": judge(case.file, case.bundle, now),
            }
            for case in cases
        ],
    }


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _cut(bundle: bytes, depth: int = _DEPTH) -> list[bytes]:
    """Cut a bundle into its nodes, codes and what stands between them."""
    try:
        items = [i if isinstance(i, Encoded) else encode_string(i) for i in decode_list(bundle)]
    except RlpError:
        return [bundle]
    head = bundle[: len(bundle) - sum(map(len, items))]
    inner = (
        _cut(item, depth - 1) if depth and item[0] >= 0xC0 else [item]  # a list
        for item in items
    )
    return [head, *(piece for pieces in inner for piece in pieces)]


def _compare(old: Sequence[bytes], new: Sequence[bytes], joint: bytes = b"") -> list[Edit]:
    """Give the edits that make new pieces of old ones."""
    places = [0]
    for piece in old:
        places.append(places[-1] + len(piece) + len(joint))
    return [
        _trim(places[i], joint.join(old[i:j]), joint.join(new[k:end]))
        if i < j and k < end
        else _whole(places[i], [*old[i:j]], [*new[k:end]], joint)
        for kind, i, j, k, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if kind != "equal"
    ]


def _whole(at: int, old: list[bytes], new: list[bytes], joint: bytes) -> Edit:
    drop = sum(len(piece) + len(joint) for piece in old)
    return at, drop, _text(b"".join(piece + joint for piece in new))


def _trim(at: int, old: bytes, new: bytes) -> Edit:
    """Give one edit without what both begin and end with."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    return at + head, len(old) - head - tail, _text(new[head : len(new) - tail])


def _lines(made: dict[str, Any]) -> Iterator[str]:
    """Write the vectors, one on each line."""
    head = {name: value for name, value in made.items() if name != "vectors"}
    yield json.dumps(head, indent=1)[:-2] + ',\n "vectors": [\n'
    yield ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in made["vectors"])
    yield "\n ]\n}\n"


if __name__ == "__main__":
    with run_devnet() as devnet:
        PATH.write_text("".join(_lines(build_vectors(build_ground(devnet)))))
