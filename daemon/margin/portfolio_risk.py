"""What prices, volatilities and routes may take from a book: SR and the minimum beside it.

SR is the greatest of the worst scenario, of each factor's own worst loss added up under stressed
correlation, and of the expected shortfall of daily returns.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.margin.charges import calculate_minimum
from daemon.margin.factor_risk import (
    aggregate_factors,
    measure_factors,
    measure_tails,
    name_factor,
)
from daemon.margin.netting import Group, build_groups, net_groups, recognise
from daemon.margin.portfolio_report import (
    Component,
    FactorLoss,
    PortfolioSettings,
    ScenarioLoss,
    Tails,
)
from daemon.margin.revaluation import Revaluation
from daemon.margin.scenario_rows import Family, Scenario, lag_rows, outage_rows, standard_rows
from daemon.margin.scenarios import RiskBook

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRisk:
    """What prices, volatilities and routes may take."""

    risk: float
    minimum: float
    worst: ScenarioLoss | None
    scenarios: tuple[ScenarioLoss, ...]
    factors: tuple[FactorLoss, ...]
    groups: tuple[Group, ...]
    components: tuple[Component, ...]
    tails: Tails | None
    greeks: Mapping[str, Mapping[str, float]]


def measure_risk(book: RiskBook, settings: PortfolioSettings, now: float) -> PortfolioRisk:
    """Measure a book without isolated domains; `now` is seconds."""
    groups = build_groups(book, settings.netting, settings.kappa)
    valued = Revaluation(book, now=now, multipliers=settings.multipliers)
    rows = _list_rows(groups, settings)
    profits = valued.value(rows)

    def net(of_domains: Floats) -> Floats:
        counted = recognise(net_groups(of_domains, valued.domains, groups), groups)
        return np.asarray(counted.sum(axis=-1))

    scanned = np.array([row.family is Family.SPAN for row in rows], dtype=np.bool_)
    factors = measure_factors(valued, profits[scanned], valued.list_moves(rows)[scanned], net)
    tails = measure_tails(valued, settings, net)
    losses = (
        *_list_losses(valued, rows, profits, groups),
        *_list_charged(book, valued, groups, settings),
    )
    worst = max(losses, key=lambda found: found.loss, default=None)
    minimum = calculate_minimum(valued.list_deltas(), groups, settings.charges)
    components = tuple(
        _list_risks(worst, aggregate_factors(valued, factors, settings), tails, minimum)
    )
    return PortfolioRisk(
        risk=max(0.0, *(found.usd for found in components[:3])),
        minimum=minimum,
        worst=worst if worst and worst.loss > 0 else None,
        scenarios=losses,
        factors=factors,
        groups=groups,
        components=components,
        tails=tails,
        greeks=valued.options.explain(),
    )


def _list_rows(groups: Sequence[Group], settings: PortfolioSettings) -> tuple[Scenario, ...]:
    if settings.rows is not None:
        return settings.rows
    named = {group.name: frozenset(group.domains) for group in groups}
    return (*standard_rows(settings.ranges), *lag_rows(named, settings.ranges))


def _list_losses(
    valued: Revaluation, rows: Sequence[Scenario], profits: Floats, groups: Sequence[Group]
) -> Iterator[ScenarioLoss]:
    of_groups = net_groups(profits.sum(axis=1), valued.domains, groups)
    standing = np.array(
        [[0.0 if row.lagging & set(group.domains) else 1.0 for group in groups] for row in rows]
    ).reshape(of_groups.shape)
    counted = recognise(of_groups, groups, standing)
    names = [name_factor(factor) for factor in valued.factors]
    for i, row in enumerate(rows):
        yield ScenarioLoss(
            name=row.name,
            family=row.family,
            loss=-math.fsum(counted[i].tolist()),
            groups={g.name: float(counted[i, k]) for k, g in enumerate(groups)},
            factors=dict(zip(names, profits[i].sum(axis=1).tolist(), strict=True)),
        )


def _list_charged(
    book: RiskBook, valued: Revaluation, groups: Sequence[Group], settings: PortfolioSettings
) -> Iterator[ScenarioLoss]:
    """Give the rows whose loss is a charge: forwards that move alone, chains that are cut off."""
    if settings.rows is not None:
        return
    yield ScenarioLoss(
        name="basis: forwards move apart",
        family=Family.BASIS,
        loss=valued.options.basis_loss(),
        groups={},
        factors={},
    )
    if len(groups) < 2:  # noqa: PLR2004 - nothing can be cut from nothing
        return
    for row in outage_rows(book):
        charge = calculate_minimum(valued.list_deltas(), groups, settings.charges, cut=row.cut)
        yield ScenarioLoss(name=row.name, family=row.family, loss=charge, groups={}, factors={})


def _list_risks(
    worst: ScenarioLoss | None, aggregate: float, tails: Tails | None, minimum: float
) -> Iterator[Component]:
    yield Component(
        name="scenarios",
        usd=max(0.0, worst.loss) if worst else 0.0,
        source=f"SR: {worst.name}" if worst and worst.loss > 0 else "SR: no scenario loses",
    )
    yield Component(
        name="correlation",
        usd=aggregate,
        source="SR: each factor's worst loss, added up under stressed correlation",
    )
    days = f"of {tails.days} daily returns" if tails else "not measured: no returns are given"
    yield Component(
        name="shortfall",
        usd=max(0.0, tails.shortfall) if tails else 0.0,
        source=f"SR: expected shortfall over 24 h, {days}",
    )
    yield Component(name="minimum", usd=minimum, source="the least that deltas ask for")
