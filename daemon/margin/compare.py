"""The same book twice: every domain for itself, and all of them in one account.

Isolated, each domain keeps its own margin, and a loss beyond it is its lenders' or its venue's.
Cross, offsets count in full, and what one domain lacks the others pay. Figures are float64 USD.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioReport, PortfolioSettings
from daemon.margin.scenarios import RiskBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One way to hold a book.

    `factor` is the lowest of its accounts, None where nothing is asked for. `worst` is the loss of
    the worst scenario, the domains' own ones added up where they are isolated. `contagion` is the
    most that one domain's worst scenario takes from the others, `lost` what it takes from lenders
    and venues.
    """

    name: str
    required: float
    initial: float
    factor: float | None
    worst: float
    scenario: str
    contagion: float
    lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both modes, and each domain by itself."""

    isolated: Mode
    cross: Mode
    domains: tuple[tuple[str, PortfolioReport], ...]

    @property
    def saved(self) -> float:
        """What cross margin requires less (USD)."""
        return self.isolated.required - self.cross.required


def compare_modes(
    book: RiskBook, settings: PortfolioSettings | None = None, *, now: float
) -> Comparison:
    """Measure a book both ways at `now` (seconds); InvalidRiskInput names a wrong figure."""
    settings = settings or PortfolioSettings()
    alone = tuple(_measure_each(book, settings, now))
    free = replace(
        book,
        domains={name: replace(d, isolated=False) for name, d in book.domains.items()},
    )
    cross = evaluate_portfolio(free, replace(settings, kappa=1.0), now=now)
    return Comparison(
        isolated=_describe_isolated(alone), cross=_describe_cross(cross, alone), domains=alone
    )


def _measure_each(
    book: RiskBook, settings: PortfolioSettings, now: float
) -> Iterator[tuple[str, PortfolioReport]]:
    for name in sorted(book.domains):
        own = book.of_domain(name)
        domain = replace(own.domains[name], isolated=False)
        yield (
            name,
            evaluate_portfolio(
                replace(own, domains={name: domain}), replace(settings, kappa=1.0), now=now
            ),
        )


def _describe_isolated(alone: tuple[tuple[str, PortfolioReport], ...]) -> Mode:
    factors = [report.factor for _, report in alone if report.factor is not None]
    worst = max(alone, key=lambda found: _worst(found[1]), default=None)
    return Mode(
        name="isolated",
        required=math.fsum(report.maintenance for _, report in alone),
        initial=math.fsum(report.initial for _, report in alone),
        factor=min(factors, default=None),
        worst=math.fsum(_worst(report) for _, report in alone),
        scenario=f"{worst[0]}: {_name(worst[1])}" if worst else "-",
        contagion=0.0,
        lost=max((_lacking(report) for _, report in alone), default=0.0),
    )


def _describe_cross(cross: PortfolioReport, alone: tuple[tuple[str, PortfolioReport], ...]) -> Mode:
    """One domain's shortfall falls on the others as far as they have equity."""
    spread = []
    for name, report in alone:
        lacking = _lacking(report)
        others = math.fsum(max(0.0, other.c0 - other.r0) for own, other in alone if own != name)
        spread.append((min(lacking, others), max(0.0, lacking - others)))
    return Mode(
        name="cross",
        required=cross.maintenance,
        initial=cross.initial,
        factor=cross.factor,
        worst=_worst(cross),
        scenario=_name(cross),
        contagion=max((paid for paid, _ in spread), default=0.0),
        lost=max((lost for _, lost in spread), default=0.0),
    )


def _worst(report: PortfolioReport) -> float:
    return max(0.0, report.worst.loss) if report.worst else 0.0


def _name(report: PortfolioReport) -> str:
    return report.worst.name if report.worst else "-"


def _lacking(report: PortfolioReport) -> float:
    """Give what the worst scenario takes beyond a domain's own equity at mark."""
    return max(0.0, _worst(report) - (report.c0 - report.r0))
