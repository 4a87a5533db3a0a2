"""Our RLP against the library's, and against bytes that are none."""

from typing import Any

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from proofs.evidence.rlp import (
    Encoded,
    RlpError,
    decode_int,
    decode_list,
    decode_string,
    encode_int,
    encode_list,
    encode_string,
)

STRINGS = st.binary(max_size=70)
TREES = st.recursive(STRINGS, lambda inner: st.lists(inner, max_size=20), max_leaves=40)


def encode(tree: Any) -> bytes:  # noqa: ANN401 -- bytes, or lists of the like
    if isinstance(tree, bytes):
        return encode_string(tree)
    return encode_list([t if isinstance(t, bytes) else Encoded(encode(t)) for t in tree])


def decode(raw: bytes) -> list[Any]:
    return [decode(i) if isinstance(i, Encoded) else i for i in decode_list(raw)]


@given(st.lists(TREES, max_size=20))
def test_what_is_encoded_is_the_librarys_encoding_and_comes_back(tree: list[Any]) -> None:
    assert encode(tree) == rlp.encode(tree)
    assert decode(encode(tree)) == tree


@pytest.mark.parametrize("size", [0, 1, 55, 56, 255, 256, 65_535, 65_536])
def test_every_width_of_a_length_is_read(size: int) -> None:
    data = b"\xaa" * size
    assert decode_string(encode_string(data)) == data
    assert decode_list(encode_list([data])) == [data]
    assert encode_string(data) == rlp.encode(data)


@given(st.integers(min_value=0, max_value=2**256))
def test_numbers_have_no_leading_zeros(number: int) -> None:
    assert decode_int(encode_int(number)) == number
    with pytest.raises(RlpError):
        decode_int(b"\x00" + encode_int(number))


@given(st.binary(max_size=80))
def test_bytes_are_taken_only_where_the_library_takes_them_and_gives_the_same(raw: bytes) -> None:
    try:
        ours = decode(raw)
    except RlpError:
        with pytest.raises((rlp.exceptions.DecodingError, AssertionError)):
            assert isinstance(rlp.decode(raw), list)
    else:
        assert encode(ours) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "80",  # a string
        "c1",  # cut short
        "c000",  # something behind it
        "c28101",  # a small byte with a prefix
        "c3b80161",  # a long form for a short string
        "f80161",  # a long form for a short list
        "c4b9000161",  # a length with a leading zero
        "ff" + "ff" * 8,  # a length beyond everything
    ],
)
def test_any_other_form_of_a_list_is_refused(raw: str) -> None:
    with pytest.raises(RlpError):
        decode(bytes.fromhex(raw))


def test_ten_thousand_lists_inside_each_other_are_one_item() -> None:
    raw = b"\xc0"
    for _ in range(10_000):
        raw = encode_list([Encoded(raw)])
    (inner,) = decode_list(raw)
    assert isinstance(inner, Encoded)
