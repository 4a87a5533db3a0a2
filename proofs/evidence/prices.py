"""Prices of Aave's oracle: proved where the feed's storage is known, else given and said so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chains.model.ids import Address
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import (
    FEED_ANSWER,
    FEED_ROUND,
    FEED_ROUNDS,
    FEED_UPDATED_AT,
    ORACLE_SOURCES,
    address_key,
    map_slot,
    map_slot_vyper,
)
from proofs.evidence.parts import ZERO, read_address
from proofs.evidence.state import ProvedState, Slot
from proofs.statement import Evidence

FEED = ("plimsoll", "feed")
_SIGN = 1 << 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedPrice:
    """What an asset costs (USD x 1e8) and how that is known.

    `feed` is proved to be the oracle's source of it; `published_at` (seconds) is None where the
    number is not proved.
    """

    usd: int
    feed: Address
    evidence: Evidence
    published_at: int | None = None


def read_prices(
    state: ProvedState, oracle: Address, assets: Iterable[Address], given: Mapping[Address, int]
) -> Mapping[Address, ProvedPrice]:
    """Give the oracle's prices of assets; EvidenceRefused with PRICE for one that is not known.

    `given` are prices read otherwise. They serve for feeds whose storage is not known, and for
    assets whose feed is silent, where the oracle asks its fallback.
    """
    feeds = _read_feeds(state, oracle, assets)
    found = _read_known(state, feeds)
    return {asset: found.get(asset) or _take(asset, feed, given) for asset, feed in feeds.items()}


def read_known_prices(
    state: ProvedState, oracle: Address, assets: Iterable[Address]
) -> Mapping[Address, ProvedPrice]:
    """Give the oracle's prices of those assets whose feed has a storage that is known."""
    feeds = _read_feeds(state, oracle, assets)
    return _read_known(state, {a: feed for a, feed in feeds.items() if feed != ZERO})


def _read_feeds(
    state: ProvedState, oracle: Address, assets: Iterable[Address]
) -> dict[Address, Address]:
    """Give the feed that the oracle asks for each asset, ZERO for none."""
    listed = sorted(set(assets))
    slots = {asset: Slot(oracle, map_slot(ORACLE_SOURCES, address_key(asset))) for asset in listed}
    state.want(slots=slots.values())
    return {asset: read_address(state, slot) for asset, slot in slots.items()}


def _read_known(state: ProvedState, feeds: Mapping[Address, Address]) -> dict[Address, ProvedPrice]:
    state.want(codes=feeds.values())
    known = {asset: feed for asset, feed in feeds.items() if _is_known(state, feed)}
    state.want(slots=[Slot(feed, FEED_ROUND) for feed in known.values()])
    state.want(slots=[slot for feed in known.values() for slot in _round_slots(state, feed)])
    prices = {asset: _read_price(state, feed) for asset, feed in known.items()}
    return {asset: price for asset, price in prices.items() if price}


def _is_known(state: ProvedState, feed: Address) -> bool:
    code = state.code(feed)
    return code is not None and (code.release, code.role) == FEED


def _round_slots(state: ProvedState, feed: Address) -> tuple[Slot, ...]:
    """Give the words of a feed's newest round that are read."""
    start = map_slot_vyper(FEED_ROUNDS, state.word(Slot(feed, FEED_ROUND)))
    return Slot(feed, start + FEED_ANSWER), Slot(feed, start + FEED_UPDATED_AT)


def _read_price(state: ProvedState, feed: Address) -> ProvedPrice | None:
    answer, updated_at = map(state.word, _round_slots(state, feed))
    if not 0 < answer < _SIGN:
        return None
    return ProvedPrice(usd=answer, feed=feed, evidence=Evidence.PROVED, published_at=updated_at)


def _take(asset: Address, feed: Address, given: Mapping[Address, int]) -> ProvedPrice:
    if (usd := given.get(asset)) is None:
        raise EvidenceRefused(Flaw.PRICE, f"the price of {asset} is neither proved nor given")
    return ProvedPrice(usd=usd, feed=feed, evidence=Evidence.QUORUM_READ)
