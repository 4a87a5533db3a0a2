"""How far prices are from liquidating a book, in which time they may get there, what is lost then.

The equity is that of standard mode, E = C - R, with a margin's move and options revalued; a book is
healthy while E >= 0. Prices move along a line: one underlying alone, or the systemic direction, in
which alts move 35/18 as far as majors, staked ratios fall by 5/18 of it, and stables stand still
(a lost peg is a scenario of its own, and a falling stable would flatter whoever owes it).
Distances are parts of the price, in majors' terms along the systemic direction; figures are USD.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from daemon.margin.equity import StandardEquity
from daemon.margin.revaluation import Factor
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import LOWEST_MOVE
from daemon.margin.scenarios import RiskBook, check_positive
from daemon.margin.volatility import DAYS_A_YEAR

Floats = NDArray[np.float64]

STEP: Final = 0.005
FARTHEST: Final = 0.95
PARTS: Final = 64
REFINEMENTS: Final = 9
ALT_BETA: Final = 35 / 18
RATIO_BETA: Final = 5 / 18
PROBABILITY: Final = 0.01
BETAS: Final = {Tier.STABLE: 0.0, Tier.MAJOR: 1.0, Tier.ALT: ALT_BETA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """The smallest moves that liquidate a book, as parts of the price; None within 95 % if none.

    Both are 0 where it can be liquidated now. `returns` says that the book gets healthy again
    beyond one of them: the way back is no rescue, but a scan for one crossing would miss it.
    `monotone` is whether equity only ever falls, or only ever rises, with the price.
    """

    down: float | None
    up: float | None
    monotone: bool
    returns: bool

    @property
    def nearest(self) -> float | None:
        """The smaller of the two."""
        return min((x for x in (self.down, self.up) if x is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDistance:
    """One underlying's distance, the prices at which the book is liquidated, and its price now."""

    underlying: str
    price: float
    distance: Distance

    @property
    def falls_to(self) -> float | None:
        """The liquidation price below."""
        return None if self.distance.down is None else self.price * (1 - self.distance.down)

    @property
    def rises_to(self) -> float | None:
        """The liquidation price above."""
        return None if self.distance.up is None else self.price * (1 + self.distance.up)


def measure_distance(book: RiskBook, *, now: float) -> Distance:
    """Measure a book along the systemic direction."""
    return _scan(StandardEquity(book, now=now), move_together)


def move_together(factor: Factor, tier: Tier, x: Floats) -> Floats:
    """Give a factor's moves where majors move by `x`."""
    moved = np.maximum(x * BETAS[tier], LOWEST_MOVE)
    ratio = RATIO_BETA * np.minimum(x, 0.0) if factor[1] else np.zeros_like(x)
    return np.asarray((1 + moved) * (1 + ratio) - 1)


def list_moves(valued: StandardEquity, direction: "Direction", x: Floats) -> Floats:
    """Give the moves of all of a book's factors, (x, factors)."""
    factors = zip(valued.factors, valued.tiers, strict=True)
    columns = [direction(factor, tier, x) for factor, tier in factors]
    return np.column_stack(columns) if columns else np.zeros((len(x), 0))


def measure_assets(book: RiskBook, *, now: float) -> tuple[AssetDistance, ...]:
    """Measure each underlying alone, the others standing still."""
    valued = StandardEquity(book, now=now)
    return tuple(
        AssetDistance(
            underlying=name, price=valued.prices[name], distance=_scan(valued, _alone(name))
        )
        for name in sorted({name for name, _ in valued.factors})
    )


def count_sigmas(distance: float, volatility: float, *, days: float = 1.0) -> float:
    """Give how many standard deviations of `days` a fall by `distance` is."""
    check_positive(volatility=volatility, days=days)
    if distance >= 1:
        return math.inf
    return -math.log1p(-distance) / (volatility * math.sqrt(days / DAYS_A_YEAR))


def find_sigmas(distance: Distance, volatility: float) -> float | None:
    """Give the standard deviations of a day to the nearer side, None where neither is reached."""
    falls = [] if distance.down is None else [count_sigmas(distance.down, volatility)]
    rises = (
        [] if distance.up is None else [count_sigmas(distance.up / (1 + distance.up), volatility)]
    )
    return min(falls + rises, default=None)


