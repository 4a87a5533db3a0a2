"""When a delta is worth hedging, how far, and with what.

Nothing is done inside a band: the greater of a part of the equity and Whalley-Wilmott's
(1.5 c S Gamma² / gamma)^(1/3) units for proportional costs c and risk aversion gamma. Outside of it
one goes back to the band's edge, no farther. The cheapest instrument by (fee + funding + impact) a
dollar of relief comes first; none may take a native health factor below its floor. Figures are
float64 USD. Source: Whalley and Wilmott, An asymptotic analysis of an optimal hedging model for
option pricing with transaction costs, Mathematical Finance 7 (1997).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.margin.ordering import Lot
from daemon.margin.scenarios import check_finite, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class BandTerms:
    """`part` of the equity that may stay open; `cost` of trading (a part), `aversion` per USD."""

    part: float = 0.02
    cost: float = 0.0005
    aversion: float = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What is to be hedged: `delta` (USD a part of the price), `gamma` (units of delta a dollar).

    `price` is the underlying's, `equity` the account's (USD).
    """

    underlying: str
    delta: float
    gamma: float
    price: float
    equity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What can be sold or bought: per USD of notional it relieves `relief` of delta.

    `fee` is a part of the notional, `funding` what holding a short costs over the horizon (negative
    where it is paid to us; a long pays the opposite). Its venue account holds `collateral` C
    against `requirement` R and may not fall under `floor`; a trade asks `margin` per USD more.
    """

    id: str
    fee: float
    funding: float
    daily_vol: float
    volume: float
    margin: float
    collateral: float
    requirement: float
    floor: float = 1.0
    relief: float = 1.0

    def __post_init__(self) -> None:
        check_positive(**{f"{self.id}: {n}": getattr(self, n) for n in ("volume", "relief")})
        names = ("fee", "funding", "daily_vol", "margin", "collateral", "requirement", "floor")
        check_finite(**{f"{self.id}: {name}": getattr(self, name) for name in names})

    @property
    def most(self) -> float:
        """The notional at which the native health factor meets its floor (USD, at least 0)."""
        spent = self.fee + self.floor * self.margin
        left = self.collateral - self.floor * self.requirement
        if spent <= 0:
            return math.inf if left >= 0 else 0.0
        return max(0.0, left / spent)

    def cost(self, notional: float) -> float:
        """Give fee, funding and impact of a signed notional (USD; negative is sold)."""
        size = abs(notional)
        market = Lot(
            id=self.id, held=size, relief=1.0, daily_vol=self.daily_vol, volume=self.volume
        )
        carried = self.funding if notional < 0 else -self.funding
        return size * (self.fee + carried) + market.cost(size)

    def health(self, notional: float) -> float | None:
        """Give the native health factor after a trade, None where nothing is required."""
        size = abs(notional)
        required = self.requirement + self.margin * size
        return (self.collateral - self.fee * size) / required if required > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One proposal: a signed `notional` (USD), its cost, and the native health afterwards."""

    instrument: str
    notional: float
    cost: float
    health: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """What is proposed: the band (USD), trades, and the delta that stays (USD)."""

    underlying: str
    delta: float
    band: float
    trades: tuple[Trade, ...]
    left: float

    @property
    def reached(self) -> bool:
        """Whether the delta comes back to its band."""
        return abs(self.left) <= self.band * (1 + 1e-9) + 1e-9


def find_band(exposure: Exposure, terms: BandTerms) -> float:
    """Give the delta (USD) that is left alone."""
    check_finite(delta=exposure.delta, gamma=exposure.gamma, equity=exposure.equity)
    check_positive(price=exposure.price, aversion=terms.aversion)
    units = math.cbrt(1.5 * terms.cost * exposure.price * exposure.gamma**2 / terms.aversion)
    return max(terms.part * max(0.0, exposure.equity), units * exposure.price)


def propose_hedge(
    exposure: Exposure, instruments: Sequence[Instrument], terms: BandTerms | None = None
) -> Hedge:
    """Propose trades back to the edge of the band, cheapest first, each within its floor."""
    band = find_band(exposure, terms or BandTerms())
    left = exposure.delta
    trades: list[Trade] = []
    open_ones = sorted(instruments, key=lambda found: found.id)
    while abs(left) > band and open_ones:
        side = -1.0 if left > 0 else 1.0
        wanted = abs(left) - band
        best = min(open_ones, key=lambda found: _price_relief(found, side, wanted))
        open_ones.remove(best)
        size = min(wanted / best.relief, best.most)
        if size > 0:
            notional = side * size
            trades.append(
                Trade(
                    instrument=best.id,
                    notional=notional,
                    cost=best.cost(notional),
                    health=best.health(notional),
                )
            )
            left += notional * best.relief
    return Hedge(
        underlying=exposure.underlying,
        delta=exposure.delta,
        band=band,
        trades=tuple(trades),
        left=left,
    )


def _price_relief(instrument: Instrument, side: float, wanted: float) -> float:
    """Give what a dollar of relief costs for as much as this one can give."""
    size = min(wanted / instrument.relief, instrument.most)
    if size <= 0:
        return math.inf
    return instrument.cost(side * size) / (size * instrument.relief)
