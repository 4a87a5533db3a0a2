"""The book: columns, certificates and sorted prices of one fleet, and what changed since.

Rows changed after the last `rebase` are dirty: they are looked at on every tick, and
`due` says when they are too many. Where a move is too large for the certificates a tick makes them
anew itself, which is faster than to look at everybody.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from daemon.margin.book.arrays import Rows
from daemon.margin.book.certificate import CAP, Certificates, certify, find_candidates
from daemon.margin.book.columns import Columns, Positions
from daemon.margin.book.engine import Engine, choose_engine
from daemon.margin.book.exact import Bounds, bound
from daemon.margin.book.factors import Factors
from daemon.margin.book.sorted_prices import PairPrices, find_pairs
from daemon.margin.book.valuation import Sums, sum_rows
from daemon.margin.scenarios import InvalidRiskInput

MOST_DIRTY: Final = 1_000
DIRTY_SHARE: Final = 50
"""A rebase is due once one part in so many rows is dirty, and MOST_DIRTY are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Rows that were looked at, what they add up to and what the chain makes of it at most."""

    rows: Rows
    sums: Sums
    bounds: Bounds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Index:
    """Who need not be looked at, as of one moment."""

    certificates: Certificates
    pairs: PairPrices


class Book:
    """One fleet's rows under one chain's formula; not for several threads at once."""

    def __init__(self, columns: Columns | None = None, *, engine: Engine | None = None) -> None:
        self.columns: Final = Columns.empty() if columns is None else columns
        self.engine: Final = engine or choose_engine()
        self._index: _Index | None = None
        self._dirty: set[int] = set(range(self.columns.size))

    def append(self, positions: Positions) -> int:
        """Add a row and give its place; InvalidRiskInput names what is no position."""
        row = self.columns.append(positions)
        self._dirty.add(row)
        return row

    def put(self, row: int, positions: Positions) -> None:
        """Replace a row's positions; none empties it."""
        self.columns.put(row, positions)
        self._dirty.add(row)

    @property
    def due(self) -> bool:
        """Say whether a rebase would make ticks faster: it is not made by itself."""
        most = max(MOST_DIRTY, self.columns.size // DIRTY_SHARE)
        return self._index is None or len(self._dirty) > most

    def rebase(self, factors: Factors) -> None:
        """Certify every row anew at the factors of now: off the hot path."""
        self._index = self._build_index(factors)

    def _build_index(self, factors: Factors) -> _Index:
        self.columns.check_known(len(factors))
        paired = find_pairs(self.columns, factors)
        index = _Index(
            certificates=certify(self.columns, factors, paired, engine=self.engine),
            pairs=PairPrices.of(self.columns, factors, paired),
        )
        self._dirty.clear()
        return index

    def find(self, factors: Factors, *, limit: float = 1.0) -> Found:
        """Give the rows that may be under a limit now, and maybe a few above it.

        Nobody is missed whose health, as the chain computes it, is under the limit.
        """
        rows = self.find_rows(factors, limit=limit)
        sums = sum_rows(self.columns, factors, rows, engine=self.engine)
        bounds = bound(sums, factors.formula)
        if not len(rows):
            return Found(rows=rows, sums=sums, bounds=bounds)
        kept = bounds.health_low < limit
        return Found(rows=rows[kept], sums=sums.take(kept), bounds=bounds.take(kept))

    def find_rows(self, factors: Factors, *, limit: float = 1.0) -> Rows:
        """Give the rows to look at, after certifying all anew where that holds no more.

        InvalidRiskInput for a limit above the certificates' cap.
        """
        if not 0 < limit < CAP:
            raise InvalidRiskInput(f"limit: {limit} is not between 0 and {CAP}")
        self._index = index = self._index or self._build_index(factors)
        near = find_candidates(index.certificates, factors, limit=limit)
        if near is None:
            self._index = index = self._build_index(factors)
            near = find_candidates(index.certificates, factors, limit=limit)
        if near is None:
            return np.arange(self.columns.size)
        paired = index.pairs.find_candidates(factors, limit=limit)
        return self._join(near, paired)

    def _join(self, near: Rows, paired: Rows) -> Rows:
        """Give candidates with the dirty rows, each once."""
        if not self._dirty:
            return near if not len(paired) else np.concatenate([near, paired])
        dirty = np.fromiter(self._dirty, np.int64, len(self._dirty))
        return np.unique(np.concatenate([near, paired, dirty]))
