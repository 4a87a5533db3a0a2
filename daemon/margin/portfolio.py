"""Portfolio margin of one book: HF = C0 / (R0 + MMR), and everything that it follows from.

C0 = sum V (1 - h) + cash + w max(uPnL, 0) + w long options; h is never market risk, since that is
in the scenarios. R0 = debts + losses + short options. SR is the greatest of the worst scenario, the
sum of each factor's own worst loss under stressed correlation, and the expected shortfall of daily
returns. A part of scenarios' gains counts by netting sets (daemon.margin.netting).
MMR = max(mu max(SR, minimum on deltas) + contingencies, phi MMR of standard mode).
Pure: `now` is seconds, figures are float64 USD, sums go in the order of ids.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.margin.charges import (
    charge_naked_shorts,
    charge_oracles,
    charge_perps,
    margin_in_standard_mode,
)
from daemon.margin.portfolio_report import (
    Component,
    Isolated,
    PortfolioReport,
    PortfolioSettings,
)
from daemon.margin.portfolio_risk import PortfolioRisk, measure_risk
from daemon.margin.scenarios import RiskBook
from daemon.margin.venues.margin import VenueMargin
from daemon.margin.venues.rules import apply_rules


def evaluate_portfolio(
    book: RiskBook, settings: PortfolioSettings | None = None, *, now: float
) -> PortfolioReport:
    """Measure a book; InvalidRiskInput names the field that no figure can be made of."""
    settings = settings or PortfolioSettings()
    pooled, isolated = _separate(book, settings, now)
    trusted = pooled if settings.published_gains else _distrust(pooled)
    totals = _Totals.of(trusted, isolated)
    risk = measure_risk(trusted, settings, now)
    venues = apply_rules(trusted, settings.rules, now)
    standard = _add_standard(trusted, venues, initial=False)
    maintenance = _require(trusted, settings, risk, standard, initial=False)
    standard_initial = _add_standard(trusted, venues, initial=True)
    initial = _require(trusted, settings, risk, standard_initial, initial=True)
    mmr, imr = maintenance[-1].usd, max(initial[-1].usd, maintenance[-1].usd)
    return PortfolioReport(
        factor=_divide(totals.c0, totals.r0 + mmr),
        initial_factor=_divide(totals.c0, totals.r0 + imr),
        c0=totals.c0,
        r0=totals.r0,
        risk=risk.risk,
        minimum=risk.minimum,
        maintenance=mmr,
        initial=imr,
        standard_maintenance=standard,
        binding=_name_binding(risk, maintenance),
        worst=risk.worst,
        scenarios=risk.scenarios,
        factors=risk.factors,
        groups=risk.groups,
        components=(*totals.components, *risk.components, *maintenance, *initial),
        isolated=isolated,
        venues=venues,
        tails=risk.tails,
        greeks=risk.greeks,
    )


def _add_standard(book: RiskBook, venues: Mapping[str, VenueMargin], *, initial: bool) -> float:
    """Give what standard mode asks for, or a venue's own rule where it has one."""
    own = (found.initial if initial else found.maintenance for found in venues.values())
    return math.fsum((margin_in_standard_mode(_leave_out(book, venues), initial=initial), *own))


def _name_binding(risk: PortfolioRisk, maintenance: Sequence[Component]) -> str:
    """Give the name of the component that sets the requirement."""
    floor, total = maintenance[-2:]
    if total.usd == floor.usd:
        return floor.name
    return max(risk.components, key=lambda found: found.usd).name


def _divide(collateral: float, requirement: float) -> float | None:
    return collateral / requirement if requirement > 0 else None


def _distrust(book: RiskBook) -> RiskBook:
    """Take everything off that published domains would add to the figures."""
    told = {name for name, domain in book.domains.items() if domain.published}
    domains = {
        name: replace(domain, gain_weight=0.0, haircut=1.0) if name in told else domain
        for name, domain in book.domains.items()
    }
    spots = tuple(leg for leg in book.spots if leg.domain not in told)
    return replace(book, domains=domains, spots=spots)


def _separate(
    book: RiskBook, settings: PortfolioSettings, now: float
) -> tuple[RiskBook, tuple[Isolated, ...]]:
    """Take isolated domains out: each is measured by itself and loses what was posted at most."""
    alone = sorted(name for name, domain in book.domains.items() if domain.isolated)
    found = tuple(_measure_alone(book.of_domain(name), settings, now) for name in alone)
    return _leave_out(book, alone), found


