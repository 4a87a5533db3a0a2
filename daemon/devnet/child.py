"""A node's process: on the leash of its starter, with a log, in a folder that goes with it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from daemon.devnet.errors import DevnetError

_STOP_TIMEOUT_S: Final = 5.0
_POLL_S: Final = 0.005
_LEASH: Final = Path(__file__).with_name("leash.py")


class Child:
    """A running process that ends with its starter, however that ends (see `leash.py`)."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.name = name
        self.process = process
        self.folder = folder

    @classmethod
    def start(cls, command: Sequence[str], *, name: str, folder: Path) -> Self:
        """Start a command by absolute path; all it says goes to `folder`/`name`.log.

        `folder` is made for this process and removed by `stop`. The command's input is a pipe
        that stays open for as long as its starter lives.
        """
        folder.mkdir(parents=True)
        with _log_of(folder, name).open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return cls(name, process, folder)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def wait_for(self, pattern: re.Pattern[str], timeout_s: float) -> re.Match[str]:
        """Wait until the log matches; DevnetError with its last line when the process ended."""
        log = _log_of(self.folder, self.name)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            ended = not self.alive
            text = log.read_text(errors="replace")
            if (found := pattern.search(text)) is not None:
                return found
            if ended:
                raise DevnetError(f"{self.name} ended at once: {_last_words(text)}")
            time.sleep(_POLL_S)
        raise DevnetError(f"{self.name} did not listen within {timeout_s:.0f} s (see {log})")

    def stop(self) -> None:
        """End the process and remove its folder; harmless when already done."""
        self.process.terminate()
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _log_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def _last_words(text: str) -> str:
    """Give the line that says most: an error's where there is one, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line]
    return (errors or lines or ["it printed nothing"])[-1]
