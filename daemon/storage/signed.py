"""What this member signed last, of each subject: kept before a signature leaves.

The file stands beside the journals and belongs to dry runs and live ones alike: a daemon that
changes its mode keeps its key. Only the newest claim of a subject is kept. A copy put back from
the past forgets what was signed since: let one period pass before a member restored like that signs
again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from daemon.storage.database import Database, open_file
from daemon.storage.errors import CorruptState, NewerState
from daemon.storage.schema import check_integrity, describe_damage
from proofs.guard import Claim, check_claim

SIGNED_FILE: Final = "signed.sqlite3"
_VERSION: Final = 1
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS signed (salt BLOB NOT NULL, subject BLOB NOT NULL,"
    " sequence TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (salt, subject)) WITHOUT ROWID"
)


class SignedStore:
    """`Guard` on the open file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, wanted: Claim) -> None:
        """Make a claim durable, only then return.

        DoubleSign when it may not be signed, StorageError when it could not be written: in both
        cases nothing may be signed.
        """
        await self._database.write(lambda connection: _claim(connection, wanted))


@asynccontextmanager
async def open_signed(directory: Path) -> AsyncIterator[SignedStore]:
    """Open the file in a state directory that open_database has locked; StateRefused if not."""
    async with open_file(directory / SIGNED_FILE, _prepare) as database:
        yield SignedStore(database)


def _claim(connection: Connection, wanted: Claim) -> None:
    key = (wanted.salt, wanted.subject)
    found = connection.exec_driver_sql(
        "SELECT sequence, digest FROM signed WHERE salt = ? AND subject = ?", key
    ).one_or_none()
    last = None if found is None else (int(found[0]), bytes(found[1]))
    if check_claim(last, wanted):
        row = (*key, str(wanted.sequence), wanted.digest)
        connection.exec_driver_sql("INSERT OR REPLACE INTO signed VALUES (?, ?, ?, ?)", row)


def _prepare(connection: Connection, path: Path) -> None:
    try:
        check_integrity(connection, path)
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version > _VERSION:
            raise NewerState(f"{path} was written by a newer version: install that version again")
        if version < _VERSION:
            connection.exec_driver_sql(_TABLE)
            connection.exec_driver_sql(f"PRAGMA user_version = {_VERSION}")
        connection.commit()
    except DatabaseError as error:
        raise CorruptState(describe_damage(path, str(error.orig))) from error
