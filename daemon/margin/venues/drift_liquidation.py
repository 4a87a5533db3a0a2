"""How much a liquidation on Drift v2 takes, its insurance fee, and a loss shared by depositors.

Integers: USD and prices x 1e6, base amounts x 1e9, weights x 1e4, fees and multipliers x 1e6;
quotients round down but where noted. Source: drift-labs/protocol-v2 at 0ae3e3b1,
programs/drift/src/math/liquidation.rs.
"""

from typing import Final

from chains.model.units import div_down, div_up
from daemon.margin.venues.drift import BASE, FACTOR, PRICE, WEIGHT

EVERYTHING: Final = 2**64 - 1
"""No part of the position is enough."""
_FEE_PER_WEIGHT: Final = FACTOR // WEIGHT
_EXTRA: Final = 10


def calculate_base_to_cover(
    shortage: int, *, margin_ratio: int, fee: int, insurance_fee: int, price: int, quote_price: int
) -> int:
    """Give how much of a perp must be taken over to restore a shortage; EVERYTHING if no part is.

    Each unit frees its margin less the fees that it costs.
    """
    ratio = margin_ratio * _FEE_PER_WEIGHT
    if price == 0 or ratio <= fee:
        return EVERYTHING
    freed = div_down(div_down(price * quote_price, PRICE) * (ratio - fee), FACTOR)
    left = freed - div_down(price * insurance_fee, FACTOR)
    return div_down(shortage * BASE, left) if left > 0 else EVERYTHING


def calculate_liability_transfer(
    shortage: int,
    *,
    asset_weight: int,
    asset_multiplier: int,
    liability_weight: int,
    liability_multiplier: int,
    liability_decimals: int,
    liability_price: int,
    insurance_fee: int,
) -> int:
    """Give how many base units of a debt must be taken over; EVERYTHING if no part is enough."""
    seized = div_down(asset_weight * _EXTRA * asset_multiplier, liability_multiplier)
    freed = liability_price * (liability_weight * _EXTRA - seized)
    charged = div_down(liability_price * insurance_fee, FACTOR) * liability_weight * _EXTRA
    if freed <= charged:
        return EVERYTHING
    scaled = shortage * 10 ** max(liability_decimals - 6, 0) * PRICE * WEIGHT * _EXTRA
    return div_down(div_down(scaled, freed - charged), 10 ** max(6 - liability_decimals, 0))


def calculate_insurance_fee(
    shortage: int,
    base: int,
    *,
    margin_ratio: int,
    liquidator_fee: int,
    price: int,
    quote_price: int,
    most: int,
) -> int:
    """Give the insurance fund's fee on a perp: 95 % of what the margin leaves, at most `most`."""
    ratio, value = margin_ratio * _FEE_PER_WEIGHT, div_down(price * quote_price, PRICE)
    if value == 0 or base == 0 or ratio <= liquidator_fee:
        return 0
    needed = div_down(div_down(shortage * BASE, base) * PRICE, value)
    return min(most, div_down(max(ratio - liquidator_fee - needed, 0) * 19, 20))


def calculate_interest_cut(loss: int, deposits: int, cumulative_interest: int) -> int:
    """Give what a loss takes off the depositors' index (x 1e10), rounded up; 0 without deposits."""
    return div_up(cumulative_interest * loss, deposits) if deposits else 0
