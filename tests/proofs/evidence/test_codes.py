"""Codes recognised by what their compiler wrote, whatever stands in their holes."""

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import Address
from proofs.evidence.codes import (
    Code,
    Template,
    match_template,
    parse_word_address,
    recognise_code,
)

SIZE = 200
TEMPLATE = Template(
    release="test@1",
    role="part",
    size=SIZE,
    immutables={"FIRST": (10, 60), "SECOND": (100,)},
    links={"Library": (140, 170)},
    hash=keccak(
        b"\x5b" * 10
        + bytes(32)
        + b"\x5b" * 18
        + bytes(32)
        + b"\x5b" * 8
        + bytes(32)
        + b"\x5b" * 8
        + bytes(20)
        + b"\x5b" * 10
        + bytes(20)
        + b"\x5b" * 10
    ),
)
WORDS = st.integers(0, 2**256 - 1)
PLACES = st.integers(0, 2**160 - 1)


def instance(first: int, second: int, library: int) -> bytearray:
    code = bytearray(b"\x5b" * SIZE)
    for start in (10, 60):
        code[start : start + 32] = first.to_bytes(32, "big")
    code[100:132] = second.to_bytes(32, "big")
    for start in (140, 170):
        code[start : start + 20] = library.to_bytes(20, "big")
    return code


@given(WORDS, WORDS, PLACES)
def test_what_stands_in_the_holes_is_known_with_the_code(
    first: int, second: int, library: int
) -> None:
    assert match_template(TEMPLATE, bytes(instance(first, second, library))) == Code(
        release="test@1",
        role="part",
        immutables={"FIRST": first, "SECOND": second},
        links={"Library": Address(f"0x{library:040x}")},
    )


@given(st.integers(0, SIZE - 1), st.integers(1, 255))
def test_a_byte_changed_outside_the_holes_or_in_one_of_a_pair_is_another_code(
    place: int, change: int
) -> None:
    code = instance(7, 8, 9)
    code[place] ^= change
    found = match_template(TEMPLATE, bytes(code))
    assert (found is not None) == (100 <= place < 132)


@given(st.binary(max_size=3000))
def test_no_bytes_are_taken_for_a_code_of_the_table(raw: bytes) -> None:
    assert recognise_code(raw) is None


@pytest.mark.parametrize("size", [1443, 1829, 2333])
def test_right_size_alone_is_nothing(size: int) -> None:
    assert recognise_code(bytes(size)) is None


def test_a_word_larger_than_an_address_is_none() -> None:
    assert parse_word_address(2**160 - 1) == "0x" + "ff" * 20
    with pytest.raises(ValueError, match="no address"):
        parse_word_address(2**160)
