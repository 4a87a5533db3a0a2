"""The strict reading of JSON views, and their writing: what the file formats here have in common.

Values are objects, lists and texts: integers as decimal texts, bytes as 0x-hex in lower case, keys
sorted, no white space, ASCII only, which makes plain JSON the canonical form of RFC 8785. No field
may be unknown, missing, twice or of another type; Refused names it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from chains.model.ids import Address
from proofs.refusal import Refusal, Refused
from proofs.typed import WORD, Dataclass, EncodingError, Member, describe

ADDRESS_BYTES: Final = 20
_INDEX: Final = "index"
_MAX_DIGITS: Final = 79
_DECIMAL: Final = re.compile(r"0|-?[1-9][0-9]*")
_HEX: Final = re.compile(r"0x(?:[0-9a-f]{2})*")
_BRACKET: Final = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*+"?')
"""A bracket, or a text; one without an end is taken whole, so that no byte is looked at twice."""
_TEXT: Final = re.compile(r"[\x20-\x7e]{1,256}")

_Struct = TypeVar("_Struct", bound=Dataclass)


class _Number:
    """A JSON number, which no field may be."""

    def __init__(self, text: str) -> None:
        self.text = text


def encode_view(view: Mapping[str, Any]) -> bytes:
    """Give the canonical bytes of a view."""
    return json.dumps(view, sort_keys=True, separators=(",", ":")).encode()


def check_canonical(raw: bytes, view: Mapping[str, Any]) -> None:
    """Refuse bytes that are not what the view is written as; a final newline is let pass."""
    if encode_view(view) != raw.removesuffix(b"\n"):
        raise Refused(Refusal.NOT_CANONICAL, "the bytes are not the canonical form")


def write_hex(value: bytes) -> str:
    """Give bytes as a view holds them."""
    return "0x" + value.hex()


def view_struct(value: Dataclass) -> dict[str, Any]:
    """Give a struct's members as JSON values, without the index that its place says."""
    members = (m for m in describe(type(value)).members if m.attribute != _INDEX)
    return {m.name: _view(m, getattr(value, m.attribute)) for m in members}


def parse(raw: bytes, max_bytes: int, max_depth: int) -> object:
    """Read JSON of at most this size and depth; what is not JSON is MALFORMED."""
    if len(raw) > max_bytes:
        raise Refused(Refusal.MALFORMED, f"the file is larger than {max_bytes} bytes")
    try:
        text = raw.decode()
        _check_depth(text, max_depth)
        return json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Refused(Refusal.MALFORMED, "the file is not JSON") from error


def read_fields(
    value: object, path: str, names: Sequence[str], optional: Sequence[str] = ()
) -> Mapping[str, object]:
    """Read an object with exactly these fields, and some of the optional ones."""
    if not isinstance(value, dict):
        raise Refused(Refusal.BAD_TYPE, f"{path or 'the file'} is not a JSON object")
    prefix = f"{path}." if path else ""
    for name in value:
        if name not in names and name not in optional:
            raise Refused(Refusal.UNKNOWN_FIELD, f"{prefix}{_shown(name)} is unknown")
    for name in names:
        if name not in value:
            raise Refused(Refusal.MISSING_FIELD, f"{prefix}{name} is missing")
    return value


def read_list(value: object, path: str) -> list[object]:
    """Read a list."""
    if not isinstance(value, list):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not a list")
    return value


def read_text(value: object, path: str) -> str:
    """Read a printable ASCII text of 1 to 256 characters."""
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not a printable ASCII text")
    return value


def read_integer(value: object, path: str) -> int:
    """Read an integer, written as a decimal text without leading zeros."""
    well_formed = isinstance(value, str) and len(value) <= _MAX_DIGITS and _DECIMAL.fullmatch(value)
    if not isinstance(value, str) or not well_formed:
        raise Refused(Refusal.BAD_TYPE, f"{path} is not an integer as a decimal string")
    return int(value)


def read_bytes(value: object, path: str, size: int) -> bytes:
    """Read exactly so many bytes."""
    if not isinstance(value, str) or len(value) != 2 + 2 * size or not _HEX.fullmatch(value):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not {size} bytes as lower-case 0x hex")
    return bytes.fromhex(value[2:])


def read_struct(struct: type[_Struct], value: object, path: str, **known: int) -> _Struct:
    """Read a struct's members; those that are known already do not stand in the view."""
    members = [m for m in describe(struct).members if m.attribute not in known]
    fields = read_fields(value, path, [m.name for m in members])
    values: dict[str, Any] = dict(known)
    for member in members:
        values[member.attribute] = _member(member, fields[member.name], f"{path}.{member.name}")
    return struct(**values)


def read_leaves(struct: type[_Struct], value: object, path: str) -> tuple[_Struct, ...]:
    """Read a list of leaves, whose places are their indices."""
    items = enumerate(read_list(value, path))
    return tuple(read_struct(struct, item, f"{path}[{i}]", index=i) for i, item in items)


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse what is nested deeper than the file is: the JSON parser recurses on the C stack."""
    depth = 0
    for token in _BRACKET.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > max_depth:
            raise Refused(Refusal.MALFORMED, f"the file is nested deeper than {max_depth}")


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    seen: dict[str, object] = {}
    for name, value in pairs:
        if name in seen:
            raise Refused(Refusal.DUPLICATED_FIELD, f"{_shown(name)} stands twice")
        seen[name] = value
    return seen


def _member(member: Member, value: object, path: str) -> object:
    if member.items is not None:
        items = enumerate(read_list(value, path))
        return tuple(_member(member.items, item, f"{path}[{i}]") for i, item in items)
    if member.struct is not None:
        return read_struct(member.struct, value, path)
    if member.is_text:
        return read_text(value, path)
    if member.kind == "bytes32":
        return read_bytes(value, path, WORD)
    if member.kind == "address":
        return Address(write_hex(read_bytes(value, path, ADDRESS_BYTES)))
    number = read_integer(value, path)
    try:
        member.encode(number)
    except EncodingError as error:
        raise Refused(Refusal.BAD_TYPE, f"{path}: {error}") from error
    return number


def _view(member: Member, value: Any) -> Any:  # noqa: ANN401 - as the member's kind says
    if member.items is not None:
        return [_view(member.items, item) for item in value]
    if member.struct is not None:
        return view_struct(value)
    if isinstance(value, bytes):
        return write_hex(value)
    return value if member.is_text or member.kind == "address" else str(int(value))


def _shown(name: str) -> str:
    return ascii(name[:40])
