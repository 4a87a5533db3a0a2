"""Standard mode's equity of a risk book under moved prices (float64 USD).

C = Σ V·LT·(1−h) + margin·(1−h) + w·max(uPnL, 0) + w·long options
R = Σ debt·weight + max(−uPnL, 0) + perps' maintenance + short options (mark + 7.5 % of spot)
An isolated domain gives nothing and loses what was posted at most.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from chains.model.units import BPS
from daemon.margin.option_risk import OptionColumns
from daemon.margin.revaluation import Factor, factor_of
from daemon.margin.risk import Tier
from daemon.margin.scenarios import Debt, Domain, Option, Perp, RiskBook, RiskLeg, Spot
from daemon.margin.standard import OPTION_MAINTENANCE

Floats = NDArray[np.float64]
Leg = TypeVar("Leg", Spot, Debt, Perp)
SHORT_OPTION: Final = OPTION_MAINTENANCE / BPS
NOT_RAISED: Final[Mapping[str, float]] = {}


class StandardEquity:
    """One book at `now` (seconds); InvalidRiskInput names an option that has expired.

    `prices` are the dearest price of each underlying's own form (USD), that of its staked form
    where no other is held. `option_margin` is what a short option asks for beside its mark, as a
    part of spot, times its underlying's multiplier.
    """

    def __init__(
        self,
        book: RiskBook,
        *,
        now: float,
        option_margin: float = SHORT_OPTION,
        multipliers: Mapping[str, float] = NOT_RAISED,
    ) -> None:
        legs = tuple(book.legs())
        tiers = {leg.underlying: leg.tier for leg in legs}
        self.factors: tuple[Factor, ...] = tuple(sorted({factor_of(leg) for leg in legs}))
        self.tiers: tuple[Tier, ...] = tuple(tiers[name] for name, _ in self.factors)
        self.prices: Mapping[str, float] = _find_prices(legs)
        self._book = book
        self._option_margin = option_margin
        self._multipliers = multipliers
        self._options = OptionColumns(book.options, now)

    def value(self, moves: Floats) -> Floats:
        """Give C - R for each row of relative moves, (rows, factors)."""
        held, owed = self.split(moves)
        return np.asarray(held - owed)

    def split(self, moves: Floats) -> tuple[Floats, Floats]:
        """Give C and R for each row of relative moves."""
        held, owed = np.zeros(len(moves)), np.zeros(len(moves))
        for name, (of_held, of_owed) in self.list_domains(moves):
            if self._book.domains[name].isolated:
                owed += np.minimum(np.maximum(of_owed - of_held, 0.0), self._posted(name))
            else:
                held, owed = held + of_held, owed + of_owed
        return held, owed

    def list_domains(self, moves: Floats) -> Iterator[tuple[str, tuple[Floats, Floats]]]:
        """Give each domain's own C and R for each row of relative moves."""
        prices = {factor: 1 + moves[:, column] for column, factor in enumerate(self.factors)}
        gained = self._options.value(self._of_options(moves))
        for name in sorted(self._book.domains):
            yield name, self._add_domain(self._book.domains[name], prices, gained)

    def _add_domain(
        self, domain: Domain, prices: Mapping[Factor, Floats], gained: Floats
    ) -> tuple[Floats, Floats]:
        rows = len(gained)
        cash = domain.margin * (1 - domain.haircut)
        held = np.full(rows, max(cash, 0.0))
        owed = np.full(rows, max(-domain.margin, 0.0))
        weight = 0.0 if domain.stale else domain.gain_weight
        for spot in _of(self._book.spots, domain):
            held += spot.value * spot.lt * (1 - spot.haircut) * prices[factor_of(spot)]
        for debt in _of(self._book.debts, domain):
            owed += debt.value * debt.weight * prices[factor_of(debt)]
        for perp in _of(self._book.perps, domain):
            pnl, margin = _value_perp(perp, prices[factor_of(perp)])
            held += weight * np.maximum(pnl, 0.0)
            owed += np.maximum(-pnl, 0.0) + margin
        for column, option in enumerate(self._book.options):
            if option.domain == domain.id:
                value = option.value + gained[:, column]
                held += weight * np.maximum(value, 0.0)
                asked = self._option_margin * self._multipliers.get(option.underlying, 1.0)
                moved = prices[factor_of(option)] * option.forward * asked
                owed += np.maximum(-value, 0.0) + max(-option.size, 0.0) * moved
        return held, owed

    def _of_options(self, moves: Floats) -> Floats:
        return moves[:, [self.factors.index(factor_of(leg)) for leg in self._book.options]]

    def _posted(self, domain: str) -> float:
        spots = (leg.value for leg in self._book.spots if leg.domain == domain)
        return math.fsum((max(self._book.domains[domain].margin, 0.0), *spots))


def _of(legs: Iterable[Leg], domain: Domain) -> Iterator[Leg]:
    return (leg for leg in legs if leg.domain == domain.id)


def _value_perp(perp: Perp, price: Floats) -> tuple[Floats, Floats]:
    mark = perp.mark * price
    return perp.size * (mark - perp.entry) + perp.funding, abs(perp.size) * mark * perp.maintenance


def _find_prices(legs: Iterable[RiskLeg]) -> Mapping[str, float]:
    own: dict[str, float] = {}
    staked: dict[str, float] = {}
    for leg in legs:
        found = staked if isinstance(leg, Spot | Debt) and leg.staked else own
        match leg:
            case Perp():
                price = leg.mark
            case Option():
                price = leg.forward
            case Spot() | Debt():
                price = leg.price
        found[leg.underlying] = max(found.get(leg.underlying, 0.0), price)
    return staked | own
