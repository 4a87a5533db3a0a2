"""The float64 view of one margin account that risk is measured on: legs, and where they stand.

Integers enter once, as value / scale (USD, whole units, parts of one); what is signed or compared
with a chain never comes from here. A leg names its underlying and tier (what moves its price), its
chain, and its domain: the venue account or market account whose own rule nets it with its
neighbours. A domain carries what decides whether its surplus may help another one.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from chains.model.derivatives import OptionKind, OptionStyle
from daemon.margin.risk import Tier


class InvalidRiskInput(ValueError):
    """A figure that no risk can be calculated from; the message names the field."""


def check_finite(**figures: float) -> None:
    """Raise InvalidRiskInput for the first figure that is not finite."""
    for name, figure in figures.items():
        if not math.isfinite(figure):
            raise InvalidRiskInput(f"{name} is {figure}, not a finite number")


def check_positive(**figures: float) -> None:
    """Raise InvalidRiskInput for the first figure that is not positive and finite."""
    for name, figure in figures.items():
        if not 0 < figure < math.inf:
            raise InvalidRiskInput(f"{name} is {figure}: it must be positive and finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How surplus leaves a domain for another chain.

    `finality_s` and `execution_s` are 99th percentiles in seconds; `withdrawable` (unlocked
    excess), `liquidity` (at the destination) and `cap` (of the bridge) are USD. `kappa` is what
    gains that leave this way count with at most.
    """

    healthy: bool
    finality_s: float
    execution_s: float
    withdrawable: float
    liquidity: float = math.inf
    cap: float = math.inf
    kappa: float = 1.0

    @property
    def delay_s(self) -> float:
        """Seconds until surplus sent this way counts at its destination."""
        return self.finality_s + self.execution_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A margin domain: what one venue's own rule nets in full (set N0).

    `venue` is the protocol's name. `margin` is the cash posted (USD), negative where cash is owed.
    `haircut` is taken off the cash. `atomic` says that we can move surplus between it and other
    atomic domains of its chain in one transaction. `published` marks figures told by a venue or an
    operator: they may add losses, never gains, to a figure that triggers, gates or is signed;
    where gains count at all they do with `gain_weight`. `time_to_liquidation_s` is how long it can
    wait for help.
    """

    id: str
    chain: str
    venue: str
    margin: float = 0.0
    haircut: float = 0.0
    gain_weight: float = 1.0
    isolated: bool = False
    published: bool = False
    stale: bool = False
    paused: bool = False
    atomic: bool = False
    native_health: float | None = None
    time_to_liquidation_s: float = math.inf
    route: Route | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Collateral: `units` at `price` USD, the conservative one.

    `lt` and `ltv` are parts of the value; `haircut` is what is taken off for liquidity, peg, age
    and chain, never for market risk. A `staked` form moves with its underlying times a ratio.
    `confidence` (at most 1) is what the oracle thinks of its own price.
    """

    id: str
    domain: str
    chain: str
    underlying: str
    tier: Tier
    units: float
    price: float
    lt: float
    ltv: float
    haircut: float = 0.0
    staked: bool = False
    confidence: float = 1.0

    @property
    def value(self) -> float:
        """The value before any weight (USD)."""
        return self.units * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What is owed: `units` at `price` USD; `weight` (at least 1) raises it in standard mode."""

    id: str
    domain: str
    chain: str
    underlying: str
    tier: Tier
    units: float
    price: float
    weight: float = 1.0
    staked: bool = False

    @property
    def value(self) -> float:
        """The value before any weight (USD)."""
        return self.units * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Perp:
    """A perpetual future: signed `size` (whole units) from `entry` to `mark` (USD).

    `funding` is owed to the account where positive; `initial` and `maintenance` are parts of the
    notional. `confidence` (at most 1) is what the oracle thinks of its own mark.
    """

    id: str
    domain: str
    chain: str
    underlying: str
    tier: Tier
    size: float
    entry: float
    mark: float
    initial: float
    maintenance: float
    funding: float = 0.0
    confidence: float = 1.0

    @property
    def notional(self) -> float:
        """The absolute value at mark (USD)."""
        return abs(self.size) * self.mark

    @property
    def pnl(self) -> float:
        """What was gained since entry, funding included (USD)."""
        return self.size * (self.mark - self.entry) + self.funding


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option: signed `size` (whole units), `mark` USD each, behind it `vol` (1 = 100 % a year).

    `expiry` is a time in seconds.
    """

    id: str
    domain: str
    chain: str
    underlying: str
    tier: Tier
    kind: OptionKind
    style: OptionStyle
    strike: float
    expiry: int
    size: float
    mark: float
    vol: float
    forward: float

    @property
    def value(self) -> float:
        """The signed value at mark (USD)."""
        return self.size * self.mark


