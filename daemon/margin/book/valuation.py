"""Health of the whole fleet in one pass, and exact-enough sums of any rows, by either engine."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from chains.model.units import BPS
from daemon.margin.book import fallback
from daemon.margin.book.arrays import Bools, Floats, Rows
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import THREADS, Engine, choose_engine, find_kernels, share_out
from daemon.margin.book.factors import Factors
from daemon.margin.scenarios import InvalidRiskInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """What rows' positions add up to, in money, and the most that the chain's rounding moves it.

    `weighted` and `lost_weighted` are in basis points of money. `least` and `most` are the
    thresholds among a row's collateral (infinity and 0 without any), `count` its positions.
    """

    weighted: Floats
    collateral: Floats
    debt: Floats
    lost_weighted: Floats
    lost_collateral: Floats
    lost_debt: Floats
    least: Floats
    most: Floats
    count: Floats

    def take(self, kept: Bools) -> "Sums":
        """Give the sums of those rows that are kept."""
        return Sums(**{each.name: getattr(self, each.name)[kept] for each in fields(self)})

    @property
    def health(self) -> Floats:
        """Give each health as it is shown: infinite where nothing is owed."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.debt > 0, self.weighted / BPS / self.debt, np.inf)


_NAMES: Final = tuple(each.name for each in fields(Sums))


def value_all(
    columns: Columns,
    factors: Factors,
    *,
    engine: Engine | None = None,
    out: Floats | None = None,
    threads: int = THREADS,
) -> Floats:
    """Give every row's health, infinite where nothing is owed: a float, for ranking and showing.

    `out` is written where it is given. InvalidRiskInput for a number without a factor.
    """
    columns.check_known(len(factors))
    found = np.empty(columns.size) if out is None else out
    if (kernels := find_kernels(engine or choose_engine())) is None:
        return fallback.value_all(columns, factors.weights, found)
    weights = factors.weights
    arguments = (columns.numbers, columns.amounts, weights, found)
    share_out(kernels.health_rows, columns.size, *arguments, threads=threads)
    if columns.wide:
        wide = columns.flatten_wide()
        found[wide.rows] = fallback.value_flat(wide, weights)
    return found


def sum_rows(
    columns: Columns,
    factors: Factors,
    rows: Rows,
    *,
    engine: Engine | None = None,
    threads: int = THREADS,
) -> Sums:
    """Give the sums of some rows, in their order. InvalidRiskInput for a number without factor."""
    columns.check_known(len(factors))
    if len(rows) and not 0 <= rows.min() <= rows.max() < columns.size:
        raise InvalidRiskInput(f"rows: {columns.size} are known, {rows.max()} is asked for")
    if not len(rows):
        return Sums(**dict.fromkeys(_NAMES, np.empty(0)))
    table = build_table(factors)
    out = np.empty((len(rows), len(_NAMES)))
    if (kernels := find_kernels(engine or choose_engine())) is None:
        fallback.sum_rows(columns, rows, table, out)
    else:
        arguments = (rows, columns.numbers, columns.amounts, table, out)
        share_out(kernels.sum_rows, len(rows), *arguments, threads=threads)
    if columns.wide:
        fallback.sum_wide(columns, rows, table, out)
    return Sums(**dict(zip(_NAMES, out.T, strict=True)))


def build_table(factors: Factors) -> Floats:
    """Give a line for each number: what it adds to Sums.

    To the first three by unit, to the others by position.
    """
    held, unknown = ~factors.owed, np.isinf(factors.errors)
    errors = np.where(factors.thresholds > 0, factors.errors, 0.0)
    counted = held & (factors.errors > 0)
    table = np.zeros((len(factors), len(_NAMES)))
    table[:, 0] = np.where(held, factors.values * factors.thresholds, 0.0)
    table[:, 1] = np.where(held, factors.values, 0.0)
    table[:, 2] = np.where(held, 0.0, factors.values)
    table[:, 3] = np.where(held, errors * np.where(unknown, 1.0, factors.thresholds), 0.0)
    table[:, 4] = np.where(held, factors.errors, 0.0)
    table[:, 5] = np.where(held, 0.0, factors.errors)
    table[:, 6] = np.where(counted, factors.thresholds, np.inf)
    table[:, 7] = np.where(counted, factors.thresholds, 0.0)
    table[1:, 8] = 1.0
    return table


def find_lowest(health: Floats, count: int, *, engine: Engine | None = None) -> Rows:
    """Give the rows of the lowest healths, the lowest first; those who owe nothing are left out."""
    count = min(count, len(health))
    if count == 0:
        return np.empty(0, np.int64)
    if (kernels := find_kernels(engine or choose_engine())) is None:
        places = np.argpartition(health, count - 1)[:count]
    else:
        values, places = np.full(count, np.inf), np.full(count, -1)
        kernels.keep_lowest(health, values, places)
        places = places[places >= 0]
    ordered = places[np.lexsort((places, health[places]))]
    return ordered[np.isfinite(health[ordered])]
