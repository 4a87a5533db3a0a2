"""Portfolio margin as it is shown beside the other figures: gains of published legs included.

Nothing triggers on these figures and nothing is signed: what domains' surplus is worth to each
other is told (`KAPPAS`), or follows from the account's own routes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from chains.model.snapshot import Snapshot
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
            dynamics=measure_dynamics(book, outlooks, now=now),
        )
    except InvalidRiskInput as error:
        return Portfolio(unknown=str(error))
