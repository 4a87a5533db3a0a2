"""Bringing a database to this version's schema, and refusing what cannot be brought."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from daemon.storage.errors import CorruptState, NewerState

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def prepare(connection: Connection, path: Path) -> None:
    """Check the file, then migrate it; CorruptState or NewerState with a repair hint."""
    try:
        check_integrity(connection, path)
        current = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        scripts = ScriptDirectory(str(MIGRATIONS))
        if current not in (None, *(script.revision for script in scripts.walk_revisions())):
            raise NewerState(
                f"{path} was written by a newer version (schema {current}): "
                "install that version again, or restore the copy made before the upgrade"
            )
        if current != scripts.get_current_head():
            migrate(connection)
    except DatabaseError as error:
        raise CorruptState(describe_damage(path, str(error.orig))) from error


def check_integrity(connection: Connection, path: Path) -> None:
    """Let SQLite check the file's structure; CorruptState when it finds damage."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise CorruptState(describe_damage(path, str(found)))


def migrate(connection: Connection) -> None:
    """Run the migrations up to the newest."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def describe_damage(path: Path, found: str) -> str:
    """Say in one line what is wrong with the file and how to repair it."""
    return (
        f"{path} is damaged ({' '.join(found.split())}): stop every daemon, move the file aside "
        f"and restore a copy, or save what is left with `sqlite3 {path} .recover`; before going "
        "live make sure that no transaction of the keeper's key is pending"
    )
