"""Walking forward through daily closes: what was foreseen each day, and what came.

Every forecast is made from the days before it alone. A unit held long loses -r of the day's
logarithmic return r. Four models are judged: `historical` (the losses of the days before as they
were), `ewma` and `margin` (losses in units of the volatility foreseen for their day, times that
foreseen for this one; `margin` takes what is in force: the greatest of all ways, let down slowly),
and `normal` (what is in force times a normal quantile, as haircuts assume). The first three find
their level in the days before, so they show whether it moves in time; the last shows whether the
volatility in force is enough by itself. GARCH parameters are fitted anew now and then, on the days
before only.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from daemon.margin.outlook import FLOORS, REFERENCES, InForce, calculate_multiplier, put_in_force
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import Ranges
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.tails import calculate_shortfall, calculate_var
from daemon.margin.volatility import (
    DAY_S,
    DAYS_A_YEAR,
    HAR_LEAST,
    WINDOW_DAYS,
    Garch,
    VolatilityTerms,
    Way,
    calculate_returns,
    forecast,
)
from daemon.risk.closes import Closes
from daemon.risk.coverage import Judgement, judge_both, judge_clusters, judge_share
from daemon.risk.garch import LEAST_RETURNS
from daemon.risk.worker import Fitted, Window

Floats = NDArray[np.float64]
Fits = Callable[[Sequence[Window]], Sequence[Fitted]]
HISTORICAL: Final = "historical"
EWMA: Final = "ewma"
MARGIN: Final = "margin"
NORMAL: Final = "normal"
FIRST_FORECAST: Final = HAR_LEAST


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestTerms:
    """The level, the days that losses are looked up in, how often parameters are fitted, the tier.

    The first day judged follows FIRST_FORECAST + `window` others.
    """

    alpha: float = 0.975
    window: int = 500
    refit_days: int = 21
    tier: Tier = Tier.MAJOR

    def __post_init__(self) -> None:
        if not 0.5 <= self.alpha < 1:  # noqa: PLR2004 - the half
            raise InvalidRiskInput(f"alpha is {self.alpha}: it lies between 0.5 and 1")
        least = math.ceil(1 / (1 - self.alpha) - 1e-9)
        if self.window < least:
            raise InvalidRiskInput(f"window is {self.window}: this alpha needs {least} days")
        if self.refit_days < 1:
            raise InvalidRiskInput(f"refit_days is {self.refit_days}: it must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One model's record on one column.

    `expected_shortfalls` is the share of losses that the model itself has beyond its shortfall;
    `severity` the mean loss of breaches over the mean shortfall foreseen for them, None without a
    breach.
    """

    model: str
    days: int
    breaches: int
    nominal: float
    share: Judgement
    clusters: Judgement
    both: Judgement
    shortfalls: int
    expected_shortfalls: float
    shortfall_share: Judgement | None
    severity: float | None
    var: Floats = field(repr=False)
    shortfall: Floats = field(repr=False)

    @property
    def rate(self) -> float:
        """The share of days whose loss went beyond the value at risk."""
        return self.breaches / self.days

    @property
    def shortfall_rate(self) -> float:
        """The share of days whose loss went beyond the expected shortfall."""
        return self.shortfalls / self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One underlying's record: the days judged, their losses, the models, and the price range.

    `beyond_range` counts moves beyond the tier's scan range, `beyond_dynamic` those beyond the
    range grown with the volatility in force. `binding` counts what foresaw the most; `faults` the
    fits that gave no parameters, by reason.
    """

    name: str
    days: tuple[date, ...]
    losses: Floats = field(repr=False)
    judged: tuple[Judged, ...]
    beyond_range: int
    beyond_dynamic: int
    binding: Mapping[Way, int]
    fits: int
    faults: Mapping[str, int]


def run_backtest(closes: Closes, terms: BacktestTerms, fit: Fits) -> tuple[Column, ...]:
    """Judge every column; InvalidRiskInput where there are too few days."""
    least = FIRST_FORECAST + terms.window + 2
    if len(closes.days) < least:
        raise InvalidRiskInput(f"{len(closes.days)} closes are too few; {least} are needed")
    returns = {name: calculate_returns(found) for name, found in closes.prices.items()}
    fitted_on = range(LEAST_RETURNS, len(closes.days) - 1, terms.refit_days)
    windows = [
        found[max(0, day - WINDOW_DAYS) : day].tolist()
        for found in returns.values()
        for day in fitted_on
    ]
    fitted = iter(fit(windows))
    return tuple(
        _judge_column(name, closes.days[1:], found, terms, {day: next(fitted) for day in fitted_on})
        for name, found in returns.items()
    )


def _judge_column(
    name: str,
    days: Sequence[date],
    returns: Floats,
    terms: BacktestTerms,
    fitted: Mapping[int, Fitted],
) -> Column:
    walked = tuple(_walk(returns, fitted, terms.tier))
    scales = {
        HISTORICAL: np.ones(len(walked)),
        EWMA: np.array([step.ewma for step in walked]),
        MARGIN: np.array([step.in_force for step in walked]),
    }
    losses = -returns[FIRST_FORECAST:]
    judged = losses[terms.window :]
    moves = np.abs(np.expm1(-judged))
    ranged = Ranges().of(terms.tier)
    grown = ranged * np.array([step.multiplier for step in walked[terms.window :]])
    steps = walked[terms.window :]
    reasons = [found for found in fitted.values() if not isinstance(found, Garch)]
    return Column(
        name=name,
        days=tuple(days[FIRST_FORECAST + terms.window :]),
        losses=judged,
        judged=(
            *(_judge(model, losses, scale, terms) for model, scale in scales.items()),
            _judge_normal(judged, scales[MARGIN][terms.window :], terms),
        ),
        beyond_range=int(np.count_nonzero(moves > ranged)),
        beyond_dynamic=int(np.count_nonzero(moves > grown)),
        binding={way: found for way in Way if (found := sum(s.binding is way for s in steps))},
        fits=len(fitted),
        faults={reason: reasons.count(reason) for reason in sorted(set(reasons))},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What was foreseen for one day, as daily volatilities."""

    ewma: float
    in_force: float
    multiplier: float
    binding: Way


