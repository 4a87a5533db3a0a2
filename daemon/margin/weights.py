"""The price and the weights a leg counts with: one price range per underlying.

A staked form's price enters the range divided by its ratio, and its leg counts at the range's end
times its ratio; without its ratio the price of a staked form is not known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from chains.model.health import WeightedLeg
from chains.model.ids import AssetId
from chains.model.position import Leg, Side
from chains.model.price import Price, PriceStatus, Ratio
from chains.model.units import Wad, value_down, value_up
from daemon.margin.report import ONE, PriceRange
from daemon.margin.risk import RiskTable

Ranges = Mapping[str, PriceRange]


def known_ratios(ratios: Iterable[Ratio], risk: RiskTable) -> dict[AssetId, Wad]:
    """Give the ratios of staked forms that may be multiplied with."""
    return {r.asset: r.value for r in ratios if r.valid and risk.is_staked(r.asset)}


def price_ranges(
    prices: Iterable[Price], risk: RiskTable, ratios: Mapping[AssetId, Wad]
) -> dict[str, PriceRange]:
    """Give each underlying's lowest and highest valid price; ties go to the lower asset id."""
    by_symbol: dict[str, list[Price]] = {}
    for price in prices:
        if price.valid and _has_ratio(price.asset, risk, ratios):
            by_symbol.setdefault(risk.underlying_of(price.asset).symbol, []).append(price)

    def whole(price: Price) -> Fraction:
        return Fraction(price.usd, ratios.get(price.asset, ONE))

    return {
        symbol: PriceRange(
            symbol=symbol,
            low=min(found, key=lambda p: (whole(p), p.asset)),
            high=min(found, key=lambda p: (-whole(p), p.asset)),
            tier=risk.underlying_of(found[0].asset).tier,
            ratios={
                asset: ratio
                for asset, ratio in ratios.items()
                if risk.underlying_of(asset).symbol == symbol
            },
        )
        for symbol, found in sorted(by_symbol.items())
    }


def price_for(leg: Leg, ranges: Ranges, risk: RiskTable) -> Price:
    """Give the end of the range a leg counts at; its own price where there is no range.

    A staked form's own price is marked UNREADABLE where its ratio is not known.
    """
    found = ranges.get(risk.underlying_of(leg.asset).symbol)
    ratios = found.ratios if found else {}
    if not _has_ratio(leg.asset, risk, ratios):
        return replace(leg.price, status=PriceStatus.UNREADABLE)
    return found.price_of(leg.asset, leg.side) if found else leg.price


def _has_ratio(asset: AssetId, risk: RiskTable, ratios: Mapping[AssetId, Wad]) -> bool:
    return asset in ratios or not risk.is_staked(asset)


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
