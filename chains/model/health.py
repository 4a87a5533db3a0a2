"""Health from weighted legs, in integers: the one formula that is signed.

C = Σ ⌊value·LT·(10⁴−haircut)/10⁸⌋ over collateral, R = Σ ⌈value·weight/10⁴⌉ over debts and
requirements, HF = ⌊C·10¹⁸/R⌋, E = C − R. Used by the margin engine and by every verifier.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chains.model.position import Side
from chains.model.units import BPS, WAD, Bps, Usd, Wad, div_down, div_up


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedLeg:
    """A leg's value (Usd; collateral rounded down, debt up) and the weights it counts with.

    `liquidation_threshold` and `haircut` matter for collateral, `debt_weight` (≥ 10⁴) for
    debts and requirements.
    """

    side: Side
    value: Usd
    liquidation_threshold: Bps = Bps(0)
    haircut: Bps = Bps(0)
    debt_weight: Bps = Bps(BPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """C, R and what follows from them."""

    collateral: Usd
    requirement: Usd

    @property
    def equity(self) -> Usd:
        """E = C − R."""
        return Usd(self.collateral - self.requirement)

    @property
    def factor(self) -> Wad | None:
        """HF rounded down; None where nothing is owed."""
        if self.requirement == 0:
            return None
        return Wad(div_down(self.collateral * WAD, self.requirement))


def weigh(leg: WeightedLeg) -> Usd:
    """Give what a leg adds to C (rounded down) or to R (rounded up)."""
    if leg.side is Side.COLLATERAL:
        return Usd(div_down(leg.value * leg.liquidation_threshold * (BPS - leg.haircut), BPS * BPS))
    return Usd(div_up(leg.value * leg.debt_weight, BPS))


def calculate_health(legs: Iterable[WeightedLeg]) -> Health:
    """Add weighted legs up; ValueError on a negative value or a weight out of its range."""
    collateral = requirement = 0
    for leg in legs:
        if (
            leg.value < 0
            or not 0 <= leg.haircut <= BPS
            or not 0 <= leg.liquidation_threshold <= BPS
        ):
            raise ValueError(f"a leg's value, threshold or haircut is out of range: {leg}")
        if leg.side is Side.COLLATERAL:
            collateral += weigh(leg)
        else:
            requirement += weigh(leg)
    return Health(collateral=Usd(collateral), requirement=Usd(requirement))
