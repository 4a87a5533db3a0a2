"""What a unit of each numbered position counts now: value, threshold, side, and rounding's share.

A position's value in the chain's integers lies within `errors` of amount x value: the conversion
to base units loses less than one unit (its price / unit in money), the conversion to money less
than one unit of money.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from chains.model.units import BPS
from daemon.margin.book.arrays import Bools, Floats, check_amounts
from daemon.margin.scenarios import InvalidRiskInput

HALF: Final = 0.5
"""What FLOORED's last multiplication may lose, in units of money."""


class Formula(StrEnum):
    """How a chain makes its collateral figure of values and thresholds (basis points).

    SUM: sum of value x threshold, as Aave since 3.3. FLOORED: the collateral's whole value times
    the average threshold in whole basis points, rounded down, as Aave 3.0-3.2.
    """

    SUM = "sum"
    FLOORED = "floored"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factors:
    """One entry for each number, the first for padding (all zeros).

    `values` (money per unit of amount), `thresholds` (basis points; 10,000 for a debt) and
    `errors` (money) are not negative; an infinite error says that a position's value is unknown.
    `owed` marks debts. InvalidRiskInput names a field that is none of this.
    """

    formula: Formula
    values: Floats
    thresholds: Floats
    errors: Floats
    owed: Bools

    def __post_init__(self) -> None:
        check_amounts("values", self.values)
        check_amounts("thresholds", self.thresholds)
        if np.isnan(self.errors).any() or self.errors.min(initial=0) < 0:
            raise InvalidRiskInput("errors: an error is NaN or under 0")
        lengths = {len(self.values), len(self.thresholds), len(self.errors), len(self.owed)}
        if len(lengths) != 1 or not len(self.values):
            raise InvalidRiskInput(f"factors: fields of {sorted(lengths)} entries")
        if self.values[0] or self.thresholds[0] or self.errors[0]:
            raise InvalidRiskInput("factors: entry 0 is padding and counts for nothing")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def weights(self) -> Floats:
        """Give what a unit adds to the collateral figure, or, negative, to the debt."""
        sizes = self.values * self.thresholds / BPS
        return np.where(self.owed, -sizes, sizes)

    @property
    def least(self) -> Floats:
        """Give what a unit adds at the least, whoever holds what else: unsigned.

        An average threshold loses less than one basis point when it is rounded down.
        """
        if self.formula is Formula.SUM:
            return self.values * self.thresholds / BPS
        lowered = np.where(self.owed, self.thresholds, np.maximum(self.thresholds - 1, 0))
        return self.values * lowered / BPS
