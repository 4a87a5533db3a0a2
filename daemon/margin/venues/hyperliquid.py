"""Hyperliquid's margin as its documentation states it: float64 USD.

The maintenance margin of a perp is half of the initial margin at the asset's greatest leverage.
Portfolio margin lets balances of a token be borrowed against. Source: Hyperliquid's documentation,
pages Margining, Liquidations and Portfolio margin; its code is not published, so that these
formulas are secondary evidence. The caps that bound what portfolio margin lends are the exchange's.
"""

from typing import Final

from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive

BASE_RATE: Final = 0.05
RATE_SLOPE: Final = 4.75
OPTIMAL_USE: Final = 0.8


def require_maintenance(notional: float, max_leverage: float) -> float:
    """Give the maintenance margin of a notional."""
    check_finite(notional=notional)
    check_positive(max_leverage=max_leverage)
    return notional / max_leverage / 2


def calculate_liquidation_price(
    side: int, price: float, size: float, *, margin: float, max_leverage: float
) -> float:
    """Give the mark at which a position is liquidated; `side` is 1 long, -1 short.

    `margin` is what is posted for it, at `price`, before its maintenance margin.
    """
    check_positive(price=price, size=size)
    check_finite(margin=margin)
    if side not in (1, -1):
        raise InvalidRiskInput(f"side is {side}: it must be 1 or -1")
    spare = margin - require_maintenance(size * price, max_leverage)
    return price - side * spare / size / (1 - side / (2 * max_leverage))


def calculate_borrowable(balance: float, price: float, ltv: float) -> float:
    """Give what may be borrowed against a balance (USD), before caps."""
    check_finite(balance=balance, price=price, ltv=ltv)
    return balance * price * ltv


def calculate_borrow_rate(utilisation: float) -> float:
    """Give the yearly rate of borrowing: flat to the optimal use, then linear."""
    if not 0 <= utilisation <= 1:
        raise InvalidRiskInput(f"utilisation is {utilisation}: it must be between 0 and 1")
    return BASE_RATE + RATE_SLOPE * max(0.0, utilisation - OPTIMAL_USE)
