"""From bytes to values: what the program wrote reads back, and all else is a DecodeError."""

import os
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import BlockAnchor
from chains.model.units import USD, WAD
from chains.solana.accounts import CLOCK, RawAccount
from chains.solana.programs.instructions import ReserveAccounts, Terms
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.protocols.save.decode import decode_market, decode_obligation, decode_reserve
from tests.chains.solana.protocols.save.building import CHAIN, MarketLab, Owner

CASES = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 1_000
DECODERS = (decode_market, decode_reserve, decode_obligation)
SIZES = {290: decode_market, 619: decode_reserve, 1300: decode_obligation}
KEY = Pubkey(b"K" * 32)


class Scene:
    def __init__(self) -> None:
        self.market = MarketLab.create()
        self.sol = self.market.add_reserve(Terms(), decimals=9, price=150 * USD)
        self.usdc = self.market.add_reserve(Terms(), decimals=6, price=USD)
        whale = self.market.owner()
        self.market.deposit(whale, self.usdc, 10**12)
        self.owner: Owner = self.market.owner()
        self.market.deposit(self.owner, self.sol, 10**9)
        self.market.borrow(self.owner, self.usdc, 50 * 10**6)
        self.opened: SaveMarket = self.market.market()
        self.found = {key: self.market.lab.find(key) for key in self.plan_keys()}

    def plan_keys(self) -> tuple[Pubkey, ...]:
        return self.opened.plan_read([self.owner.target]).keys

    def raw(self, key: Pubkey) -> RawAccount:
        account = self.found[key]
        assert account is not None
        return account


@cache
def scene() -> Scene:
    return Scene()


def reserves(accounts: ReserveAccounts) -> RawAccount:
    return scene().raw(accounts.reserve)


def test_a_reserve_reads_as_it_was_set_up() -> None:
    here = scene()
    usdc = decode_reserve(CHAIN, here.usdc.reserve, reserves(here.usdc))
    assert (usdc.decimals, usdc.available) == (6, 10**12 - 50 * 10**6)
    assert usdc.borrowed == 50 * 10**6 * WAD
    assert usdc.price == usdc.smoothed_price == WAD
    assert usdc.collateral_minted == 10**12
    assert usdc.keys.mint == bytes(here.usdc.mint)
    assert usdc.keys.oracle == bytes(here.usdc.oracle)
    assert usdc.keys.fee_receiver == bytes(here.usdc.fee_receiver)
    given = Terms()
    assert {name: getattr(usdc.terms, name) for name in given.__slots__} == {
        name: getattr(given, name) for name in given.__slots__
    }


def test_an_obligation_reads_as_it_was_left() -> None:
    here = scene()
    state = decode_obligation(CHAIN, here.owner.obligation, here.raw(here.owner.obligation))
    assert state.owner == bytes(here.owner.key.pubkey())
    assert [(d.reserve, d.amount) for d in state.deposits] == [(bytes(here.sol.reserve), 10**9)]
    assert [(b.reserve, b.amount) for b in state.borrows] == [
        (bytes(here.usdc.reserve), 50 * 10**6 * WAD)
    ]
    assert state.stale


@pytest.mark.parametrize("decode", DECODERS)
def test_a_missing_account_and_another_programs_are_refused(decode: object) -> None:
    assert callable(decode)
    with pytest.raises(DecodeError, match="does not exist"):
        decode(CHAIN, KEY, None)
    for size in SIZES:
        other = RawAccount(key=KEY, owner=KEY, lamports=1, data=bytes(size))
        with pytest.raises(DecodeError, match="belongs to"):
            decode(CHAIN, KEY, other)


places = st.integers(0, 1299)
changes = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=20)


@settings(max_examples=CASES)
@given(st.data(), changes, st.integers(0, 4))
def test_garbage_in_a_market_is_refused_or_read(
    data: st.DataObject, edits: list[tuple[int, int]], cut: int
) -> None:
    here = scene()
    key = data.draw(st.sampled_from(sorted(here.found, key=bytes)))
    old = here.raw(key)
    broken = bytearray(old.data)
    for place, byte in edits:
        broken[place % len(broken)] = byte
    accounts = {**here.found, key: replace(old, data=bytes(broken[: len(broken) - cut]))}
    try:
        snapshot = here.opened.plan_read([here.owner.target]).decode(accounts)
    except (DecodeError, Stale):
        return
    anchor = BlockAnchor(chain=CHAIN, height=snapshot.clock.slot, hash=bytes(32), time=0)
    read = here.opened.build_read(snapshot, anchor)
    assert len(read.positions) + len(read.unreadable) == 1


def test_terms_that_the_program_does_not_accept_are_refused() -> None:
    here = scene()
    old = reserves(here.sol)
    for place, byte, words in (
        (302, 101, "threshold above 100"),
        (302, 90, "threshold above max_threshold"),
        (299, 96, "optimal_utilization above max_utilization"),
        (74, 19, "19 decimals"),
        (481, 1, "price offset"),
        (0, 2, "version 2"),
    ):
        broken = bytearray(old.data)
        broken[place] = byte
        with pytest.raises(DecodeError, match=words):
            decode_reserve(CHAIN, here.sol.reserve, replace(old, data=bytes(broken)))


def test_more_entries_than_fit_are_refused() -> None:
    here = scene()
    old = here.raw(here.owner.obligation)
    for deposits, borrows in ((11, 0), (0, 10), (255, 255)):
        broken = bytearray(old.data)
        broken[202:204] = bytes([deposits, borrows])
        with pytest.raises(DecodeError, match=f"{deposits} deposits and {borrows} borrows"):
            decode_obligation(CHAIN, KEY, replace(old, data=bytes(broken)))


def test_the_clock_is_among_what_is_read() -> None:
    here = scene()
    broken = {**here.found, CLOCK: None}
    with pytest.raises(DecodeError, match="Clock"):
        here.opened.plan_read([here.owner.target]).decode(broken)
