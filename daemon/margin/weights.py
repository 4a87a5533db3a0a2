"""The price and the weights a leg counts with: one price range per underlying."""

from collections.abc import Iterable, Mapping

from chains.model.health import WeightedLeg
from chains.model.position import Leg, Side
from chains.model.price import Price
from chains.model.units import value_down, value_up
from daemon.margin.report import PriceRange
from daemon.margin.risk import RiskTable

Ranges = Mapping[str, PriceRange]


def price_ranges(prices: Iterable[Price], risk: RiskTable) -> dict[str, PriceRange]:
    """Give each underlying's lowest and highest valid price; ties go to the lower asset id."""
    by_symbol: dict[str, list[Price]] = {}
    for price in prices:
        if price.valid:
            by_symbol.setdefault(risk.underlying_of(price.asset).symbol, []).append(price)
    return {
        symbol: PriceRange(
            symbol=symbol,
            low=min(found, key=lambda p: (p.usd, p.asset)),
            high=min(found, key=lambda p: (-p.usd, p.asset)),
        )
        for symbol, found in sorted(by_symbol.items())
    }


def price_for(leg: Leg, ranges: Ranges, risk: RiskTable) -> Price:
    """Give the end of the range a leg counts at; its own price where there is no range."""
    found = ranges.get(risk.underlying_of(leg.asset).symbol)
    if found is None:
        return leg.price
    return found.low if leg.side is Side.COLLATERAL else found.high


def weigh_leg(leg: Leg, price: Price, risk: RiskTable) -> WeightedLeg:
    """Value a leg at `price` (collateral down, debt up) and give it its underlying's weights."""
    underlying = risk.underlying_of(leg.asset)
    if leg.side is Side.COLLATERAL:
        return WeightedLeg(
            side=leg.side,
            value=value_down(leg.units, price.usd, leg.decimals),
            liquidation_threshold=leg.liquidation_threshold,
            haircut=underlying.haircut,
        )
    return WeightedLeg(
        side=leg.side,
        value=value_up(leg.units, price.usd, leg.decimals),
        debt_weight=underlying.debt_weight,
    )
