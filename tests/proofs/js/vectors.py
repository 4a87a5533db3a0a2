"""The shared vectors, as every verifier's test reads them."""

import json
from typing import Any, Final

from proofs.vectors import verdicts

Vector = dict[str, Any]
FILE: Final = json.loads(verdicts.PATH.read_text())
VECTORS: Final[tuple[Vector, ...]] = tuple(FILE["vectors"])
NAMES: Final = tuple(vector["name"] for vector in VECTORS)


def raw_of(vector: Vector) -> bytes:
    """Give the vector's file."""
    base = FILE["bases"][vector["base"]].encode()
    return verdicts.apply_edits(base, [(at, drop, put) for at, drop, put in vector["edits"]])
