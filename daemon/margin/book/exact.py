"""Who may be liquidated: by floats where a proved bound decides, by integers where it cannot.

With u = 2^-53: a value is the nearest float to (index x price) / (ray x unit), an amount the
nearest to its integer, so that a term of a row's sums is off by at most 4 u of itself (its
threshold included) and a sum of n terms, none of them negative, by (n + 4) u. EPSILON_TERMS leaves
11 u for the arithmetic below. What the chain rounds off is absolute and comes beside it: `lost`.

The chain's last quotient, (A x 1e18 + D // 2) // D against 1e18, moves the boundary by less than
1e-18 of D, which the 11 u cover: the account may be liquidated iff A < D.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final

import numpy as np

from chains.model.units import BPS
from daemon.margin.book.arrays import Bools, Floats, Rows, Verdicts
from daemon.margin.book.factors import HALF, Formula
from daemon.margin.book.valuation import Sums

U: Final = 2.0**-53
EPSILON_TERMS: Final = 16
LOSS_SLACK: Final = 1 + 2.0**-40
"""Covers the rounding of the sums of what the chain loses."""


class Verdict(IntEnum):
    """What floats can say of a row."""

    HEALTHY = 0
    LIQUIDATABLE = 1
    UNDECIDED = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """Between what the chain's collateral figure and debt lie, in money."""

    backing_low: Floats
    backing_high: Floats
    debt_low: Floats
    debt_high: Floats

    def take(self, kept: Bools) -> "Bounds":
        """Give the bounds of those rows that are kept."""
        return Bounds(**{each.name: getattr(self, each.name)[kept] for each in fields(self)})

    @property
    def health_low(self) -> Floats:
        """Give a bound under each health, infinite without debt; the chain floors to 1e-18."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.maximum(self.backing_low, 0) / self.debt_high * (1 - 4 * U)
        return np.where(self.debt_high == 0, np.inf, np.nan_to_num(found, nan=0.0, posinf=np.inf))

    def judge(self) -> Verdicts:
        """Give each row's Verdict."""
        healthy = (self.backing_low > self.debt_high) | (self.debt_high == 0)
        under = self.backing_high < self.debt_low
        verdicts = np.full(len(healthy), Verdict.UNDECIDED, np.int8)
        verdicts[healthy] = Verdict.HEALTHY
        verdicts[under] = Verdict.LIQUIDATABLE
        return verdicts


def bound(sums: Sums, formula: Formula) -> Bounds:
    """Bound what the chain computes of rows whose sums are known."""
    epsilon = (sums.count + EPSILON_TERMS) * U
    debt_low, debt_high = _spread(sums.debt, sums.lost_debt, epsilon)
    low, high = _spread(sums.weighted, sums.lost_weighted, epsilon)
    if formula is Formula.SUM:
        backing = low / BPS, high / BPS
    else:
        backing = _bound_floored(sums, epsilon, low, high)
    return Bounds(
        backing_low=backing[0], backing_high=backing[1], debt_low=debt_low, debt_high=debt_high
    )


def _spread(total: Floats, lost: Floats, epsilon: Floats) -> tuple[Floats, Floats]:
    slack = lost * LOSS_SLACK
    return total * (1 - epsilon) - slack, total * (1 + epsilon) + slack


def _bound_floored(sums: Sums, epsilon: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bound collateral x floor(average threshold) / 1e4, rounded half up.

    The average lies between the least and the most threshold among the collateral.
    """
    held_low, held_high = _spread(sums.collateral, sums.lost_collateral, epsilon)
    held_low = np.maximum(held_low, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        floor_low = np.floor(np.maximum(low, 0) / held_high * (1 - 4 * U))
        floor_high = np.floor(high / held_low * (1 + 4 * U))
    floor_low = np.fmax(floor_low, np.where(np.isfinite(sums.least), sums.least, 0))
    floor_high = np.fmin(floor_high, sums.most)
    backing_low = held_low * floor_low / BPS * (1 - 4 * U) - HALF
    backing_high = held_high * floor_high / BPS * (1 + 4 * U) + HALF
    return np.maximum(backing_low, 0), backing_high


def decide(rows: Rows, verdicts: Verdicts, is_under: Callable[[int], bool]) -> Rows:
    """Give the rows that may be liquidated, in order; `is_under` decides in integers, of one row.

    It is asked of the undecided only.
    """
    undecided = np.flatnonzero(verdicts == Verdict.UNDECIDED)
    under = verdicts == Verdict.LIQUIDATABLE
    for place in undecided:
        under[place] = is_under(int(rows[place]))
    found: Rows = rows[under]
    return found
