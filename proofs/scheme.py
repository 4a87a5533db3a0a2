"""The signature schemes over the one digest: their numbers, names and sizes.

A committee's members each have a secp256k1 key, whose address is who they are; all of them or none
may have an ed25519 and a BLS12-381 key beside it. A quorum signs in one scheme.
"""

from enum import IntEnum
from typing import Final


class Scheme(IntEnum):
    """A signature scheme, numbered as in envelopes."""

    SECP256K1 = 1
    ED25519 = 2
    BLS12_381 = 3

    @property
    def label(self) -> str:
        """The name that files write."""
        return _LABELS[self]

    @property
    def signature_bytes(self) -> int:
        """The size of a signature: r‖s‖v, R‖S, or a compressed point of G2."""
        return _SIGNATURE_BYTES[self]

    @property
    def aggregates(self) -> bool:
        """Whether the signers' signatures are added up to one."""
        return self is Scheme.BLS12_381


_LABELS: Final = {
    Scheme.SECP256K1: "secp256k1",
    Scheme.ED25519: "ed25519",
    Scheme.BLS12_381: "bls12-381",
}
_SIGNATURE_BYTES: Final = {Scheme.SECP256K1: 65, Scheme.ED25519: 64, Scheme.BLS12_381: 96}

SCHEMES: Final = {label: scheme for scheme, label in _LABELS.items()}
"""The schemes by the names that files write."""

Signatures = tuple[tuple[int, bytes], ...]
"""Signatures by member index, ascending; where they are added up, each signer's is the sum."""
ED25519_KEY_BYTES: Final = 32
BLS_KEY_BYTES: Final = 48
BLS_PROOF_BYTES: Final = 96
