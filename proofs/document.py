"""The attestation file: the canonical JSON view (RFC 8785) of a signed statement.

Integers are decimal strings, bytes 0x-hex in lower case, leaves carry the texts whose keccak is
signed and have their place as index. There is nothing in it that the digest does not cover: the
committee's record through committeeId, the leaves through the roots, the deployment through the
domain. Reading is strict: exactly the canonical bytes (a final newline is let pass), no field
unknown, missing, twice or of another type.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from chains.model.ids import Address
from proofs.committee import MAX_MEMBERS, Committee, InvalidCommittee
from proofs.envelope import Envelope
from proofs.recover import SIGNATURE_BYTES
from proofs.refusal import Refusal, Refused
from proofs.statement import (
    AccountLeaf,
    BlockRef,
    HealthAttestation,
    Leaves,
    PositionLeaf,
    PriceLeaf,
    Statement,
)
from proofs.typed import WORD, Dataclass, EncodingError, Member, describe

FORMAT: Final = "plimsoll/health-attestation/1"
MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 4
_ROOT_FIELDS: Final = (
    "format",
    "deployment",
    "committee",
    "header",
    "accounts",
    "blocks",
    "positions",
    "prices",
    "signatures",
)
_COMMITTEE_FIELDS: Final = (
    "epoch",
    "threshold",
    "members",
    "validFrom",
    "validUntil",
    "prevCommitteeId",
)
_INDEX: Final = "index"
_ADDRESS_BYTES: Final = 20
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A statement with its signatures by member index, as the file holds them."""

    statement: Statement
    signatures: tuple[tuple[int, bytes], ...]

    @property
    def envelope(self) -> Envelope:
        """The signed header alone, for contracts and for carrying."""
        return Envelope(
            header=self.statement.header,
            committee_size=len(self.statement.committee.members),
            signatures=self.signatures,
        )


def encode_document(document: Document) -> bytes:
    """Give the file's bytes; keys and texts are ASCII, so sorted compact JSON is RFC 8785."""
    return json.dumps(view_document(document), sort_keys=True, separators=(",", ":")).encode()


def view_document(document: Document) -> dict[str, Any]:
    """Give the file's content as JSON values."""
    statement = document.statement
    committee, leaves = statement.committee, statement.leaves
    return {
        "format": FORMAT,
        "deployment": statement.deployment,
        "committee": {
            "epoch": str(committee.epoch),
            "threshold": str(committee.threshold),
            "members": list(committee.members),
            "validFrom": str(committee.valid_from),
            "validUntil": str(committee.valid_until),
            "prevCommitteeId": _hex(committee.prev),
        },
        "header": view_struct(statement.header),
        "accounts": [view_struct(leaf) for leaf in leaves.accounts],
        "blocks": [view_struct(leaf) for leaf in leaves.blocks],
        "positions": [view_struct(leaf) for leaf in leaves.positions],
        "prices": [view_struct(leaf) for leaf in leaves.prices],
        "signatures": [
            {"member": str(index), "signature": _hex(signature)}
            for index, signature in document.signatures
        ],
    }


def view_struct(value: Dataclass) -> dict[str, str]:
    """Give a struct's members as JSON values, without the index that its place says."""
    members = (m for m in describe(type(value)).members if m.attribute != _INDEX)
    return {m.name: _view(m, getattr(value, m.attribute)) for m in members}


def decode_document(raw: bytes) -> Document:
    """Read the file strictly; Refused names the field."""
    root = _fields(_parse(raw), "", _ROOT_FIELDS)
    if root["format"] != FORMAT:
        raise Refused(Refusal.SCHEMA, f"format is not {FORMAT!r}")
    document = Document(
        statement=Statement(
            deployment=_text(root["deployment"], "deployment"),
            committee=_committee(root["committee"]),
            header=_struct(HealthAttestation, root["header"], "header"),
            leaves=Leaves(
                accounts=_leaves(AccountLeaf, root["accounts"], "accounts"),
                blocks=_leaves(BlockRef, root["blocks"], "blocks"),
                positions=_leaves(PositionLeaf, root["positions"], "positions"),
                prices=_leaves(PriceLeaf, root["prices"], "prices"),
            ),
        ),
        signatures=tuple(
            _signature(item, f"signatures[{i}]")
            for i, item in enumerate(_list(root["signatures"], "signatures"))
        ),
    )
    if encode_document(document) != raw.removesuffix(b"\n"):
        raise Refused(Refusal.NOT_CANONICAL, "the bytes are not the canonical form")
    return document


