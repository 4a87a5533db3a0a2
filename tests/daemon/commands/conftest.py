"""Runs the command line in this process, and a daemon's API beside it where one is asked for."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from daemon.__main__ import dispatch
from daemon.devnet import launch
from daemon.devnet.folder import Folder
from daemon.devnet.solana.deployment import NodeKind


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def plimsoll(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = dispatch([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield run
    # `run` sends the logs of the whole process to this test's standard error.
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="package")
def shared_devnet() -> Iterator[Folder]:
    """One supervised devnet for all tests of `plimsoll mandate`: each uses wallets of its own."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-commands-") as name:
        folder = Folder.open(Path(name) / "devnet")
        launch.up(folder, solana=NodeKind.OWN, progress=print)
        try:
            yield folder
        finally:
            launch.down(folder)
