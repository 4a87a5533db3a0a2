"""Generated price files with the shape of four bad days: they test the machinery and nothing else.

A GJR process with Student's t makes calm and stormy months; around each day its returns give way to
those of the day's shape: rounded by hand to whole per cent, in the order in which they came, for a
larger and a smaller major and for alts. No parameter may ever be chosen by such a file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from daemon.margin.volatility import DAYS_A_YEAR
from daemon.risk.closes import GENERATED, Closes

BEFORE_DAYS: Final = 800
AFTER_DAYS: Final = 60
FIRST_CLOSE: Final = 100.0
COMMON: Final = 0.85
ALPHA, GAMMA, BETA, NU = 0.04, 0.06, 0.88, 5.0
VOLATILITIES: Final[Mapping[str, float]] = {"MAJOR_1": 0.55, "MAJOR_2": 0.70, "ALT": 0.95}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The daily returns around one day in per cent; `before` of them come before the day."""

    day: date
    before: int
    percent: Mapping[str, Sequence[int]]

    def returns(self) -> Mapping[date, Mapping[str, float]]:
        """Give the logarithmic returns by day and column."""
        length = len(next(iter(self.percent.values())))
        return {
            self.day + timedelta(days=n - self.before): {
                name: math.log1p(percent[n] / 100) for name, percent in self.percent.items()
            }
            for n in range(length)
        }


SHAPES: Final[Mapping[str, Shape]] = {
    "2020-03-12": Shape(
        day=date(2020, 3, 12),
        before=4,
        percent={
            "MAJOR_1": (-9, -2, 0, 0, -39, 15, -7, 4, -7),
            "MAJOR_2": (-16, 1, -1, -3, -43, 20, -8, 2, -11),
            "ALT": (-17, -1, 0, -4, -48, 21, -9, 3, -12),
        },
    ),
    "2022-06-13": Shape(
        day=date(2022, 6, 13),
        before=3,
        percent={
            "MAJOR_1": (-3, -3, -6, -16, -1, 2, -10, 0, -7),
            "MAJOR_2": (-7, -8, -6, -16, 0, 2, -14, 2, -9),
            "ALT": (-8, -10, -9, -18, 2, 5, -14, 3, -10),
        },
    ),
    "2024-08-05": Shape(
        day=date(2024, 8, 5),
        before=3,
        percent={
            "MAJOR_1": (-6, -1, -4, -7, 4, -2, 12),
            "MAJOR_2": (-7, -3, -8, -10, 2, -5, 14),
            "ALT": (-9, -5, -9, -12, 8, -6, 13),
        },
    ),
    "2025-10-10": Shape(
        day=date(2025, 10, 10),
        before=2,
        percent={
            "MAJOR_1": (1, -1, -7, -2, 4, 0),
            "MAJOR_2": (1, -4, -12, -2, 10, 2),
            "ALT": (2, -5, -28, -4, 14, 1),
        },
    ),
}


def generate_closes(shapes: Sequence[str], seed: int) -> Closes:
    """Give closes from 800 days before the first shape to 60 days after the last."""
    found = sorted((SHAPES[name] for name in shapes), key=lambda shape: shape.day)
    told = {day: each for shape in found for day, each in shape.returns().items()}
    first = found[0].day - timedelta(days=BEFORE_DAYS)
    days = tuple(
        first + timedelta(days=n) for n in range((found[-1].day - first).days + AFTER_DAYS + 1)
    )
    rng = np.random.default_rng(seed)
    common = rng.standard_t(NU, len(days)) * math.sqrt((NU - 2) / NU)
    prices = {
        name: _walk(
            days,
            {day: each[name] for day, each in told.items()},
            COMMON * common + math.sqrt(1 - COMMON**2) * rng.standard_normal(len(days)),
            volatility**2 / DAYS_A_YEAR,
        )
        for name, volatility in VOLATILITIES.items()
    }
    origin = f"shapes of {', '.join(str(shape.day) for shape in found)}, seed {seed}"
    return Closes(days=days, prices=prices, generated=f"{origin}; no market ever showed them")


def write_closes(closes: Closes) -> str:
    """Give the text of a price file."""
    lines = [f"{GENERATED} {closes.generated}"] if closes.generated else []
    lines.append(",".join(("date", *closes.prices)))
    for n, day in enumerate(closes.days):
        lines.append(",".join((str(day), *(repr(found[n]) for found in closes.prices.values()))))
    return "\n".join(lines) + "\n"


def _walk(
    days: Sequence[date],
    told: Mapping[date, float],
    shocks: np.typing.NDArray[np.float64],
    usual: float,
) -> tuple[float, ...]:
    """Give closes, rounded to six decimals; the return of a day that is told is the one told."""
    omega = usual * (1 - ALPHA - GAMMA / 2 - BETA)
    variance, price, closes = usual, FIRST_CLOSE, []
    for day, shock in zip(days, shocks.tolist(), strict=True):
        change = told.get(day, math.sqrt(variance) * shock)
        weight = ALPHA + (GAMMA if change < 0 else 0.0)
        variance = omega + weight * change**2 + BETA * variance
        price = max(round(price * math.exp(change), 6), 1e-6)
        closes.append(price)
    return tuple(closes)
