"""Liquidation curves: from a health factor to the part of the debt that may be repaid, and a bonus.

A curve is piecewise linear between knots, in the health factor or in its inverse (so in the loan to
value, the threshold's multiple). As health falls, neither the close factor nor the bonus may fall.
A curve fits a liquidation threshold LT if (1 + bonus) LT < 1: then what is liquidated at HF = 1
never makes the loan to value worse. Knots may share a health factor: there the curve jumps, and the
lower side holds at the point itself.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.scenarios import InvalidRiskInput, check_finite

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knot:
    """At `health`, `close_factor` of the whole debt (at most 1) may be repaid for `bonus`."""

    health: float
    close_factor: float
    bonus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A liquidation curve; one is liquidated under the highest knot's health.

    `inverse` says that it is linear in 1 / HF. Where debt or collateral is under `full_below` (USD)
    all may be repaid, and all if less than `dust` would be left; one call repays `most` at most.
    Where there is a `target`, no more is repaid than lifts health to it. With `bad_debt_bonus` the
    bonus is at most 1 - LTV, or that bonus where more is owed than held.
    """

    name: str
    knots: tuple[Knot, ...]
    inverse: bool = False
    full_below: float = 0.0
    dust: float = 0.0
    most: float = np.inf
    target: float | None = None
    bad_debt_bonus: float | None = None

    def __post_init__(self) -> None:
        if not self.knots:
            raise InvalidRiskInput(f"curve {self.name}: it has no knots")
        for knot in self.knots:
            check_finite(health=knot.health, close_factor=knot.close_factor, bonus=knot.bonus)
            if knot.health <= 0 or not 0 < knot.close_factor <= 1 or knot.bonus < 0:
                raise InvalidRiskInput(f"curve {self.name}: {knot} is out of range")
        for low, high in zip(self.knots, self.knots[1:], strict=False):
            if low.health > high.health:
                raise InvalidRiskInput(f"curve {self.name}: knots go from low to high health")
            if low.close_factor < high.close_factor or low.bonus < high.bonus:
                raise InvalidRiskInput(
                    f"curve {self.name}: close factor and bonus may not rise with health, "
                    f"they do at {high.health:g}"
                )

    @property
    def begins(self) -> float:
        """The health factor under which one is liquidated."""
        return self.knots[-1].health

    @property
    def largest_bonus(self) -> float:
        """The bonus at the lowest health."""
        return self.knots[0].bonus

    def check(self, threshold: float) -> None:
        """Raise InvalidRiskInput unless (1 + bonus) LT < 1 for a liquidation threshold LT."""
        if not (1 + self.largest_bonus) * threshold < 1:
            raise InvalidRiskInput(
                f"curve {self.name}: a bonus of {self.largest_bonus:g} makes loans worse at a "
                f"threshold of {threshold:g}: (1 + bonus) x threshold must be under 1"
            )

    def at(self, health: Floats) -> tuple[Floats, Floats]:
        """Give close factors and bonuses; what lies beyond the last knots counts as they do."""
        knots = np.array([knot.health for knot in self.knots])
        bounded = np.clip(health, knots[0], knots[-1])
        above = np.searchsorted(knots, bounded, side="left")
        below = np.maximum(above - 1, 0)
        axis = 1 / knots if self.inverse else knots
        place = 1 / bounded if self.inverse else bounded
        span = axis[above] - axis[below]
        part = np.divide(place - axis[below], span, out=np.ones_like(place), where=span != 0)
        close = np.array([knot.close_factor for knot in self.knots])
        bonus = np.array([knot.bonus for knot in self.knots])
        return _mix(close, below, above, part), _mix(bonus, below, above, part)


def _mix(figures: Floats, below: NDArray[np.intp], above: NDArray[np.intp], part: Floats) -> Floats:
    return np.asarray(figures[below] + part * (figures[above] - figures[below]))


FULL: Final = 1.0
AAVE_HALF_ABOVE: Final = 0.95
AAVE_SMALL: Final = 2_000.0
V4_DUST: Final = 1_000.0
KAMINO_CLOSE: Final = 0.2
KAMINO_RISKY: Final = 0.95
KAMINO_MOST: Final = 500_000.0
KAMINO_SMALL: Final = 2.0
KAMINO_BAD_DEBT_BONUS: Final = 0.0099
MORPHO_CURSOR: Final = 0.3
MORPHO_MOST: Final = 0.15


def build_aave(bonus: float) -> Curve:
    """Give Aave v3.3's: half the debt above a health factor of 0.95, small ones whole.

    Source: aave-dao/aave-v3-origin, LiquidationLogic.sol.
    """
    return Curve(
        name="aave",
        knots=(
            Knot(health=AAVE_HALF_ABOVE, close_factor=FULL, bonus=bonus),
            Knot(health=AAVE_HALF_ABOVE, close_factor=0.5, bonus=bonus),
            Knot(health=1.0, close_factor=0.5, bonus=bonus),
        ),
        full_below=AAVE_SMALL,
    )


