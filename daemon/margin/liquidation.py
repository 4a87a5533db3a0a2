"""What liquidators repay and seize by a curve: whole columns of accounts at once (float64 USD).

HF = collateral x LT / debt. What is seized is worth what is repaid and the bonus; where that is
more than is held, everything is seized and so much less is repaid.
"""

from dataclasses import dataclass

import numpy as np

from daemon.margin.curves import Curve, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Liquidation:
    """What one call does to each account: USD `repaid` and `seized`, and the `bonus` (a part)."""

    repaid: Floats
    seized: Floats
    bonus: Floats


def calculate_health(collateral: Floats, threshold: Floats, debt: Floats) -> Floats:
    """Give health factors, infinite where nothing is owed."""
    return np.divide(
        collateral * threshold, debt, out=np.full_like(collateral, np.inf), where=debt > 0
    )


def liquidate(collateral: Floats, threshold: Floats, debt: Floats, curve: Curve) -> Liquidation:
    """Give what one call may take of each account; nothing where it is healthy or holds nothing."""
    health = calculate_health(collateral, threshold, debt)
    due = (health < curve.begins) & (collateral > 0) & (debt > 0)
    close, bonus = curve.at(np.where(due, health, curve.begins))
    bonus = _limit_bonus(curve, bonus, collateral, debt)
    small = np.minimum(collateral, debt) < curve.full_below
    repaid = np.where(small, debt, close * debt)
    if curve.target is not None:
        repaid = np.minimum(repaid, _reach(curve.target, collateral, threshold, debt, bonus))
    repaid = np.minimum(repaid, curve.most)
    repaid = np.where(debt - repaid < curve.dust, debt, repaid)
    repaid = np.where(due, np.minimum(repaid, collateral / (1 + bonus)), 0.0)
    seized = np.where(due, np.minimum(repaid * (1 + bonus), collateral), 0.0)
    return Liquidation(repaid=repaid, seized=seized, bonus=bonus)


def _limit_bonus(curve: Curve, bonus: Floats, collateral: Floats, debt: Floats) -> Floats:
    """Never give more of an account than it has beyond its debt, where the curve says so."""
    if curve.bad_debt_bonus is None:
        return bonus
    held = np.where(collateral > 0, collateral, 1.0)
    left = np.maximum(1 - debt / held, min(curve.bad_debt_bonus, curve.largest_bonus))
    return np.minimum(bonus, left)


def _reach(
    target: float, collateral: Floats, threshold: Floats, debt: Floats, bonus: Floats
) -> Floats:
    """Give the debt to repay out of collateral for HF = target; all where that is out of reach."""
    gain = target - threshold * (1 + bonus)
    lacking = target * debt - collateral * threshold
    wanted = np.divide(lacking, gain, out=debt.copy(), where=gain > 0)
    return np.clip(wanted, 0.0, debt)
