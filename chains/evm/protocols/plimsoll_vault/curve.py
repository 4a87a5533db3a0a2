"""How much a liquidation repays and what it gives for it, bit for bit: pure integers.

Values are USD x 1e8, health 1e18. With C the collateral weighted by thresholds, R the debts, t the
seized asset's threshold and b the bonus, repaying x leaves a health of (C − t(1 + b)x) / (R − x).
Source: contracts/vault/curve.vy.
"""

from chains.evm.protocols.plimsoll_vault.state import NO_DEBT
from chains.model.units import BPS, WAD, div_down, div_up


def calculate_health(weight: int, debt: int) -> int:
    """Give the health of weighted collateral over debt, rounded down."""
    return NO_DEBT if debt == 0 else div_down(weight * WAD, debt)


def calculate_bonus(health: int, threshold: int, *, least: int, most: int, floor: int) -> int:
    """Give the bonus (bps): from `least` at 1 to `most` at `floor`, but health never falls."""
    depth = WAD - max(min(health, WAD), floor)
    wanted = least + div_down((most - least) * depth, WAD - floor)
    bound = max(div_down(health, threshold * 10**10), BPS) - BPS
    return min(wanted, bound)


def calculate_needed(weight: int, debt: int, threshold: int, bonus: int, target: int) -> int:
    """Give what is to be repaid to reach the target, rounded up; all where nothing reaches it."""
    missing = target * debt - weight * WAD
    gained, given = target * BPS * BPS, threshold * (BPS + bonus) * WAD
    if given >= gained:
        return debt
    return min(debt, div_up(missing * BPS * BPS, gained - given))


def calculate_payout(value: int, bonus: int, price: int) -> int:
    """Give the wad units of collateral that a repaid value buys, rounded down."""
    return div_down(value * (BPS + bonus) * WAD, BPS * price)


def calculate_reserve(value: int, bonus: int, buffer: int, price: int) -> int:
    """Give the wad units to lock for a value, buffer included, rounded up."""
    return div_up(value * (BPS + bonus) * (BPS + buffer) * WAD, BPS * BPS * price)


def calculate_covered(units: int, bonus: int, buffer: int, price: int) -> int:
    """Give the value that units can be locked for, rounded down."""
    return div_down(units * BPS * BPS * price, (BPS + bonus) * (BPS + buffer) * WAD)
