"""Whatever stands in an account, a decoder gives a value or a DecodeError, nothing else.

For each decoder: random bytes, real accounts with bytes changed, cut short or grown, and accounts
of other programs; 1,000 of them in every run, 100,000 in `make deep`.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.errors import DecodeError
from chains.oracles import pyth, scope, switchboard
from chains.solana import tokens
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend import decode as klend
from chains.solana.protocols.klend import layout as klend_layout
from chains.solana.protocols.marginfi import decode as marginfi
from chains.solana.protocols.marginfi import layout as marginfi_layout
from chains.solana.protocols.save import decode as save
from chains.solana.protocols.save import layout as save_layout
from chains.solana.zerocopy import Layout
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.encoding import encode
from tests.chains.solana.protocols.klend import accounts as klend_accounts
from tests.chains.solana.protocols.marginfi import accounts as marginfi_accounts

CASES = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 1_000
KEY, OTHER = Pubkey(bytes([5]) * 32), Pubkey(bytes([6]) * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A decoder, the program whose accounts it takes, and bytes that it does take."""

    layout: Layout
    program: Pubkey
    decode: Callable[..., Any]
    good: bytes


def save_kind(layout: Layout, decode: Callable[..., Any], **fields: int) -> Kind:
    good = encode(layout, {"version": 1, **fields})
    return Kind(layout=layout, program=save_layout.PROGRAM, decode=decode, good=good)


def klend_kind(layout: Layout, decode: Callable[..., Any], account: RawAccount) -> Kind:
    return Kind(layout=layout, program=klend_layout.PROGRAM, decode=decode, good=account.data)


def marginfi_kind(layout: Layout, decode: Callable[..., Any], account: RawAccount) -> Kind:
    return Kind(layout=layout, program=marginfi_layout.PROGRAM, decode=decode, good=account.data)


def decode_scope(chain: Any, key: Pubkey, account: RawAccount) -> scope.DatedPrice:  # noqa: ANN401 -- as every decoder
    return scope.decode_chain(chain, key, account, (0, scope.ENTRIES - 1))


KINDS = {
    "klend obligation": klend_kind(
        klend_layout.OBLIGATION, klend.decode_obligation, klend_accounts.loan_account()
    ),
    "klend reserve": klend_kind(
        klend_layout.RESERVE,
        klend.decode_reserve,
        klend_accounts.reserve_account(klend_accounts.SOL),
    ),
    "klend market": klend_kind(
        klend_layout.LENDING_MARKET, klend.decode_market, klend_accounts.market_account()
    ),
    "marginfi account": marginfi_kind(
        marginfi_layout.ACCOUNT, marginfi.decode_account, marginfi_accounts.margin_account()
    ),
    "marginfi bank": marginfi_kind(
        marginfi_layout.BANK,
        marginfi.decode_bank,
        marginfi_accounts.bank_account(marginfi_accounts.SOL),
    ),
    "marginfi group": marginfi_kind(
        marginfi_layout.GROUP, marginfi.decode_group, marginfi_accounts.group_account()
    ),
    "save market": save_kind(save_layout.MARKET, save.decode_market),
    "save reserve": save_kind(
        save_layout.RESERVE, save.decode_reserve, cumulative_rate=10**18, decimals=9
    ),
    "save obligation": save_kind(
        save_layout.OBLIGATION, save.decode_obligation, deposit_count=2, borrow_count=3
    ),
    "pyth": Kind(
        layout=pyth.PRICE_UPDATE,
        program=pyth.RECEIVER,
        decode=pyth.decode_update,
        good=marginfi_accounts.pyth_account().data,
    ),
    "scope": Kind(
        layout=scope.ORACLE_PRICES,
        program=scope.PROGRAM,
        decode=decode_scope,
        good=klend_accounts.scope_account().data,
    ),
    "switchboard": Kind(
        layout=switchboard.PULL_FEED,
        program=switchboard.ON_DEMAND,
        decode=switchboard.decode_feed,
        good=marginfi_accounts.switchboard_account().data,
    ),
    "token account": Kind(
        layout=tokens.TOKEN_ACCOUNT,
        program=TOKEN_PROGRAM,
        decode=tokens.decode_token_account,
        good=encode(tokens.TOKEN_ACCOUNT, {"state": 1}),
    ),
}
by_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
edits = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=12)


@by_kind
def test_what_is_changed_below_is_a_good_account_at_first(kind: Kind) -> None:
    account = RawAccount(key=KEY, owner=kind.program, lamports=1, data=kind.good)
    kind.decode(CHAIN, KEY, account)
    for bad in (None, replace(account, owner=OTHER), replace(account, data=b"")):
        with pytest.raises(DecodeError):
            kind.decode(CHAIN, KEY, bad)


@by_kind
def test_rubbish_is_a_decode_error_or_a_value(kind: Kind) -> None:
    outcomes = Counter[str]()

    @settings(max_examples=CASES)
    @given(
        seed=st.none() | st.integers(0, 2**32),
        edited=edits,
        grown=st.sampled_from([0, 0, 0, 1, -1, -7]) | st.integers(-(2**15), 8),
        foreign=st.sampled_from([False, False, False, True]),
    )
    def decode_any(
        seed: int | None, edited: list[tuple[int, int]], grown: int, *, foreign: bool
    ) -> None:
        data = bytearray(kind.good if seed is None else scramble(kind, seed))
        for place, byte in edited:
            data[place % len(data)] = byte
        data = data[: max(len(data) + grown, 0)] + bytes(max(grown, 0))
        owner = OTHER if foreign else kind.program
        account = RawAccount(key=KEY, owner=owner, lamports=1, data=bytes(data))
        try:
            kind.decode(CHAIN, KEY, account)
        except DecodeError:
            outcomes["refused"] += 1
            return
        outcomes["decoded"] += 1
        assert not foreign
        assert len(data) == kind.layout.size
        assert data.startswith(kind.layout.discriminator)

    decode_any()
    assert outcomes.total() >= CASES
    assert min(outcomes["refused"], outcomes["decoded"]) > CASES // 50


def scramble(kind: Kind, seed: int) -> bytes:
    """Give random bytes; those of an even seed begin as the account must."""
    data = random.Random(seed).randbytes(kind.layout.size)  # noqa: S311 -- no secret
    return data if seed % 2 else kind.layout.discriminator + data[len(kind.layout.discriminator) :]
