"""Drift v2's margin of an account: integers, quotients rounded towards 0 as the program does.

USD and prices are x 1e6, base amounts x 1e9, weights and margin ratios x 1e4, size factors x 1e6.
Large assets count less and large liabilities more, by the root of their size. Prices are strict
where an order or a withdrawal is asked for: assets at the lower, liabilities at the higher of the
oracle and its five-minute average. Source: drift-labs/protocol-v2 at 0ae3e3b1,
programs/drift/src/math/margin.rs, state/{perp_market,spot_market,user}.rs. Market terms are
governance's: nothing is assumed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isqrt
from typing import Final

from chains.model.units import div_down
from daemon.margin.scenarios import InvalidRiskInput

PRICE: Final = 10**6
BASE: Final = 10**9
WEIGHT: Final = 10**4
FACTOR: Final = 10**6
OPEN_ORDER: Final = 10_000
"""What each open order asks for (USD x 1e6)."""
MOST_INITIAL_GAIN: Final = 100 * PRICE
"""The most that gains of one perp count for an initial margin (USD x 1e6)."""
_ROOT_SCALE: Final = 100_000


class Requirement(StrEnum):
    """Which margin is asked for."""

    INITIAL = "initial"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrictPrice:
    """An oracle's price (x 1e6); `average` is its five-minute average where prices are strict."""

    price: int
    average: int | None = None

    def __post_init__(self) -> None:
        if self.price < 0 or (self.average is not None and self.average < 0):
            raise InvalidRiskInput(f"price is {self.price}, average {self.average}: not below 0")

    @property
    def low(self) -> int:
        """What assets count with."""
        return self.price if self.average is None else min(self.price, self.average)

    @property
    def high(self) -> int:
        """What liabilities count with."""
        return self.price if self.average is None else max(self.price, self.average)


