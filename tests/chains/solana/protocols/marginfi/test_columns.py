"""Columns of marginfi accounts against the same accounts one by one, in integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.model.units import WAD, Wad
from chains.solana.accounts import RawAccount
from chains.solana.protocols.marginfi.columns import (
    LOANS,
    STORED,
    calculate_columns,
    view_stored,
)
from chains.solana.protocols.marginfi.decode import decode_account
from chains.solana.protocols.marginfi.fixed import ONE, ratio, whole
from chains.solana.protocols.marginfi.layout import ACCOUNT, PROGRAM
from chains.solana.protocols.marginfi.math import Health, calculate_health
from chains.solana.protocols.marginfi.state import BankPrices, EmodeWeights, PriceRange
from tests.chains.solana.protocols.dumps import CHAIN, find_dumps, load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import encode
from tests.chains.solana.protocols.marginfi.building import bank_of, key_of

RAISED = {9: EmodeWeights(init=ratio(9, 10), maint=ratio(95, 100))}
BANKS = {
    each.key: each
    for each in (
        bank_of(1, decimals=9, asset_weight=ratio(8, 10), emode_tag=9),
        bank_of(2, decimals=6, liability_weight=ratio(11, 10), emode=RAISED),
        bank_of(3, decimals=0, asset_weight=ratio(1, 3)),
        bank_of(4, isolated=True),
    )
}
WIDE = PriceRange(low=ratio(1499, 10), high=ratio(1501, 10))
NARROW = PriceRange(low=ratio(999, 1000), high=ratio(1001, 1000))
PRICES = {key: BankPrices(spot=NARROW, smoothed=NARROW) for key in BANKS} | {
    key_of(1): BankPrices(spot=WIDE, smoothed=WIDE)
}
PLAIN = Wad(WAD)
shares = st.integers(0, whole(2**40)) | st.integers(ONE - 2, ONE + 2) | st.just(0)
balances = st.lists(
    st.tuples(st.integers(1, 4), shares, shares, st.integers(0, 1)), min_size=1, max_size=16
)
Balances = list[tuple[int, int, int, int]]


def write(parts: Balances) -> bytes:
    fields = [
        {"bank": key_of(n), "asset_shares": held, "liability_shares": owed, "active": active}
        for n, held, owed, active in parts
    ]
    return encode(ACCOUNT, {"balances": fields})


def value(data: bytes) -> Health:
    raw = RawAccount(key=PROGRAM, owner=PROGRAM, lamports=1, data=data)
    return calculate_health(decode_account(CHAIN, PROGRAM, raw), BANKS, PRICES)


def keys_for(count: int) -> list[Pubkey]:
    return [Pubkey(n.to_bytes(32, "big")) for n in range(count)]


@given(st.lists(balances, min_size=1, max_size=10))
def test_fresh_columns_miss_nobody_and_only_emode_lifts_health_above_them(
    accounts: list[Balances],
) -> None:
    written = [write(parts) for parts in accounts]
    parts = [LOANS.cut(data) for data in written]
    found = calculate_columns(keys_for(len(parts)), parts, BANKS, PRICES)
    screened = set(found.screen(PLAIN).tolist())
    for row, data in enumerate(written):
        exact = value(data)
        assert not found.unknown[row]
        assert found.owed[row] == pytest.approx(exact.liabilities / ONE, rel=1e-12, abs=1e-6)
        assert found.backing[row] <= exact.assets / ONE * (1 + 1e-12) + 1e-6
        owing = {n for n, _, owed, active in accounts[row] if active and owed >= ONE}
        if owing != {2}:
            assert found.backing[row] == pytest.approx(exact.assets / ONE, rel=1e-12, abs=1e-6)
        assert row in screened or exact.liabilities == 0 or exact.net > 0


@given(st.integers(whole(10**6), whole(2**40)), st.integers(-2, 2))
def test_an_account_at_its_limit_by_a_unit_is_screened(held: int, off: int) -> None:
    backing = value(write([(3, held, 0, 1), (1, 0, 0, 0)])).assets
    owed = backing * 10**9 * ONE // WIDE.high + off
    data = write([(3, held, 0, 1), (1, 0, owed, 1)])
    found = calculate_columns(keys_for(1), [LOANS.cut(data)], BANKS, PRICES)
    assert value(data).net > 0 or found.screen(PLAIN).tolist() == [0]


def test_another_bank_and_one_without_prices_are_unknown_where_they_count() -> None:
    accounts: list[Balances] = [
        [(1, whole(5), 0, 1)],
        [(9, whole(5), 0, 1)],
        [(9, whole(5), 0, 0)],
        [(9, 0, 0, 1)],
        [(3, 0, whole(5), 1)],
    ]
    priced = {key: found for key, found in PRICES.items() if key != key_of(3)}
    parts = [LOANS.cut(write(each)) for each in accounts]
    found = calculate_columns(keys_for(5), parts, BANKS, priced)
    assert found.unknown.tolist() == [False, True, False, False, True]


fixed = st.integers(-(2**127), 2**127 - 1) | st.integers(-3, 3)


@given(st.lists(st.tuples(fixed, fixed), min_size=1))
def test_stored_columns_hold_what_each_account_caches(pairs: list[tuple[int, int]]) -> None:
    accounts = [
        encode(ACCOUNT, {"asset_value_maint": backing, "liability_value_maint": owed})
        for backing, owed in pairs
    ]
    found = view_stored(keys_for(len(pairs)), [STORED.cut(data) for data in accounts])
    assert [found.exact(row) for row in range(len(pairs))] == pairs
    assert found.columns.unknown.tolist() == [b < 0 or o <= 0 for b, o in pairs]
    assert list(found.find(PLAIN)) == [r for r, (b, o) in enumerate(pairs) if 0 <= b <= o and o > 0]


@needs_dumps
def test_the_dumped_accounts_have_the_same_cache_in_a_column() -> None:
    dumps = [load_dump(file) for file in find_dumps(size=2312, folder="marginfi")]
    found = view_stored([each.key for each in dumps], [STORED.cut(each.data) for each in dumps])
    for row, dump in enumerate(dumps):
        cache = decode_account(CHAIN, dump.key, dump, program=dump.owner).cache
        assert found.exact(row) == (cache.assets_maint, cache.liabilities_maint)
    print(f"marginfi: {len(dumps)} dumped accounts in columns")  # noqa: T201 -- how much is covered