def build_aave_v4(
    least: float, most: float, *, target: float = 1.05, most_below: float = 0.9
) -> Curve:
    """Give Aave v4's: repay what lifts health to a target; the bonus grows down to `most_below`.

    Source: aave/aave-v4, LiquidationLogic.sol (target health factor, linear bonus, dust).
    """
    return Curve(
        name="aave-v4",
        knots=(
            Knot(health=most_below, close_factor=FULL, bonus=most),
            Knot(health=1.0, close_factor=FULL, bonus=least),
        ),
        dust=V4_DUST,
        target=target,
    )


def build_kamino(threshold: float, *, least: float = 0.02, most: float = 0.05) -> Curve:
    """Give Kamino's for one threshold: the bonus is LTV - threshold, between its bounds.

    Source: Kamino-Finance/klend, liquidation_operations.rs.
    """
    risky = min(1.0, threshold / KAMINO_RISKY)
    ramp = {threshold / (threshold + bonus): bonus for bonus in (most, least)} | {1.0: least}
    if risky not in ramp:
        ramp[risky] = min(max(least, threshold / risky - threshold), most)
    knots = []
    for health in sorted(ramp):
        if health <= risky:
            knots.append(Knot(health=health, close_factor=FULL, bonus=ramp[health]))
        if health >= risky:
            knots.append(Knot(health=health, close_factor=KAMINO_CLOSE, bonus=ramp[health]))
    return Curve(
        name="kamino",
        knots=tuple(knots),
        inverse=True,
        full_below=KAMINO_SMALL,
        most=KAMINO_MOST,
        bad_debt_bonus=KAMINO_BAD_DEBT_BONUS,
    )


def find_morpho_bonus(threshold: float) -> float:
    """Give Morpho Blue's bonus for an LLTV: min(1.15, 1 / (1 - 0.3 (1 - LLTV))) - 1.

    Source: morpho-org/morpho-blue, Morpho.sol.
    """
    return min(MORPHO_MOST, 1 / (1 - MORPHO_CURSOR * (1 - threshold)) - 1)


def build_morpho(threshold: float) -> Curve:
    """Give Morpho Blue's: everything for one bonus."""
    bonus = find_morpho_bonus(threshold)
    return Curve(name="morpho", knots=(Knot(health=1.0, close_factor=FULL, bonus=bonus),))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreLiquidation:
    """Morpho's terms from the LTV `begins` on: parts of the debt and bonuses, both ends."""

    begins: float
    close_factors: tuple[float, float]
    bonuses: tuple[float, float]


def build_pre_liquidation(threshold: float, terms: PreLiquidation) -> Curve:
    """Give Morpho's pre-liquidation up to the LLTV, and its liquidation beyond.

    Close factor and bonus are linear in the LTV. Source: morpho-org/pre-liquidation,
    PreLiquidation.sol. InvalidRiskInput where it begins at the LLTV or beyond.
    """
    if not 0 < terms.begins < threshold:
        raise InvalidRiskInput(f"pre-liquidation begins at {terms.begins:g}, not under the LLTV")
    bonus = max(find_morpho_bonus(threshold), terms.bonuses[1])
    return Curve(
        name="morpho-pre",
        knots=(
            Knot(health=1.0, close_factor=FULL, bonus=bonus),
            Knot(health=1.0, close_factor=terms.close_factors[1], bonus=terms.bonuses[1]),
            Knot(
                health=threshold / terms.begins,
                close_factor=terms.close_factors[0],
                bonus=terms.bonuses[0],
            ),
        ),
        inverse=True,
    )


def build_euler(most_discount: float) -> Curve:
    """Give Euler v2's: the discount is 1 - HF, capped, so the bonus 1 / HF - 1.

    Source: euler-xyz/euler-vault-kit, Liquidation.sol. InvalidRiskInput unless 0 < discount < 1.
    """
    if not 0 < most_discount < 1:
        raise InvalidRiskInput(f"most_discount is {most_discount:g}, not between 0 and 1")
    lowest = 1 - most_discount
    return Curve(
        name="euler",
        knots=(
            Knot(health=lowest, close_factor=FULL, bonus=1 / lowest - 1),
            Knot(health=1.0, close_factor=FULL, bonus=0.0),
        ),
        inverse=True,
    )


PRESETS: Final = ("aave", "aave-v4", "kamino", "morpho", "morpho-pre", "euler")


def build_preset(name: str, threshold: float, bonus: float) -> Curve:
    """Give a preset by its name for a threshold, checked; `bonus` is its largest where it has one.

    InvalidRiskInput names a preset that does not exist, or a bonus that makes loans worse.
    """
    match name:
        case "aave":
            curve = build_aave(bonus)
        case "aave-v4":
            curve = build_aave_v4(bonus / 2, bonus)
        case "kamino":
            curve = build_kamino(threshold, least=bonus / 2, most=bonus)
        case "morpho":
            curve = build_morpho(threshold)
        case "morpho-pre":
            curve = build_pre_liquidation(
                threshold,
                PreLiquidation(
                    begins=0.95 * threshold,
                    close_factors=(0.1, 0.5),
                    bonuses=(0.01, find_morpho_bonus(threshold)),
                ),
            )
        case "euler":
            curve = build_euler(1 - 1 / (1 + bonus))
        case _:
            raise InvalidRiskInput(f"curve is {name!r}, not one of {', '.join(PRESETS)}")
    curve.check(threshold)
    return curve
