"""Risk by factor: each one's worst loss alone, added up under stress, and what history says."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.margin.correlation import (
    Correlation,
    aggregate_worst,
    check_returns,
    estimate_correlation,
    stress_correlation,
)
from daemon.margin.portfolio_report import CorrelationTerms, FactorLoss, PortfolioSettings, Tails
from daemon.margin.revaluation import Factor, Revaluation
from daemon.margin.risk import Tier
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.tails import (
    calculate_shortfall,
    calculate_student_shortfall,
    calculate_var,
    scale_returns,
)

Floats = NDArray[np.float64]
Net = Callable[[Floats], Floats]
"""Gives what counts of profits by domain, (scenarios, domains) to (scenarios)."""


def name_factor(factor: Factor) -> str:
    """Give a factor's name."""
    underlying, staked = factor
    return f"{underlying} staked" if staked else underlying


def measure_factors(
    valued: Revaluation, profits: Floats, moves: Floats, net: Net
) -> tuple[FactorLoss, ...]:
    """Give each factor's worst losses over scanned rows, the other factors standing still.

    What is lost at an unchanged price is lost either way. A stable that rises adds to nothing
    else: minting bounds it, and it has rows of its own.
    """
    found = []
    for column, factor in enumerate(valued.factors):
        losses, tier = -net(profits[:, column, :]), valued.tiers[column]
        falling = losses[moves[:, column] <= 0].max(initial=0.0)
        rising = losses[moves[:, column] >= 0].max(initial=0.0)
        found.append(
            FactorLoss(
                factor=name_factor(factor),
                tier=tier,
                falling=float(falling),
                rising=0.0 if tier is Tier.STABLE else float(rising),
            )
        )
    return tuple(found)


def aggregate_factors(
    valued: Revaluation, losses: Sequence[FactorLoss], settings: PortfolioSettings
) -> float:
    """Give what the factors' losses come to under stressed correlation (USD)."""
    terms, intensity, given = settings.correlation_terms, 0.0, settings.correlation
    if given is None and settings.returns:
        given, intensity = estimate_correlation(settings.returns)
    size = len(valued.factors)
    matrix, caps = np.eye(size), np.ones((size, size))
    for i in range(size):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = _correlate(valued, i, j, terms, given)
            caps[i, j] = caps[j, i] = _cap(valued, i, j, terms)
    strength = max(terms.intensity, intensity)
    same, credit = stress_correlation(matrix, caps, intensity=strength)
    falling = np.array([found.falling for found in losses])
    rising = np.array([found.rising for found in losses])
    return aggregate_worst(falling, rising, same, credit)


def _correlate(
    valued: Revaluation, i: int, j: int, terms: CorrelationTerms, given: Correlation | None
) -> float:
    first, second = valued.factors[i][0], valued.factors[j][0]
    if first == second:
        return terms.family
    if given is not None:
        return given.of(first, second)
    stable = (valued.tiers[i] is Tier.STABLE) + (valued.tiers[j] is Tier.STABLE)
    return terms.crypto if stable == 0 else 0.0


def _cap(valued: Revaluation, i: int, j: int, terms: CorrelationTerms) -> float:
    if valued.factors[i][0] == valued.factors[j][0]:
        return terms.family_cap
    kinds = {valued.tiers[i] is Tier.STABLE, valued.tiers[j] is Tier.STABLE}
    return terms.same_cap if len(kinds) == 1 else 0.0


def measure_tails(valued: Revaluation, settings: PortfolioSettings, net: Net) -> Tails | None:
    """Give what daily returns say; None without any, InvalidRiskInput where some are missing."""
    if settings.returns is None or not valued.factors:
        return None
    table = _tabulate(valued, settings.returns)
    scaled = np.stack([scale_returns(row) for row in table.T], axis=-1)
    losses = -net(valued.value_moves(table).sum(axis=1))
    filtered = -net(valued.value_moves(scaled).sum(axis=1))
    return Tails(
        days=len(table),
        var=calculate_var(losses, settings.alpha),
        historical=calculate_shortfall(losses, settings.alpha),
        filtered=calculate_shortfall(filtered, settings.alpha),
        student=calculate_student_shortfall(losses, settings.alpha),
    )


def _tabulate(valued: Revaluation, returns: Mapping[str, Sequence[float]]) -> Floats:
    """Give returns as (days, factors); a staked form moves as its underlying does."""
    columns = []
    for underlying, _ in valued.factors:
        if underlying not in returns:
            raise InvalidRiskInput(f"returns of {underlying} are missing")
        columns.append(check_returns(underlying, returns[underlying]))
    if len({len(column) for column in columns}) > 1 or not len(columns[0]):
        raise InvalidRiskInput("returns: every underlying needs the same days, at least one")
    return np.stack(columns, axis=-1)
