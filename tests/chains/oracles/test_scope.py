"""Scope prices: products along chains, what may not be believed, and a real account."""

import os
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId
from chains.model.price import PriceStatus
from chains.model.units import USD, Usd
from chains.oracles.scope import (
    DATED_PRICE,
    END,
    ENTRIES,
    ORACLE_PRICES,
    PROGRAM,
    DatedPrice,
    ScopeTerms,
    build_price,
    decode_chain,
    judge_chain,
    multiply_chain,
    plan_price,
    read_chain,
)
from chains.solana.accounts import RawAccount
from tests.chains.solana.protocols.dumps import CHAIN, load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import encode, raw

KEY = Pubkey(bytes([1]) * 32)
ASSET = AssetId(CHAIN, "token", "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn")
NOW = 1_700_000_000
TERMS = ScopeTerms(
    account=KEY, chain=(1, 0), max_age_s=60, minimum=Usd(USD), maximum=Usd(1_000 * USD)
)
SOL = DatedPrice(value=150 * 10**8, exponent=8, slot=90, published_at=NOW - 10)
RATE = DatedPrice(value=115 * 10**13, exponent=15, slot=80, published_at=NOW - 20)
WORTH = DatedPrice(value=1_725 * 10**7, exponent=8, slot=80, published_at=NOW - 20)
RUBBISH = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 50


def account_of(*prices: DatedPrice) -> RawAccount:
    parts = [
        encode(DATED_PRICE, {name: getattr(price, name) for name in DATED_PRICE.fields})
        for price in prices
    ]
    head = ORACLE_PRICES.discriminator + bytes(32)
    return raw(KEY, PROGRAM, (head + b"".join(parts)).ljust(ORACLE_PRICES.size, b"\0"))


def test_a_stored_chain_ends_at_its_mark() -> None:
    assert read_chain((51, 0, END, END)) == (51, 0)
    assert read_chain((1, 2, 3, 4)) == (1, 2, 3, 4)
    assert read_chain((END, 0, 0, 0)) == ()


def test_a_chain_is_the_product_of_its_prices_and_as_old_as_the_oldest() -> None:
    price = decode_chain(CHAIN, KEY, account_of(SOL, RATE), (1, 0))
    assert Fraction(price.value, 10**price.exponent) == Fraction(3, 2) * 115
    assert (price.slot, price.published_at) == (80, NOW - 20)
    built = build_price(ASSET, TERMS, price, now=NOW)
    assert (built.usd, built.feed, built.source) == (1_725 * USD // 10, f"{KEY}/1.0", "scope")
    assert built.valid


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 18)), min_size=1, max_size=4))
def test_products_are_exact(parts: list[tuple[int, int]]) -> None:
    prices = [DatedPrice(value=v, exponent=e, slot=1, published_at=1) for v, e in parts]
    product = Fraction(1)
    for number, exponent in parts:
        product *= Fraction(number, 10**exponent)
    found = multiply_chain(prices)
    assert Fraction(found.value, 10**found.exponent) == product


@pytest.mark.parametrize(
    ("price", "status"),
    [
        (WORTH, PriceStatus.OK),
        (None, PriceStatus.UNREADABLE),
        (replace(WORTH, value=0), PriceStatus.NOT_POSITIVE),
        (replace(WORTH, published_at=NOW + 6), PriceStatus.FUTURE),
        (replace(WORTH, published_at=NOW - 60), PriceStatus.OK),
        (replace(WORTH, published_at=NOW - 61), PriceStatus.STALE),
        (replace(WORTH, value=10**8), PriceStatus.OUT_OF_BOUNDS),
        (replace(WORTH, value=1_000 * 10**8), PriceStatus.OUT_OF_BOUNDS),
    ],
)
def test_a_chains_price_is_judged(price: DatedPrice | None, status: PriceStatus) -> None:
    assert judge_chain(price, TERMS, now=NOW) is status


def test_a_plan_reads_and_judges_and_never_raises() -> None:
    plan = plan_price(CHAIN, ASSET, TERMS, now=NOW)
    assert plan.decode({KEY: account_of(SOL, RATE)}).valid
    assert plan.decode({KEY: None}).status is PriceStatus.UNREADABLE
    assert plan.decode({KEY: account_of(SOL)}).status is PriceStatus.NOT_POSITIVE


@pytest.mark.parametrize("chain", [(), (ENTRIES,), (0, END)])
def test_a_chain_that_leaves_the_account_is_a_decode_error(chain: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError, match="no such entries"):
        decode_chain(CHAIN, KEY, account_of(SOL), chain)


def test_what_is_no_scope_account_is_a_decode_error() -> None:
    good = account_of(SOL)
    wild = account_of(replace(SOL, exponent=31))
    for bad in (None, replace(good, owner=KEY), replace(good, data=good.data[1:]), wild):
        with pytest.raises(DecodeError):
            decode_chain(CHAIN, KEY, bad, (0,))


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=RUBBISH)
def test_rubbish_is_a_decode_error_or_a_price(seed: bytes) -> None:
    body = (ORACLE_PRICES.discriminator + seed * ORACLE_PRICES.size)[: ORACLE_PRICES.size]
    try:
        price = decode_chain(CHAIN, KEY, raw(KEY, PROGRAM, body), (3, 400))
    except DecodeError:
        return
    build_price(ASSET, TERMS, price, now=NOW)


@needs_dumps
def test_the_dumped_account_prices_sol_and_jitosol() -> None:
    dump = load_dump("klend/3NJYftD5sjVfxSnUdZ1wVML8f3aC6mp1CXCL6L7TnU8C.json")
    sol = decode_chain(CHAIN, dump.key, dump, (0,))
    assert (sol.value, sol.exponent, sol.published_at) == (17_858_116_104, 8, 1_730_163_557)
    jitosol = decode_chain(CHAIN, dump.key, dump, (51, 0))
    assert jitosol.published_at == sol.published_at
    assert jitosol.value * 10**sol.exponent > sol.value * 10**jitosol.exponent
