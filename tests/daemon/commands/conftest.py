"""Runs the command line in this process, and a daemon's API beside it where one is asked for."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import structlog

from daemon.__main__ import dispatch


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
