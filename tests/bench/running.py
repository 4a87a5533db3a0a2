"""What measuring a whole daemon in this process takes: its log apart, and waiting for it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from daemon.telemetry import configure_logging

TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.01
LOG_LINES: Final = 10
Say = Callable[[str], None]


@contextmanager
def logged(path: Path, say: Say) -> Iterator[None]:
    """Have the daemon log to a file as under systemd; its last lines are said where it fails."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with path.open("w") as stream:
        configure_logging(stream=stream, human=False)
        try:
            yield
        except BaseException:
            stream.flush()
            for line in path.read_text().splitlines()[-LOG_LINES:]:
                say(line)
            raise
        finally:
            structlog.configure(**before)
            root.handlers[:] = handlers
            root.setLevel(level)


async def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds; TimeoutError after 20 s."""
    async with asyncio.timeout(TIMEOUT_S):
        while not holds():  # noqa: ASYNC110 -- the daemon signals none of this
            await asyncio.sleep(POLL_S)
