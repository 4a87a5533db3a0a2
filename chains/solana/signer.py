"""Who signs on Solana: a port, and a signer whose key lies in solana-keygen's file.

Such a file is a JSON list of 64 numbers, the seed and the public key that follows from it. It is
not encrypted: that nobody else may read it is all that guards it.
"""

from pathlib import Path
from typing import Final, Protocol, Self

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.keyfiles import SignerError, read_keypair

SEED_BYTES: Final = 32


class Signer(Protocol):
    """Signs for one address."""

    @property
    def pubkey(self) -> Pubkey:
        """Whose signature it is."""
        ...

    def sign_message(self, message: bytes) -> Signature:
        """Give the ed25519 signature of a serialized message."""
        ...


class LocalSigner:
    """A key in memory; neither its repr nor its errors show it."""

    __slots__ = ("_keypair", "pubkey")

    def __init__(self, seed: bytes) -> None:
        """Make the key of a 32-byte seed; ValueError on any other length."""
        self._keypair = Keypair.from_seed(seed)
        self.pubkey: Final = self._keypair.pubkey()

    @classmethod
    def open(cls, keypair: Path) -> Self:
        """Read a keypair file; SignerError on loose permissions, another form, a wrong half."""
        numbers = read_keypair(keypair)
        signer = cls(numbers[:SEED_BYTES])
        if bytes(signer.pubkey) != numbers[SEED_BYTES:]:
            raise SignerError(f"{keypair}: its public half does not follow from its seed")
        return signer

    def sign_message(self, message: bytes) -> Signature:
        """Give the ed25519 signature of a serialized message."""
        return self._keypair.sign_message(message)

    def __repr__(self) -> str:
        return f"LocalSigner({self.pubkey})"
