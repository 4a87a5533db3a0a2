"""Revert data in words, whatever the data."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.reverts import decode_revert


@given(st.text(max_size=150))
def test_an_error_string_is_given_as_it_is(text: str) -> None:
    data = bytes.fromhex("08c379a0") + encode(["string"], [text])
    assert decode_revert(data, "execution reverted") == (text or "reverted with an empty reason")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "reverted without a reason"),
        (
            bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]),
            "panic 0x11: arithmetic overflow",
        ),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x99]), "panic 0x99: unknown"),
        (bytes.fromhex("b629b0e4"), "MustNotLeaveDust()"),
        (bytes.fromhex("930bb771"), "HealthFactorNotBelowThreshold()"),
        (
            keccak(text="ERC20InsufficientBalance(address,uint256,uint256)")[:4]
            + encode(["address", "uint256", "uint256"], ["0x" + "11" * 20, 5, 7]),
            f"ERC20InsufficientBalance(0x{'11' * 20}, 5, 7)",
        ),
        (bytes.fromhex("deadbeef"), "0xdeadbeef"),
        (bytes.fromhex("08c379a0ff"), "malformed revert data 0x08c379a0ff"),
    ],
)
def test_known_data_is_named(data: bytes, words: str) -> None:
    assert decode_revert(data) == words


def test_without_data_the_nodes_words_are_given() -> None:
    assert decode_revert(b"", "insufficient funds") == "insufficient funds"


@given(st.binary(max_size=300))
def test_any_data_has_words_of_bounded_length(data: bytes) -> None:
    assert 0 < len(decode_revert(data)) < 400
