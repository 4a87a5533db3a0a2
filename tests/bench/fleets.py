"""Fleets for benchmarks, the same in every run: who holds what, and what it counts.

Of 200 assets the n-th is held in proportion to 1 / n. An account has two to six positions, four on
average, one in 500 has seven to nineteen; healths begin at 1.02 and are lognormal above it.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from daemon.margin.book.arrays import Floats, Numbers, Rows
from daemon.margin.book.columns import Columns
from daemon.margin.book.factors import Factors, Formula
from daemon.margin.book.valuation import value_all

ASSETS: Final = 200
LEAST_HEALTH: Final = 1.02
SEED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Columns with the factors of now; the most-held collateral has the number 1."""

    columns: Columns
    factors: Factors

    def move(self, shares: Floats) -> Factors:
        """Give the factors after prices moved: collateral first, then debts."""
        return replace(self.factors, values=self.factors.values * np.append(1.0, shares))

    @property
    def least_bytes(self) -> int:
        """Give the least that a pass must read and write: positions, a pointer a row, a health."""
        positions = len(self.columns.flatten().numbers)
        return positions * (8 + 2) + self.columns.size * (4 + 8)


def make_fleet(size: int) -> Fleet:
    """Make a fleet of so many accounts."""
    rng = np.random.default_rng(SEED)
    counts = 2 + rng.binomial(4, 0.5, size)
    wide = rng.random(size) < 0.002
    counts[wide] = rng.integers(7, 20, int(wide.sum()))
    numbers = _choose_numbers(rng, counts)
    amounts = rng.lognormal(0, 1, len(numbers)) * 1e10
    factors = make_factors(rng)
    health = value_all(Columns.of(counts, numbers, amounts), factors)
    target = LEAST_HEALTH + rng.lognormal(-1, 1, size)
    scale = np.where(np.isfinite(health), health / target, 1.0)
    amounts *= np.where(factors.owed[numbers], np.repeat(scale, counts), 1.0)
    return Fleet(columns=Columns.of(counts, numbers, amounts), factors=factors)


def _choose_numbers(rng: np.random.Generator, counts: Rows) -> Numbers:
    """Give each account a collateral, a debt, then either."""
    total = int(counts.sum())
    starts = np.cumsum(counts) - counts
    owed = rng.random(total) < 0.3
    owed[starts], owed[starts + 1] = False, True
    held = 1 / np.arange(1, ASSETS + 1)
    numbers = rng.choice(ASSETS, total, p=held / held.sum()) + 1 + ASSETS * owed
    return numbers.astype(np.uint16)


def make_factors(rng: np.random.Generator) -> Factors:
    """Give values and thresholds of all assets, as collateral and as debt."""
    numbers = np.arange(2 * ASSETS + 1)
    values = np.where(numbers > 0, rng.uniform(0.5, 1.5, len(numbers)) / 100, 0.0)
    thresholds = rng.choice([6_500.0, 7_500.0, 8_000.0, 8_250.0, 9_300.0], len(numbers))
    thresholds[numbers > ASSETS] = 10_000.0
    thresholds[0] = 0.0
    return Factors(
        formula=Formula.SUM,
        values=values,
        thresholds=thresholds,
        errors=np.where(numbers > 0, 1.0 + values, 0.0),
        owed=numbers > ASSETS,
    )
