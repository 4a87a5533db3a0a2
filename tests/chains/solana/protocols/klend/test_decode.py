"""Decoding Kamino Lend's accounts: public dumps to the last bit, rubbish to one error."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend.decode import (
    decode_market,
    decode_obligation,
    decode_reserve,
)
from chains.solana.protocols.klend.fraction import ONE, mul, percent
from chains.solana.protocols.klend.layout import (
    LENDING_MARKET,
    OBLIGATION,
    PROGRAM,
    RESERVE,
)
from chains.solana.zerocopy import Layout
from tests.chains.solana.protocols.dumps import CHAIN, find_dumps, load_dump, needs_dumps

Decoder = Callable[..., Any]
KEY = Pubkey(bytes([5]) * 32)
OTHER = Pubkey(bytes([6]) * 32)
KINDS: list[tuple[Layout, Decoder]] = [
    (OBLIGATION, decode_obligation),
    (RESERVE, decode_reserve),
    (LENDING_MARKET, decode_market),
]
MAIN_OBLIGATION = "klend/4w1qUuYbXpwYkqWzuovJFvP3TRt9EgEzYQv7kYY1nM3J.json"
LENT_OBLIGATION = "marginfi/kamino_usdc_obligation.json"
RESERVES = [f for folder in ("klend", "marginfi") for f in find_dumps(size=8624, folder=folder)]
MARKETS = find_dumps(size=4664, folder="klend")
kinds = pytest.mark.parametrize(
    ("layout", "decode"), KINDS, ids=[layout.name for layout, _ in KINDS]
)


def raw(data: bytes, owner: Pubkey = PROGRAM) -> RawAccount:
    return RawAccount(key=KEY, owner=owner, lamports=1, data=data)


def usd(value_sf: int) -> float:
    return float(Fraction(value_sf, ONE))


@needs_dumps
def test_the_dumped_loan_has_the_health_its_program_stored() -> None:
    account = load_dump(MAIN_OBLIGATION)
    loan = decode_obligation(CHAIN, account.key, account)
    assert loan.slot == 297147647
    assert usd(loan.values.deposited_sf) == 9571506.976208588
    assert usd(loan.values.adjusted_debt_sf) == 7243019.672156164
    assert usd(loan.values.debt_sf) == 5794415.737724932
    assert usd(loan.values.allowed_sf) == 7657205.58096687
    assert usd(loan.values.unhealthy_sf) == 8614356.278587729
    health = loan.values.unhealthy_sf * 10**18 // loan.values.adjusted_debt_sf
    assert health // 10**12 == 1_189_332
    assert [len(loan.deposits), len(loan.borrows)] == [1, 2]


@needs_dumps
@pytest.mark.parametrize("name", [MAIN_OBLIGATION, LENT_OBLIGATION])
def test_stored_values_follow_from_their_parts_bit_for_bit(name: str) -> None:
    account = load_dump(name)
    loan = decode_obligation(CHAIN, account.key, account)
    (held,) = loan.deposits
    assert loan.values.deposited_sf == held.value_sf
    assert loan.values.allowed_sf == mul(held.value_sf, percent(80))
    assert loan.values.unhealthy_sf == mul(held.value_sf, percent(90))
    assert loan.values.debt_sf == sum(part.value_sf for part in loan.borrows)
    assert loan.values.adjusted_debt_sf == sum(part.adjusted_value_sf for part in loan.borrows)
    for part in loan.borrows:
        assert part.adjusted_value_sf == mul(part.value_sf, percent(125))


@needs_dumps
def test_a_stored_debt_is_its_amount_at_a_price_of_eight_decimals() -> None:
    account = load_dump(MAIN_OBLIGATION)
    owed = decode_obligation(CHAIN, account.key, account).borrows[1]
    price_sf = 16_611_832_349 * ONE // 10**8
    assert mul(owed.amount_sf, price_sf) // 10**9 == owed.value_sf


@needs_dumps
@pytest.mark.parametrize("name", RESERVES)
def test_every_dumped_reserve_decodes(name: str) -> None:
    account = load_dump(name)
    reserve = decode_reserve(CHAIN, account.key, account)
    assert reserve.config.symbol in {"SOL", "USDC", "JITOSOL", "JTO"}
    assert reserve.decimals == (6 if reserve.config.symbol == "USDC" else 9)
    assert reserve.rate_sf > ONE
    assert reserve.config.threshold_pct > reserve.config.ltv_pct > 0
    assert reserve.config.curve[-1].utilization_bps == 10_000


@needs_dumps
@pytest.mark.parametrize("name", MARKETS)
def test_every_dumped_market_decodes(name: str) -> None:
    account = load_dump(name)
    market = decode_market(CHAIN, account.key, account)
    assert (market.close_factor_pct, market.insolvency_ltv_pct) == (20, 95)
    assert market.groups
    assert all(group.threshold_pct > group.ltv_pct for group in market.groups.values())


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
