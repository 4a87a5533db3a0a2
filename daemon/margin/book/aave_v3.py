"""Aave v3's accounts as rows of the book: numbers for its reserves, factors of its state.

A number stands for one side of one reserve under one eMode category (0 for none), because a
category changes thresholds and, on 3.0, prices. The amount is the scaled balance, so that
interest is in the factor. Integers are those of chains.evm.protocols.aave_v3.math, by release:
3.6 adds thresholds up, 3.0 floors their average.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from chains.evm.protocols.aave_v3.math import (
    PriceMissing,
    accrue_index,
    calculate_account_data,
    collateral_accrual,
    counts_as_collateral,
    effective_weights,
    find_price,
    variable_accrual,
)
from chains.evm.protocols.aave_v3.rounding import RAY
from chains.evm.protocols.aave_v3.state import Holding, Market, Reserve, User, Version
from chains.model.position import Side
from chains.model.units import BPS, WAD
from daemon.margin.book.columns import MOST_NUMBERS, Positions
from daemon.margin.book.factors import Factors, Formula
from daemon.margin.scenarios import InvalidRiskInput

FORMULAS: Final = {Version.V3_0: Formula.FLOORED, Version.V3_6: Formula.SUM}
_SLACK: Final = 1 + 2.0**-40
_Kind = tuple[Side, int, int]
_Entry = tuple[float, float, float, bool]
_NOTHING: Final[_Entry] = (0.0, 0.0, 0.0, False)


class AaveNumbers:
    """The numbers of one market: given out as users come who need them, never taken back."""

    def __init__(self) -> None:
        self._numbers: dict[_Kind, int] = {}

    def __len__(self) -> int:
        return len(self._numbers) + 1

    def number(self, side: Side, reserve: int, category: int) -> int:
        """Give the number of a reserve's side under a category."""
        kind = (side, reserve, category)
        if kind not in self._numbers and len(self) == MOST_NUMBERS:
            raise InvalidRiskInput(f"numbers: more than {MOST_NUMBERS} kinds of position")
        return self._numbers.setdefault(kind, len(self))

    def describe(self, user: User) -> Positions:
        """Give a user's positions that count; InvalidRiskInput for debt at a stable rate.

        Stable debt has an index of each user's own, which no factor can hold.
        """
        return list(self._describe(user))

    def _describe(self, user: User) -> Iterator[tuple[int, float]]:
        for holding in user.holdings:
            if holding.borrowed and holding.stable_debt is not None:
                raise InvalidRiskInput(f"holdings[{holding.number}]: debt at a stable rate")
            if holding.used_as_collateral and holding.scaled_collateral:
                number = self.number(Side.COLLATERAL, holding.number, user.category)
                yield number, float(holding.scaled_collateral)
            if holding.borrowed and holding.scaled_debt:
                number = self.number(Side.DEBT, holding.number, user.category)
                yield number, float(holding.scaled_debt)

    def build_factors(self, market: Market) -> Factors:
        """Give what every number counts at the market's time.

        InvalidRiskInput for a reserve or category that the market does not have.
        """
        entries = [_NOTHING, *(_weigh(market, kind) for kind in self._numbers)]
        values, thresholds, errors, owed = zip(*entries, strict=True)
        return Factors(
            formula=FORMULAS[market.version],
            values=np.array(values),
            thresholds=np.array(thresholds),
            errors=np.array(errors),
            owed=np.array(owed, np.bool_),
        )


def is_liquidatable(market: Market, user: User) -> bool:
    """Say in integers whether the pool lets an account be liquidated; PriceMissing."""
    return calculate_account_data(market, user).health < WAD


def _weigh(market: Market, kind: _Kind) -> _Entry:
    side, number, group = kind
    if (reserve := market.reserves.get(number)) is None:
        raise InvalidRiskInput(f"reserves: {number} is not a reserve of this market")
    if group and group not in market.categories:
        raise InvalidRiskInput(f"categories: {group} is not a category of this market")
    category = market.categories[group] if group else None
    owed, threshold = side is Side.DEBT, BPS
    if not owed:
        held = Holding(number=number, used_as_collateral=True)
        if not counts_as_collateral(market.version, reserve, held):
            return _NOTHING
        weights = effective_weights(market.version, category, reserve, held)
        threshold = weights.liquidation_threshold
    try:
        price = find_price(market, category, reserve)
    except PriceMissing:
        return 0.0, float(threshold), np.inf, owed
    return (
        price * _find_index(market, reserve, side) / (RAY * reserve.unit),
        float(threshold),
        (1 + price / reserve.unit) * _SLACK,
        owed,
    )


def _find_index(market: Market, reserve: Reserve, side: Side) -> int:
    holding = Holding(number=reserve.number)
    accrue = variable_accrual if side is Side.DEBT else collateral_accrual
    return accrue_index(market.version, side, accrue(reserve, holding), market.now)
