"""Pyth pull prices: each way in which an update may not be believed, and dumps of real ones."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId
from chains.model.price import PriceStatus
from chains.model.units import USD, Usd
from chains.oracles.pyth import (
    FULL,
    MESSAGE,
    PARTIAL,
    PRICE_UPDATE,
    RECEIVER,
    FeedMemory,
    PriceUpdate,
    PythTerms,
    build_price,
    decode_update,
    judge_update,
    plan_price,
    scale_price,
)
from chains.solana.accounts import RawAccount
from tests.chains.solana.protocols.dumps import CHAIN, load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import encode, raw

KEY = Pubkey(bytes([1]) * 32)
FEED = bytes([2]) * 32
ASSET = AssetId(CHAIN, "token", "So11111111111111111111111111111111111111112")
NOW = 1_700_000_000
TERMS = PythTerms(
    account=KEY,
    feed=FEED,
    max_age_s=60,
    max_confidence=100,
    minimum=Usd(USD),
    maximum=Usd(1_000 * USD),
)
UPDATE = PriceUpdate(
    feed=FEED,
    price=15_012_345_678,
    confidence=10_000_000,
    exponent=-8,
    published_at=NOW - 10,
    ema_price=15_000_000_000,
    ema_confidence=9_000_000,
    slot=77,
    signatures=None,
)
RUBBISH = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 50


def account_of(update: PriceUpdate, *, level: int = FULL, owner: Pubkey = RECEIVER) -> RawAccount:
    values = {name: getattr(update, name) for name in MESSAGE.fields}
    start = 41 if level == FULL else 42
    head = encode(PRICE_UPDATE, {"level": level, "signatures": update.signatures or 0})[:start]
    return raw(KEY, owner, (head + encode(MESSAGE, values)).ljust(PRICE_UPDATE.size, b"\0"))


@pytest.mark.parametrize(
    ("update", "status"),
    [
        (UPDATE, PriceStatus.OK),
        (None, PriceStatus.UNREADABLE),
        (replace(UPDATE, feed=bytes(32)), PriceStatus.UNREADABLE),
        (replace(UPDATE, signatures=5), PriceStatus.UNVERIFIED),
        (replace(UPDATE, price=0), PriceStatus.NOT_POSITIVE),
        (replace(UPDATE, price=-1), PriceStatus.NOT_POSITIVE),
        (replace(UPDATE, published_at=NOW + 5), PriceStatus.OK),
        (replace(UPDATE, published_at=NOW + 6), PriceStatus.FUTURE),
        (replace(UPDATE, published_at=NOW - 60), PriceStatus.OK),
        (replace(UPDATE, published_at=NOW - 61), PriceStatus.STALE),
        (replace(UPDATE, price=10**10, confidence=10**8), PriceStatus.OK),
        (replace(UPDATE, price=10**10, confidence=10**8 + 1), PriceStatus.UNCERTAIN),
        (replace(UPDATE, price=10**8, confidence=0), PriceStatus.OUT_OF_BOUNDS),
        (replace(UPDATE, price=10**11, confidence=0), PriceStatus.OUT_OF_BOUNDS),
    ],
)
def test_an_update_is_judged(update: PriceUpdate | None, status: PriceStatus) -> None:
    assert judge_update(update, TERMS, now=NOW) is status


def test_fewer_signatures_are_enough_where_the_terms_say_so() -> None:
    terms = replace(TERMS, min_signatures=5)
    assert judge_update(replace(UPDATE, signatures=5), terms, now=NOW) is PriceStatus.OK
    assert judge_update(replace(UPDATE, signatures=4), terms, now=NOW) is PriceStatus.UNVERIFIED
    assert judge_update(UPDATE, terms, now=NOW) is PriceStatus.OK


def test_a_price_carries_what_its_update_says() -> None:
    price = build_price(ASSET, TERMS, UPDATE, now=NOW)
    assert (price.usd, price.confidence) == (15_012_345_678, 10_000_000)
    assert (price.source, price.feed, price.heartbeat_s) == ("pyth", FEED.hex(), 60)
    assert price.published_at == NOW - 10
    assert price.valid
    missing = build_price(ASSET, TERMS, None, now=NOW)
    assert (missing.usd, missing.status) == (0, PriceStatus.UNREADABLE)


def test_without_a_feeds_id_an_account_stays_of_the_feed_it_was_first_believed_for() -> None:
    terms = replace(TERMS, feed=None, memory=FeedMemory())
    other = replace(UPDATE, feed=bytes(32))
    doubtful = build_price(ASSET, terms, replace(other, signatures=5), now=NOW)
    assert doubtful.status is PriceStatus.UNVERIFIED
    assert build_price(ASSET, terms, UPDATE, now=NOW).valid
    assert build_price(ASSET, terms, other, now=NOW).status is PriceStatus.UNREADABLE
    assert build_price(ASSET, replace(terms, account=Pubkey(bytes(32))), other, now=NOW).valid
    assert build_price(ASSET, terms, UPDATE, now=NOW).valid


def test_prices_round_down_and_confidence_up_at_any_exponent() -> None:
    fine = replace(UPDATE, price=15_012_345_678_99, confidence=101, exponent=-10)
    price = build_price(ASSET, TERMS, fine, now=NOW)
    assert (price.usd, price.confidence) == (15_012_345_678, 2)
    assert scale_price(3, 1) == 30 * USD


@pytest.mark.parametrize(("level", "signatures"), [(FULL, None), (PARTIAL, 5)])
def test_both_levels_decode_to_what_was_written(level: int, signatures: int | None) -> None:
    update = replace(UPDATE, signatures=signatures)
    assert decode_update(CHAIN, KEY, account_of(update, level=level)) == update


def test_a_plan_reads_and_judges_and_never_raises() -> None:
    plan = plan_price(CHAIN, ASSET, TERMS, now=NOW)
    assert plan.keys == (KEY,)
    assert plan.decode({KEY: account_of(UPDATE)}).valid
    for bad in (None, account_of(UPDATE, owner=KEY)):
        assert plan.decode({KEY: bad}).status is PriceStatus.UNREADABLE


def test_what_is_no_update_is_a_decode_error() -> None:
    good = account_of(UPDATE)
    for bad in (
        None,
        replace(good, owner=KEY),
        replace(good, data=good.data[:-1]),
        replace(good, data=bytes(134)),
        replace(good, data=good.data[:40] + b"\x02" + good.data[41:]),
        account_of(replace(UPDATE, exponent=19)),
    ):
        with pytest.raises(DecodeError):
            decode_update(CHAIN, KEY, bad)


@given(st.binary(min_size=PRICE_UPDATE.size - 8, max_size=PRICE_UPDATE.size - 8))
@settings(max_examples=RUBBISH)
def test_rubbish_is_a_decode_error_or_a_price(body: bytes) -> None:
    account = raw(KEY, RECEIVER, PRICE_UPDATE.discriminator + body)
    try:
        update = decode_update(CHAIN, KEY, account)
    except DecodeError:
        return
    build_price(ASSET, TERMS, update, now=NOW)


@needs_dumps
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("oracles/pyth_push_sol_price.json", 100, 300),
        ("oracles/pyth_push_usdc_price.json", 0.98, 1.02),
        ("marginfi/sol_pyth_price_feed.json", 50, 300),
        ("oracles/solend_7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE.json", 50, 300),
    ],
)
def test_dumped_updates_decode_to_sane_prices(name: str, low: float, high: float) -> None:
    update = decode_update(CHAIN, KEY, load_dump(name, key=KEY))
    assert low * USD < scale_price(update.price, update.exponent) < high * USD
    assert update.confidence * 100 < update.price
    assert update.signatures is None
    terms = replace(TERMS, feed=update.feed, minimum=Usd(0))
    assert judge_update(update, terms, now=update.published_at) is PriceStatus.OK
