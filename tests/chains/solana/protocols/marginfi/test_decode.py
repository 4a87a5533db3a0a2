"""Decoding marginfi's accounts: public dumps, and rubbish to one error."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.solana.accounts import RawAccount
from chains.solana.protocols.marginfi.decode import decode_account, decode_bank, decode_group
from chains.solana.protocols.marginfi.fixed import ONE, ratio
from chains.solana.protocols.marginfi.layout import ACCOUNT, BANK, GROUP, PROGRAM
from chains.solana.zerocopy import Layout
from tests.chains.solana.protocols.dumps import CHAIN, find_dumps, load_dump, needs_dumps

Decoder = Callable[..., Any]
KEY = Pubkey(bytes([5]) * 32)
OTHER = Pubkey(bytes([6]) * 32)
STAGING = Pubkey.from_string("2jGhuVUuy3umdzByFx8sNWUAaf5vaeuDm78RDPEnhrMr")
KINDS: list[tuple[Layout, Decoder]] = [
    (ACCOUNT, decode_account),
    (BANK, decode_bank),
    (GROUP, decode_group),
]
BANKS = find_dumps(size=1864, folder="marginfi")
ACCOUNTS = find_dumps(size=2312, folder="marginfi")
kinds = pytest.mark.parametrize(
    ("layout", "decode"), KINDS, ids=[layout.name for layout, _ in KINDS]
)


def raw(data: bytes, owner: Pubkey = PROGRAM) -> RawAccount:
    return RawAccount(key=KEY, owner=owner, lamports=1, data=data)


def number(fixed: int) -> float:
    return float(Fraction(fixed, ONE))


@needs_dumps
@pytest.mark.parametrize(
    ("name", "assets", "liabilities"),
    [("gappy_user3", 88.79, 1.0), ("gappy_user4", 269.064, 45.605)],
)
def test_a_dumped_account_has_the_health_its_program_cached(
    name: str, assets: float, liabilities: float
) -> None:
    dump = load_dump(f"marginfi/{name}.json")
    account = decode_account(CHAIN, dump.key, dump, program=STAGING)
    assert number(account.cache.assets_init) == pytest.approx(assets, rel=1e-12)
    assert number(account.cache.liabilities_init) == pytest.approx(liabilities, rel=1e-12)
    assert (account.cache.flags, account.cache.cached_at) == (3, 1745613451)
    assert [balance.liability_shares > 0 for balance in account.balances] == [False, False, True]


@needs_dumps
@pytest.mark.parametrize("name", ACCOUNTS)
def test_every_dumped_account_decodes(name: str) -> None:
    dump = load_dump(name)
    account = decode_account(CHAIN, dump.key, dump, program=dump.owner)
    assert all(balance.bank != bytes(32) for balance in account.balances)
    expected = {"sample_1": 7, "sample_2": 1, "sample_3": 0, "user3": 3, "user4": 3}
    assert len(account.balances) == next(n for part, n in expected.items() if part in name)


@needs_dumps
@pytest.mark.parametrize("name", BANKS)
def test_every_dumped_bank_decodes(name: str) -> None:
    dump = load_dump(name, key=KEY)
    bank = decode_bank(CHAIN, dump.key, dump, program=dump.owner)
    assert bank.decimals in {5, 6, 9}
    assert bank.asset_share_value >= ONE
    assert bank.liability_share_value >= bank.asset_share_value
    assert bank.weights.asset_init <= bank.weights.asset_maint <= ONE
    assert bank.weights.liability_init >= bank.weights.liability_maint >= ONE
    assert bank.oracle_setup in {1, 2, 3}
    assert bank.isolated == (bank.weights.asset_maint == 0)


@needs_dumps
def test_a_dumped_group_charges_what_its_flags_say() -> None:
    dump = load_dump("marginfi/mainnet_group.json")
    group = decode_group(CHAIN, dump.key, dump, program=STAGING)
    assert group.program_rate == 0  # 7.5 % stand there, its flag does not
    data = bytearray(dump.data)
    data[40] = 1
    charging = decode_group(CHAIN, KEY, raw(bytes(data)))
    assert abs(charging.program_rate - ratio(75, 1000)) < 2**10


@kinds
def test_a_missing_account_and_one_of_another_program_are_refused(
    layout: Layout, decode: Decoder
) -> None:
    good = layout.discriminator + bytes(layout.size - 8)
    with pytest.raises(DecodeError, match="does not exist"):
        decode(CHAIN, KEY, None)
    with pytest.raises(DecodeError, match="belongs to"):
        decode(CHAIN, KEY, raw(good, OTHER))
    decode(CHAIN, KEY, raw(good))
    decode(CHAIN, KEY, raw(good, OTHER), program=OTHER)
