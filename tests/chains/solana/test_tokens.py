"""Token accounts as they are read, made and insisted on, at the real token programs."""

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.solana.tokens import (
    create_token_account,
    decode_token_account,
    derive_token_account,
    insist_on_balance,
)
from tests.chains.solana.programs.lab import Lab, Refused

CHAIN = ChainId("solana", "EtWTRABZaYq6iMfeYKouRu166VU2xqa1")
INSUFFICIENT = 1


def set_up() -> tuple[Lab, Keypair, Pubkey]:
    lab = Lab()
    return lab, lab.payer, lab.mint(lab.key(), 6)


def test_an_account_is_made_once_and_may_be_asked_for_again() -> None:
    lab, wallet, mint = set_up()
    for _ in range(2):
        lab.send(create_token_account(wallet.pubkey(), mint))
    key = derive_token_account(wallet.pubkey(), mint)
    made = decode_token_account(CHAIN, key, lab.raw(key))
    assert (made.mint, made.owner, made.amount) == (mint, wallet.pubkey(), 0)


def test_a_balance_is_insisted_on_to_the_unit_and_nothing_moves() -> None:
    lab, wallet, mint = set_up()
    token = lab.token(mint, wallet.pubkey(), 1_000)
    lab.send(insist_on_balance(token, wallet.pubkey(), 1_000))
    assert lab.amount(token) == 1_000
    with pytest.raises(Refused) as refused:
        lab.send(insist_on_balance(token, wallet.pubkey(), 1_001))
    assert refused.value.code == INSUFFICIENT


@pytest.mark.parametrize("state", [0, 2])
def test_a_frozen_or_blank_account_is_none_to_use(state: int) -> None:
    lab, wallet, mint = set_up()
    token = lab.token(mint, wallet.pubkey(), 1)
    account = lab.raw(token)
    lab.put(account.owner, account.data[:108] + bytes([state]) + account.data[109:], at=token)
    with pytest.raises(DecodeError, match="frozen or blank"):
        decode_token_account(CHAIN, token, lab.raw(token))


def test_what_is_no_token_account_is_refused() -> None:
    lab, wallet, mint = set_up()
    with pytest.raises(DecodeError, match="does not exist"):
        decode_token_account(CHAIN, mint, None)
    with pytest.raises(DecodeError, match="bytes"):
        decode_token_account(CHAIN, mint, lab.raw(mint))
    with pytest.raises(DecodeError, match="belongs to"):
        decode_token_account(CHAIN, wallet.pubkey(), lab.raw(wallet.pubkey()))
