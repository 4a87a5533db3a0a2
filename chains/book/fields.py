"""One reader per kind of field: what is not exactly as the format says is refused by its path.

Numbers with a unit are decimal texts, so that no parser rounds them; times and basis points are
whole JSON numbers. A JSON number with a fraction, NaN and Infinity are refused everywhere.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from chains.book.errors import BookError

USD_DECIMALS: Final = 8
SIZE_DECIMALS: Final = 18
MOST_TIME: Final = 2**40
_WHOLE_DIGITS: Final = 15
_DECIMAL: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_ENTRIES: Final = 1000
"""How many parts a book may have, and each of its lists."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An object of the file; every field is taken once, and what is left over is refused."""

    path: str
    values: dict[str, Any]

    @classmethod
    def of(cls, value: object, path: str) -> "Table":
        """Take a JSON object."""
        if not isinstance(value, dict):
            raise BookError(path, f"is {_show(value)}; write an object")
        return cls(path=path, values=dict(value))

    def at(self, name: str) -> str:
        """Give a field's path."""
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str) -> object:
        """Give a field that must be there."""
        if name not in self.values:
            raise BookError(self.at(name), "is missing")
        return self.values.pop(name)

    def text(self, name: str) -> str:
        """Give a name: letters, digits, dots, dashes, at most 64 of them."""
        value = self.take(name)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise BookError(self.at(name), f"is {_show(value)}; write letters, digits, '.', '-'")
        return value

    def choice(self, name: str, known: Mapping[str, T]) -> T:
        """Give what a text stands for."""
        value = self.take(name)
        if not isinstance(value, str) or value not in known:
            raise BookError(self.at(name), f"is {_show(value)}; write {' or '.join(known)}")
        return known[value]

    def flag(self, name: str) -> bool:
        """Give true or false; false where it is left out."""
        value = self.values.pop(name, False)
        if not isinstance(value, bool):
            raise BookError(self.at(name), f"is {_show(value)}; write true or false")
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        """Give a whole JSON number between two bounds."""
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BookError(
                self.at(name), f"is {_show(value)}; write a whole number, {least} to {most}"
            )
        return value

    def amount(self, name: str, decimals: int, *, signed: bool = False) -> int:
        """Give a decimal text x 10^decimals, exactly; a sign only where `signed`."""
        value = self.take(name)
        found = _DECIMAL.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise BookError(self.at(name), f'is {_show(value)}; write a decimal such as "12.5"')
        minus, whole, fraction = found[1], found[2], found[3] or ""
        if len(whole) > _WHOLE_DIGITS or len(fraction) > decimals:
            limits = f"{_WHOLE_DIGITS} digits before the point, {decimals} behind it"
            raise BookError(self.at(name), f"is {_show(value)}; write at most {limits}")
        units = int(whole + fraction.ljust(decimals, "0"))
        if minus and not signed:
            raise BookError(self.at(name), f"is {_show(value)}, which is negative")
        return -units if minus else units

    def positive(self, name: str, decimals: int) -> int:
        """Give a decimal text x 10^decimals that is above zero."""
        if (units := self.amount(name, decimals)) == 0:
            raise BookError(self.at(name), "is zero")
        return units

    def size(self, name: str) -> int:
        """Give a signed size x 1e18 that is not zero."""
        if (units := self.amount(name, SIZE_DECIMALS, signed=True)) == 0:
            raise BookError(self.at(name), "is zero; leave the position out")
        return units

    def rows(self, name: str, read: Callable[["Table"], T]) -> tuple[T, ...]:
        """Give each entry of a list of objects; an empty tuple where the list is left out."""
        value = self.values.pop(name, [])
        if not isinstance(value, list) or len(value) > MOST_ENTRIES:
            raise BookError(self.at(name), f"is no list of at most {MOST_ENTRIES} objects")
        return tuple(self._read_rows(name, value, read))

    def _read_rows(
        self, name: str, rows: list[object], read: Callable[["Table"], T]
    ) -> Iterator[T]:
        for index, row in enumerate(rows):
            table = Table.of(row, f"{self.at(name)}[{index}]")
            yield read(table)
            table.finish()

    def finish(self) -> None:
        """Refuse what no field took."""
        for name in self.values:
            raise BookError(self.at(name), "is not known here")


def _show(value: object) -> str:
    return repr(value) if len(repr(value)) <= _WHOLE_DIGITS * 4 else f"{repr(value)[:60]}…"
