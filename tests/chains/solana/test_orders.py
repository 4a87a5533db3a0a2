"""Orders survive the journal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chains.solana.orders import build_call, decode_order, encode_order
from chains.solana.transactions import Order

keys = st.binary(min_size=32, max_size=32).map(Pubkey)
metas = st.builds(AccountMeta, keys, st.booleans(), st.booleans())
instructions = st.builds(Instruction, keys, st.binary(max_size=300), st.lists(metas, max_size=20))
tables = st.builds(AddressLookupTableAccount, keys, st.lists(keys, max_size=20))
orders = st.builds(
    Order,
    instructions=st.lists(instructions, max_size=6).map(tuple),
    tables=st.lists(tables, max_size=3).map(tuple),
)


@given(orders)
def test_an_order_read_back_is_the_same_order(order: Order) -> None:
    again = decode_order(encode_order(order))
    assert again.instructions == order.instructions
    assert [(t.key, t.addresses) for t in again.tables] == [
        (t.key, t.addresses) for t in order.tables
    ]


@given(orders, st.data())
def test_bytes_cut_short_or_grown_are_no_order(order: Order, data: st.DataObject) -> None:
    raw = encode_order(order)
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(ValueError, match="order"):
        decode_order(raw[:cut])
    with pytest.raises(ValueError, match="follow an order"):
        decode_order(raw + b"\0")


def test_a_call_names_the_program_that_acts() -> None:
    program = Pubkey.new_unique()
    call = build_call(program, Order(instructions=()))
    assert call.target == str(program)
    assert call.value == 0
