"""Option prices and their sensitivities, vectorised, and the volatility behind a price.

Black-76 on a forward: D (w F N(w d1) - w K N(w d2)) with w = 1 for a call and -1 for a put,
d1 = ln(F/K) / s + s / 2, d2 = d1 - s, s = vol sqrt(t). Black-Scholes on a spot is the same with
F = S exp((r - q) t) and D = exp(-r t). A year has 365 days. With D = 1 early exercise of an option
on a forward never pays, so the price holds for both styles. Arrays broadcast against each other;
figures are float64. Without volatility or time the price is the intrinsic value.
"""

import math
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from daemon.margin.book.engine import share_out
from daemon.margin.scenarios import InvalidRiskInput, check_positive

Floats = NDArray[np.float64]

YEAR_S: Final = 365 * 86_400
CALL: Final = 1.0
PUT: Final = -1.0
MIN_TOTAL_VOL: Final = 1e-18
"""What a total volatility of 0 counts as: the price is the intrinsic value, without 0 / 0."""
COMPILED_FROM: Final = 4_096
"""Prices from which the compiled kernel is worth its call."""
NEWTON_STEPS: Final = 12
BISECTION_STEPS: Final = 200
MAX_VOL: Final = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """How a price moves: by the forward, twice by it, by volatility (1 = 100 %), by a year."""

    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def price_black76(
    side: Floats | float,
    forward: Floats | float,
    strike: Floats | float,
    years: Floats | float,
    vol: Floats | float,
    discount: Floats | float = 1.0,
) -> Floats:
    """Give prices per unit; `side` is CALL or PUT, `discount` what a dollar at expiry is worth.

    InvalidRiskInput names the figure that is not finite or has the wrong sign.
    """
    given = (side, forward, strike, years, vol, discount)
    arrays = np.broadcast_arrays(*(np.asarray(figure, dtype=np.float64) for figure in given))
    kernel = load_kernel() if arrays[0].size >= COMPILED_FROM else None
    if kernel is None:
        _check_figures(*arrays)
        return price_with_ndtr(*arrays)
    flat = tuple(np.ascontiguousarray(array).ravel() for array in arrays)
    prices = np.empty(arrays[0].shape)
    share_out(kernel.price_rows, prices.size, flat, prices.reshape(-1))
    if not np.isfinite(prices.sum()):
        _check_figures(*arrays)
    return prices


@cache
def load_kernel() -> ModuleType | None:
    """Give the compiled loop, None without numba. Takes most of a second the first time."""
    try:
        from daemon.margin import option_kernel  # noqa: PLC0415 -- numba is an extra, and slow
    except ImportError:
        return None
    return option_kernel


def price_with_ndtr(
    side: Floats, forward: Floats, strike: Floats, years: Floats, vol: Floats, discount: Floats
) -> Floats:
    """Give the prices that `price_black76` gives, by numpy and scipy alone."""
    d1, d2 = _moneyness(forward, strike, years, vol)
    price = discount * side * (forward * ndtr(side * d1) - strike * ndtr(side * d2))
    return np.asarray(price + 0.0)


def price_black_scholes(
    side: Floats | float,
    spot: Floats | float,
    strike: Floats | float,
    years: Floats | float,
    vol: Floats | float,
    rate: float = 0.0,
    carry: float = 0.0,
) -> Floats:
    """Give prices on a spot; `rate` and `carry` (what holding it yields) are continuous, a year."""
    time = np.asarray(years, dtype=np.float64)
    forward = np.asarray(spot) * np.exp((rate - carry) * time)
    return price_black76(side, forward, strike, time, vol, np.exp(-rate * time))


def calculate_greeks(
    side: Floats | float,
    forward: Floats | float,
    strike: Floats | float,
    years: Floats | float,
    vol: Floats | float,
) -> Greeks:
    """Give the sensitivities of undiscounted Black-76 prices; they explain, they never decide."""
    w, f, k, t, v = (np.asarray(a, dtype=np.float64) for a in (side, forward, strike, years, vol))
    d1, _ = _moneyness(f, k, t, v)
    density = np.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
    root = np.sqrt(t)
    total = np.maximum(v * root, MIN_TOTAL_VOL)
    return Greeks(
        delta=np.asarray(w * ndtr(w * d1)),
        gamma=np.asarray(density / (f * total)),
        vega=np.asarray(f * density * root),
        theta=np.asarray(-f * density * v / (2 * np.maximum(root, MIN_TOTAL_VOL))),
    )


def calculate_implied_vol(
    side: float, price: float, forward: float, strike: float, years: float, discount: float = 1.0
) -> float:
    """Give the volatility that explains a price: Newton's steps, halving where they leave the way.

    InvalidRiskInput names the price that lies outside (intrinsic value, its limit at infinite
    volatility), or the figure that is not positive.
    """
    check_positive(price=price, forward=forward, strike=strike, years=years, discount=discount)
    low, high = 0.0, MAX_VOL
    limit = (forward if side == CALL else strike) * discount
    intrinsic = max(side * (forward - strike), 0.0) * discount
    if not intrinsic < price < limit:
        raise InvalidRiskInput(f"price {price}: no volatility explains it ({intrinsic} … {limit})")
    vol = math.sqrt(2 * math.pi / years) * max(price - intrinsic, 1e-12) / limit + 0.1
    for step in range(NEWTON_STEPS + BISECTION_STEPS):
        found = float(price_black76(side, forward, strike, years, vol, discount))
        low, high = (vol, high) if found < price else (low, vol)
        if high - low <= 1e-15 * high or found == price:
            break
        slope = discount * float(calculate_greeks(side, forward, strike, years, vol).vega)
        vol = _next_vol(vol, (price - found, slope), (low, high), newton=step < NEWTON_STEPS)
    return vol


def _next_vol(
    vol: float, miss_and_slope: tuple[float, float], bracket: tuple[float, float], *, newton: bool
) -> float:
    miss, slope = miss_and_slope
    low, high = bracket
    if newton and slope > 0 and low < vol + miss / slope < high:
        return vol + miss / slope
    return (low + high) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Svi:
    """One expiry's volatility smile, in Gatheral's raw form, for the `forward` and `years` of it.

    Total variance at k = ln(K / F) is a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)).
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float
    forward: float
    years: float

    def vol(self, strike: float) -> float:
        """Give the annual volatility at a strike; InvalidRiskInput where the variance is not."""
        check_positive(strike=strike, forward=self.forward, years=self.years)
        k = math.log(strike / self.forward) - self.m
        variance = self.a + self.b * (self.rho * k + math.hypot(k, self.sigma))
        if not 0 <= variance < math.inf:
            raise InvalidRiskInput(f"svi: the total variance at strike {strike} is {variance}")
        return math.sqrt(variance / self.years)


def _moneyness(
    forward: Floats, strike: Floats, years: Floats, vol: Floats
) -> tuple[Floats, Floats]:
    total = np.maximum(vol * np.sqrt(years), MIN_TOTAL_VOL)
    with np.errstate(divide="ignore"):
        d1 = np.log(forward / strike) / total + 0.5 * total
    return d1, d1 - total


def _check_figures(*arrays: Floats) -> None:
    names = ("side", "forward", "strike", "years", "vol", "discount")
    for name, figures in zip(names, arrays, strict=True):
        least, most = np.min(figures, initial=math.inf), np.max(figures, initial=-math.inf)
        if not (least >= (PUT if name == "side" else 0.0) and most < math.inf):
            raise InvalidRiskInput(f"{name} is {least} … {most}: no option has that")
