"""The parts of ERC-20 that are read here."""

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from chains.evm.abi.function import Function

BALANCE_OF: Final = Function("balanceOf", ("address",), ("uint256",))
ALLOWANCE: Final = Function("allowance", ("address", "address"), ("uint256",))
DECIMALS: Final = Function("decimals", (), ("uint8",))
SYMBOL: Final = Function("symbol", (), ("string",))
TOTAL_SUPPLY: Final = Function("totalSupply", (), ("uint256",))

_WORD: Final = 32


def decode_symbol(data: bytes) -> str:
    """Read `symbol()` as a string, or as the bytes32 of old tokens; ValueError for neither."""
    try:
        if len(data) == _WORD:
            return data.rstrip(b"\0").decode("ascii")
        return str(decode(("string",), data)[0])
    except (DecodingError, UnicodeDecodeError) as error:
        raise ValueError(f"symbol() answered {len(data)} strange bytes") from error
