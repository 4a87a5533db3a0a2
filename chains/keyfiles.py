"""Files that hold a key: readable by nobody but the user they belong to."""

import os
import stat
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


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
