"""The settable price: Pyth's layout, and one authority."""

import pytest
from solders.pubkey import Pubkey

from chains.model.ids import ChainId
from chains.oracles.pyth import RECEIVER, decode_update
from chains.solana.programs.instructions import (
    PRICE_BYTES,
    OraclePrice,
    create_price,
    set_price,
)
from tests.chains.solana.programs.lab import START_SLOT, Lab, Refused

CHAIN = ChainId("solana", "EtWTRABZaYq6iMfeYKouRu166VU2xqa1")
FEED = b"\x07" * 32
BAD_AUTHORITY, EXISTS = 3, 4


def test_a_price_reads_back_as_an_update_of_pyth() -> None:
    lab = Lab()
    lab.load("oracle", RECEIVER)
    account, authority = lab.blank(RECEIVER, PRICE_BYTES), lab.keypair()
    price = OraclePrice(
        price=15_012_345_678, smoothed=15_000_000_000, confidence=777, exponent=-8, published_at=55
    )
    lab.send(
        create_price(RECEIVER, account, authority.pubkey(), FEED),
        set_price(RECEIVER, account, authority.pubkey(), price),
        by=(authority,),
    )
    update = decode_update(CHAIN, account, lab.raw(account))
    assert (update.feed, update.signatures, update.slot) == (FEED, None, START_SLOT)
    assert (update.price, update.confidence, update.exponent) == (15_012_345_678, 777, -8)
    assert (update.published_at, update.ema_price) == (55, 15_000_000_000)
    assert update.ema_confidence == 777


def test_only_its_authority_sets_a_price_and_nobody_makes_it_anew() -> None:
    lab = Lab()
    lab.load("oracle", RECEIVER)
    account, authority, other = lab.blank(RECEIVER, PRICE_BYTES), lab.keypair(), lab.keypair()
    lab.send(create_price(RECEIVER, account, authority.pubkey(), FEED), by=(authority,))
    price = OraclePrice(price=1, published_at=1)
    with pytest.raises(Refused) as refused:
        lab.send(set_price(RECEIVER, account, other.pubkey(), price), by=(other,))
    assert refused.value.code == BAD_AUTHORITY
    with pytest.raises(Refused) as again:
        lab.send(create_price(RECEIVER, account, other.pubkey(), FEED), by=(other,))
    assert again.value.code == EXISTS


def test_an_account_of_another_program_is_refused() -> None:
    lab = Lab()
    lab.load("oracle", RECEIVER)
    account, authority = lab.blank(Pubkey(b"O" * 32), PRICE_BYTES), lab.keypair()
    with pytest.raises(Refused):
        lab.send(create_price(RECEIVER, account, authority.pubkey(), FEED), by=(authority,))
