"""What a member signs with: one interface for the three schemes."""

from typing import Final, Protocol

from proofs.scheme import Scheme

DIGEST_BYTES: Final = 32


class KeystoreError(ValueError):
    """The keystore cannot be read, is no keystore, or the password is wrong."""


class Signer(Protocol):
    """A key of one scheme; `public` is what the committee's record holds of it."""

    @property
    def scheme(self) -> Scheme:
        """Which scheme it signs in."""
        ...

    @property
    def public(self) -> bytes:
        """The address (20 bytes), the ed25519 key (32) or the BLS key (48)."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes; ValueError on any other length."""
        ...


def check_digest(digest: bytes) -> None:
    """Refuse what is no digest: nothing else is ever signed."""
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, not {len(digest)}")