def calculate_diffusive_days(
    distance: float, volatility: float, probability: float = PROBABILITY
) -> float:
    """Give the days within which a fall by `distance` is reached with `probability`.

    By reflection of Brownian motion without drift: (ln(1 - x) / (σ Φ⁻¹(q / 2)))² years.
    """
    check_positive(volatility=volatility, probability=probability)
    if distance >= 1:
        return math.inf
    years = (math.log1p(-distance) / (volatility * float(ndtri(probability / 2)))) ** 2
    return years * DAYS_A_YEAR


def calculate_carry_days(factor: float, borrow_rate: float, supply_rate: float) -> float | None:
    """Give the days until interest takes a factor to 1; None where it never does.

    Rates are continuous, per year.
    """
    check_positive(factor=factor)
    if borrow_rate <= supply_rate:
        return None
    return max(0.0, math.log(factor)) / (borrow_rate - supply_rate) * DAYS_A_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToLiquidation:
    """The days until liquidation: by chance, and by interest; None where there is none."""

    diffusive: float | None
    carry: float | None

    @property
    def least(self) -> float | None:
        """The smaller of the two."""
        return min((x for x in (self.diffusive, self.carry) if x is not None), default=None)


def measure_time(
    distance: Distance,
    volatility: float,
    *,
    factor: float | None = None,
    rates: tuple[float, float] | None = None,
    probability: float = PROBABILITY,
) -> TimeToLiquidation:
    """Give the time to liquidation; `rates` are what debts cost and collateral earns.

    A rise counts as the fall by which its inverse moves.
    """
    sides = [] if distance.down is None else [distance.down]
    sides += [] if distance.up is None else [distance.up / (1 + distance.up)]
    days = (calculate_diffusive_days(side, volatility, probability) for side in sides)
    carry = None
    if factor is not None and rates is not None:
        carry = calculate_carry_days(factor, *rates)
    return TimeToLiquidation(diffusive=min(days, default=None), carry=carry)


def _alone(name: str) -> "Direction":
    def move(factor: Factor, tier: Tier, x: Floats) -> Floats:
        del tier
        return x if factor[0] == name else np.zeros_like(x)

    return move


Direction = Callable[[Factor, Tier, Floats], Floats]


def _scan(valued: StandardEquity, direction: Direction) -> Distance:
    """Look along a direction in steps, then in ever smaller ones where equity crosses 0."""

    def equity(x: Floats) -> Floats:
        return valued.value(list_moves(valued, direction, x))

    steps: Floats = np.asarray(np.arange(round(FARTHEST / STEP) + 1) * STEP, dtype=np.float64)
    falling, rising = equity(-steps), equity(steps)
    whole = np.diff(np.concatenate((falling[::-1], rising[1:])))
    slack = 1e-9 * max(1.0, float(np.abs(falling[0])))
    return Distance(
        down=_cross(lambda x: equity(-x), steps, falling),
        up=_cross(equity, steps, rising),
        monotone=bool(np.all(whole >= -slack) or np.all(whole <= slack)),
        returns=any(_gets_healthy(side) for side in (falling, rising)),
    )


def _gets_healthy(side: Floats) -> bool:
    unhealthy = np.flatnonzero(side < 0)
    return bool(unhealthy.size and np.any(side[unhealthy[0] :] >= 0))


def _cross(equity: Callable[[Floats], Floats], steps: Floats, side: Floats) -> float | None:
    """Give the first move with negative equity, to the float."""
    unhealthy = np.flatnonzero(side < 0)
    if not unhealthy.size:
        return None
    if unhealthy[0] == 0:
        return 0.0
    healthy, hurt = float(steps[unhealthy[0] - 1]), float(steps[unhealthy[0]])
    for _ in range(REFINEMENTS):
        between = np.linspace(healthy, hurt, PARTS + 1)
        negative = np.flatnonzero(equity(between) < 0)
        first = int(negative[0]) if negative.size else PARTS
        healthy, hurt = float(between[max(first - 1, 0)]), float(between[first])
    return hurt
