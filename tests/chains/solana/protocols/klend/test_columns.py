"""Columns of Kamino loans against the same loans one by one, in integers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.model.units import WAD, Wad
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend.columns import LOANS, STORED, calculate_columns, view_stored
from chains.solana.protocols.klend.decode import decode_obligation
from chains.solana.protocols.klend.fraction import ONE, whole
from chains.solana.protocols.klend.layout import OBLIGATION, PROGRAM
from chains.solana.protocols.klend.math import refresh_obligation
from chains.solana.protocols.klend.positions import calculate_health
from chains.solana.protocols.klend.state import ElevationGroup, Obligation
from tests.chains.solana.protocols.dumps import CHAIN, find_dumps, load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import encode
from tests.chains.solana.protocols.klend.building import config_of, key_of, market_of, reserve_of

GROUP = 7
MARKET = market_of(groups={GROUP: ElevationGroup(ltv_pct=90, threshold_pct=95, max_bonus_bps=50)})
RESERVES = {
    each.key: each
    for each in (
        reserve_of(1, usd=150, decimals=9, config=config_of(elevation_groups=frozenset({GROUP}))),
        reserve_of(2, usd=1, decimals=6, config=config_of(borrow_factor_pct=125)),
        replace(reserve_of(3, usd=1, decimals=18), price_sf=ONE // 3, collateral_supply=0),
        replace(reserve_of(4, decimals=0, borrowed=7), price_sf=whole(60_001) // 7),
    )
}
KEYS = tuple(RESERVES)
PLAIN = Wad(WAD)
numbers = st.integers(1, 4)
amounts = st.integers(0, 2**40) | st.integers(0, 10)
deposits = st.lists(st.tuples(numbers, amounts), max_size=8)
borrows = st.lists(
    st.tuples(numbers, st.integers(0, whole(2**40)), st.integers(ONE, ONE * 11 // 10)), max_size=5
)
loans = st.tuples(deposits, borrows, st.sampled_from([0, GROUP, 9]))
Loan = tuple[list[tuple[int, int]], list[tuple[int, int, int]], int]


def write(loan: Loan) -> bytes:
    held, owed, group = loan
    return encode(
        OBLIGATION,
        {
            "deposits": [{"reserve": key_of(n), "amount": amount} for n, amount in held],
            "borrows": [
                {"reserve": key_of(n), "amount_sf": amount, "rate_sf": rate}
                for n, amount, rate in owed
            ],
            "elevation_group": group,
        },
    )


def decode(data: bytes) -> Obligation:
    account = RawAccount(key=PROGRAM, owner=PROGRAM, lamports=1, data=data)
    return decode_obligation(CHAIN, PROGRAM, account)


def keys_for(count: int) -> list[Pubkey]:
    return [Pubkey(n.to_bytes(32, "big")) for n in range(count)]


@given(st.lists(loans, min_size=1, max_size=10))
def test_fresh_columns_follow_the_integers_and_miss_nobody(given_loans: list[Loan]) -> None:
    accounts = [write(loan) for loan in given_loans]
    parts = [LOANS.cut(data) for data in accounts]
    found = calculate_columns(keys_for(len(parts)), parts, MARKET, RESERVES)
    screened = set(found.screen(PLAIN).tolist())
    for row, data in enumerate(accounts):
        values = refresh_obligation(decode(data), MARKET, RESERVES).values
        assert not found.unknown[row]
        assert found.backing[row] == pytest.approx(values.unhealthy_sf / ONE, rel=1e-13, abs=1e-9)
        assert found.owed[row] == pytest.approx(values.adjusted_debt_sf / ONE, rel=1e-13, abs=1e-9)
        health = calculate_health(values)
        assert row in screened or health is None or health > WAD


@given(st.integers(1, 2**40), st.integers(-2, 2))
def test_a_loan_at_its_limit_by_a_unit_is_screened(ctokens: int, off: int) -> None:
    rate = RESERVES[key_of(2)].rate_sf
    backing = refresh_obligation(decode(write(([(1, ctokens)], [], 0))), MARKET, RESERVES)
    owed = backing.values.unhealthy_sf * 10**6 * 4 // 5 + off
    data = write(([(1, ctokens)], [(2, max(owed, 0), rate)], 0))
    exact = refresh_obligation(decode(data), MARKET, RESERVES).values
    at_limit = 0 < exact.adjusted_debt_sf >= exact.unhealthy_sf
    found = calculate_columns(keys_for(1), [LOANS.cut(data)], MARKET, RESERVES)
    assert not at_limit or found.screen(PLAIN).tolist() == [0]


def test_who_names_a_reserve_that_is_not_at_hand_is_unknown() -> None:
    known, strange = ([(1, 5)], [(2, ONE, ONE)], 0), ([(1, 5)], [(9, ONE, ONE)], 0)
    unrated = ([(1, 5)], [(2, ONE, 0)], 0)
    parts = [LOANS.cut(write(loan)) for loan in (known, strange, unrated)]
    found = calculate_columns(keys_for(3), parts, MARKET, RESERVES)
    assert found.unknown.tolist() == [False, True, True]
    alone = calculate_columns(keys_for(3), parts, MARKET, {})
    assert alone.unknown.all()


@given(st.lists(st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1)), min_size=1))
def test_stored_columns_hold_what_each_loan_stores(pairs: list[tuple[int, int]]) -> None:
    accounts = [
        encode(OBLIGATION, {"unhealthy_sf": backing, "adjusted_debt_sf": owed, "has_debt": 1})
        for backing, owed in pairs
    ]
    found = view_stored(keys_for(len(pairs)), [STORED.cut(data) for data in accounts])
    assert [found.exact(row) for row in range(len(pairs))] == pairs
    assert found.columns.unknown.tolist() == [owed == 0 for _, owed in pairs]
    assert np.allclose(found.columns.backing, [backing / ONE for backing, _ in pairs], rtol=1e-15)
    assert list(found.find(PLAIN)) == [r for r, (b, o) in enumerate(pairs) if o and b <= o]


def test_bytes_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="no Obligation"):
        view_stored(keys_for(1), [bytes(81)])


@needs_dumps
def test_the_dumped_loans_have_the_same_health_in_a_column() -> None:
    files = [f for folder in ("klend", "marginfi") for f in find_dumps(size=3344, folder=folder)]
    dumps = [load_dump(file) for file in files]
    found = view_stored([each.key for each in dumps], [STORED.cut(each.data) for each in dumps])
    ratios = dict(zip((str(each.key) for each in dumps), found.columns.ratios(), strict=True))
    assert ratios["4w1qUuYbXpwYkqWzuovJFvP3TRt9EgEzYQv7kYY1nM3J"] == pytest.approx(
        1.189332, abs=1e-6
    )
    for row, dump in enumerate(dumps):
        values = decode_obligation(CHAIN, dump.key, dump).values
        assert found.exact(row) == (values.unhealthy_sf, values.adjusted_debt_sf)
    print(f"klend: {len(dumps)} dumped loans in columns")  # noqa: T201 -- how much is covered
