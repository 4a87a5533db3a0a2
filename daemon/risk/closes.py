"""Daily closes from a CSV file: `date,close`, or a column for each underlying.

The header names the columns, `date` first. Days are written 2024-08-05, each the one after its
predecessor: what was not quoted must not look like one day's move. Closes are positive decimals.
Lines that begin with # may stand at the head; `# generated:` in one of them says that no market
ever showed these prices.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

GENERATED: Final = "# generated:"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOSE: Final = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?")
_NAME: Final = re.compile(r"[A-Za-z0-9_.+-]{1,32}")
_ONE_DAY: Final = timedelta(days=1)
SINGLE: Final = "close"
GREATEST_BYTES: Final = 32 * 2**20


class InvalidCloses(ValueError):
    """A price file that cannot be used; one line, with the row and the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closes:
    """Closes of consecutive days by column; `generated` says how they were made, if they were."""

    days: tuple[date, ...]
    prices: Mapping[str, tuple[float, ...]]
    generated: str | None = None

    def of(self, name: str) -> tuple[float, ...] | None:
        """Give an underlying's closes: its own column's, or those of a file with a single one."""
        if name in self.prices:
            return self.prices[name]
        return self.prices[SINGLE] if tuple(self.prices) == (SINGLE,) else None


def read_closes(path: Path) -> Closes:
    """Read a file; InvalidCloses where it cannot be read, or names what is wrong in it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidCloses(f"{path}: {error.strerror}") from error
    if len(raw) > GREATEST_BYTES:
        raise InvalidCloses(f"{path}: the file is larger than {GREATEST_BYTES} bytes")
    try:
        return parse_closes(raw.decode("ascii"))
    except UnicodeDecodeError as error:
        raise InvalidCloses(f"{path}: byte {error.start} is no ASCII") from error
    except InvalidCloses as error:
        raise InvalidCloses(f"{path}: {error}") from error


def parse_closes(text: str) -> Closes:
    """Give what a text says; InvalidCloses names the row (the file's line) and the field."""
    lines = text.splitlines()
    head = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if head == len(lines):
        raise InvalidCloses("row 1: there is no header; write date,close")
    names = _parse_header(lines[head], head + 1)
    days: list[date] = []
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(lines[head + 1 :], head + 2):
        fields = line.split(",")
        if len(fields) != len(names) + 1:
            raise InvalidCloses(
                f"row {number}: it has {len(fields)} fields, the header {len(names) + 1}"
            )
        days.append(_parse_day(fields[0], number, days))
        rows.append(tuple(_parse_all(fields[1:], names, number)))
    if not rows:
        raise InvalidCloses(f"row {head + 2}: there are no closes")
    return Closes(
        days=tuple(days),
        prices=dict(zip(names, zip(*rows, strict=True), strict=True)),
        generated=_find_origin(lines[:head]),
    )


def _find_origin(comments: Sequence[str]) -> str | None:
    found = (line.removeprefix(GENERATED) for line in comments if line.startswith(GENERATED))
    return next((line.strip() for line in found), None)


def _parse_header(line: str, number: int) -> tuple[str, ...]:
    first, *names = line.split(",")
    if first != "date":
        raise InvalidCloses(f"row {number}: date: the header begins with {first!r}")
    if not names:
        raise InvalidCloses(f"row {number}: close: the header names no column of closes")
    for index, name in enumerate(names):
        if not _NAME.fullmatch(name):
            raise InvalidCloses(f"row {number}: column {index + 2}: {name!r} is no name")
        if name in names[:index]:
            raise InvalidCloses(f"row {number}: {name}: the column stands twice")
    return tuple(names)


def _parse_day(field: str, number: int, before: Sequence[date]) -> date:
    try:
        day = date.fromisoformat(field) if _DAY.fullmatch(field) else None
    except ValueError:
        day = None
    if day is None:
        raise InvalidCloses(f"row {number}: date: {field!r} is no day such as 2024-08-05")
    if not before or day == before[-1] + _ONE_DAY:
        return day
    if day == before[-1]:
        raise InvalidCloses(f"row {number}: date: {field} stands twice")
    if day < before[-1]:
        raise InvalidCloses(f"row {number}: date: {field} follows {before[-1]}; sort the rows")
    raise InvalidCloses(f"row {number}: date: {field} follows {before[-1]}; days are missing")


def _parse_all(fields: Sequence[str], names: Sequence[str], number: int) -> Iterator[float]:
    for field, name in zip(fields, names, strict=True):
        close = float(field) if _CLOSE.fullmatch(field) else 0.0
        if not 0 < close < float("inf"):
            raise InvalidCloses(f"row {number}: {name}: {field!r} is no positive number")
        yield close
