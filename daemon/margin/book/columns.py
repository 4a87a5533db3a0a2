"""Who holds how much of what: up to six positions a row, wider accounts in a table beside it.

A position is an amount and a number, which names its asset, side and terms in `factors`; number 0
is padding. Columns lie one after the other (all first positions, then all second ones), so that a
pass reads memory in order and has no branch per account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from daemon.margin.book.arrays import Bools, Floats, Numbers, Places, Rows, check_amounts
from daemon.margin.scenarios import InvalidRiskInput

SLOTS: Final = 6
MOST_POSITIONS: Final = 1_000
"""The certificates' slack covers the rounding of so many terms."""
MOST_NUMBERS: Final = 2**16
_FIRST_ROWS: Final = 64

Positions = Sequence[tuple[int, float]]
"""Numbers with amounts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flat:
    """Positions one row after the other: those of `rows[i]` begin at `starts[i]`."""

    rows: Rows
    starts: Rows
    numbers: Places
    amounts: Floats

    @property
    def counts(self) -> Rows:
        """Give how many positions each row has."""
        return np.diff(self.starts)

    def take(self, places: Rows) -> "Flat":
        """Give the rows at some places, in that order."""
        counts = self.counts[places]
        starts = np.concatenate([[0], np.cumsum(counts)])
        shifts = np.repeat(self.starts[places] - starts[:-1], counts)
        chosen = np.arange(starts[-1]) + shifts
        return Flat(
            rows=self.rows[places],
            starts=starts,
            numbers=self.numbers[chosen],
            amounts=self.amounts[chosen],
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Columns:
    """The positions of `size` rows; `version` grows with every change.

    A row with more than six positions is empty in the columns and stands in `wide`. No position
    has a number above `highest`.
    """

    numbers: Numbers
    amounts: Floats
    size: int
    wide: dict[int, tuple[Numbers, Floats]] = field(default_factory=dict)
    version: int = 0
    highest: int = 0
    _wide: tuple[int, Flat] | None = None
    _flat: tuple[int, Flat] | None = None

    @classmethod
    def empty(cls) -> Self:
        """Give columns without a row."""
        return cls(
            numbers=np.zeros((SLOTS, _FIRST_ROWS), np.uint16),
            amounts=np.zeros((SLOTS, _FIRST_ROWS)),
            size=0,
        )

    @classmethod
    def of(cls, counts: Rows, numbers: Numbers, amounts: Floats) -> Self:
        """Give the columns of many rows at once, their positions one after the other.

        InvalidRiskInput names the field that is not as long as the counts say, or not finite.
        """
        if counts.sum() != len(numbers) or len(numbers) != len(amounts):
            raise InvalidRiskInput(
                f"counts say {counts.sum()} positions, numbers {len(numbers)}, "
                f"amounts {len(amounts)}"
            )
        _check(numbers, amounts, int(counts.max(initial=0)))
        made = cls(
            numbers=np.zeros((SLOTS, len(counts)), np.uint16),
            amounts=np.zeros((SLOTS, len(counts))),
            size=len(counts),
            highest=int(numbers.max(initial=0)),
        )
        ends = np.cumsum(counts)
        starts = ends - counts
        narrow = counts <= SLOTS
        for slot in range(SLOTS):
            rows = np.flatnonzero(narrow & (counts > slot))
            made.numbers[slot, rows] = numbers[starts[rows] + slot]
            made.amounts[slot, rows] = amounts[starts[rows] + slot]
        for row in np.flatnonzero(~narrow):
            part = slice(starts[row], ends[row])
            made.wide[int(row)] = (numbers[part].copy(), amounts[part].copy())
        return made

    def append(self, positions: Positions) -> int:
        """Add a row and give its place."""
        if self.size == self.numbers.shape[1]:
            self._grow()
        self.size += 1
        self.put(self.size - 1, positions)
        return self.size - 1

    def put(self, row: int, positions: Positions) -> None:
        """Replace a row's positions; none empties it. InvalidRiskInput leaves it as it was."""
        numbers = np.array([number for number, _ in positions], np.int64)
        amounts = np.array([amount for _, amount in positions], np.float64)
        _check(numbers, amounts, len(positions))
        self.numbers[:, row] = 0
        self.amounts[:, row] = 0
        self.wide.pop(row, None)
        if len(positions) > SLOTS:
            self.wide[row] = (numbers.astype(np.uint16), amounts)
        else:
            self.numbers[: len(positions), row] = numbers
            self.amounts[: len(positions), row] = amounts
        self.highest = max(self.highest, int(numbers.max(initial=0)))
        self.version += 1

    def _grow(self) -> None:
        spare = np.zeros_like(self.numbers)
        self.numbers = np.concatenate([self.numbers, spare], axis=1)
        self.amounts = np.concatenate([self.amounts, spare.astype(np.float64)], axis=1)

    def flatten_wide(self) -> Flat:
        """Give the wide rows' positions, rows in order."""
        if self._wide is None or self._wide[0] != self.version:
            self._wide = (self.version, _flatten(self.wide))
        return self._wide[1]

    def flatten(self) -> Flat:
        """Give all rows' positions, without padding."""
        if self._flat is None or self._flat[0] != self.version:
            self._flat = (self.version, self._flatten_all())
        return self._flat[1]

    def _flatten_all(self) -> Flat:
        numbers, amounts = self.numbers[:, : self.size].T, self.amounts[:, : self.size].T
        used = numbers != 0
        counts = used.sum(axis=1)
        wide = self.flatten_wide()
        counts[wide.rows] = wide.counts
        padded = np.ones(self.size, np.bool_)
        padded[wide.rows] = False
        padded = np.repeat(padded, counts)
        flat = Flat(
            rows=np.arange(self.size),
            starts=np.concatenate([[0], np.cumsum(counts)]),
            numbers=np.empty(len(padded), np.int32),
            amounts=np.empty(len(padded)),
        )
        flat.numbers[padded], flat.amounts[padded] = numbers[used], amounts[used]
        flat.numbers[~padded], flat.amounts[~padded] = wide.numbers, wide.amounts
        return flat

    def find_used(self, rows: Rows, known: int) -> Bools:
        """Say which of `known` numbers some of the rows use."""
        counts = np.zeros(known, np.int64)
        for slot in range(SLOTS):
            counts += np.bincount(self.numbers[slot, rows], minlength=known)
        wide = self.flatten_wide()
        apart = np.repeat(np.isin(wide.rows, rows), wide.counts)
        counts += np.bincount(wide.numbers[apart], minlength=known)
        used: Bools = counts > 0
        used[0] = False
        return used

    def check_known(self, known: int) -> None:
        """Raise InvalidRiskInput where a position may have a number without a factor."""
        if self.highest >= known:
            raise InvalidRiskInput(f"numbers: {self.highest} names no asset, {known} are known")


def _check(numbers: Numbers | Rows, amounts: Floats, most: int) -> None:
    check_amounts("amounts", amounts)
    if most > MOST_POSITIONS:
        raise InvalidRiskInput(f"positions: {most} in one account, {MOST_POSITIONS} at the most")
    if numbers.size and not 0 < numbers.min() <= numbers.max() < MOST_NUMBERS:
        raise InvalidRiskInput("numbers: a position's number is from 1 to 65535")


def _flatten(wide: Mapping[int, tuple[Numbers, Floats]]) -> Flat:
    rows = sorted(wide)
    parts = [wide[row] for row in rows]
    counts = [len(numbers) for numbers, _ in parts]
    return Flat(
        rows=np.array(rows, np.int64),
        starts=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
        numbers=np.concatenate([np.empty(0, np.int32), *(numbers for numbers, _ in parts)]),
        amounts=np.concatenate([np.empty(0), *(amounts for _, amounts in parts)]),
    )
