"""A stake pool's ratio: lamports for each pool token, as old as the pool's last count."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import Address, AssetId
from chains.model.price import PriceStatus, Ratio
from chains.model.units import WAD
from chains.solana.accounts import CLOCK, SYSVAR_OWNER, RawAccount
from chains.solana.ratios import (
    STAKE_POOL,
    STAKE_POOL_PROGRAM,
    StakePoolTerms,
    decode_stake_pool,
    plan_ratio,
)
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.encoding import encode, raw

POOL = Pubkey.from_string("Jito4APyf642JPZPx3hGc6WWJ8zPKtRbRs4P815Awbb")
MINT = Pubkey.from_string("J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn")
ASSET = AssetId.spl(CHAIN, Address(str(MINT)))
TERMS = StakePoolTerms(account=POOL)
EPOCH = 800
RUBBISH = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 50


def pool(
    *, lamports: int = 12 * 10**15, supply: int = 10**16, updated_in: int = EPOCH
) -> RawAccount:
    values = {
        "pool_mint": bytes(MINT),
        "total_lamports": lamports,
        "pool_token_supply": supply,
        "updated_in": updated_in,
    }
    return raw(POOL, STAKE_POOL_PROGRAM, encode(STAKE_POOL, values).ljust(611, b"\7"))


def clock() -> RawAccount:
    numbers = (300_000_000, 0, EPOCH, 0, 1_700_000_000)
    data = b"".join(number.to_bytes(8, "little") for number in numbers)
    return RawAccount(key=CLOCK, owner=SYSVAR_OWNER, lamports=1, data=data)


def ratio_of(account: RawAccount | None, *, asset: AssetId = ASSET) -> Ratio:
    return plan_ratio(CHAIN, asset, TERMS).decode({CLOCK: clock(), POOL: account})


def test_a_pool_token_is_worth_its_share_of_the_lamports_rounded_down() -> None:
    assert ratio_of(pool()).value == 12 * WAD // 10
    assert ratio_of(pool(lamports=10**16 + 1, supply=3 * 10**15)).value == 3333333333333333666
    assert ratio_of(pool()).source == str(POOL)


@pytest.mark.parametrize(
    ("account", "status"),
    [
        (pool(), PriceStatus.OK),
        (pool(updated_in=EPOCH - 1), PriceStatus.OK),
        (pool(updated_in=EPOCH - 2), PriceStatus.STALE),
        (pool(updated_in=EPOCH + 1), PriceStatus.STALE),
        (pool(supply=0), PriceStatus.UNREADABLE),
        (pool(lamports=0), PriceStatus.OUT_OF_BOUNDS),
        (pool(lamports=2**64 - 1, supply=1), PriceStatus.OUT_OF_BOUNDS),
        (replace(pool(), owner=MINT), PriceStatus.UNREADABLE),
        (None, PriceStatus.UNREADABLE),
    ],
)
def test_each_way_in_which_a_ratio_is_not_known(
    account: RawAccount | None, status: PriceStatus
) -> None:
    assert ratio_of(account).status is status


def test_a_pool_of_another_token_gives_no_ratio() -> None:
    other = AssetId.spl(CHAIN, Address("So11111111111111111111111111111111111111112"))
    assert ratio_of(pool(), asset=other).status is PriceStatus.UNREADABLE


@settings(max_examples=RUBBISH)
@given(data=st.binary(max_size=700), kept=st.integers(0, 282))
def test_rubbish_is_refused_and_never_a_ratio(data: bytes, kept: int) -> None:
    for account in (
        raw(POOL, STAKE_POOL_PROGRAM, data),
        raw(POOL, STAKE_POOL_PROGRAM, pool().data[:kept] if kept < STAKE_POOL.size else b"\2"),
    ):
        if account.data.startswith(b"\1") and len(account.data) >= STAKE_POOL.size:
            continue
        assert ratio_of(account).status is PriceStatus.UNREADABLE
        with pytest.raises(DecodeError):
            decode_stake_pool(CHAIN, TERMS, account)
