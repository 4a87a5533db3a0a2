"""Synthetix v3's margin of a perps account: integers x 1e18, products and quotients rounded down.

A market's initial margin grows with the position's part of the skew scale; maintenance is a part of
it; each position adds a least margin. An order fills at the oracle's price moved by the mean skew
before and after it. Source: Synthetixio/synthetix-v3 at 23585f73, markets/perps-market/contracts/
storage (PerpsMarketConfiguration, PerpsAccount, AsyncOrder). Market terms are governance's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chains.model.units import WAD, div_down
from daemon.margin.scenarios import InvalidRiskInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A market's terms (x 1e18): fractions are parts of one, `least_margin` is USD.

    `initial_fraction` counts per skew scale of size, `least_initial` always, `maintenance` is a
    part of both; `reward` is the part of the notional that flagging the account pays.
    """

    skew_scale: int
    initial_fraction: int
    least_initial: int
    maintenance: int
    least_margin: int = 0
    reward: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Signed `size`, filled at `entry`, worth `price` now (x 1e18); `funding` is owed to it."""

    market: Market
    size: int
    entry: int
    price: int
    funding: int = 0

    @property
    def notional(self) -> int:
        """The absolute value (USD x 1e18)."""
        return multiply(abs(self.size), self.price)

    @property
    def pnl(self) -> int:
        """What was gained since the fill, funding included (USD x 1e18)."""
        return multiply(self.size, self.price - self.entry) + self.funding


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the rule finds (USD x 1e18); `available` is what stands against the margins."""

    available: int
    initial: int
    maintenance: int
    reward: int

    @property
    def liquidatable(self) -> bool:
        """Whether the maintenance margin and the reward are more than there is."""
        return self.maintenance + self.reward > self.available


def multiply(a: int, b: int) -> int:
    """Give a product of two figures x 1e18, rounded towards 0."""
    product = div_down(abs(a) * abs(b), WAD)
    return product if a * b >= 0 else -product


def divide(a: int, b: int) -> int:
    """Give a quotient of two figures x 1e18, rounded towards 0; `b` must be positive."""
    quotient = div_down(abs(a) * WAD, b)
    return quotient if a >= 0 else -quotient


def calculate_fill_price(market: Market, price: int, *, skew: int, size: int) -> int:
    """Give what an order of signed `size` fills at where the market stands at `skew`."""
    if market.skew_scale == 0:
        return price
    before = price + multiply(price, divide(skew, market.skew_scale))
    after = price + multiply(price, divide(skew + size, market.skew_scale))
    return div_down(before + after, 2)


def measure_account(collateral: int, positions: Sequence[Position], *, debt: int = 0) -> Account:
    """Give the margins of an account: `collateral` and `debt` are USD x 1e18.

    InvalidRiskInput names a figure that may not be negative.
    """
    initial = maintenance = reward = 0
    for position in positions:
        market = position.market
        if position.price < 0 or market.skew_scale < 0:
            raise InvalidRiskInput(
                f"price {position.price}, skew_scale {market.skew_scale}: not < 0"
            )
        ratio = calculate_initial_ratio(market, position.size)
        initial += multiply(position.notional, ratio) + market.least_margin
        kept = multiply(ratio, market.maintenance)
        maintenance += multiply(position.notional, kept) + market.least_margin
        reward += multiply(position.notional, market.reward)
    return Account(
        available=collateral + sum(position.pnl for position in positions) - debt,
        initial=initial,
        maintenance=maintenance,
        reward=reward,
    )


def calculate_initial_ratio(market: Market, size: int) -> int:
    """Give the part of a notional that opening a position of `size` asks for (x 1e18)."""
    impact = divide(abs(size), market.skew_scale) if market.skew_scale else 0
    return multiply(impact, market.initial_fraction) + market.least_initial
