"""The folder of things built once: `$PLIMSOLL_CACHE`, else `.plimsoll/cache` in the checkout.

Files appear in it whole or not at all, and a lock keeps two builders from the same work.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.devnet.artifacts import ROOT


def find_cache() -> Path:
    """Give the cache's folder, which may not exist yet."""
    given = os.environ.get("PLIMSOLL_CACHE")
    return Path(given) if given else ROOT / ".plimsoll" / "cache"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that others see the old one or all of the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


@contextmanager
def lock_cache() -> Iterator[None]:
    """Hold the cache's lock, waiting for another builder to finish."""
    folder = find_cache()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
