"""Full revaluation: the profit of every factor in every domain in every scenario (float64 USD).

A factor is an underlying, or its staked form. Spot, debt and perps are linear in their factor's
price; options are priced again, so that gamma and vega need no approximation. Axes are always
scenario, factor, domain.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.margin.option_risk import OptionColumns
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import LOWEST_MOVE, Scenario
from daemon.margin.scenarios import (
    Debt,
    InvalidRiskInput,
    Perp,
    RiskBook,
    RiskLeg,
    Spot,
)

Floats = NDArray[np.float64]
Factor = tuple[str, bool]
"""An underlying, and whether it is its staked form."""


def factor_of(leg: RiskLeg) -> Factor:
    """Give what moves a leg's price."""
    return leg.underlying, isinstance(leg, Spot | Debt) and leg.staked


def exposure_of(leg: Spot | Debt | Perp) -> float:
    """Give what a linear leg gains when its price doubles (USD).

    Collateral counts less its haircut; what has no threshold is no collateral.
    """
    match leg:
        case Spot():
            return leg.value * (1 - leg.haircut) if leg.lt > 0 else 0.0
        case Debt():
            return -leg.value
        case Perp():
            return leg.size * leg.mark


class Revaluation:
    """One book at one moment, ready to be valued in any scenario.

    `multipliers` widen the scanned moves of an underlying. InvalidRiskInput names an option that
    has expired by `now` (seconds), or an underlying that stands in two tiers.
    """

    def __init__(
        self, book: RiskBook, *, now: float, multipliers: Mapping[str, float] | None = None
    ) -> None:
        legs = tuple(book.legs())
        tiers = _find_tiers(legs)
        self.factors: tuple[Factor, ...] = tuple(sorted({factor_of(leg) for leg in legs}))
        self.tiers = tuple(tiers[underlying] for underlying, _ in self.factors)
        self.domains: Mapping[str, int] = {name: i for i, name in enumerate(sorted(book.domains))}
        self.options = OptionColumns(book.options, now)
        self._multipliers = multipliers or {}
        self._linear: tuple[Spot | Debt | Perp, ...] = (*book.spots, *book.debts, *book.perps)
        self._exposures = self._add_up(self._linear)
        self._notionals = self._add_up(book.perps)
        self._places = [self._place(leg) for leg in book.options]

    def value(self, scenarios: Sequence[Scenario]) -> Floats:
        """Give the damped profits in named scenarios."""
        moves = self.list_moves(scenarios)
        weights = np.empty_like(moves)
        for row, scenario in enumerate(scenarios):
            weights[row] = [scenario.weight_of(tier) for tier in self.tiers]
        funding = np.array([scenario.funding for scenario in scenarios])
        profits = moves[:, :, None] * self._exposures
        profits -= funding[:, None, None] * self._notionals
        self._add_options(profits, self.options.value(self._of_options(moves), scenarios))
        return np.asarray(profits * weights[:, :, None])

    def list_moves(self, scenarios: Sequence[Scenario]) -> Floats:
        """Give how far each factor's price moves, (scenarios, factors)."""
        moves = np.empty((len(scenarios), len(self.factors)))
        for row, scenario in enumerate(scenarios):
            moves[row] = [self._move(scenario, factor) for factor in range(len(self.factors))]
        return moves

    def value_moves(self, moves: Floats) -> Floats:
        """Give the profits of relative moves, (scenarios, factors); volatilities stay."""
        floored = np.maximum(moves, LOWEST_MOVE)
        profits = floored[:, :, None] * self._exposures
        self._add_options(profits, self.options.value(self._of_options(floored)))
        return profits

    def list_deltas(self) -> Iterator[tuple[RiskLeg, float]]:
        """Give each leg with what it gains per part of a price move (USD)."""
        for leg in self._linear:
            yield leg, exposure_of(leg)
        yield from zip(self.options.legs, self.options.deltas().tolist(), strict=True)

    def _move(self, scenario: Scenario, factor: int) -> float:
        underlying, staked = self.factors[factor]
        move = scenario.moves.get(self.tiers[factor], 0.0)
        if scenario.scanned:
            move *= self._multipliers.get(underlying, 1.0)
        ratio = scenario.ratio if staked else 0.0
        return max(LOWEST_MOVE, (1 + max(move, LOWEST_MOVE)) * (1 + ratio) - 1)

    def _place(self, leg: RiskLeg) -> tuple[int, int]:
        return self.factors.index(factor_of(leg)), self.domains[leg.domain]

    def _add_up(self, legs: Sequence[Spot | Debt | Perp]) -> Floats:
        table = np.zeros((len(self.factors), len(self.domains)))
        for leg in legs:
            table[self._place(leg)] += exposure_of(leg)
        return table

    def _of_options(self, moves: Floats) -> Floats:
        return moves[:, [factor for factor, _ in self._places]]

    def _add_options(self, profits: Floats, changes: Floats) -> None:
        for column, (factor, domain) in enumerate(self._places):
            profits[:, factor, domain] += changes[:, column]


def _find_tiers(legs: Sequence[RiskLeg]) -> Mapping[str, Tier]:
    tiers: dict[str, Tier] = {}
    for leg in legs:
        if tiers.setdefault(leg.underlying, leg.tier) is not leg.tier:
            raise InvalidRiskInput(f"{leg.id}: its tier is {leg.tier}, that of others not")
    return tiers