def _leave_out(book: RiskBook, domains: Collection[str]) -> RiskBook:
    kept = {name: domain for name, domain in book.domains.items() if name not in domains}
    return RiskBook(
        domains=kept,
        spots=tuple(leg for leg in book.spots if leg.domain in kept),
        debts=tuple(leg for leg in book.debts if leg.domain in kept),
        perps=tuple(leg for leg in book.perps if leg.domain in kept),
        options=tuple(leg for leg in book.options if leg.domain in kept),
    )


def _measure_alone(book: RiskBook, settings: PortfolioSettings, now: float) -> Isolated:
    [domain] = book.domains.values()
    free = replace(domain, isolated=False)
    report = evaluate_portfolio(
        replace(book, domains={domain.id: free}), replace(settings, kappa=None), now=now
    )
    posted = math.fsum((max(domain.margin, 0.0), *(leg.value for leg in book.spots)))
    lost = min(max(0.0, -report.equity), posted)
    return Isolated(domain=domain.id, factor=report.factor, lost=lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Totals:
    """C0 and R0 with their parts."""

    c0: float
    r0: float
    components: tuple[Component, ...]

    @classmethod
    def of(cls, book: RiskBook, isolated: Sequence[Isolated]) -> "_Totals":
        """Add a book up."""
        held, owed = tuple(_list_held(book)), tuple(_list_owed(book, isolated))
        return cls(
            c0=math.fsum(found.usd for found in held),
            r0=math.fsum(found.usd for found in owed),
            components=(*held, *owed),
        )


def _list_held(book: RiskBook) -> Iterator[Component]:
    gains = {
        name: 0.0 if domain.stale else domain.gain_weight for name, domain in book.domains.items()
    }
    yield Component(
        name="collateral",
        usd=math.fsum(leg.value * (1 - leg.haircut) for leg in book.spots if leg.lt > 0),
        source="C0: spot at its conservative price, less haircuts that are not market risk",
    )
    yield Component(
        name="cash",
        usd=math.fsum(max(d.margin, 0.0) * (1 - d.haircut) for d in book.domains.values()),
        source="C0: cash posted at venues, less its haircut",
    )
    yield Component(
        name="gains",
        usd=math.fsum(gains[perp.domain] * max(perp.pnl, 0.0) for perp in book.perps),
        source="C0: unrealised gains of perps, as far as their venue's gains count",
    )
    yield Component(
        name="long options",
        usd=math.fsum(gains[leg.domain] * max(leg.value, 0.0) for leg in book.options),
        source="C0: long options at mark, as far as their venue's gains count",
    )


def _list_owed(book: RiskBook, isolated: Sequence[Isolated]) -> Iterator[Component]:
    negative = (max(-domain.margin, 0.0) for domain in book.domains.values())
    yield Component(
        name="debts",
        usd=math.fsum((*(leg.value for leg in book.debts), *negative)),
        source="R0: debts at their conservative price, and cash below zero",
    )
    yield Component(
        name="losses",
        usd=math.fsum(max(-perp.pnl, 0.0) for perp in book.perps),
        source="R0: unrealised losses of perps",
    )
    yield Component(
        name="short options",
        usd=math.fsum(max(-leg.value, 0.0) for leg in book.options),
        source="R0: short options at mark",
    )
    yield Component(
        name="isolated",
        usd=math.fsum(found.lost for found in isolated),
        source="R0: what isolated domains lack, their posted margin at most",
    )


def _require(
    book: RiskBook,
    settings: PortfolioSettings,
    risk: PortfolioRisk,
    standard: float,
    *,
    initial: bool,
) -> tuple[Component, ...]:
    """Give the requirement's parts; the last is the requirement."""
    charges = settings.charges
    mu = 1.0 if initial else settings.mu
    kind = "IMR" if initial else "MMR"
    base = mu * max(risk.risk, risk.minimum)
    perps = charge_perps(book, charges.perp_initial if initial else charges.perp)
    naked = charge_naked_shorts(book, charges.naked_initial if initial else charges.naked)
    oracles = charge_oracles(book, charges.least_confidence) if initial else 0.0
    floor = settings.phi * standard
    parts = (
        (f"{kind} market", base, f"{mu:g} of the greater of SR and the minimum"),
        (f"{kind} perps", perps, "contingency on the notional of perps"),
        (
            f"{kind} naked shorts",
            naked,
            "contingency on short options without a long of the strike",
        ),
        (f"{kind} oracles", oracles, "what doubtful oracles lack in confidence"),
        (f"{kind} floor", floor, f"{settings.phi:g} of what standard mode asks for"),
    )
    total = max(math.fsum((base, perps, naked, oracles)), floor)
    return (
        *(Component(name=name, usd=usd, source=source) for name, usd, source in parts),
        Component(name=kind, usd=total, source="the greater of its first four parts and the floor"),
    )
