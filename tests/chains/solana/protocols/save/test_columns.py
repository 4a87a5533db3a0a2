"""Columns of Save obligations against the same obligations one by one, in integers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.model.units import WAD, Wad
from chains.solana.accounts import RawAccount
from chains.solana.protocols.save.columns import STORED, calculate_columns, view_stored
from chains.solana.protocols.save.decode import decode_obligation
from chains.solana.protocols.save.layout import (
    BORROW,
    DEPOSIT,
    ENTRIES_AT,
    OBLIGATION,
    PROGRAM,
)
from chains.solana.protocols.save.math import calculate_health, refresh_obligation
from chains.solana.protocols.save.state import Obligation
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.encoding import encode
from tests.chains.solana.protocols.save.states import reserve

NAMES = {n: bytes([n]) * 32 for n in range(1, 5)}
LISTED = {
    NAMES[1]: replace(reserve(NAMES[1]), price=150 * WAD, decimals=9),
    NAMES[2]: replace(reserve(NAMES[2], added_weight_bps=2_500), cumulative_rate=11 * WAD // 10),
    NAMES[3]: replace(reserve(NAMES[3]), price=WAD // 3, decimals=18, collateral_minted=0),
    NAMES[4]: replace(reserve(NAMES[4]), price=60_001 * WAD // 7, decimals=0, borrowed=7),
}
PLAIN = Wad(WAD)
numbers = st.integers(1, 4)
amounts = st.integers(0, 2**40) | st.integers(0, 10)
deposits = st.lists(st.tuples(numbers, amounts), max_size=4)
borrows = st.lists(
    st.tuples(numbers, st.integers(0, 2**40 * WAD), st.integers(9 * WAD // 10, WAD)), max_size=5
)
loans = st.tuples(deposits, borrows)
Loan = tuple[list[tuple[int, int]], list[tuple[int, int, int]]]


def write(loan: Loan) -> bytes:
    held, owed = loan
    parts = [encode(DEPOSIT, {"reserve": NAMES[n], "amount": amount}) for n, amount in held]
    parts += [
        encode(BORROW, {"reserve": NAMES[n], "amount": amount, "cumulative_rate": rate})
        for n, amount, rate in owed
    ]
    head = {"version": 1, "deposit_count": len(held), "borrow_count": len(owed)}
    data = encode(OBLIGATION, head)[:ENTRIES_AT] + b"".join(parts)
    return data.ljust(OBLIGATION.size, b"\0")


def refresh(data: bytes) -> Obligation:
    account = RawAccount(key=PROGRAM, owner=PROGRAM, lamports=1, data=data)
    return refresh_obligation(decode_obligation(CHAIN, PROGRAM, account), LISTED, 1_000)


def keys_for(count: int) -> list[Pubkey]:
    return [Pubkey(n.to_bytes(32, "big")) for n in range(count)]


@given(st.lists(loans, min_size=1, max_size=10))
def test_fresh_columns_follow_the_integers_and_miss_nobody(given_loans: list[Loan]) -> None:
    accounts = [write(loan) for loan in given_loans]
    found = calculate_columns(keys_for(len(accounts)), accounts, LISTED)
    screened = set(found.screen(PLAIN).tolist())
    for row, data in enumerate(accounts):
        exact = refresh(data)
        assert not found.unknown[row]
        assert found.backing[row] == pytest.approx(exact.unhealthy_value / WAD, rel=1e-13, abs=1e-9)
        assert found.owed[row] == pytest.approx(exact.borrowed_value / WAD, rel=1e-13, abs=1e-9)
        health = calculate_health(exact)
        assert row in screened or health is None or health > WAD


@given(st.integers(1, 2**40), st.integers(-2, 2))
def test_a_loan_at_its_limit_by_a_unit_is_screened(tokens: int, off: int) -> None:
    owed = refresh(write(([(1, tokens)], []))).unhealthy_value * 10**6 * 4 // 5 + off
    data = write(([(1, tokens)], [(2, max(owed, 0), 11 * WAD // 10)]))
    health = calculate_health(refresh(data))
    found = calculate_columns(keys_for(1), [data], LISTED)
    assert health is None or health > WAD or found.screen(PLAIN).tolist() == [0]


def test_other_reserves_too_many_entries_and_a_worthless_token_are_unknown() -> None:
    known = write(([(1, 5)], [(2, WAD, WAD)]))
    strange, crowded = bytearray(known), bytearray(known)
    strange[ENTRIES_AT] ^= 1
    crowded[202:204] = bytes([11, 0])
    accounts = [known, bytes(strange), bytes(crowded)]
    assert calculate_columns(keys_for(3), accounts, LISTED).unknown.tolist() == [False, True, True]
    flooded = LISTED | {NAMES[1]: replace(LISTED[NAMES[1]], borrowed=2**127, collateral_minted=1)}
    assert calculate_columns(keys_for(1), [known], flooded).unknown.tolist() == [True]


@given(st.lists(st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1)), min_size=1))
def test_stored_columns_hold_what_each_obligation_stores(pairs: list[tuple[int, int]]) -> None:
    accounts = [
        encode(OBLIGATION, {"unhealthy_value": backing, "borrowed_value": owed, "borrow_count": 1})
        for backing, owed in pairs
    ]
    found = view_stored(keys_for(len(pairs)), [STORED.cut(data) for data in accounts])
    assert [found.exact(row) for row in range(len(pairs))] == pairs
    assert found.columns.unknown.tolist() == [owed == 0 for _, owed in pairs]
    assert list(found.find(PLAIN)) == [r for r, (b, o) in enumerate(pairs) if o and b <= o]
