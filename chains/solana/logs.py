"""A transaction's log lines: which data a program logged itself, pure.

Any program may log bytes of any shape, so a line counts only while the program asked for is the
one that runs. Source: https://solana.com/docs/programs (log lines of the runtime).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final

from solders.pubkey import Pubkey

_INVOKE: Final = re.compile(r"Program ([1-9A-HJ-NP-Za-km-z]{32,44}) invoke \[(\d{1,3})\]")
_END: Final = re.compile(r"Program ([1-9A-HJ-NP-Za-km-z]{32,44}) (?:success|failed: .*)", re.DOTALL)
_DATA: Final = "Program data: "
_TRUNCATED: Final = "Log truncated"
"""What the runtime writes in place of all that is past 10,000 bytes."""


def is_whole(logs: Sequence[str]) -> bool:
    """Say whether all lines are there: a node may keep none, the runtime cuts long ones off."""
    return bool(logs) and _TRUNCATED not in logs


def find_data(logs: Sequence[str], program: Pubkey) -> Iterator[bytes]:
    """Give what `program` logged as data, in order; a line that is no base64 is passed over."""
    running: list[str] = []
    for line in logs:
        if match := _INVOKE.fullmatch(line):
            running[int(match[2]) - 1 :] = [match[1]]
        elif match := _END.fullmatch(line):
            if running and running[-1] == match[1]:
                running.pop()
        elif line.startswith(_DATA) and running and running[-1] == str(program):
            yield from _decode(line.removeprefix(_DATA))


def _decode(text: str) -> Iterator[bytes]:
    for part in text.split():
        try:
            yield base64.b64decode(part, validate=True)
        except binascii.Error:
            continue
