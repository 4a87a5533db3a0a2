"""Raw accounts in a proposal: read as they were, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.solana.accounts import MAX_KEYS, RawAccount
from daemon.committee.messages import MAX_SLOTS_BYTES, BadMessage
from daemon.committee.slots import Accounts, decode_accounts, encode_accounts

KEYS = st.binary(min_size=32, max_size=32).map(Pubkey)


@st.composite
def accounts(draw: st.DrawFn) -> Accounts:
    found: dict[Pubkey, RawAccount | None] = {}
    for key in draw(st.lists(KEYS, max_size=5, unique=True)):
        if draw(st.booleans()):
            found[key] = None
            continue
        found[key] = RawAccount(
            key=key,
            owner=draw(KEYS),
            lamports=draw(st.integers(0, 2**64 - 1)),
            data=draw(st.binary(max_size=50)),
        )
    return found


@given(found=accounts())
def test_accounts_are_read_as_they_were_given(found: Accounts) -> None:
    assert decode_accounts(encode_accounts(found)) == found


@given(raw=st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_worse(raw: bytes) -> None:
    try:
        found = decode_accounts(raw)
    except BadMessage:
        return
    assert encode_accounts(found) == raw


def test_accounts_out_of_order_twice_or_too_many_are_refused() -> None:
    one, two = (encode_accounts({Pubkey(bytes([n]) * 32): None}) for n in (1, 2))
    for raw in (two + one, one + one):
        with pytest.raises(BadMessage, match="do not ascend"):
            decode_accounts(raw)
    many = {Pubkey(n.to_bytes(32, "big")): None for n in range(1, MAX_KEYS + 2)}
    with pytest.raises(BadMessage, match="100 at most"):
        decode_accounts(encode_accounts(many))


def test_more_bytes_than_a_proposal_carries_are_not_sent() -> None:
    key = Pubkey(bytes(32))
    account = RawAccount(key=key, owner=key, lamports=1, data=bytes(MAX_SLOTS_BYTES))
    with pytest.raises(ValueError, match="at most"):
        encode_accounts({key: account})
