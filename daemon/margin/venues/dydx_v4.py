"""dYdX v4's margin of a subaccount: integers in quote quantums (USDC x 1e6).

The initial margin grows with a market's open interest, the maintenance margin does not. An account
may be liquidated where its net collateral is below the maintenance margin. A closing order fills no
worse than the bankruptcy price at which the rest of the account keeps its ratio; the fillable price
lies the nearer to it the worse the account stands. Source: dydxprotocol/v4-chain at 84d4664b,
protocol/lib/margin, x/perpetuals/lib, x/perpetuals/types/liquidity_tier.go and
x/clob/keeper/liquidations.go. Tiers are governance's: nothing is assumed here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from chains.model.units import div_down, div_up
from daemon.margin.scenarios import InvalidRiskInput

PPM: Final = 10**6
QUOTE_RESOLUTION: Final = -6
"""A quote quantum is 10 to this power USDC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityTier:
    """A market's terms: parts per million, caps of open interest in quote quantums (0 for none).

    `maintenance_ppm` is a part of the initial margin before open interest raises it.
    """

    initial_ppm: int
    maintenance_ppm: int
    lower_cap: int = 0
    upper_cap: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A perpetual: price x 10^exponent USD per unit, a base quantum is 10^resolution units.

    `open_interest` is base quantums.
    """

    price: int
    exponent: int
    resolution: int
    tier: LiquidityTier
    open_interest: int = 0

    def to_quote(self, base: int) -> int:
        """Give the signed value of base quantums in quote quantums, rounded towards 0."""
        power = self.exponent + self.resolution - QUOTE_RESOLUTION
        value = abs(base) * self.price
        scaled = value * 10**power if power >= 0 else div_down(value, 10**-power)
        return scaled if base >= 0 else -scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Net collateral and both margins of a position or of an account (quote quantums)."""

    net: int
    initial: int
    maintenance: int

    @property
    def liquidatable(self) -> bool:
        """Whether the account may be liquidated: one that requires nothing may not."""
        return self.maintenance > 0 and self.net < self.maintenance

    def __add__(self, other: "Risk") -> "Risk":
        return Risk(
            net=self.net + other.net,
            initial=self.initial + other.initial,
            maintenance=self.maintenance + other.maintenance,
        )


def raise_initial(tier: LiquidityTier, open_notional: int) -> int:
    """Give the initial margin (ppm) at an open interest: linear between the caps, then all."""
    if tier.upper_cap == 0 or open_notional <= tier.lower_cap:
        return tier.initial_ppm
    if open_notional >= tier.upper_cap:
        return PPM
    room, past = tier.upper_cap - tier.lower_cap, open_notional - tier.lower_cap
    return tier.initial_ppm + div_down((PPM - tier.initial_ppm) * past, room)


def require_initial(tier: LiquidityTier, notional: int, open_notional: int) -> int:
    """Give the initial margin of a notional, rounded up."""
    return div_up(notional * raise_initial(tier, open_notional), PPM)


def require_maintenance(tier: LiquidityTier, notional: int) -> int:
    """Give the maintenance margin of a notional, rounded up twice."""
    return div_up(div_up(notional * tier.initial_ppm, PPM) * tier.maintenance_ppm, PPM)


def measure_position(market: Market, size: int) -> Risk:
    """Give the net notional and both margins of signed base quantums."""
    notional = market.to_quote(abs(size))
    open_notional = market.to_quote(market.open_interest)
    return Risk(
        net=market.to_quote(size),
        initial=require_initial(market.tier, notional, open_notional),
        maintenance=require_maintenance(market.tier, notional),
    )


def measure_account(quote: int, positions: Iterable[tuple[Market, int]]) -> Risk:
    """Give the risk of a quote balance (quote quantums) with positions (base quantums)."""
    found = Risk(net=quote, initial=0, maintenance=0)
    for market, size in positions:
        found += measure_position(market, size)
    return found


def compare_risk(first: Risk, second: Risk) -> int:
    """Say which account stands worse: 1 the first, -1 the second, 0 neither.

    Net collateral per maintenance margin decides, without division; of equals the larger margin.
    """
    ours, theirs = first.net * second.maintenance, second.net * first.maintenance
    if ours == theirs:
        ours, theirs = second.maintenance, first.maintenance
    return (theirs > ours) - (theirs < ours)


def calculate_bankruptcy_price(account: Risk, market: Market, size: int, delta: int) -> int:
    """Give what closing `delta` of a position must bring at least (quote quantums, rounded up).

    `account` is the whole account with the position in it, sizes are base quantums. The account
    keeps its ratio of net collateral to maintenance margin at this price.
    """
    _check_close(account, size, delta)
    before, after = measure_position(market, size), measure_position(market, size + delta)
    given_up = before.maintenance - after.maintenance
    kept = div_down(account.net * abs(given_up), account.maintenance)
    return before.net - after.net - kept


def calculate_fillable_price(
    account: Risk, market: Market, size: int, *, adjustment_ppm: int, spread_ppm: int
) -> Fraction:
    """Give the price (quote per base quantum) at which a liquidation order is placed.

    Off the oracle's by the position's maintenance margin times `spread_ppm`, times how near the
    account is to bankruptcy (`adjustment_ppm` hastens it).
    """
    _check_close(account, size, -size)
    position = measure_position(market, size)
    lacking = 1 - Fraction(account.net, account.maintenance)
    rating = min(max(lacking * Fraction(adjustment_ppm, PPM), Fraction(0)), Fraction(1))
    spread = rating * Fraction(spread_ppm, PPM) * position.maintenance
    return (position.net - spread) / size


def _check_close(account: Risk, size: int, delta: int) -> None:
    if size * delta >= 0 or abs(delta) > abs(size):
        raise InvalidRiskInput(f"delta is {delta}: it must close a part of the position of {size}")
    if account.maintenance <= 0:
        raise InvalidRiskInput("maintenance is 0: such an account is not liquidated")
