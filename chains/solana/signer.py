"""Who signs on Solana: a port, and a key in memory."""

from typing import Final, Protocol

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature


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
    """A key in memory; its repr does not show it."""

    __slots__ = ("_keypair", "pubkey")

    def __init__(self, seed: bytes) -> None:
        """Make the key of a 32-byte seed; ValueError on any other length."""
        self._keypair = Keypair.from_seed(seed)
        self.pubkey: Final = self._keypair.pubkey()

    def sign_message(self, message: bytes) -> Signature:
        """Give the ed25519 signature of a serialized message."""
        return self._keypair.sign_message(message)

    def __repr__(self) -> str:
        return f"LocalSigner({self.pubkey})"
