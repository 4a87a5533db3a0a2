"""Why a call reverted, in words: Error(string), Panic(uint256) and known custom errors.

Source: https://docs.soliditylang.org/en/latest/control-structures.html (panic codes).
"""

from collections.abc import Mapping
from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from chains.evm.abi.errors import ERRORS

ERROR_STRING: Final = bytes.fromhex("08c379a0")
PANIC: Final = bytes.fromhex("4e487b71")
PANICS: Final[Mapping[int, str]] = {
    0x00: "generic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "invalid enum value",
    0x22: "corrupt storage array",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of an uninitialised function",
}
_LONGEST: Final = 200


def decode_revert(data: bytes, message: str = "") -> str:
    """Give the reason in revert data; the node's `message` where there is none."""
    if not data:
        return message[:_LONGEST] or "reverted without a reason"
    selector, body = data[:4], data[4:]
    try:
        return _decode_known(selector, body) or f"0x{data[:68].hex()}"
    except (DecodingError, ValueError):
        return f"malformed revert data 0x{data[:68].hex()}"


def _decode_known(selector: bytes, body: bytes) -> str | None:
    if selector == ERROR_STRING:
        (text,) = decode(["string"], body)
        return str(text)[:_LONGEST] or "reverted with an empty reason"
    if selector == PANIC:
        (code,) = decode(["uint256"], body)
        return f"panic 0x{code:02x}: {PANICS.get(code, 'unknown')}"
    if (signature := ERRORS.get(selector)) is None:
        return None
    name, _, types = signature.rstrip(")").partition("(")
    values = decode(types.split(","), body) if types else ()
    return f"{name}({', '.join(str(value) for value in values)})"
