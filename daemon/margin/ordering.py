"""In which order to sell: so that as little as possible is lost to the market's impact.

Selling q USD costs a q sqrt(q), a = Y sigma / sqrt(ADV), and relieves the margin by g q. Of all
ways to G the cheapest has q proportional to (g / a)²: the same marginal cost of relief everywhere.
What would be more than there is gets clipped, and the rest is solved again. Protocols that say what
must go first (Kamino: the lowest threshold) do so by `rank`: one is used up before the next.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive

IMPACT: Final = 0.6
"""Y of the square-root law: what selling a whole day's volume costs, in daily volatilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What may be sold: `held` USD, `relief` per USD sold, daily volatility and volume (USD)."""

    id: str
    held: float
    relief: float
    daily_vol: float
    volume: float
    rank: int = 0

    def __post_init__(self) -> None:
        check_positive(**{f"{self.id}: volume": self.volume})
        check_finite(**{f"{self.id}: held": self.held, f"{self.id}: relief": self.relief})
        if self.held < 0 or self.daily_vol < 0:
            raise InvalidRiskInput(f"{self.id}: held and daily_vol may not be negative")

    @property
    def impact(self) -> float:
        """The factor a of the cost a q sqrt(q)."""
        return IMPACT * self.daily_vol / math.sqrt(self.volume)

    def cost(self, sold: float) -> float:
        """Give what selling so much loses (USD)."""
        return self.impact * sold * math.sqrt(sold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the order: USD of a lot, and what it loses."""

    lot: Lot
    sold: float

    @property
    def cost(self) -> float:
        """What the market takes (USD)."""
        return self.lot.cost(self.sold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a part, sold `at_s` seconds after the first."""

    id: str
    sold: float
    at_s: float


def order_sales(lots: Sequence[Lot], wanted: float) -> tuple[Part, ...]:
    """Give what to sell for a relief of `wanted` USD, rank by rank; lots that do not help are left.

    InvalidRiskInput where everything together does not relieve enough.
    """
    check_finite(wanted=wanted)
    useful = sorted((lot for lot in lots if lot.relief > 0), key=lambda lot: (lot.rank, lot.id))
    most = math.fsum(lot.held * lot.relief for lot in useful)
    if wanted > most * (1 + 1e-12):
        raise InvalidRiskInput(f"wanted is {wanted:.2f} USD of relief: all lots give {most:.2f}")
    parts: list[Part] = []
    left = max(0.0, wanted)
    for _, ranked in groupby(useful, key=lambda lot: lot.rank):
        found = _solve(tuple(ranked), left)
        parts += (part for part in found if part.sold > 0)
        left = max(0.0, left - math.fsum(part.sold * part.lot.relief for part in found))
    return tuple(parts)


def _solve(lots: Sequence[Lot], wanted: float) -> list[Part]:
    """Clip what is too much until nothing is; every round clips one at least."""
    clipped: list[Lot] = []
    free = list(lots)
    while free:
        left = max(0.0, wanted - math.fsum(lot.held * lot.relief for lot in clipped))
        parts = _split(free, left)
        beyond = [part.lot for part in parts if part.sold > part.lot.held]
        if not beyond:
            return [*(Part(lot=lot, sold=lot.held) for lot in clipped), *parts]
        clipped += beyond
        free = [lot for lot in free if lot not in beyond]
    return [Part(lot=lot, sold=lot.held) for lot in clipped]


def _split(lots: Sequence[Lot], wanted: float) -> list[Part]:
    """Give the interior solution; what sells without impact is sold first."""
    if deep := [lot for lot in lots if lot.impact == 0]:
        total = math.fsum(lot.relief * lot.held for lot in deep)
        part = wanted / total if total > 0 else 0.0
        if part <= 1:
            return [Part(lot=lot, sold=part * lot.held) for lot in deep]
        return [Part(lot=lot, sold=math.inf) for lot in deep]
    weights = [(lot.relief / lot.impact) ** 2 for lot in lots]
    scale = wanted / math.fsum(lot.relief * w for lot, w in zip(lots, weights, strict=True))
    return [Part(lot=lot, sold=scale * w) for lot, w in zip(lots, weights, strict=True)]


def split_order(parts: Sequence[Part], most: float, cooldown_s: float) -> tuple[Chunk, ...]:
    """Cut each part into equal chunks of `most` USD at most, a cool-down after each."""
    check_positive(most=most)
    chunks = []
    for part in parts:
        count = math.ceil(part.sold / most)
        chunks += [
            Chunk(id=part.lot.id, sold=part.sold / count, at_s=number * cooldown_s)
            for number in range(count)
        ]
    return tuple(sorted(chunks, key=lambda chunk: (chunk.at_s, chunk.id)))
