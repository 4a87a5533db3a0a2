"""The daemon's empty database: bringing a file to its schema takes its time, a copy does not."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from daemon.storage.database import database_path, open_database

_EMPTY: Final[dict[str, bytes]] = {}
"""The bytes of each mode's file, made once in a process."""


async def lay_database(folder: Path, *, live: bool) -> None:
    """Put an empty database into a folder that has none."""
    path = database_path(folder, live=live)
    if path.name not in _EMPTY:
        with TemporaryDirectory() as name:
            async with open_database(Path(name), live=live):
                pass
            _EMPTY[path.name] = database_path(Path(name), live=live).read_bytes()
    _write_new(path, _EMPTY[path.name])


def _write_new(path: Path, content: bytes) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
