"""Strict RLP, one level at a time: every value has one encoding, and any other is refused.

Lists inside a list stay encoded (`Encoded`) until they are asked for, so that no input can make
the decoder recurse. Source: Ethereum yellow paper, appendix B.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

_STRING: Final = 0x80
_LONG_STRING: Final = 0xB7
_LIST: Final = 0xC0
_LONG_LIST: Final = 0xF7
_SHORT_MAX: Final = 55


class RlpError(ValueError):
    """Bytes that are no canonical RLP."""


class Encoded(bytes):
    """The encoding of a list that stands inside another list."""

    __slots__ = ()


def decode_list(data: bytes, *, most: int | None = None) -> list[bytes]:
    """Give the items of an encoded list: strings as they are, lists as `Encoded`.

    RlpError when the bytes are not exactly one list in canonical form, and once there are more
    than `most` items, the rest unseen.
    """
    start, end, is_list = _measure(data, 0)
    if not is_list or end != len(data):
        raise RlpError("not exactly one list")
    items = list(islice(_split(data, start), None if most is None else most + 1))
    if most is not None and len(items) > most:
        raise RlpError(f"more than {most} items")
    return items


def decode_string(data: bytes) -> bytes:
    """Give an encoded string; RlpError when the bytes are not exactly one, in canonical form."""
    start, end, is_list = _measure(data, 0)
    if is_list or end != len(data):
        raise RlpError("not exactly one string")
    return data[start:]


def decode_int(item: bytes) -> int:
    """Give the number that a string item stands for; RlpError for leading zeros or a list."""
    if isinstance(item, Encoded) or item[:1] == b"\x00":
        raise RlpError("not a number")
    return int.from_bytes(item, "big")


def encode_string(data: bytes) -> bytes:
    """Encode a string."""
    if len(data) == 1 and data[0] < _STRING:
        return data
    return _prefix(len(data), _STRING) + data


def encode_list(items: Sequence[bytes]) -> bytes:
    """Encode a list of strings and of lists already `Encoded`."""
    body = b"".join(item if isinstance(item, Encoded) else encode_string(item) for item in items)
    return _prefix(len(body), _LIST) + body


def encode_int(number: int) -> bytes:
    """Give the string that stands for a number: big-endian, without leading zeros."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _prefix(size: int, base: int) -> bytes:
    if size <= _SHORT_MAX:
        return bytes([base + size])
    length = encode_int(size)
    return bytes([base + _SHORT_MAX + len(length)]) + length


def _split(data: bytes, place: int) -> Iterator[bytes]:
    """Cut a list's body, which goes on to the end of `data`."""
    while place < len(data):
        start, end, is_list = _measure(data, place)
        yield Encoded(data[place:end]) if is_list else data[start:end]
        place = end


def _measure(data: bytes, place: int) -> tuple[int, int, bool]:
    """Give start and end of the payload of the item at `place`, and whether it is a list."""
    if place >= len(data):
        raise RlpError("cut short")
    first = data[place]
    if first < _STRING:
        return place, place + 1, False
    is_list = first >= _LIST
    long = _LONG_LIST if is_list else _LONG_STRING
    if first > long:
        start, size = _measure_long(data, place + 1, first - long)
    else:
        start, size = place + 1, first - (_LIST if is_list else _STRING)
    end = start + size
    if end > len(data):
        raise RlpError("cut short")
    if size == 1 and not is_list and first < _LONG_STRING and data[start] < _STRING:
        raise RlpError("a small byte with a prefix")
    return start, end, is_list


def _measure_long(data: bytes, place: int, width: int) -> tuple[int, int]:
    """Give the start and the size of a payload whose size takes `width` bytes."""
    start = place + width
    length = data[place:start]
    size = int.from_bytes(length, "big")
    if len(length) != width or length[0] == 0 or size <= _SHORT_MAX:
        raise RlpError("a length that is cut short or not the shortest")
    return start, size