def _walk(returns: Floats, fitted: Mapping[int, Fitted], tier: Tier) -> Iterator[_Step]:
    """Foresee each day from FIRST_FORECAST on by the days before it."""
    terms = VolatilityTerms(floor=FLOORS[tier])
    garch: Garch | None = None
    state: InForce | None = None
    for day in range(FIRST_FORECAST, len(returns)):
        if day in fitted:
            found = fitted[day]
            garch = found if isinstance(found, Garch) else None
        seen = forecast(returns[:day], terms, garch=garch)
        state = put_in_force(state, seen.volatility, day * DAY_S)
        yield _Step(
            ewma=seen.parts[Way.EWMA] / math.sqrt(DAYS_A_YEAR),
            in_force=state.volatility / math.sqrt(DAYS_A_YEAR),
            multiplier=calculate_multiplier(state.volatility, REFERENCES[tier]),
            binding=seen.binding,
        )


def _judge(model: str, losses: Floats, scale: Floats, terms: BacktestTerms) -> Judged:
    """Look losses up in those of the days before, in units of what was foreseen."""
    units = losses / np.maximum(scale, np.finfo(np.float64).tiny)
    var, shortfall, beyond = [], [], []
    for day in range(terms.window, len(losses)):
        before = units[day - terms.window : day]
        least = calculate_shortfall(before, terms.alpha)
        var.append(calculate_var(before, terms.alpha) * scale[day])
        shortfall.append(least * scale[day])
        beyond.append(np.count_nonzero(before > least) / terms.window)
    return _count(
        model,
        losses[terms.window :],
        np.array(var),
        np.array(shortfall),
        float(np.mean(beyond)),
        terms,
    )


def _judge_normal(losses: Floats, scale: Floats, terms: BacktestTerms) -> Judged:
    quantile = float(ndtri(terms.alpha))
    density = math.exp(-(quantile**2) / 2) / math.sqrt(2 * math.pi)
    shortfall = density / (1 - terms.alpha)
    beyond = float(ndtr(-shortfall))
    return _count(NORMAL, losses, quantile * scale, shortfall * scale, beyond, terms)


def _count(
    model: str,
    losses: Floats,
    var: Floats,
    shortfall: Floats,
    beyond: float,
    terms: BacktestTerms,
) -> Judged:
    breached = losses > var
    breaches, days = int(np.count_nonzero(breached)), len(losses)
    deeper = int(np.count_nonzero(losses > shortfall))
    share = judge_share(breaches, days, 1 - terms.alpha)
    clusters = judge_clusters(breached.tolist())
    foreseen = float(shortfall[breached].sum())
    return Judged(
        model=model,
        days=days,
        breaches=breaches,
        nominal=1 - terms.alpha,
        share=share,
        clusters=clusters,
        both=judge_both(share, clusters),
        shortfalls=deeper,
        expected_shortfalls=beyond,
        shortfall_share=judge_share(deeper, days, beyond) if 0 < beyond < 1 else None,
        severity=float(losses[breached].sum()) / foreseen if foreseen > 0 else None,
        var=var,
        shortfall=shortfall,
    )
