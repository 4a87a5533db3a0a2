"""Sign digests with a secp256k1 key from a keystore-v3 file."""

import json
from pathlib import Path
from typing import Final, Self

from eth_keyfile.keyfile import decode_keyfile_json
from eth_keys.datatypes import PrivateKey
from eth_utils.exceptions import ValidationError

from chains.model.ids import Address

_V_OFFSET: Final = 27
_DIGEST_BYTES: Final = 32


class KeystoreError(ValueError):
    """The keystore cannot be read, is no keystore, or the password is wrong."""


class Secp256k1Signer:
    """One key; it never leaves the object and is never printed."""

    def __init__(self, key: bytes) -> None:
        try:
            self._key: Final = PrivateKey(key)
            self.address: Final = Address(self._key.public_key.to_address())
        except (ValidationError, ValueError) as error:
            raise KeystoreError("the key is not a secp256k1 key of 32 bytes") from error

    @classmethod
    def from_keystore(cls, path: Path, password: str) -> Self:
        """Decrypt a keystore-v3 file; KeystoreError names the file and what is wrong."""
        try:
            stored = dict(json.loads(path.read_text()))
            key = decode_keyfile_json(stored, password.encode())
        except OSError as error:
            raise KeystoreError(f"{path} cannot be read: {error.strerror}") from error
        except (
            KeyError,
            TypeError,
            UnicodeDecodeError,
            json.JSONDecodeError,
            NotImplementedError,
        ) as error:
            raise KeystoreError(f"{path} is no keystore-v3 file") from error
        except ValueError as error:
            raise KeystoreError(f"{path} does not open with this password") from error
        return cls(bytes(key))

    def __repr__(self) -> str:
        return f"Secp256k1Signer({self.address})"

    def sign(self, digest: bytes) -> bytes:
        """Give r‖s‖v, 65 bytes, low s, v 27 or 28 (RFC 6979: the same digest, the same bytes)."""
        if len(digest) != _DIGEST_BYTES:
            raise ValueError(f"a digest has {_DIGEST_BYTES} bytes, not {len(digest)}")
        signature = self._key.sign_msg_hash(digest).to_bytes()
        return bytes(signature[:64] + bytes([signature[64] + _V_OFFSET]))
