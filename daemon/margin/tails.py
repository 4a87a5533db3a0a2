"""Value at risk and expected shortfall of given losses, and returns scaled to today's volatility.

Losses are positive. The value at risk is the ceil(n alpha)-th smallest loss; the expected shortfall
the exact mean of the worst part 1 - alpha, a loss on the border counted for its part.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtrit

from daemon.margin.scenarios import InvalidRiskInput

Floats = NDArray[np.float64]
DECAY: Final = 0.94
"""How much of yesterday's variance stays, for daily returns (RiskMetrics 1996)."""


def calculate_var(losses: Sequence[float] | Floats, alpha: float) -> float:
    """Give the value at risk; InvalidRiskInput without losses or where one is not finite."""
    ordered = _order(losses, alpha)
    return float(ordered[_rank(len(ordered), alpha) - 1])


def calculate_shortfall(losses: Sequence[float] | Floats, alpha: float) -> float:
    """Give the expected shortfall, never less than the value at risk."""
    ordered = _order(losses, alpha)
    rank = _rank(len(ordered), alpha)
    border = rank - len(ordered) * alpha
    worst = math.fsum((*ordered[rank:].tolist(), border * float(ordered[rank - 1])))
    return max(worst / (len(ordered) * (1 - alpha)), float(ordered[rank - 1]))


def calculate_student_shortfall(losses: Sequence[float] | Floats, alpha: float) -> float:
    """Give the shortfall of Student's t with the losses' own mean, variance and kurtosis.

    A check on the other figures, never a margin: the degrees of freedom are 4 + 6 / excess
    kurtosis, 100 without excess.
    """
    found = _order(losses, alpha)
    mean, spread = float(found.mean()), float(found.std())
    if spread == 0:
        return mean
    excess = float((((found - mean) / spread) ** 4).mean()) - 3
    nu = min(100.0, 4 + 6 / excess) if excess > 0 else 100.0
    quantile = float(stdtrit(nu, alpha))
    log_density = (
        float(gammaln((nu + 1) / 2) - gammaln(nu / 2))
        - 0.5 * math.log(nu * math.pi)
        - (nu + 1) / 2 * math.log1p(quantile**2 / nu)
    )
    tail = math.exp(log_density) / (1 - alpha) * (nu + quantile**2) / (nu - 1)
    return mean + spread * math.sqrt((nu - 2) / nu) * tail


def scale_returns(returns: Floats, decay: float = DECAY) -> Floats:
    """Give returns as if each day had had today's volatility (Hull and White 1998).

    The volatility of a day is that forecast from the days before it, exponentially weighted; the
    first is the mean of all.
    """
    squares = returns * returns
    variance = float(squares.mean()) if len(returns) else 0.0
    if variance == 0:
        return returns
    forecast = np.empty(len(returns))
    for day, square in enumerate(squares.tolist()):
        forecast[day] = variance
        variance = decay * variance + (1 - decay) * square
    return np.asarray(returns * np.sqrt(variance / forecast))


def _order(losses: Sequence[float] | Floats, alpha: float) -> Floats:
    found = np.sort(np.asarray(losses, dtype=np.float64))
    if not 0 < alpha < 1:
        raise InvalidRiskInput(f"alpha is {alpha}: it lies between 0 and 1")
    if found.size == 0 or not np.all(np.isfinite(found)):
        raise InvalidRiskInput("losses: there are none, or one is not finite")
    return found


def _rank(count: int, alpha: float) -> int:
    """Give ceil(n alpha), where a product that misses a whole number by rounding is that number."""
    product = count * alpha
    nearest = round(product)
    return max(1, nearest if abs(product - nearest) < 1e-9 * count else math.ceil(product))
