"""Switchboard on-demand feeds (`PullFeedAccountData`) and what may be believed of them.

A result is the median of oracles' submissions, with their standard deviation and count.
Source: the IDL of switchboard-on-demand (MIT), checked against dumps of accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import BPS, USD, WAD, Usd, div_down, div_up
from chains.solana.accounts import AccountPlan, RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, open_account

SOURCE: Final = "switchboard"
ON_DEMAND: Final = Pubkey.from_string("SBondMDrcV3K4kxZR1HNVT7osZxAHVHgYXL5Ze1oMUv")
PULL_FEED: Final = Layout(
    name="PullFeedAccountData",
    size=3208,
    discriminator=bytes.fromhex("c41b6cc40ad7db28"),
    fields={
        "feed_hash": Field(2120, Kind.KEY),
        "min_sample_size": Field(2215, Kind.U8),
        "updated_at": Field(2216, Kind.I64),
        "value": Field(2264, Kind.I128),
        "std_dev": Field(2280, Kind.I128),
        "samples": Field(2360, Kind.U8),
        "slot": Field(2368, Kind.U64),
        "max_staleness": Field(2392, Kind.U32),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFeed:
    """A feed's current result; value and standard deviation x 1e18."""

    feed_hash: bytes
    value: int
    std_dev: int
    samples: int
    min_samples: int
    updated_at: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchboardTerms:
    """What is demanded of one feed.

    `minimum` and `maximum` bound the price (USD x 1e8), both excluded. `max_deviation` is the
    largest standard deviation in basis points of the price. `feed_hash` None takes any job.
    """

    account: Pubkey
    feed_hash: bytes | None
    max_age_s: int
    max_deviation: int
    minimum: Usd
    maximum: Usd
    ahead_s: int = 5


def plan_price(
    chain: ChainId, asset: AssetId, terms: SwitchboardTerms, *, now: int
) -> AccountPlan[Price]:
    """Read an asset's price from its feed and judge it at `now`, the anchor's time."""

    def decode(found: Mapping[Pubkey, RawAccount | None]) -> Price:
        try:
            feed = decode_feed(chain, terms.account, found[terms.account])
        except DecodeError:
            feed = None
        return build_price(asset, terms, feed, now=now)

    return AccountPlan(keys=(terms.account,), decode=decode)


def decode_feed(chain: ChainId, key: Pubkey, account: RawAccount | None) -> PullFeed:
    """Decode a pull feed; DecodeError on anything else."""
    view = open_account(chain, key, account, layout=PULL_FEED, owner=ON_DEMAND)
    if view.number("std_dev") < 0:
        raise DecodeError(chain, f"switchboard feed {key} has a negative deviation")
    return PullFeed(
        feed_hash=view.key("feed_hash"),
        value=view.number("value"),
        std_dev=view.number("std_dev"),
        samples=view.number("samples"),
        min_samples=view.number("min_sample_size"),
        updated_at=view.number("updated_at"),
        slot=view.number("slot"),
    )


def judge_feed(feed: PullFeed | None, terms: SwitchboardTerms, *, now: int) -> PriceStatus:
    """Say whether a feed's result may be believed at `now`."""
    if feed is None or (terms.feed_hash is not None and feed.feed_hash != terms.feed_hash):
        return PriceStatus.UNREADABLE
    scaled = feed.value * USD
    inside = terms.minimum * WAD < scaled < terms.maximum * WAD
    checks = (
        (PriceStatus.UNVERIFIED, feed.samples == 0 or feed.samples < feed.min_samples),
        (PriceStatus.NOT_POSITIVE, feed.value <= 0),
        (PriceStatus.FUTURE, feed.updated_at > now + terms.ahead_s),
        (PriceStatus.STALE, now - feed.updated_at > terms.max_age_s),
        (PriceStatus.UNCERTAIN, feed.std_dev * BPS > feed.value * terms.max_deviation),
        (PriceStatus.OUT_OF_BOUNDS, not inside),
    )
    return next((status for status, failed in checks if failed), PriceStatus.OK)


def build_price(
    asset: AssetId, terms: SwitchboardTerms, feed: PullFeed | None, *, now: int
) -> Price:
    """Give the price with its judgement; without a result, or below 0, the number is 0."""
    return Price(
        asset=asset,
        usd=Usd(div_down(max(feed.value, 0) * USD, WAD)) if feed else Usd(0),
        source=SOURCE,
        feed=str(terms.account),
        published_at=feed.updated_at if feed else 0,
        heartbeat_s=terms.max_age_s,
        confidence=Usd(div_up(feed.std_dev * USD, WAD)) if feed else Usd(0),
        status=judge_feed(feed, terms, now=now),
    )
