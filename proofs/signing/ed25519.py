"""Sign digests with an ed25519 key from a file in solana-keygen's form."""

from pathlib import Path
from typing import Final, Self

from nacl.signing import SigningKey

from chains.keyfiles import SignerError, read_keypair
from proofs.scheme import Scheme
from proofs.signing.signer import KeystoreError, check_digest

SEED_BYTES: Final = 32


class Ed25519Signer:
    """One key; it never leaves the object and is never printed."""

    scheme: Final = Scheme.ED25519

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise KeystoreError(f"the key is no ed25519 seed of {SEED_BYTES} bytes")
        self._key: Final = SigningKey(seed)
        self.public: Final = bytes(self._key.verify_key)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read a keypair file; KeystoreError names the file and what is wrong."""
        try:
            numbers = read_keypair(path)
        except SignerError as error:
            raise KeystoreError(str(error)) from error
        signer = cls(numbers[:SEED_BYTES])
        if signer.public != numbers[SEED_BYTES:]:
            raise KeystoreError(f"{path}: its public half does not follow from its seed")
        return signer

    def __repr__(self) -> str:
        return f"Ed25519Signer(0x{self.public.hex()})"

    def sign(self, digest: bytes) -> bytes:
        """Give R‖S, 64 bytes (RFC 8032: the same digest, the same bytes)."""
        check_digest(digest)
        return bytes(self._key.sign(digest).signature)
