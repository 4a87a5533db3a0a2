"""The fast back end: arkworks, whose points are checked for curve and subgroup when read."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Final, TypeVar

from py_arkworks_bls12381 import GT, G1Point, G2Point

from proofs.bls import POSSESSION_TAG, SIGNATURE_TAG, BadPoint

_MINUS_GENERATOR: Final = -G1Point()
_Point = TypeVar("_Point", G1Point, G2Point)


class Arkworks:
    """`BlsBackend` on arkworks."""

    def verify_possession(self, key: bytes, proof: bytes) -> bool:
        """Say whether the key is a good one and its holder made the proof."""
        try:
            return _check(read_key(key), key, read_signature(proof), POSSESSION_TAG)
        except BadPoint:
            return False

    def verify_aggregate(self, keys: Sequence[bytes], message: bytes, signature: bytes) -> bool:
        """Say whether all the keys' holders signed the message; never without any key."""
        if not keys:
            return False
        try:
            joined = reduce(add, [read_key(key) for key in keys])
            if joined == G1Point.identity():
                return False
            return _check(joined, message, read_signature(signature), SIGNATURE_TAG)
        except BadPoint:
            return False

    def aggregate(self, signatures: Sequence[bytes]) -> bytes:
        """Add signatures up; BadPoint when there is none or one is no good point."""
        if not signatures:
            raise BadPoint("there is no signature to add up")
        joined = reduce(add, [read_signature(signature) for signature in signatures])
        if joined == G2Point.identity():
            raise BadPoint("the signatures cancel each other out")
        return bytes(joined.to_compressed_bytes())


def _check(key: G1Point, message: bytes, signature: G2Point, tag: bytes) -> bool:
    """e(key, H(message)) = e(G, signature), as one product that must be one."""
    hashed = G2Point.hash_to_curve(message, tag)
    return GT.pairing_check([key, _MINUS_GENERATOR], [hashed, signature])


def read_key(raw: bytes) -> G1Point:
    """Read a key; BadPoint unless it is one that may be."""
    return _read(raw, G1Point.from_compressed_bytes, G1Point.identity())


def read_signature(raw: bytes) -> G2Point:
    """Read a signature or a proof; BadPoint unless it is one that may be."""
    return _read(raw, G2Point.from_compressed_bytes, G2Point.identity())


def _read(raw: bytes, read: Callable[[bytes], _Point], infinity: _Point) -> _Point:
    try:
        point = read(raw)
    except ValueError as error:
        raise BadPoint("the bytes are no point of the subgroup") from error
    if point == infinity or point.to_compressed_bytes() != raw:
        raise BadPoint("the point is infinity, or not written canonically")
    return point
