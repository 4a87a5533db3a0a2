import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from daemon.storage.database import Database, database_path, open_database
from daemon.storage.errors import Conflict, CorruptState, NewerState, StateLocked, StorageError
from daemon.storage.tables import METADATA


async def pragma(database: Database, name: str) -> object:
    return await database.write(lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def put(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("INSERT INTO meta VALUES (?, 'x')", (key,))


def put_many(connection: Connection) -> None:
    for number in range(200):
        put(connection, f"{number:0500}")


def keys(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT key FROM meta ORDER BY key").scalars())


async def test_every_commit_reaches_the_disk_before_it_returns(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        assert await pragma(database, "journal_mode") == "wal"
        assert await pragma(database, "synchronous") == 2
        assert await pragma(database, "foreign_keys") == 1
        assert await pragma(database, "busy_timeout") == 5_000


async def test_the_migrations_create_exactly_the_declared_tables(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        differences = await database.write(
            lambda c: compare_metadata(MigrationContext.configure(c), METADATA)
        )
    assert differences == []


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        await database.write(lambda c: put(c, "a"))
    async with open_database(tmp_path, live=True) as database:
        assert await database.read(keys) == ["a"]


async def test_a_dry_run_and_a_live_run_never_share_a_file(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=False) as database:
        await database.write(lambda c: put(c, "dry"))
    async with open_database(tmp_path, live=True) as database:
        assert await database.read(keys) == []


async def test_the_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with open_database(state, live=True) as database:
        await database.write(lambda c: put(c, "a"))
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()} == {0o600}


async def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def twice(connection: Connection) -> None:
        put(connection, "a")
        put(connection, "a")

    async with open_database(tmp_path, live=True) as database:
        with pytest.raises(Conflict):
            await database.write(twice)
        assert await database.read(keys) == []


async def test_the_reader_cannot_write(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        with pytest.raises(StorageError, match="readonly"):
            await database.read(lambda c: put(c, "a"))


async def test_a_full_disk_is_a_storage_error_and_reading_goes_on(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        await database.write(lambda c: put(c, "a"))
        await pragma(database, "max_page_count=1")
        with pytest.raises(StorageError, match="full"):
            await database.write(lambda c: put(c, "b" * 1_000_000))
        assert await database.read(keys) == ["a"]


async def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True):
        with pytest.raises(StateLocked, match=rf"in use by another daemon \(process {os.getpid()}"):
            async with open_database(tmp_path, live=False):
                pass
    async with open_database(tmp_path, live=True):
        pass


async def test_a_corrupt_file_is_refused_with_one_line_and_a_hint(tmp_path: Path) -> None:
    path = database_path(tmp_path, live=True)
    path.write_bytes(b"not a database at all" * 400)
    with pytest.raises(CorruptState) as caught:
        async with open_database(tmp_path, live=True):
            pass
    assert "\n" not in str(caught.value)
    assert ".recover" in str(caught.value)


async def test_damage_inside_the_file_is_found_at_the_start(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        await database.write(put_many)
    path = database_path(tmp_path, live=True)
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 8192] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises(CorruptState):
        async with open_database(tmp_path, live=True):
            pass


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        await database.write(
            lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'").close()
        )
    with pytest.raises(NewerState, match="newer version \\(schema 9999\\)"):
        async with open_database(tmp_path, live=True):
            pass


WRITE_UNTIL_KILLED = """
import asyncio, pathlib, sys
from daemon.storage.database import open_database

async def main():
    async with open_database(pathlib.Path(sys.argv[1]), live=True) as database:
        for number in range(10**9):
            row = (f"{number:09}", "x")
            await database.write(
                lambda c: c.exec_driver_sql("INSERT INTO meta VALUES (?, ?)", row).close()
            )
            print(number, flush=True)

asyncio.run(main())
"""


def write_until_killed(directory: Path) -> int:
    """Run a writer in its own process, kill it, and give the last commit it reported."""
    command = [sys.executable, "-c", WRITE_UNTIL_KILLED, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (this interpreter, a fixed script)
        assert process.stdout is not None
        last = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.kill()
    return last


async def test_a_kill_in_the_middle_of_writing_loses_no_finished_commit(tmp_path: Path) -> None:
    last = await asyncio.to_thread(write_until_killed, tmp_path)
    async with open_database(tmp_path, live=True) as database:
        found = await database.read(keys)
    assert len(found) > last
    assert found == [f"{number:09}" for number in range(len(found))]
