"""Who need not be looked at after a move of prices: everybody whose certificate says so.

A row's health is never under (L - K e) / (D + K f): L and D as they were when it was certified, e
and f what the chain's rounding may take or add, K = 4. When no weight of collateral fell by more
than the part `down` and no debt's rose by more than `up`, L' >= L (1 - down) and
D' <= D (1 + up), because both sums have no negative term; and while no rounding has grown more
than K (1 - down) fold, also L' - e' >= (L - K e)(1 - down), D' + f' <= (D + K f)(1 + up). So whose
certified health is above limit x (1 + up) / (1 - down) is above the limit now, however prices
moved together. Weights hold price, index and threshold alike.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from chains.model.units import BPS
from daemon.margin.book.arrays import Bools, Floats, Rows
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import Engine, choose_engine, find_kernels, share_out
from daemon.margin.book.factors import HALF, Factors, Formula
from daemon.margin.book.valuation import Sums, build_table, sum_rows

CAP: Final = 1.25
"""Whose certified health is above it is not kept: a larger move values everybody."""
GROWTH: Final = 4.0
SLACK: Final = 1e-12
"""Covers the rounding of sums of up to 1,000 terms, and of the comparison."""
_LINES: Final = 61
_NOBODY: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificates:
    """Certified healths under the cap, the lowest first, with their rows.

    `held` and `owing` are the numbers that certified rows use; `weights` and `errors` (weighted)
    are those of the moment.
    """

    ranked: Floats
    rows: Rows
    cap: float
    held: Rows
    owing: Rows
    weights: Floats
    errors: Floats


def certify(
    columns: Columns,
    factors: Factors,
    apart: Rows = _NOBODY,
    *,
    cap: float = CAP,
    engine: Engine | None = None,
) -> Certificates:
    """Certify all rows but those that are kept apart, at the factors of now."""
    columns.check_known(len(factors))
    without = np.zeros(columns.size, np.bool_)
    without[apart] = True
    health, used = _certify_all(columns, factors, without, engine)
    near = np.flatnonzero(health <= cap)
    ranked = health[near]
    order = np.argsort(ranked)
    return Certificates(
        ranked=ranked[order],
        rows=near[order],
        cap=cap,
        held=np.flatnonzero(used & ~factors.owed),
        owing=np.flatnonzero(used & factors.owed),
        weights=factors.least,
        errors=_weigh_errors(factors),
    )


def _certify_all(
    columns: Columns, factors: Factors, apart: Bools, engine: Engine | None
) -> tuple[Floats, Bools]:
    """Give every row's certified health, infinite where it is apart, and the others' numbers."""
    health = np.full(columns.size, np.inf)
    if (kernels := find_kernels(engine or choose_engine())) is None:
        rows = np.flatnonzero(~apart)
        used = columns.find_used(rows, len(factors))
    else:
        marks = np.zeros((_LINES, len(factors)), np.bool_)
        arguments = (columns.numbers, columns.amounts, _build_table(factors), apart, marks, health)
        share_out(kernels.certify_rows, columns.size, *arguments)
        wide = columns.flatten_wide()
        rows = wide.rows[~apart[wide.rows]]
        used = np.logical_or.reduce(marks, axis=0)
        used[wide.numbers[np.repeat(~apart[wide.rows], wide.counts)]] = True
        used[0] = False
    health[rows] = _bound_health(sum_rows(columns, factors, rows, engine=engine), factors.formula)
    return health, used


def _build_table(factors: Factors) -> Floats:
    """Give what _bound_health adds up: by unit, by position, and in the last line by row."""
    each = build_table(factors)
    floored = factors.formula is Formula.FLOORED
    table = np.zeros((len(factors) + 1, 4))
    table[:-1, 0] = (each[:, 0] - each[:, 1] * floored) / BPS
    table[:-1, 1] = each[:, 2]
    table[:-1, 2] = -GROWTH / BPS * each[:, 3]
    table[:-1, 3] = GROWTH * each[:, 5]
    table[-1, 2] = -GROWTH * HALF * floored
    return table


def _bound_health(sums: Sums, formula: Formula) -> Floats:
    """Give (L - K e) / (D + K f), infinite where nothing is owed, 0 where all is unknown."""
    least, half = sums.weighted, 0.0
    if formula is Formula.FLOORED:
        least, half = np.maximum(sums.weighted - sums.collateral, 0), HALF
    backing = least / BPS - GROWTH * (sums.lost_weighted / BPS + half)
    owed = sums.debt + GROWTH * sums.lost_debt
    with np.errstate(divide="ignore", invalid="ignore"):
        health = np.nan_to_num(np.maximum(backing, 0) / owed, nan=0.0, posinf=np.inf)
    return np.where(owed > 0, health, np.inf)


def _weigh_errors(factors: Factors) -> Floats:
    with np.errstate(invalid="ignore"):
        weighted = factors.errors * factors.thresholds / BPS
    return np.where(factors.thresholds > 0, weighted, 0.0)


def find_candidates(
    certificates: Certificates, factors: Factors, *, limit: float = 1.0
) -> Rows | None:
    """Give the certified rows that may be under a limit now; None where it may be anybody."""
    weights = factors.least
    held, owing = certificates.held, certificates.owing
    left = _least_share(weights[held], certificates.weights[held])
    grown = _most_share(weights[owing], certificates.weights[owing])
    if left * GROWTH < 1 or not _errors_hold(certificates, factors, GROWTH * left):
        return None
    needed = limit * grown / left * (1 + SLACK)
    if not needed <= certificates.cap:
        return None
    count = int(np.searchsorted(certificates.ranked, needed, side="right"))
    return certificates.rows[:count]


def _least_share(now: Floats, then: Floats) -> float:
    """Give the least part that is left of any weight; one that was nothing cannot fall."""
    positive = then > 0
    shares = now[positive] / then[positive]
    return min(1.0, float(shares.min(initial=1.0)))


def _most_share(now: Floats, then: Floats) -> float:
    """Give the largest multiple that any weight has become: infinite where one was nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(now > then, now / then, 1.0)
    return float(shares.max(initial=1.0))


def _errors_hold(certificates: Certificates, factors: Factors, most: float) -> bool:
    now, then = _weigh_errors(factors), certificates.errors
    held, owing = certificates.held, certificates.owing
    return bool(
        (now[held] <= most * then[held]).all() and (now[owing] <= GROWTH * then[owing]).all()
    )
