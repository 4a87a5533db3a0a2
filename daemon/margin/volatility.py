"""Volatility forecasts from daily closes: the greatest of what several ways foresee.

Exponentially weighted squares (RiskMetrics 1996, 0.94), the heterogeneous model of realised
variance (Corsi 2009) on daily squares, GJR-GARCH with parameters that somebody fitted (Glosten,
Jagannathan and Runkle 1993), what options imply, and a floor. Volatilities are per year (1 = 100
%), variances per day; a year has 365 trading days. Nothing is fitted here but least squares, and no
clock is read: the same closes and parameters always give the same figures.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive

Floats = NDArray[np.float64]

MODEL: Final = "plimsoll/volatility/1"
"""What the forecast is called in records; another one wherever equal inputs give other figures."""
DAYS_A_YEAR: Final = 365
HAR_DAYS: Final = (1, 7, 30)
"""The horizons of the heterogeneous model; crypto trades on seven days a week."""
HAR_LEAST: Final = 90
RIDGE: Final = 1e-9
WINDOW_DAYS: Final = 1_500
DAY_S: Final = 86_400


class Way(StrEnum):
    """How a volatility is foreseen."""

    EWMA = "ewma"
    HAR = "har"
    GARCH = "gjr-garch-t"
    IMPLIED = "implied"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityTerms:
    """The decay of old squares per day, and the least volatility that is believed."""

    decay: float = 0.94
    floor: float = 0.30

    def __post_init__(self) -> None:
        check_positive(floor=self.floor)
        if not 0 < self.decay < 1:
            raise InvalidRiskInput(f"decay is {self.decay}: it lies between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Garch:
    """The parameters of a GJR-GARCH(1, 1) of daily returns; `omega` is a variance per day.

    `nu` are the degrees of freedom of Student's t that the parameters were fitted with.
    """

    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float

    def __post_init__(self) -> None:
        check_finite(alpha=self.alpha, gamma=self.gamma, beta=self.beta)
        check_positive(omega=self.omega, nu=self.nu)
        worst = min(self.alpha, self.alpha + self.gamma, self.beta)
        if worst < 0 or self.alpha + self.gamma / 2 + self.beta >= 1:
            raise InvalidRiskInput("garch: it is not stationary, or a variance may be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The volatility foreseen for the next day, and what each way foresees."""

    parts: dict[Way, float]

    @property
    def volatility(self) -> float:
        """The greatest."""
        return max(self.parts.values())

    @property
    def binding(self) -> Way:
        """The way that foresees the most."""
        return max(self.parts, key=lambda way: self.parts[way])


def calculate_returns(closes: Sequence[float]) -> Floats:
    """Give daily logarithmic returns; InvalidRiskInput for a close that is not positive."""
    prices = np.asarray(closes, dtype=np.float64)
    if not np.all(np.isfinite(prices)) or np.any(prices <= 0):
        raise InvalidRiskInput("closes: one is not a positive number")
    return np.asarray(np.diff(np.log(prices)))


def weigh_squares(returns: Iterable[float], first: float, decay: float) -> float:
    """Give the exponentially weighted variance after `returns`, starting from `first`."""
    variance = first
    for value in returns:
        variance = decay * variance + (1 - decay) * value * value
    return variance


def annualise(variance: float) -> float:
    """Give a daily variance as a volatility per year."""
    return math.sqrt(variance * DAYS_A_YEAR)


def forecast(
    returns: Sequence[float] | Floats,
    terms: VolatilityTerms,
    *,
    garch: Garch | None = None,
    implied: float | None = None,
) -> Forecast:
    """Foresee the day after the last return; InvalidRiskInput without returns or a wrong figure.

    Only the last WINDOW_DAYS count. A way that has too little to go by is left out.
    """
    found = np.asarray(returns, dtype=np.float64)[-WINDOW_DAYS:]
    if found.size == 0 or not np.all(np.isfinite(found)):
        raise InvalidRiskInput("returns: there are none, or one is not finite")
    mean = float((found * found).mean())
    parts = {
        Way.FLOOR: terms.floor,
        Way.EWMA: annualise(weigh_squares(found.tolist(), mean, terms.decay)),
    }
    if (har := forecast_har(found * found)) is not None:
        parts[Way.HAR] = annualise(har)
    if garch is not None:
        parts[Way.GARCH] = annualise(forecast_garch(garch, found))
    if implied is not None:
        check_positive(implied=implied)
        parts[Way.IMPLIED] = implied
    return Forecast(parts=parts)


def forecast_garch(garch: Garch, returns: Sequence[float] | Floats) -> float:
    """Give the variance of the next day; the first is the mean square of all."""
    found = np.asarray(returns, dtype=np.float64)
    variance = float((found * found).mean())
    for value in found.tolist():
        weight = garch.alpha + (garch.gamma if value < 0 else 0.0)
        variance = garch.omega + weight * value * value + garch.beta * variance
    return variance


def forecast_har(squares: Sequence[float] | Floats) -> float | None:
    """Give the variance of the next day by least squares on daily, weekly and monthly means.

    Kept between the smallest and the greatest month's mean seen (a regression may foresee less than
    nothing); None with fewer than HAR_LEAST days.
    """
    found = np.asarray(squares, dtype=np.float64)
    if found.size < HAR_LEAST:
        return None
    longest = HAR_DAYS[-1]
    sums = np.concatenate(([0.0], np.cumsum(found)))
    means = [(sums[days:] - sums[:-days]) / days for days in HAR_DAYS]
    columns = np.column_stack(
        [mean[longest - days :] for mean, days in zip(means, HAR_DAYS, strict=True)]
    )
    scale = float(found.mean()) or 1.0
    past, target = columns[:-1] / scale, found[longest:] / scale
    apart, mean = past - past.mean(axis=0), float(target.mean())
    # Where all months were alike nothing says how shocks last: a hair of ridge foresees the mean.
    normal = apart.T @ apart + len(past) * RIDGE * np.eye(apart.shape[1])
    fitted = np.linalg.solve(normal, apart.T @ (target - mean))
    foreseen = (mean + (columns[-1] / scale - past.mean(axis=0)) @ fitted) * scale
    months = columns[:, -1]
    return float(np.clip(foreseen, months.min(), found.max()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an option implies: `volatility` per year at `strike`, until `expiry` (seconds)."""

    strike: float
    forward: float
    expiry: int
    volatility: float


def find_implied(quotes: Iterable[Quote], now: float) -> float | None:
    """Give the highest volatility that an option nearest the money implies, by expiry.

    The quotes are of one underlying. None where none of them runs for at least a day; `now` is
    seconds.
    """
    nearest: dict[int, tuple[float, float]] = {}
    for quote in quotes:
        if quote.expiry - now >= DAY_S:
            found = (abs(math.log(quote.strike / quote.forward)), -quote.volatility)
            nearest[quote.expiry] = min(found, nearest.get(quote.expiry, found))
    return max((-negative for _, negative in nearest.values()), default=None)


def digest_closes(days: Sequence[date], closes: Sequence[float]) -> bytes:
    """Give the SHA-256 of the closes a forecast is made from: a line `date,close` for each."""
    lines = (f"{day.isoformat()},{close!r}" for day, close in zip(days, closes, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).digest()
