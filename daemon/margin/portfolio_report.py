"""What portfolio margin is asked with, and what it answers: every figure says where it comes from.

All figures are float64 USD unless a name says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.margin.correlation import Correlation
from daemon.margin.netting import Group, NettingTerms
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import Family, Ranges, Scenario
from daemon.margin.venues.margin import VenueMargin, VenueRule
from daemon.margin.venues.rules import DOCUMENTED_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """What is charged besides scenarios, as parts of notional: proposals close to public venues.

    `unhedged` and `hedged` are the minimum on a net and on an offset delta of majors, `alt_` those
    of alts. Perps and naked short options ask for a contingency, more of it initially. An oracle
    that trusts its price less than `least_confidence` asks for what it lacks, initially.
    """

    unhedged: float = 0.02
    hedged: float = 0.01
    alt_unhedged: float = 0.03
    alt_hedged: float = 0.015
    perp: float = 0.015
    perp_initial: float = 0.02
    naked: float = 0.003
    naked_initial: float = 0.005
    least_confidence: float = 0.55


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationTerms:
    """What correlations are taken without history, how far they are shrunk, what offsets may earn.

    `crypto` stands between majors and alts, `family` between an underlying and its staked form;
    nothing is assumed between stables and the rest. `same_cap`, `family_cap` and 0 are the most
    credit that offsets of the same kind, of one underlying and of different kinds may get.
    """

    crypto: float = 0.8
    family: float = 0.95
    intensity: float = 0.5
    same_cap: float = 0.5
    family_cap: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioSettings:
    """How portfolio margin is measured.

    MMR = max(mu max(SR, minimum) + contingencies, phi MMR of standard mode). `rows` takes the place
    of the standard scenarios. `kappa` takes the place of what routes are worth; at 1 all domains
    are one. `multipliers` widen scanned ranges by underlying. `returns` are simple daily returns by
    underlying, of equal length and the same days: with them the expected shortfall at `alpha` is a
    part of the risk. `rules` are venues' own, by venue. Published gains count only where
    `published_gains` is set: in what is shown, never in what triggers, gates or is signed.
    """

    mu: float = 0.8
    phi: float = 0.3
    alpha: float = 0.975
    ranges: Ranges = field(default_factory=Ranges)
    rows: tuple[Scenario, ...] | None = None
    charges: Charges = field(default_factory=Charges)
    netting: NettingTerms = field(default_factory=NettingTerms)
    kappa: float | None = None
    multipliers: Mapping[str, float] = field(default_factory=dict)
    correlation: Correlation | None = None
    correlation_terms: CorrelationTerms = field(default_factory=CorrelationTerms)
    returns: Mapping[str, Sequence[float]] | None = None
    rules: Mapping[str, VenueRule] = field(default_factory=lambda: DOCUMENTED_RULES)
    published_gains: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One figure and the sentence that says where it comes from."""

    name: str
    usd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioLoss:
    """One scenario's loss as it counts (negative for a gain), and each group's part of it.

    `groups` are by the groups' names, gains already reduced to what counts; `factors` by the
    factors', before any netting between groups.
    """

    name: str
    family: Family
    loss: float
    groups: Mapping[str, float]
    factors: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorLoss:
    """What a factor alone can lose where its price falls, and where it rises (both at least 0)."""

    factor: str
    tier: Tier
    falling: float
    rising: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tails:
    """What daily returns say: value at risk and expected shortfall over 24 hours.

    `historical` and `filtered` (scaled to today's volatility) are shortfalls, the greater counts;
    `student` checks them.
    """

    days: int
    var: float
    historical: float
    filtered: float
    student: float

    @property
    def shortfall(self) -> float:
        """The shortfall that counts."""
        return max(self.historical, self.filtered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """An isolated domain by itself, and what it takes from the rest: its posted margin at most."""

    domain: str
    factor: float | None
    lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioReport:
    """Portfolio margin of one book.

    `factor` is C0 / (R0 + MMR), `initial_factor` the same with the initial requirement; both are
    None where nothing is owed or required. `risk` is SR and `binding` the component that sets MMR;
    `worst` is the scenario that loses most, None where none loses. `components` are all figures
    that these follow from, each with its source. `venues` are the margins of domains whose venue
    has a rule of its own: they are their part of `standard_maintenance`.
    """

    factor: float | None
    initial_factor: float | None
    c0: float
    r0: float
    risk: float
    minimum: float
    maintenance: float
    initial: float
    standard_maintenance: float
    binding: str
    worst: ScenarioLoss | None
    scenarios: tuple[ScenarioLoss, ...]
    factors: tuple[FactorLoss, ...]
    groups: tuple[Group, ...]
    components: tuple[Component, ...]
    isolated: tuple[Isolated, ...]
    venues: Mapping[str, VenueMargin]
    tails: Tails | None
    greeks: Mapping[str, Mapping[str, float]]

    @property
    def equity(self) -> float:
        """C0 - R0 - MMR."""
        return self.c0 - self.r0 - self.maintenance
