"""The commands that the demo types, shown with what they print."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from daemon.demo.stage import DemoError
from daemon.devnet.artifacts import ROOT

LIMIT_S: Final = 120.0
_LONG: Final = 42
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Types commands of `plimsoll`; `options` are added to every one and not shown."""

    options: Sequence[str]
    say: Callable[[str], None]

    def ask(self, *words: str, options: Sequence[str] = ()) -> Any:  # noqa: ANN401 - JSON
        """Type a command and give its JSON; its progress is shown. DemoError where it fails."""
        return orjson.loads(self._run([*words, *options, *self.options, "--json"], words))

    def show(self, *words: str, options: Sequence[str]) -> None:
        """Type a command with options of its own and show what it prints; DemoError."""
        for line in self._run([*words, *options], words).splitlines():
            self.say(f"    {line}".rstrip())

    def _run(self, arguments: Sequence[str], shown: Sequence[str]) -> str:
        typed = " ".join(map(_shorten, shown))
        self.say(f"$ plimsoll {typed}")
        command = [sys.executable, "-m", "daemon", *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603 - our own module
            said = []
            for line in process.stderr or ():
                said.append(line.strip())
                self.say(f"    {said[-1]}")
            answer, _ = process.communicate(timeout=LIMIT_S)
        if process.returncode != 0:
            raise DemoError(f"plimsoll {typed} failed: {' '.join(said)}")
        return answer


def _shorten(word: str) -> str:
    return f"{word[:_SHOWN]}…" if word.startswith("0x") and len(word) > _LONG else word
