"""Key files, made, imported, and written for their user alone.

Keystores (Web3 secret storage, version 3) for EVM chains and attestations; keypair files in
solana-keygen's form for Solana.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Final

from eth_keyfile.keyfile import create_keyfile_json

from chains.evm.signer import LocalSigner
from chains.model.ids import Address
from chains.solana.signer import SEED_BYTES
from chains.solana.signer import LocalSigner as SolanaSigner
from config.errors import ConfigError
from config.house import KeySettings

KEY_BYTES: Final = 32
SCRYPT_WORK: Final = 2**18
_CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_PRIVATE: Final = 0o600


class KeyFileError(Exception):
    """A key cannot be made or kept; the message is one line and holds no secret."""


def draw_key() -> bytes:
    """Draw a private key."""
    return (secrets.randbelow(_CURVE_ORDER - 1) + 1).to_bytes(KEY_BYTES, "big")


def draw_password() -> str:
    """Draw a password nobody has to remember."""
    return secrets.token_urlsafe(KEY_BYTES)


def parse_key(text: str) -> bytes:
    """Read a private key as 64 hex digits; KeyFileError, which does not repeat the text."""
    try:
        key = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or not 0 < int.from_bytes(key, "big") < _CURVE_ORDER:
        raise KeyFileError("the private key is not 64 hex digits of a secp256k1 key")
    return key


def find_attestation_key(keys: KeySettings) -> tuple[Path, Path] | None:
    """Give the attestation key's files, None where there is no such key; ConfigError on half."""
    keystore, password_file = keys.attestation_keystore, keys.attestation_password_file
    if keystore is None and password_file is None:
        return None
    if keystore is None or password_file is None:
        missing = "attestation_keystore" if keystore is None else "attestation_password_file"
        raise ConfigError([f"keys.{missing}: is missing; a key takes a keystore and its password"])
    return keystore, password_file


def write_keystore(path: Path, key: bytes, password: str, *, work: int) -> Address:
    """Encrypt a key into a new file and give its address; never over an existing file.

    `work` is scrypt's cost; SCRYPT_WORK is what geth takes, about a second to open.
    """
    content = create_keyfile_json(key, password.encode(), version=3, kdf="scrypt", iterations=work)
    write_private(path, json.dumps(content))
    return LocalSigner(key).address


def write_keypair(path: Path) -> Address:
    """Draw a Solana key into a new file and give its address; never over an existing file."""
    seed = secrets.token_bytes(SEED_BYTES)
    public = SolanaSigner(seed).pubkey
    write_private(path, json.dumps([*seed, *bytes(public)]))
    return Address(str(public))


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its user may touch, from its first byte on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists; name another file, or move it away") from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
