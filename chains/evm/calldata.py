"""Calldata: a function's selector and its encoded arguments. Pure.

Source: https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak


def encode_call(name: str, types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Encode a call; eth_abi's EncodingError (a ValueError) when a value does not fit its type."""
    return _selector(f"{name}({','.join(types)})") + encode(types, values)


@cache
def _selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]