PAR: Final = StrictPrice(price=PRICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpMarket:
    """A perp's terms; `gains_initial` and `gains_maintenance` weigh what was gained.

    A `prediction` market's price ends at 0 or 1 USD: a short's liability is what is missing to 1.
    """

    initial: int
    maintenance: int
    size_factor: int = 0
    gains_initial: int = WEIGHT
    gains_maintenance: int = WEIGHT
    gains_factor: int = 0
    prediction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpPosition:
    """Signed `base` and the `quote` that was paid for it (negative for a long), at `price`."""

    market: PerpMarket
    base: int
    quote: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotMarket:
    """A token's terms; above `scale_start` (USD of all deposits) the initial weight shrinks."""

    decimals: int
    asset_initial: int
    asset_maintenance: int
    liability_initial: int
    liability_maintenance: int
    size_factor: int = 0
    scale_start: int = 0
    deposits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotPosition:
    """Signed `amount` (base units), negative where borrowed, with orders still open.

    `bids` are base units that may be bought, `asks` those that may be sold (negative).
    """

    market: SpotMarket
    price: StrictPrice
    amount: int
    bids: int = 0
    asks: int = 0
    open_orders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What the rule finds (USD x 1e6): collateral below the requirement falls short.

    `buffered_collateral` and `buffered_requirement` carry the buffer a liquidation must restore.
    """

    requirement: int
    collateral: int
    buffered_requirement: int
    buffered_collateral: int


def raise_liability_weight(size: int, factor: int, weight: int) -> int:
    """Give a liability's weight or a perp's margin ratio at a size (x 1e9)."""
    if factor == 0:
        return weight
    premium = div_down(_root(size) * factor, _ROOT_SCALE * FACTOR // WEIGHT)
    return max(weight, weight - weight // 5 + premium)


def lower_asset_weight(size: int, factor: int, weight: int) -> int:
    """Give an asset's weight at a size (x 1e9)."""
    if factor == 0:
        return weight
    discount = div_down(_root(size) * factor, _ROOT_SCALE)
    return min(weight, div_down((FACTOR + FACTOR // 10) * WEIGHT, FACTOR + discount))


def scale_initial_weight(market: SpotMarket, price: int) -> int:
    """Give an asset's initial weight, less where all deposits are worth more than they may be."""
    deposited = value_tokens(market.deposits, price, market.decimals)
    if market.scale_start == 0 or deposited < market.scale_start:
        return market.asset_initial
    return div_down(market.asset_initial * market.scale_start, deposited)


def weigh_gains(market: PerpMarket, gains: int, requirement: Requirement) -> int:
    """Give the weight of what a perp gained (USD x 1e6); losses count whole."""
    if gains <= 0:
        return WEIGHT
    if requirement is Requirement.MAINTENANCE:
        return market.gains_maintenance
    size = gains * (BASE // PRICE)
    return lower_asset_weight(size, market.gains_factor, market.gains_initial)


def find_margin_ratio(market: PerpMarket, size: int, requirement: Requirement) -> int:
    """Give a perp's margin ratio at a size (x 1e9)."""
    initial = requirement is Requirement.INITIAL
    ratio = market.initial if initial else market.maintenance
    return raise_liability_weight(size, market.size_factor, ratio)


def value_tokens(amount: int, price: int, decimals: int) -> int:
    """Give the value of signed base units (USD x 1e6), rounded down."""
    return div_down(amount * price, 10**decimals)


def margin_account(
    quote: int,
    spots: Sequence[SpotPosition] = (),
    perps: Sequence[PerpPosition] = (),
    *,
    requirement: Requirement,
    quote_price: StrictPrice = PAR,
    user_ratio: int = 0,
    buffer: int = 0,
) -> Margin:
    """Give the margin of an account with signed `quote` tokens (x 1e6).

    `user_ratio` is the initial margin that the user asks of themselves, `buffer` (x 1e4) what a
    liquidation must restore on top of maintenance.
    """
    found = _Ledger(buffer)
    found.add(value_tokens(quote, quote_price.low if quote > 0 else quote_price.high, 6))
    own = user_ratio if requirement is Requirement.INITIAL else 0
    for spot in spots:
        _margin_spot(found, spot, requirement, own)
    for perp in perps:
        _margin_perp(found, perp, requirement, own, quote_price)
    return Margin(
        requirement=found.requirement,
        collateral=found.collateral,
        buffered_requirement=found.requirement + found.requirement_buffer,
        buffered_collateral=found.collateral + found.collateral_buffer,
    )


@dataclass(slots=True)
class _Ledger:
    buffer: int
    requirement: int = 0
    collateral: int = 0
    requirement_buffer: int = 0
    collateral_buffer: int = 0

    def add(self, value: int) -> None:
        """Add the value of tokens: what is owed is a requirement."""
        if value < 0:
            self.require(-value, -value)
        else:
            self.collect(value)

    def collect(self, value: int) -> None:
        self.collateral += value
        self.collateral_buffer += _divide(min(value, 0) * self.buffer, WEIGHT)

    def require(self, requirement: int, liability: int) -> None:
        self.requirement += requirement
        self.requirement_buffer += div_down(liability * self.buffer, WEIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fill:
    """A spot position after one side of its orders was filled."""

    tokens: int
    weighted: int
    orders: int

    @property
    def free(self) -> int:
        return self.weighted + self.orders


def _margin_spot(
    found: _Ledger, spot: SpotPosition, requirement: Requirement, user_ratio: int
) -> None:
    price = spot.price.low if spot.amount > 0 else spot.price.high
    held = value_tokens(spot.amount, price, spot.market.decimals)
    bids, asks = (_fill(spot, held, size, requirement, 0) for size in (spot.bids, spot.asks))
    size = spot.asks if asks.free <= bids.free else spot.bids
    worst = _fill(spot, held, size, requirement, user_ratio)
    found.require(spot.open_orders * OPEN_ORDER, 0)
    if worst.tokens > 0:
        found.collect(worst.weighted)
    elif worst.tokens < 0:
        found.require(-worst.weighted, -worst.tokens)
    found.add(worst.orders)


def _fill(
    spot: SpotPosition, held: int, size: int, requirement: Requirement, user_ratio: int
) -> _Fill:
    """Fill orders at the higher price, and weigh what is held then."""
    market = spot.market
    orders = value_tokens(-size, spot.price.high, market.decimals)
    tokens = held - orders
    amount = div_down(abs(spot.amount + size) * BASE, 10**market.decimals)
    initial = requirement is Requirement.INITIAL
    if tokens > 0:
        weight = (
            scale_initial_weight(market, spot.price.price) if initial else market.asset_maintenance
        )
        weight = lower_asset_weight(amount, market.size_factor, weight)
        weight = min(weight, max(WEIGHT - user_ratio, 0)) if user_ratio else weight
    else:
        weight = market.liability_initial if initial else market.liability_maintenance
        weight = raise_liability_weight(amount, market.size_factor, weight)
        weight = max(weight, WEIGHT + user_ratio) if user_ratio else weight
    return _Fill(tokens=tokens, weighted=_divide(tokens * weight, WEIGHT), orders=orders)


def _margin_perp(
    found: _Ledger,
    perp: PerpPosition,
    requirement: Requirement,
    user_ratio: int,
    quote: StrictPrice,
) -> None:
    market, size = perp.market, abs(perp.base)
    missing = market.prediction and perp.base < 0
    liability = div_down(size * (PRICE - perp.price if missing else perp.price), BASE)
    liability = div_down(liability * quote.high, PRICE)
    ratio = max(user_ratio, find_margin_ratio(market, size, requirement))
    found.require(div_down(liability * ratio, WEIGHT), liability)
    gains = _divide(perp.base * perp.price, BASE) + perp.quote
    counted = _divide(gains * weigh_gains(market, gains, requirement), WEIGHT)
    counted = _divide(counted * (quote.low if gains > 0 else quote.high), PRICE)
    if requirement is Requirement.INITIAL:
        counted = min(counted, MOST_INITIAL_GAIN)
    found.collect(counted)


def _root(size: int) -> int:
    """Give the root of a size x 1e9 as the program takes it, x 1e5."""
    return isqrt(size * 10 + 1)


def _divide(numerator: int, denominator: int) -> int:
    quotient = div_down(abs(numerator), denominator)
    return quotient if numerator >= 0 else -quotient
