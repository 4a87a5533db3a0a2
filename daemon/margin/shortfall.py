"""What lenders and venues would lose by a book: what it lacks now, and bad debt to be expected.

A domain's bad debt is what is owed there beyond what its liquidation recovers: collateral less the
liquidator's bonus and what selling moves the price, cash and gains. Each domain is liquidated by
itself. What is to be expected over a day is the mean over moves along the systemic direction,
Student's t with four degrees of freedom and the volatility in force, at equally likely points.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from daemon.margin.distance import list_moves, move_together
from daemon.margin.equity import StandardEquity
from daemon.margin.scenarios import InvalidRiskInput, RiskBook, check_positive
from daemon.margin.volatility import DAYS_A_YEAR

Floats = NDArray[np.float64]

POINTS: Final = 2_001
FREEDOM: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a liquidation costs: the bonus, and how far selling moves the price (parts)."""

    bonus: float = 0.05
    impact: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.bonus < math.inf and 0 <= self.impact < math.inf):
            raise InvalidRiskInput(f"recovery: {self} has a figure that is negative or no number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """USD: `lacking` is max(0, R - C); bad debt now, and what a day is to be expected to leave.

    `expected` is None where no volatility is known.
    """

    lacking: float
    bad_debt: float
    expected: float | None


def measure_shortfall(
    book: RiskBook, *, now: float, volatility: float | None = None, recovery: Recovery | None = None
) -> Shortfall:
    """Measure a book at `now` (seconds); `volatility` is that of majors, per year."""
    standard = StandardEquity(book, now=now)
    equity = float(standard.value(list_moves(standard, move_together, np.zeros(1)))[0])
    recovered = StandardEquity(_recover(book, recovery or Recovery()), now=now, option_margin=0.0)
    return Shortfall(
        lacking=max(0.0, -equity),
        bad_debt=float(_lose(recovered, np.zeros(1))[0]),
        expected=None if volatility is None else _expect(recovered, volatility),
    )


def _expect(recovered: StandardEquity, volatility: float) -> float:
    check_positive(volatility=volatility)
    shares = (np.arange(POINTS) + 0.5) / POINTS
    unit = stdtrit(FREEDOM, shares) * math.sqrt((FREEDOM - 2) / FREEDOM)
    moves = np.expm1(volatility / math.sqrt(DAYS_A_YEAR) * unit)
    return math.fsum(_lose(recovered, moves).tolist()) / POINTS


def _lose(recovered: StandardEquity, x: Floats) -> Floats:
    lost = np.zeros(len(x))
    for _, (held, owed) in recovered.list_domains(list_moves(recovered, move_together, x)):
        lost += np.maximum(owed - held, 0.0)
    return lost


def _recover(book: RiskBook, recovery: Recovery) -> RiskBook:
    """Give the book with everything at what it brings or costs when it is closed."""
    part = math.exp(-recovery.impact) / (1 + recovery.bonus)
    return replace(
        book,
        spots=tuple(replace(s, lt=part if s.lt > 0 else 0.0, haircut=0.0) for s in book.spots),
        debts=tuple(replace(debt, weight=1.0) for debt in book.debts),
        perps=tuple(replace(perp, maintenance=0.0, initial=0.0) for perp in book.perps),
    )
