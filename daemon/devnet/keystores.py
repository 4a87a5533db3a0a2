"""Throw-away keys as keystores with few rounds, so that a daemon starts fast."""

import json
import secrets
from pathlib import Path
from typing import Final

from eth_account import Account

from chains.model.ids import Address, parse_address
from daemon.devnet.folder import Folder

_KDF_ROUNDS: Final = 1_000


def make_keeper(folder: Folder) -> Address:
    """Make the key that sends transactions."""
    return write_keystore(draw_key(), folder.keystore, folder.password_file)


def make_attester(folder: Folder) -> Address:
    """Make the key that signs attestations: the sender's own signature moves no owner's money."""
    return write_keystore(draw_key(), folder.attestation_keystore, folder.attestation_password_file)


def draw_key() -> bytes:
    """Draw a key."""
    return bytes(Account.create().key)


def write_keystore(key: bytes, keystore: Path, password_file: Path) -> Address:
    """Write a key under a fresh password, both readable by their owner only."""
    password = secrets.token_hex(16)
    encrypted = Account.encrypt(key, password, kdf="pbkdf2", iterations=_KDF_ROUNDS)
    for path, text in ((keystore, json.dumps(encrypted)), (password_file, password)):
        path.touch(mode=0o600)
        path.write_text(text)
    return parse_address(Account.from_key(key).address)
