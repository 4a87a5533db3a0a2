"""JSON documents of the risk commands, field by field: InvalidRiskInput names what is wrong."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from daemon.margin.scenarios import InvalidRiskInput


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object and where it stands."""

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of(cls, found: object, path: str = "") -> Self:
        """Take a JSON object."""
        if not isinstance(found, Mapping):
            raise InvalidRiskInput(f"{path or 'the document'} is no JSON object")
        return cls(found, path)

    def name(self, field: str) -> str:
        """Give a field's full name."""
        return f"{self.path}.{field}" if self.path else field

    def has(self, field: str) -> bool:
        """Say whether a field is there and not null."""
        return self.values.get(field) is not None

    def table(self, field: str, *, optional: bool = False) -> "Fields":
        """Give the object of a field; an empty one where it may be left out."""
        if optional and not self.has(field):
            return Fields({}, self.name(field))
        return Fields.of(self._take(field), self.name(field))

    def tables(self) -> Iterator[tuple[str, "Fields"]]:
        """Give every field as an object."""
        for field in self.values:
            yield field, self.table(field)

    def rows(self, field: str) -> Iterator["Fields"]:
        """Give the objects of a list; none where the field is left out."""
        found = self.values.get(field) or []
        if not isinstance(found, list):
            raise InvalidRiskInput(f"{self.name(field)} is no list")
        for number, row in enumerate(found):
            yield Fields.of(row, f"{self.name(field)}[{number}]")

    def number(
        self,
        field: str,
        default: float | None = None,
        *,
        least: float = 0.0,
        most: float = math.inf,
    ) -> float:
        """Give a finite number from `least` to `most`."""
        if default is not None and not self.has(field):
            return default
        found = self._take(field)
        named = self.name(field)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise InvalidRiskInput(f"{named} is {found!r}, not a number")
        if not math.isfinite(found) or not least <= found <= most:
            raise InvalidRiskInput(f"{named} is {found!r}, not from {least:g} to {most:g}")
        return float(found)

    def text(self, field: str, default: str | None = None) -> str:
        """Give a text."""
        if default is not None and not self.has(field):
            return default
        found = self._take(field)
        if not isinstance(found, str):
            raise InvalidRiskInput(f"{self.name(field)} is {found!r}, not a text")
        return found

    def flag(self, field: str) -> bool:
        """Give true or false; false where it is left out."""
        found = self.values.get(field, False)
        if not isinstance(found, bool):
            raise InvalidRiskInput(f"{self.name(field)} is {found!r}, not true or false")
        return found

    def only(self, *fields: str) -> "Fields":
        """Refuse fields that nobody reads."""
        for field in self.values:
            if field not in fields:
                raise InvalidRiskInput(f"{self.name(field)} is not known")
        return self

    def _take(self, field: str) -> object:
        if not self.has(field):
            raise InvalidRiskInput(f"{self.name(field)} is missing")
        return self.values[field]
