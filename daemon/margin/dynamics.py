"""What is measured of an account besides its health: distances, times, losses, cures, haircuts.

Without the volatility of what an account holds there are prices of liquidation and amounts of
cures, but no probabilities: what needs a volatility is None, and `unknown` says of which underlying
it is missing and why. Nothing triggers on these figures and nothing is signed. USD, parts of one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from daemon.margin.cure import Cures, calculate_cures
from daemon.margin.distance import (
    BETAS,
    AssetDistance,
    Distance,
    TimeToLiquidation,
    find_sigmas,
    measure_assets,
    measure_distance,
    measure_time,
)
from daemon.margin.equity import StandardEquity
from daemon.margin.haircuts import Haircut, Market, lower_threshold, measure_haircut, raise_margins
from daemon.margin.outlook import REFERENCES, Outlook, calculate_multiplier
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioSettings
from daemon.margin.risk import Tier
from daemon.margin.scenarios import RiskBook, Spot
from daemon.margin.shortfall import Shortfall, measure_shortfall

CURE_TARGET: Final = 1.25
"""The factor that cures are told for."""
SELLING_COST: Final = 0.01
NO_HISTORY: Final = "no price history is configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlooks:
    """The volatilities in force by underlying, and why there is none of those that have files."""

    known: Mapping[str, Outlook]
    faults: Mapping[str, str]

    def explain(self, underlying: str) -> str:
        """Say why an underlying has no volatility."""
        return self.faults.get(underlying, NO_HISTORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoweredLeg:
    """What volatility takes off one collateral: its own threshold, and LT_eff."""

    id: str
    underlying: str
    threshold: float
    effective: float
    haircut: Haircut


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """The measures of one account in standard mode.

    `volatility` is that of a major along the systemic direction: the greatest that the underlyings
    held ask for. `sigmas` are standard deviations of a day to the nearest liquidation. `standard`
    and `portfolio` are the factors with what volatility asks for; both are None without a
    requirement. `cured_by` names the collateral that cures count with.
    """

    distance: Distance
    assets: tuple[AssetDistance, ...]
    cures: Cures
    cured_by: str | None
    shortfall: Shortfall
    outlooks: tuple[Outlook, ...]
    unknown: Mapping[str, str]
    volatility: float | None = None
    sigmas: float | None = None
    time: TimeToLiquidation | None = None
    lowered: tuple[LoweredLeg, ...] = ()
    multipliers: Mapping[str, float] | None = None
    standard: float | None = None
    portfolio: float | None = None


def measure_dynamics(
    book: RiskBook, outlooks: Outlooks, *, now: float, rates: tuple[float, float] | None = None
) -> Dynamics:
    """Measure a book at `now` (seconds); InvalidRiskInput names what no figure can be made of.

    `rates` are what debts cost and collateral earns a year, None where they are not known.
    """
    tiers = {leg.underlying: leg.tier for leg in book.legs()}
    moving = sorted(name for name, tier in tiers.items() if tier is not Tier.STABLE)
    known = tuple(outlooks.known[name] for name in moving if name in outlooks.known)
    unknown = {name: outlooks.explain(name) for name in moving if name not in outlooks.known}
    standard = StandardEquity(book, now=now)
    held, owed = (float(side[0]) for side in standard.split(np.zeros((1, len(standard.factors)))))
    best = max(book.spots, key=_weigh, default=None)
    plain = Dynamics(
        distance=measure_distance(book, now=now),
        assets=measure_assets(book, now=now),
        cures=calculate_cures(
            collateral=held,
            requirement=owed,
            target=CURE_TARGET,
            threshold=best.lt * (1 - best.haircut) if best else 0.0,
            cost=SELLING_COST,
            held=best.value if best else 0.0,
        ),
        cured_by=best.underlying if best else None,
        shortfall=measure_shortfall(book, now=now),
        outlooks=known,
        unknown=unknown,
    )
    if unknown or not known:
        return plain
    volatility = max(found.volatility / BETAS[tiers[found.underlying]] for found in known)
    found = _add_volatility(book, plain, tiers, volatility, now=now)
    factor = held / owed if held > 0 and owed > 0 else None
    time = measure_time(plain.distance, volatility, factor=factor, rates=rates)
    return replace(found, time=time)


def _weigh(spot: Spot) -> tuple[float, str]:
    return spot.value * spot.lt * (1 - spot.haircut), spot.id


def _add_volatility(
    book: RiskBook, plain: Dynamics, tiers: Mapping[str, Tier], volatility: float, *, now: float
) -> Dynamics:
    """Add what needs the volatility of everything held."""
    volatilities = {found.underlying: found.volatility for found in plain.outlooks}
    multipliers = {
        name: calculate_multiplier(found, REFERENCES[tiers[name]])
        for name, found in volatilities.items()
    }
    lowered = tuple(_lower(book, volatilities))
    raised = raise_margins(book, multipliers)
    thresholds = {found.id: found.effective for found in lowered}
    spots = tuple(replace(spot, lt=thresholds.get(spot.id, spot.lt)) for spot in book.spots)
    worse = StandardEquity(replace(raised, spots=spots), now=now, multipliers=multipliers)
    held, owed = (float(side[0]) for side in worse.split(np.zeros((1, len(worse.factors)))))
    settings = PortfolioSettings(multipliers=multipliers, published_gains=True)
    return replace(
        plain,
        volatility=volatility,
        sigmas=find_sigmas(plain.distance, volatility),
        shortfall=measure_shortfall(book, now=now, volatility=volatility),
        lowered=lowered,
        multipliers=multipliers,
        standard=held / owed if owed > 0 else None,
        portfolio=evaluate_portfolio(raised, settings, now=now).factor,
    )


def _lower(book: RiskBook, volatilities: Mapping[str, float]) -> Iterator[LoweredLeg]:
    """Give what volatility takes off collateral; help from elsewhere takes as long as its route."""
    for spot in book.spots:
        if (volatility := volatilities.get(spot.underlying)) is None:
            continue
        route = book.domains[spot.domain].route
        found = measure_haircut(
            Market(
                volatility=volatility,
                liquidation_s=route.delay_s if route else 0.0,
                confidence=1 - spot.confidence,
            )
        )
        yield LoweredLeg(
            id=spot.id,
            underlying=spot.underlying,
            threshold=spot.lt,
            effective=lower_threshold(spot.lt, found),
            haircut=found,
        )