RiskLeg = Spot | Debt | Perp | Option

POSITIVE: Final = frozenset({"strike", "forward", "vol"})
SIGNED: Final = frozenset({"size", "funding", "margin"})
AT_MOST_ONE: Final = frozenset({"lt", "ltv", "haircut", "confidence", "gain_weight", "kappa"})
UNBOUNDED: Final = frozenset({"time_to_liquidation_s", "liquidity", "cap"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskBook:
    """One margin account's legs and domains, checked: every figure finite, every domain known.

    Legs stand in the order of their ids, so that sums do not depend on how they were read.
    InvalidRiskInput names what is wrong with which field.
    """

    domains: Mapping[str, Domain]
    spots: tuple[Spot, ...] = ()
    debts: tuple[Debt, ...] = ()
    perps: tuple[Perp, ...] = ()
    options: tuple[Option, ...] = ()

    def __post_init__(self) -> None:
        for name in ("spots", "debts", "perps", "options"):
            ordered = tuple(sorted(getattr(self, name), key=lambda leg: leg.id))
            object.__setattr__(self, name, ordered)
        for name, domain in self.domains.items():
            if name != domain.id:
                raise InvalidRiskInput(f"domain {domain.id}: it stands under the name {name!r}")
            _check_figures("domain", name, domain)
        for leg in self.legs():
            _check_figures(type(leg).__name__.lower(), leg.id, leg)
            if leg.domain not in self.domains:
                raise InvalidRiskInput(f"{leg.id}: its domain {leg.domain!r} is not in the book")

    def legs(self) -> Iterator[RiskLeg]:
        """Give every leg, kind by kind."""
        yield from self.spots
        yield from self.debts
        yield from self.perps
        yield from self.options

    def of_domain(self, domain: str) -> "RiskBook":
        """Keep one domain and its legs."""
        return RiskBook(
            domains={domain: self.domains[domain]},
            spots=tuple(leg for leg in self.spots if leg.domain == domain),
            debts=tuple(leg for leg in self.debts if leg.domain == domain),
            perps=tuple(leg for leg in self.perps if leg.domain == domain),
            options=tuple(leg for leg in self.options if leg.domain == domain),
        )


def _check_figures(kind: str, name: str, value: RiskLeg | Domain | Route) -> None:
    for field in fields(value):
        figure = getattr(value, field.name)
        if isinstance(figure, Route):
            _check_figures("route of", name, figure)
        if not isinstance(figure, float):
            continue
        where = f"{kind} {name}: {field.name} is {figure}"
        if math.isnan(figure) or (math.isinf(figure) and field.name not in UNBOUNDED):
            raise InvalidRiskInput(f"{where}, not a finite number")
        if figure < 0 and field.name not in SIGNED:
            raise InvalidRiskInput(f"{where}, but it may not be negative")
        if figure == 0 and field.name in POSITIVE:
            raise InvalidRiskInput(f"{where}, but it must be positive")
        if figure > 1 and field.name in AT_MOST_ONE:
            raise InvalidRiskInput(f"{where}, but it may be 1 at most")
