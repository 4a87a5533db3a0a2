"""Sign digests with a secp256k1 key from a keystore-v3 file."""

from pathlib import Path
from typing import Final, Self

from eth_keys.datatypes import PrivateKey
from eth_utils.exceptions import ValidationError

from chains.model.ids import Address
from proofs.scheme import Scheme
from proofs.signing.keystore import SECP256K1_VERSION, read_keystore
from proofs.signing.signer import KeystoreError, check_digest

_V_OFFSET: Final = 27


class Secp256k1Signer:
    """One key; it never leaves the object and is never printed."""

    scheme: Final = Scheme.SECP256K1

    def __init__(self, key: bytes) -> None:
        try:
            self._key: Final = PrivateKey(key)
            self.address: Final = Address(self._key.public_key.to_address())
        except (ValidationError, ValueError) as error:
            raise KeystoreError("the key is not a secp256k1 key of 32 bytes") from error
        self.public: Final = bytes.fromhex(self.address[2:])

    @classmethod
    def from_keystore(cls, path: Path, password: str) -> Self:
        """Decrypt a keystore-v3 file; KeystoreError names the file and what is wrong."""
        return cls(read_keystore(path, password, SECP256K1_VERSION))

    def __repr__(self) -> str:
        return f"Secp256k1Signer({self.address})"

    def sign(self, digest: bytes) -> bytes:
        """Give r‖s‖v, 65 bytes, low s, v 27 or 28 (RFC 6979: the same digest, the same bytes)."""
        check_digest(digest)
        signature = self._key.sign_msg_hash(digest).to_bytes()
        return bytes(signature[:64] + bytes([signature[64] + _V_OFFSET]))
