"""Portfolio margin as it is shown beside the other figures: gains of published legs included.

Nothing triggers on these figures and nothing is signed: what domains' surplus is worth to each
other is told (`KAPPAS`), or follows from the account's own routes.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from chains.model.position import Side
from chains.model.snapshot import Snapshot
from chains.model.units import BPS
from daemon.margin.dynamics import Dynamics, Outlooks, measure_dynamics
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioReport, PortfolioSettings
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable
from daemon.margin.risk_book import build_risk_book
from daemon.margin.routes import RouteTerms
from daemon.margin.scenarios import InvalidRiskInput

KAPPAS: Final = (1.0, 0.7, 0.0)
"""One account without borders; a live route; every venue for itself."""

RAY: Final = 10**27
NO_OUTLOOKS: Final = Outlooks(known={}, faults={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Portfolio margin at each kappa told, and at the account's own netting.

    `unknown` says why there is none: something is missing, or a figure makes no sense. `dynamics`
    are the other measures.
    """

    told: tuple[tuple[float, PortfolioReport], ...] = ()
    own: PortfolioReport | None = None
    unknown: str | None = None
    dynamics: Dynamics | None = None


def measure_portfolio(
    report: MarginReport,
    snapshot: Snapshot,
    risk: RiskTable,
    *,
    now: int,
    outlooks: Outlooks = NO_OUTLOOKS,
    routes: Collection[RouteTerms] = (),
) -> Portfolio:
    """Measure an account at `now` (seconds); it never raises for what the account holds.

    `routes` are those configured: own netting follows from them.
    """
    try:
        book = build_risk_book(report, snapshot, risk, routes=routes)
        own = PortfolioSettings(published_gains=True)
        return Portfolio(
            told=tuple(
                (
                    kappa,
                    evaluate_portfolio(
                        book, PortfolioSettings(kappa=kappa, published_gains=True), now=now
                    ),
                )
                for kappa in KAPPAS
            ),
            own=evaluate_portfolio(book, own, now=now),
            dynamics=measure_dynamics(book, outlooks, now=now, rates=_find_rates(report)),
        )
    except InvalidRiskInput as error:
        return Portfolio(unknown=str(error))


def _find_rates(report: MarginReport) -> tuple[float, float] | None:
    """Give what debts cost and what collateral earns, each by its part in the unified figure.

    None where a leg that was read on a chain says nothing of its rate, or nothing is owed.
    """
    costs: dict[Side, list[tuple[float, float]]] = {Side.DEBT: [], Side.COLLATERAL: []}
    for leg in report.legs:
        if leg.published is None and leg.counts and leg.leg.units:
            if leg.leg.accrual is None:
                return None
            weight = float(leg.value) * (leg.weighted.liquidation_threshold or BPS)
            costs[leg.leg.side].append((weight, leg.leg.accrual.rate_ray / RAY))
    totals = {side: math.fsum(weight for weight, _ in found) for side, found in costs.items()}
    if not all(totals.values()):
        return None
    borrow, supply = (
        math.fsum(weight * rate for weight, rate in costs[side]) / totals[side]
        for side in (Side.DEBT, Side.COLLATERAL)
    )
    return borrow, supply
