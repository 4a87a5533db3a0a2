"""Files that hold a key: readable by nobody but the user they belong to."""

import os
import stat
from pathlib import Path
from typing import Final

import orjson

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NUMBERS: Final = 64
_BYTE: Final = range(256)


class SignerError(ValueError):
    """A key cannot be used; the message is one line for the operator, without the key."""


def read_private(path: Path, what: str) -> bytes:
    """Read a file that nobody else may read; SignerError in one line otherwise."""
    try:
        status = path.stat()
        loose = stat.S_IMODE(status.st_mode) & _OTHERS
        if status.st_uid == 0 and os.geteuid() != 0:
            # systemd grants a service its root-owned credentials by ACL, whose mask shows as
            # the group's read bit.
            loose &= ~stat.S_IRGRP
        if loose:
            mode = stat.S_IMODE(status.st_mode)
            raise SignerError(f"{what} {path}: permissions {mode:04o} are loose; chmod 600 it")
        return path.read_bytes()
    except OSError as error:
        raise SignerError(f"{what} {path}: {error.strerror}") from error


def read_keypair(path: Path) -> bytes:
    """Read an ed25519 keypair in solana-keygen's form: the seed, then the public key.

    SignerError on loose permissions or another form; whether the halves agree is not checked.
    """
    numbers = _decode_numbers(read_private(path, "keypair"))
    if numbers is None:
        raise SignerError(f"{path}: is no keypair: 64 numbers, as solana-keygen writes them")
    return numbers


def _decode_numbers(content: bytes) -> bytes | None:
    """Give the 64 bytes of a keypair file; None for anything else, whose text is not shown."""
    try:
        numbers = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(numbers, list) or len(numbers) != _NUMBERS:
        return None
    if not all(type(number) is int and number in _BYTE for number in numbers):
        return None
    return bytes(numbers)
