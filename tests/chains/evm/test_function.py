"""Calls and answers of contracts as typed values."""

import pytest
from eth_abi.abi import encode

from chains.evm.abi.erc20 import BALANCE_OF, decode_symbol
from chains.evm.abi.function import Function
from chains.evm.multicall import ViewResult
from chains.model.ids import Address

TOKEN = Address("0x" + "aa" * 20)


def test_a_function_encodes_its_selector_and_arguments() -> None:
    call = BALANCE_OF.view(TOKEN, TOKEN)
    assert call.data.hex() == "70a08231" + "00" * 12 + "aa" * 20
    assert (call.target, call.allow_failure) == (TOKEN, False)


def test_an_answer_decodes_to_its_value() -> None:
    result = ViewResult(success=True, data=(7).to_bytes(32, "big"))
    assert BALANCE_OF.plan(TOKEN, TOKEN).decode([result]) == 7


@pytest.mark.parametrize("data", [b"", b"\1" * 31])
def test_a_short_answer_names_the_function(data: bytes) -> None:
    with pytest.raises(ValueError, match="balanceOf answered"):
        BALANCE_OF.decode(data)


def test_a_revert_is_an_error_where_the_answer_is_needed_and_none_where_it_is_not() -> None:
    failed = ViewResult(success=False, data=b"")
    with pytest.raises(ValueError, match="balanceOf reverted"):
        BALANCE_OF.plan(TOKEN, TOKEN).decode([failed])
    assert BALANCE_OF.plan_optional(TOKEN, TOKEN).decode([failed]) is None


def test_addresses_come_back_in_lower_case() -> None:
    owner = Function("owner", (), ("address",))
    mixed = bytes(12) + bytes.fromhex("AbCd" * 10)
    assert owner.read(ViewResult(success=True, data=mixed)) == "0x" + "abcd" * 10


@pytest.mark.parametrize(
    ("data", "symbol"),
    [
        (encode(["string"], ["USDC"]), "USDC"),
        (b"MKR".ljust(32, b"\0"), "MKR"),
        (encode(["string"], ["USD₮0"]), "USD₮0"),
    ],
)
def test_a_symbol_is_read_as_string_or_as_bytes32(data: bytes, symbol: str) -> None:
    assert decode_symbol(data) == symbol


@pytest.mark.parametrize("data", [b"", b"\xff" * 32, b"\xff" * 64])
def test_a_strange_symbol_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="strange bytes"):
        decode_symbol(data)
