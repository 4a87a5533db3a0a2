"""What volatility, depth, age, doubt and the chain take off collateral, and add to margins.

LT_eff = min(LT, 1 - [k σ √τ + Y σ_d √(Q/ADV) + z σ √(late) + 2.12 conf/p + chain]). τ is the time
that finding, finality and selling take at a venue, `late` the time beyond the feed's heartbeat.
Q/ADV is what would be sold in parts of a day's volume (square-root impact). A venue's own health
factor never sees any of it: these figures only ever ask for more. Parts of one, years, seconds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from daemon.margin.scenarios import InvalidRiskInput, RiskBook, check_finite, check_positive
from daemon.margin.volatility import DAYS_A_YEAR

YEAR_S: Final = DAYS_A_YEAR * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class HaircutTerms:
    """The model's constants: proposals, not yet tested on real closes.

    `market` (k) and `staleness` (z) are quantiles of 99 %, `impact` is Y, `confidence` turns an
    interval of one standard error into 95 %. A liquidation takes `least_liquidation_s` at least. A
    price older than `max_age_s` is worth nothing.
    """

    market: float = 2.33
    impact: float = 0.6
    staleness: float = 2.33
    confidence: float = 2.12
    least_liquidation_s: float = 600.0
    max_age_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is known of one asset's market at one venue.

    `volatility` is per year, `liquidation_s` the venue's own τ, `sold` a part of a day's volume,
    `confidence` a part of the price, `chain` a part taken off for the chain or bridge itself.
    """

    volatility: float
    liquidation_s: float = 0.0
    sold: float = 0.0
    age_s: float = 0.0
    heartbeat_s: float = 0.0
    confidence: float = 0.0
    chain: float = 0.0

    def __post_init__(self) -> None:
        check_positive(volatility=self.volatility)
        for name in ("liquidation_s", "sold", "age_s", "heartbeat_s", "confidence", "chain"):
            figure = getattr(self, name)
            check_finite(**{name: figure})
            if figure < 0:
                raise InvalidRiskInput(f"{name} is {figure}, but it may not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Haircut:
    """What is taken off an asset, reason by reason (parts of its value)."""

    market: float
    depth: float
    age: float
    doubt: float
    chain: float
    stale: bool

    @property
    def total(self) -> float:
        """All of it, the whole value at most and for a price that is too old."""
        found = (self.market, self.depth, self.age, self.doubt, self.chain)
        return 1.0 if self.stale else min(1.0, math.fsum(found))


def measure_haircut(market: Market, terms: HaircutTerms | None = None) -> Haircut:
    """Give what is taken off."""
    terms = terms or HaircutTerms()
    liquidation_s = max(market.liquidation_s, terms.least_liquidation_s)
    late_s = max(0.0, market.age_s - market.heartbeat_s)
    daily = market.volatility / math.sqrt(DAYS_A_YEAR)
    return Haircut(
        market=terms.market * market.volatility * math.sqrt(liquidation_s / YEAR_S),
        depth=terms.impact * daily * math.sqrt(market.sold),
        age=terms.staleness * market.volatility * math.sqrt(late_s / YEAR_S),
        doubt=terms.confidence * market.confidence,
        chain=market.chain,
        stale=market.age_s > terms.max_age_s,
    )


def lower_threshold(threshold: float, haircut: Haircut) -> float:
    """Give LT_eff, from 0 to the threshold itself; InvalidRiskInput for one outside of 0 to 1."""
    check_finite(threshold=threshold)
    if not 0 <= threshold <= 1:
        raise InvalidRiskInput(f"threshold is {threshold}: it lies between 0 and 1")
    return max(0.0, min(threshold, 1 - haircut.total))


def raise_margins(book: RiskBook, multipliers: Mapping[str, float]) -> RiskBook:
    """Give the book with the margins of perps grown by their underlying's multiplier.

    A margin grows to the whole notional at most.
    """
    perps = tuple(
        replace(
            perp,
            maintenance=_grow(perp.maintenance, multipliers.get(perp.underlying, 1.0)),
            initial=_grow(perp.initial, multipliers.get(perp.underlying, 1.0)),
        )
        for perp in book.perps
    )
    return replace(book, perps=perps)


def _grow(margin: float, multiplier: float) -> float:
    return max(margin, min(1.0, margin * multiplier))