def _parse(raw: bytes) -> object:
    if len(raw) > MAX_BYTES:
        raise Refused(Refusal.MALFORMED, f"the file is larger than {MAX_BYTES} bytes")
    try:
        text = raw.decode()
        _check_depth(text)
        return json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Refused(Refusal.MALFORMED, "the file is not JSON") from error


def _check_depth(text: str) -> None:
    """Refuse what is nested deeper than the file is: the JSON parser recurses on the C stack."""
    depth = 0
    for token in _BRACKET.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > MAX_DEPTH:
            raise Refused(Refusal.MALFORMED, f"the file is nested deeper than {MAX_DEPTH}")


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    seen: dict[str, object] = {}
    for name, value in pairs:
        if name in seen:
            raise Refused(Refusal.DUPLICATED_FIELD, f"{_shown(name)} stands twice")
        seen[name] = value
    return seen


def _fields(value: object, path: str, names: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Refused(Refusal.BAD_TYPE, f"{path or 'the file'} is not a JSON object")
    prefix = f"{path}." if path else ""
    for name in value:
        if name not in names:
            raise Refused(Refusal.UNKNOWN_FIELD, f"{prefix}{_shown(name)} is unknown")
    for name in names:
        if name not in value:
            raise Refused(Refusal.MISSING_FIELD, f"{prefix}{name} is missing")
    return value


def _list(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not a list")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not a printable ASCII text")
    return value


def _integer(value: object, path: str) -> int:
    well_formed = isinstance(value, str) and len(value) <= _MAX_DIGITS and _DECIMAL.fullmatch(value)
    if not isinstance(value, str) or not well_formed:
        raise Refused(Refusal.BAD_TYPE, f"{path} is not an integer as a decimal string")
    return int(value)


def _bytes(value: object, path: str, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 + 2 * size or not _HEX.fullmatch(value):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not {size} bytes as lower-case 0x hex")
    return bytes.fromhex(value[2:])


def _member(member: Member, value: object, path: str) -> int | bytes | str:
    if member.is_text:
        return _text(value, path)
    if member.kind == "bytes32":
        return _bytes(value, path, WORD)
    number = _integer(value, path)
    try:
        member.encode(number)
    except EncodingError as error:
        raise Refused(Refusal.BAD_TYPE, f"{path}: {error}") from error
    return number


def _struct(struct: type[_Struct], value: object, path: str, **known: int) -> _Struct:
    members = [m for m in describe(struct).members if m.attribute not in known]
    fields = _fields(value, path, [m.name for m in members])
    values: dict[str, Any] = dict(known)
    for member in members:
        values[member.attribute] = _member(member, fields[member.name], f"{path}.{member.name}")
    return struct(**values)


def _leaves(struct: type[_Struct], value: object, path: str) -> tuple[_Struct, ...]:
    items = enumerate(_list(value, path))
    return tuple(_struct(struct, item, f"{path}[{i}]", index=i) for i, item in items)


def _committee(value: object) -> Committee:
    path = "committee"
    fields = _fields(value, path, _COMMITTEE_FIELDS)
    members = [
        Address(_hex(_bytes(item, f"{path}.members[{i}]", _ADDRESS_BYTES)))
        for i, item in enumerate(_list(fields["members"], f"{path}.members"))
    ]
    try:
        return Committee(
            epoch=_integer(fields["epoch"], f"{path}.epoch"),
            threshold=_integer(fields["threshold"], f"{path}.threshold"),
            members=tuple(members),
            valid_from=_integer(fields["validFrom"], f"{path}.validFrom"),
            valid_until=_integer(fields["validUntil"], f"{path}.validUntil"),
            prev=_bytes(fields["prevCommitteeId"], f"{path}.prevCommitteeId", WORD),
        )
    except InvalidCommittee as error:
        raise Refused(Refusal.COMMITTEE_RULES, str(error)) from error


def _signature(value: object, path: str) -> tuple[int, bytes]:
    fields = _fields(value, path, ("member", "signature"))
    signature = _bytes(fields["signature"], f"{path}.signature", SIGNATURE_BYTES)
    index = _integer(fields["member"], f"{path}.member")
    if not 0 <= index < MAX_MEMBERS:
        raise Refused(Refusal.SIGNER_UNKNOWN, f"{path}.member is not below {MAX_MEMBERS}")
    return index, signature


def _view(member: Member, value: Any) -> str:  # noqa: ANN401 - as the member's kind says
    if isinstance(value, bytes):
        return _hex(value)
    return value if member.is_text else str(int(value))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _shown(name: str) -> str:
    return ascii(name[:40])
