"""How much of one asset lifts a health factor to its target: pure integers, rounded safely.

HF = ⌊C·10¹⁸/R⌋ ≥ T holds exactly when R ≤ ⌊C·10¹⁸/T⌋, and exactly when C ≥ ⌈T·R/10¹⁸⌉. What a
leg adds to C or R is rounded as in chains.model.health, so a size found here reaches its target
to the last unit. Sizes are rounded up; figures after an action are rounded against the account.
"""

from dataclasses import dataclass

from chains.model.health import Health
from chains.model.position import Position
from chains.model.units import (
    BPS,
    WAD,
    Bps,
    Usd,
    Wad,
    div_down,
    div_up,
    units_down,
    units_up,
    value_down,
    value_up,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtLeg:
    """What is owed of one asset, at the price and weight it counts with."""

    units: int
    decimals: int
    price: Usd
    weight: Bps = Bps(BPS)

    def counted(self, units: int) -> int:
        """Give what `units` owed add to R."""
        return div_up(value_up(units, self.price, self.decimals) * self.weight, BPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralLeg:
    """What is supplied of one asset, at the price and weights it counts with."""

    units: int
    decimals: int
    price: Usd
    threshold: Bps
    haircut: Bps = Bps(0)

    @property
    def factor(self) -> int:
        """Threshold and haircut together, x 1e8."""
        return self.threshold * (BPS - self.haircut)

    def counted(self, units: int) -> int:
        """Give what `units` supplied add to C."""
        return div_down(value_down(units, self.price, self.decimals) * self.factor, BPS * BPS)


def size_repay(health: Health, leg: DebtLeg, target: Wad) -> int | None:
    """Give the fewest units whose repayment reaches `target`; None when all of it is too little."""
    excess = health.requirement - div_down(health.collateral * WAD, target)
    if excess <= 0:
        return 0
    allowed = leg.counted(leg.units) - excess
    if allowed < 0:
        return None
    most_owed = units_down(Usd(div_down(allowed * BPS, leg.weight)), leg.price, leg.decimals)
    return max(0, leg.units - most_owed)


def size_supply(health: Health, leg: CollateralLeg, target: Wad) -> int | None:
    """Give the fewest units whose supply reaches `target`; None where they count nothing."""
    missing = div_up(target * health.requirement, WAD) - health.collateral
    if missing <= 0:
        return 0
    if leg.factor == 0 or leg.price <= 0:
        return None
    value = div_up((leg.counted(leg.units) + missing) * BPS * BPS, leg.factor)
    return max(0, units_up(Usd(value), leg.price, leg.decimals) - leg.units)


def repay(health: Health, leg: DebtLeg, units: int) -> Health:
    """Give the health after repaying `units`."""
    freed = leg.counted(leg.units) - leg.counted(leg.units - units)
    return Health(collateral=health.collateral, requirement=Usd(health.requirement - freed))


def supply(health: Health, leg: CollateralLeg, units: int) -> Health:
    """Give the health after supplying `units`."""
    added = leg.counted(leg.units + units) - leg.counted(leg.units)
    return Health(collateral=Usd(health.collateral + added), requirement=health.requirement)


def native_health(position: Position, *, supplied: bool) -> Health | None:
    """Give C and R that the market's own factor and debt stand for; None without debt.

    C = ⌊HF·D/10¹⁸⌋ holds for every rounding the market's version does. R is one unit more, which
    covers versions that round debts down. A market that rounds the average threshold down to
    basis points (Aave before 3.3) may lose one of them when collateral is `supplied`: what is
    there loses it here, what is added by counting it at `cautious_threshold`.
    """
    if position.native_health is None:
        return None
    debt = position.native_debt
    collateral = div_down(position.native_health * debt, WAD)
    if supplied:
        collateral -= div_up(position.native_collateral, BPS)
    return Health(collateral=Usd(max(0, collateral)), requirement=Usd(debt + 1))


def cautious_threshold(threshold: Bps) -> Bps:
    """Give the threshold that supplied collateral counts with at the least: a basis point less."""
    return Bps(max(0, threshold - 1))
