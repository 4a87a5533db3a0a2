"""Structs in bytes: what is written is read back, and nothing else than its own account opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.solana.accounts import RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, View, open_account

CHAIN = ChainId.parse("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
KEY, OWNER = Pubkey(bytes([1]) * 32), Pubkey(bytes([2]) * 32)
INNER = Layout(name="Inner", size=9, fields={"flag": Field(0, Kind.U8), "n": Field(1, Kind.I64)})
OUTER = Layout(
    name="Outer",
    size=100,
    discriminator=b"outer...",
    fields={
        "wide": Field(8, Kind.I128),
        "pair": Field(24, Kind.U16, 2),
        "key": Field(28, Kind.KEY),
        "parts": Field(60, INNER, 2),
    },
)


@given(
    st.integers(-(2**127), 2**127 - 1),
    st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)),
    st.binary(min_size=32, max_size=32),
    st.integers(-(2**63), 2**63 - 1),
)
def test_fields_are_read_exactly(wide: int, pair: tuple[int, int], key: bytes, last: int) -> None:
    data = bytearray(100)
    data[:8] = OUTER.discriminator
    data[8:24] = wide.to_bytes(16, "little", signed=True)
    data[24:28] = b"".join(number.to_bytes(2, "little") for number in pair)
    data[28:60] = key
    data[70:78] = last.to_bytes(8, "little", signed=True)
    view = open_account(CHAIN, KEY, account(bytes(data)), layout=OUTER, owner=OWNER)
    assert view.number("wide") == wide
    assert view.numbers("pair") == pair
    assert view.key("key") == key
    assert [part.number("n") for part in view.items("parts")] == [0, last]


def account(data: bytes, owner: Pubkey = OWNER) -> RawAccount:
    return RawAccount(key=KEY, owner=owner, lamports=1, data=data)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "does not exist"),
        (account(bytes(100), KEY), "belongs to"),
        (account(bytes(99)), "has 99 bytes"),
        (account(bytes(100)), "is no Outer"),
    ],
)
def test_nothing_else_opens(found: RawAccount | None, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        open_account(CHAIN, KEY, found, layout=OUTER, owner=OWNER)


def test_numbers_and_structs_are_not_taken_for_each_other() -> None:
    view = View(OUTER, bytes(100))
    with pytest.raises(TypeError, match="is a struct"):
        view.number("parts")
    with pytest.raises(TypeError, match="is no struct"):
        view.items("wide")


def test_a_layout_describes_itself_to_numpy() -> None:
    spec = OUTER.numpy_spec()
    assert spec["itemsize"] == 100
    assert spec["offsets"] == [8, 24, 28, 60]
    assert spec["formats"][:3] == [("<u8", (2,)), ("<u2", (2,)), "V32"]
    inner, shape = spec["formats"][3]
    assert (inner["names"], shape) == (["flag", "n"], (2,))
