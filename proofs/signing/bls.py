"""Sign digests with a BLS12-381 key, by blst: of our libraries the one whose time tells nothing.

A member's key is its own: never a validator's, which signs other things under the same tag.
"""

from pathlib import Path
from typing import Final, Self

from pyblst import BlstP1Element, BlstP2Element

from proofs.bls import POSSESSION_TAG, SIGNATURE_TAG
from proofs.scheme import Scheme
from proofs.signing.keystore import BLS_VERSION, read_keystore
from proofs.signing.signer import KeystoreError, check_digest

KEY_BYTES: Final = 32
ORDER: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
_GENERATOR: Final = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905"
    "a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)


class BlsSigner:
    """One key; it never leaves the object and is never printed."""

    scheme: Final = Scheme.BLS12_381

    def __init__(self, key: bytes) -> None:
        scalar = int.from_bytes(key, "big")
        if len(key) != KEY_BYTES or not 0 < scalar < ORDER:
            raise KeystoreError(f"the key is not a BLS12-381 key of {KEY_BYTES} bytes")
        self._scalar: Final = scalar
        generator = BlstP1Element.uncompress(_GENERATOR)
        self.public: Final = bytes(generator.scalar_mul(scalar).compress())

    @classmethod
    def from_keystore(cls, path: Path, password: str) -> Self:
        """Decrypt a keystore-v4 file (EIP-2335); KeystoreError names it and what is wrong."""
        return cls(read_keystore(path, password, BLS_VERSION))

    def __repr__(self) -> str:
        return f"BlsSigner(0x{self.public.hex()})"

    def sign(self, digest: bytes) -> bytes:
        """Give the signature as a compressed point of G2, 96 bytes."""
        check_digest(digest)
        return self._multiply(digest, SIGNATURE_TAG)

    def prove_possession(self) -> bytes:
        """Give the proof that a committee's record carries beside the key, 96 bytes."""
        return self._multiply(self.public, POSSESSION_TAG)

    def _multiply(self, message: bytes, tag: bytes) -> bytes:
        hashed = BlstP2Element.hash_to_group(message, tag)
        return bytes(hashed.scalar_mul(self._scalar).compress())
