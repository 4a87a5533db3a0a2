"""Accounts with one collateral and one debt, sorted by the price at which they are liquidated.

Such a row is under a limit h iff collateral x w < h x debt x v, so iff debt / collateral > w /
(h v): for each pair of numbers one sorted list, and a tick is one look into each. Amounts are taken
with K times what rounding may cost in units at the time; while that has not grown K fold, nobody
is missed (K as in certificates).
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from chains.model.units import BPS
from daemon.margin.book.arrays import Floats, Rows
from daemon.margin.book.certificate import GROWTH, SLACK
from daemon.margin.book.columns import MOST_NUMBERS, Columns
from daemon.margin.book.factors import HALF, Factors, Formula

LEAST_ROWS: Final = 16
_PAIR: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairPrices:
    """All pairs' lists one after the other: `ratios` of debt to collateral, lowest first in each.

    The list of pair i, of the numbers `held[i]` and `owing[i]`, goes from `starts[i]` to
    `starts[i + 1]`. `errors` are what rounding cost in units of each number.
    """

    held: Rows
    owing: Rows
    starts: Rows
    ratios: Floats
    rows: Rows
    errors: Floats

    @classmethod
    def of(cls, columns: Columns, factors: Factors, rows: Rows) -> Self:
        """Sort rows that `find_pairs` gave."""
        first, second = (columns.numbers[slot, rows].astype(np.int64) for slot in range(_PAIR))
        swapped = factors.owed[first]
        amounts = columns.amounts[:_PAIR, rows]
        held, owing = np.where(swapped, second, first), np.where(swapped, first, second)
        errors = _count_errors(factors)
        supplied = np.where(swapped, amounts[1], amounts[0]) - GROWTH * errors[held]
        borrowed = np.where(swapped, amounts[0], amounts[1]) + GROWTH * errors[owing]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(supplied > 0, borrowed / supplied, np.inf)
        order = np.lexsort((ratios, owing, held))
        held, owing = held[order], owing[order]
        changes = np.flatnonzero((np.diff(held) != 0) | (np.diff(owing) != 0)) + 1
        starts = np.concatenate([[0], changes]) if len(order) else np.empty(0, np.int64)
        return cls(
            held=held[starts],
            owing=owing[starts],
            starts=np.append(starts, len(order)),
            ratios=ratios[order],
            rows=rows[order],
            errors=errors,
        )

    def find_candidates(self, factors: Factors, *, limit: float = 1.0) -> Rows:
        """Give the rows that may be under a limit now."""
        weights, errors = factors.values * factors.thresholds / BPS, _count_errors(factors)
        known = len(self.errors)
        held = errors[:known] <= GROWTH * self.errors
        sound = held[self.held] & held[self.owing]
        with np.errstate(divide="ignore", invalid="ignore"):
            prices = weights[self.held] / (limit * weights[self.owing]) * (1 - SLACK)
        prices = np.where(sound, np.nan_to_num(prices, nan=0.0, posinf=np.inf), 0.0)
        ends = self.starts[1:]
        parts = []
        for pair in np.flatnonzero(self.ratios[ends - 1] >= prices):
            start, end = int(self.starts[pair]), int(ends[pair])
            first = bisect_left(self.ratios, prices[pair], start, end)
            parts.append(self.rows[first:end])
        return np.concatenate([np.empty(0, np.int64), *parts])


def find_pairs(columns: Columns, factors: Factors) -> Rows:
    """Give the rows with one collateral that counts and one debt, both of a known value.

    Pairs of fewer than LEAST_ROWS rows are left to the certificates.
    """
    numbers = columns.numbers[:, : columns.size]
    rows = np.flatnonzero((numbers[1] != 0) & (numbers[2] == 0))
    first, second = (numbers[slot, rows].astype(np.int64) for slot in range(_PAIR))
    usable = (factors.values > 0) & (factors.thresholds > 0) & np.isfinite(factors.errors)
    apart = factors.owed[first] != factors.owed[second]
    kept = apart & usable[first] & usable[second]
    rows = rows[kept]
    kinds = first[kept] * MOST_NUMBERS + second[kept]
    _, kind, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    found: Rows = rows[counts[kind] >= LEAST_ROWS]
    return found


def _count_errors(factors: Factors) -> Floats:
    """Give what rounding may cost in units of each number: infinite where a unit is worth nothing.

    With one collateral the average threshold is its own, and only the last product is rounded.
    """
    errors = factors.errors
    with np.errstate(divide="ignore", invalid="ignore"):
        if factors.formula is Formula.FLOORED:
            errors = errors + np.where(factors.owed, 0.0, HALF * BPS / factors.thresholds)
        counted = errors / factors.values
    return np.nan_to_num(counted, nan=np.inf, posinf=np.inf)
