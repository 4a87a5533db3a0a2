"""Switchboard on-demand feeds: each way in which a result may not be believed, and a real one."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId
from chains.model.price import PriceStatus
from chains.model.units import USD, WAD, Usd
from chains.oracles.switchboard import (
    ON_DEMAND,
    PULL_FEED,
    PullFeed,
    SwitchboardTerms,
    build_price,
    decode_feed,
    judge_feed,
    plan_price,
)
from chains.solana.accounts import RawAccount
from tests.chains.solana.protocols.dumps import CHAIN, load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import encode, raw

KEY = Pubkey(bytes([1]) * 32)
HASH = bytes([2]) * 32
ASSET = AssetId(CHAIN, "token", "So11111111111111111111111111111111111111112")
NOW = 1_700_000_000
TERMS = SwitchboardTerms(
    account=KEY,
    feed_hash=HASH,
    max_age_s=60,
    max_deviation=100,
    minimum=Usd(USD),
    maximum=Usd(1_000 * USD),
)
FEED = PullFeed(
    feed_hash=HASH,
    value=150 * WAD,
    std_dev=WAD,
    samples=3,
    min_samples=3,
    updated_at=NOW - 10,
    slot=77,
)
RUBBISH = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 50


def account_of(feed: PullFeed) -> RawAccount:
    names = {"min_samples": "min_sample_size"}
    fields = ("feed_hash", "value", "std_dev", "samples", "min_samples", "updated_at", "slot")
    values = {names.get(name, name): getattr(feed, name) for name in fields}
    return raw(KEY, ON_DEMAND, encode(PULL_FEED, values))


@pytest.mark.parametrize(
    ("feed", "status"),
    [
        (FEED, PriceStatus.OK),
        (None, PriceStatus.UNREADABLE),
        (replace(FEED, feed_hash=bytes(32)), PriceStatus.UNREADABLE),
        (replace(FEED, samples=2), PriceStatus.UNVERIFIED),
        (replace(FEED, samples=0, min_samples=0), PriceStatus.UNVERIFIED),
        (replace(FEED, value=0), PriceStatus.NOT_POSITIVE),
        (replace(FEED, value=-WAD), PriceStatus.NOT_POSITIVE),
        (replace(FEED, updated_at=NOW + 5), PriceStatus.OK),
        (replace(FEED, updated_at=NOW + 6), PriceStatus.FUTURE),
        (replace(FEED, updated_at=NOW - 60), PriceStatus.OK),
        (replace(FEED, updated_at=NOW - 61), PriceStatus.STALE),
        (replace(FEED, value=100 * WAD, std_dev=WAD), PriceStatus.OK),
        (replace(FEED, value=100 * WAD, std_dev=WAD + 1), PriceStatus.UNCERTAIN),
        (replace(FEED, value=WAD, std_dev=0), PriceStatus.OUT_OF_BOUNDS),
        (replace(FEED, value=1_000 * WAD), PriceStatus.OUT_OF_BOUNDS),
    ],
)
def test_a_result_is_judged(feed: PullFeed | None, status: PriceStatus) -> None:
    assert judge_feed(feed, TERMS, now=NOW) is status


def test_a_price_carries_what_its_feed_says() -> None:
    price = build_price(ASSET, TERMS, replace(FEED, value=150 * WAD + 1, std_dev=1), now=NOW)
    assert (price.usd, price.confidence) == (150 * USD, 1)
    assert (price.source, price.feed, price.published_at) == ("switchboard", str(KEY), NOW - 10)
    assert build_price(ASSET, TERMS, None, now=NOW).usd == 0


def test_a_feed_decodes_to_what_was_written() -> None:
    assert decode_feed(CHAIN, KEY, account_of(FEED)) == FEED
    assert decode_feed(CHAIN, KEY, account_of(replace(FEED, value=-5))).value == -5


def test_a_plan_reads_and_judges_and_never_raises() -> None:
    plan = plan_price(CHAIN, ASSET, TERMS, now=NOW)
    assert plan.decode({KEY: account_of(FEED)}).valid
    assert plan.decode({KEY: None}).status is PriceStatus.UNREADABLE


def test_what_is_no_feed_is_a_decode_error() -> None:
    good = account_of(FEED)
    for bad in (
        None,
        replace(good, owner=KEY),
        replace(good, data=good.data[:-1]),
        replace(good, data=bytes(PULL_FEED.size)),
        account_of(replace(FEED, std_dev=-1)),
    ):
        with pytest.raises(DecodeError):
            decode_feed(CHAIN, KEY, bad)


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=RUBBISH)
def test_rubbish_is_a_decode_error_or_a_price(seed: bytes) -> None:
    body = (PULL_FEED.discriminator + seed * PULL_FEED.size)[: PULL_FEED.size]
    try:
        feed = decode_feed(CHAIN, KEY, raw(KEY, ON_DEMAND, body))
    except DecodeError:
        return
    build_price(ASSET, TERMS, feed, now=NOW)


@needs_dumps
def test_the_dumped_feed_decodes_to_a_sane_price() -> None:
    feed = decode_feed(CHAIN, KEY, load_dump("oracles/swb_pull_sol_price.json", key=KEY))
    terms = replace(TERMS, feed_hash=feed.feed_hash)
    price = build_price(ASSET, terms, feed, now=feed.updated_at)
    assert 50 * USD < price.usd < 300 * USD
    assert price.status is PriceStatus.OK
