"""Calls as text signatures: `encode_call("supply(address,uint256,address,uint16)", …)`."""

from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.grammar import TupleType, parse
from eth_utils.crypto import keccak


@lru_cache(maxsize=512)
def _parse(signature: str) -> tuple[bytes, tuple[str, ...]]:
    types = signature[signature.index("(") :]
    selector = keccak(text=signature)[:4]
    if types == "()":
        return selector, ()
    node = parse(types)
    if not isinstance(node, TupleType):
        raise TypeError(f"{signature!r} is not a function signature")
    return selector, tuple(part.to_type_str() for part in node.components)


def encode_call(signature: str, *args: object) -> bytes:
    """Encode a call of the function with this canonical signature."""
    selector, types = _parse(signature)
    return selector + encode(types, args)


def decode_result(types: str, data: bytes) -> tuple[Any, ...]:
    """Decode returned data of these types, given in brackets: `(uint256,address)`."""
    _, parts = _parse(types)
    return decode(parts, data)
