"""BLS12-381 signatures with public keys of 48 bytes, in the proof-of-possession scheme.

Two back ends have one interface: arkworks (fast; what verifiers use) and py_ecc (the reference it
is compared with). Both refuse the point at infinity, points outside the subgroup of prime order and
encodings other than the canonical one, of keys and signatures alike. The message of a proof of
possession is the key itself, under another tag, as in Ethereum's consensus.
Source: https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-bls-signature-05#section-4.2.3
"""

from collections.abc import Sequence
from typing import Final, Protocol

SIGNATURE_TAG: Final = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
POSSESSION_TAG: Final = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"


class BadPoint(ValueError):
    """Bytes are no point that a key or a signature may be."""


class BlsBackend(Protocol):
    """What is asked of a library; each method is safe with any bytes."""

    def verify_possession(self, key: bytes, proof: bytes) -> bool:
        """Say whether the key is a good one and its holder made the proof."""
        ...

    def verify_aggregate(self, keys: Sequence[bytes], message: bytes, signature: bytes) -> bool:
        """Say whether all the keys' holders signed the message; never without any key."""
        ...

    def aggregate(self, signatures: Sequence[bytes]) -> bytes:
        """Add signatures up; BadPoint when there is none or one is no good point."""
        ...
