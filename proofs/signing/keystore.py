"""Keystore files: version 3 holds secp256k1 keys, version 4 (EIP-2335) BLS keys."""

import json
from pathlib import Path
from typing import Final

from eth_keyfile.keyfile import decode_keyfile_json

from proofs.signing.signer import KeystoreError

SECP256K1_VERSION: Final = 3
BLS_VERSION: Final = 4


def read_keystore(path: Path, password: str, version: int) -> bytes:
    """Decrypt a keystore of a version; KeystoreError names the file and what is wrong."""
    try:
        stored = dict(json.loads(path.read_text()))
    except OSError as error:
        raise KeystoreError(f"{path} cannot be read: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise KeystoreError(f"{path} is no keystore-v{version} file") from error
    if stored.get("version") != version:
        raise KeystoreError(f"{path} is no keystore-v{version} file")
    try:
        return bytes(decode_keyfile_json(stored, password.encode()))
    except (KeyError, TypeError, NotImplementedError) as error:
        raise KeystoreError(f"{path} is no keystore-v{version} file") from error
    except ValueError as error:
        raise KeystoreError(f"{path} does not open with this password") from error
