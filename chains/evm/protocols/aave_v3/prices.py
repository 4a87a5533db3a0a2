"""The prices a market works with: the oracle's numbers, judged by their Chainlink feeds.

The number is always the protocol's own. Whether it may be believed is asked of the feed that the
configuration names for the asset; an asset without such a feed has nobody to vouch for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chains.errors import Stale
from chains.evm.multicall import ReadPlan, combine, map_plan
from chains.evm.protocols.aave_v3.layout import MarketLayout
from chains.evm.protocols.aave_v3.state import Market
from chains.model.ids import Address, AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import Usd
from chains.oracles.chainlink import (
    FeedReading,
    FeedTerms,
    Round,
    build_price,
    judge_round,
    plan_reading,
    plan_round,
)

UNJUDGED: Final = "aave_v3"
"""The source of a price that no configured feed vouches for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """The configured feeds as they stand: readings by feed, uptime rounds by sequencer feed."""

    terms: Mapping[Address, FeedTerms]
    readings: Mapping[Address, FeedReading]
    sequencers: Mapping[Address, Round | None]


def plan_feeds(layout: MarketLayout, feeds: Mapping[Address, FeedTerms]) -> ReadPlan[Feeds]:
    """Plan to read the feeds of the market's assets and eMode price sources, each once."""
    keys = {*layout.assets, *(source for source in layout.categories.values() if source)}
    terms = {key: feeds[key] for key in sorted(keys & feeds.keys())}
    addresses = sorted({term.feed for term in terms.values()})
    uptimes = sorted({term.sequencer for term in terms.values() if term.sequencer})
    parts = combine(
        [
            combine([plan_reading(address) for address in addresses]),
            combine([plan_round(address) for address in uptimes]),
        ]
    )

    def build(read: tuple[Any, ...]) -> Feeds:
        readings, rounds = read
        return Feeds(
            terms=terms,
            readings=dict(zip(addresses, readings, strict=True)),
            sequencers=dict(zip(uptimes, rounds, strict=True)),
        )

    return map_plan(parts, build)


def price_reserves(
    chain: ChainId, layout: MarketLayout, market: Market, feeds: Feeds
) -> Mapping[int, Price]:
    """Give every reserve's price by its number; Stale when the oracle left the known source."""
    prices = {}
    for reserve in layout.reserves:
        number = market.reserves[reserve.number].price
        _check_source(chain, reserve.asset, reserve.source, number, feeds)
        asset = AssetId.erc20(chain, reserve.asset)
        prices[reserve.number] = judge_price(
            asset, number, feeds, key=reserve.asset, fallback=reserve.source, now=market.now
        )
    return prices


def judge_price(
    asset: AssetId, number: int | None, feeds: Feeds, *, key: Address, fallback: Address, now: int
) -> Price:
    """Give the oracle's number with its judgement.

    `key` is what the feeds are configured by, `fallback` the feed to name where none is.
    """
    usd = Usd(number or 0)
    if (terms := feeds.terms.get(key)) is None:
        return Price(
            asset=asset,
            usd=usd,
            source=UNJUDGED,
            feed=fallback,
            published_at=0,
            heartbeat_s=0,
            status=PriceStatus.UNREADABLE,
        )
    reading = feeds.readings[terms.feed]
    sequencer = feeds.sequencers.get(terms.sequencer) if terms.sequencer else None
    status = judge_round(reading, terms, sequencer=sequencer, now=now)
    if not number:
        status = PriceStatus.UNREADABLE if number is None else PriceStatus.NOT_POSITIVE
    elif status is PriceStatus.OK and not terms.minimum < number < terms.maximum:
        # The oracle may stand on another source than the feed that vouches for it.
        status = PriceStatus.OUT_OF_BOUNDS
    return build_price(asset, terms, reading, status, usd=usd)


def _check_source(
    chain: ChainId, asset: Address, source: Address, number: int | None, feeds: Feeds
) -> None:
    """See that a price said to come straight from a configured feed is that feed's answer."""
    terms = feeds.terms.get(asset)
    if terms is None or terms.feed != source or number is None:
        return
    newest = feeds.readings[terms.feed].round
    if newest is not None and newest.answer > 0 and newest.answer != number:
        raise Stale(chain, f"the oracle no longer prices {asset} by {source}")
