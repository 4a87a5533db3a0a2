"""Whatever a node answers, it decodes or is a ValueError, and never anything else."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.rpc.endpoint import Json
from chains.solana.accounts import CLOCK, SYSVAR_OWNER, RawAccount
from chains.solana.decode import (
    decode_account,
    decode_accounts,
    decode_block_hash,
    decode_blockhash,
    decode_landing,
    decode_point,
    decode_scan,
    decode_simulation,
    decode_statuses,
    describe_error,
)
from chains.solana.tables import plan_tables
from tests.support.solnode import make_key

KEYS = [make_key(1), make_key(2)]
DECODERS: list[Callable[[Json], object]] = [
    lambda value: decode_account(KEYS[0], value),
    lambda value: decode_accounts(KEYS, value),
    decode_scan,
    decode_point,
    decode_blockhash,
    decode_block_hash,
    lambda value: decode_statuses(value, 2),
    lambda value: decode_simulation(value, KEYS),
    lambda value: decode_landing(Signature.default(), value),
]
SCALARS: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=50),
    st.sampled_from(
        ["base64", "confirmed", "AAAA", "A", "1" * 31, "1" * 32, "1" * 44, "z" * 44, str(CLOCK)]
    ),
)
NAMES = st.sampled_from(
    [
        *("absoluteSlot", "blockHeight", "blockhash", "lastValidBlockHeight", "slot", "err"),
        *("confirmationStatus", "logs", "accounts", "unitsConsumed", "meta", "fee", "pubkey"),
        *("account", "data", "owner", "lamports", "context", "value"),
    ]
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=12,
)


def in_context(value: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(lambda slot, v: {"context": {"slot": slot}, "value": v}, SCALARS, value)


@pytest.mark.parametrize("decode", DECODERS)
@given(value=VALUES | in_context(VALUES | st.lists(VALUES, min_size=2, max_size=2)))
def test_any_answer_decodes_or_is_a_value_error(
    decode: Callable[[Json], object], value: Json
) -> None:
    with suppress(ValueError):
        decode(value)


@given(VALUES, st.lists(st.text(max_size=20), max_size=3))
def test_any_error_has_words(error: Json, logs: list[str]) -> None:
    assert isinstance(describe_error(error, logs), str)


def table_account(data: bytes) -> dict[Pubkey, RawAccount | None]:
    clock = bytes(8) + bytes(32)
    return {
        CLOCK: RawAccount(key=CLOCK, owner=SYSVAR_OWNER, lamports=1, data=clock),
        KEYS[0]: RawAccount(key=KEYS[0], owner=LOOKUP_TABLE_PROGRAM, lamports=1, data=data),
    }


@given(st.binary(max_size=200))
def test_any_bytes_are_a_lookup_table_or_a_value_error(data: bytes) -> None:
    plan = plan_tables([KEYS[0]])
    for raw in (data, b"\1\0\0\0" + b"\xff" * 8 + data):
        with suppress(ValueError):
            plan.decode(table_account(raw))
