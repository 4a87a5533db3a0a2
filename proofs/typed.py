"""EIP-712 structs as dataclasses: the type string, hashStruct and the domain.

A field's annotation is its Solidity type (`UInt64`, `Bytes32`, …) and its name in camel case the
member's name, so a dataclass is the one place where a struct is written down. `Text` is a bytes32
member that holds keccak256(utf8) of a string, `AddressWord` an address. A member is encoded as one
32-byte word: an array as the hash of its items' words, a struct in an array as its hashStruct.
Structs in arrays hold no structs themselves.
Source: https://eips.ethereum.org/EIPS/eip-712#definition-of-hashstruct
"""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Protocol, get_args, get_type_hints

from eth_hash.auto import keccak

from chains.model.ids import Address

UInt8 = Annotated[int, "uint8"]
UInt16 = Annotated[int, "uint16"]
UInt32 = Annotated[int, "uint32"]
UInt64 = Annotated[int, "uint64"]
UInt256 = Annotated[int, "uint256"]
Int256 = Annotated[int, "int256"]
Bytes32 = Annotated[bytes, "bytes32"]
Text = Annotated[str, "bytes32"]
AddressWord = Annotated[Address, "address"]
UInt256List = Annotated[tuple[int, ...], "uint256[]"]

WORD: Final = 32
ZERO: Final = bytes(WORD)
DOMAIN_NAME: Final = "Plimsoll/HealthAttestation"
DOMAIN_VERSION: Final = "1"
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version,bytes32 salt)")


class EncodingError(ValueError):
    """A value does not fit the type of its member."""


class Dataclass(Protocol):
    """Any dataclass whose fields carry Solidity types."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a struct: the attribute, its EIP-712 name and type, and its encoder.

    `items` is what an array holds, None where it is no array; `struct` the items' dataclass.
    """

    attribute: str
    name: str
    kind: str
    is_text: bool
    encode: Callable[[Any], bytes]
    items: "Member | None" = None
    struct: type[Dataclass] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StructType:
    """A struct as EIP-712 sees it."""

    name: str
    members: tuple[Member, ...]
    type_string: str
    type_hash: bytes


@lru_cache(maxsize=4096)
def hash_text(text: str) -> bytes:
    """Give keccak256 of the text's UTF-8 bytes: how CAIP ids and names are signed."""
    return bytes(keccak(text.encode()))


@lru_cache(maxsize=64)
def describe(struct: type[Dataclass]) -> StructType:
    """Read a dataclass as a struct type; members in the order of the fields."""
    hints = get_type_hints(struct, include_extras=True)
    members = tuple(_member(name, hints[name]) for name in struct.__dataclass_fields__)
    listed = ",".join(f"{m.kind} {m.name}" for m in members)
    inner = {describe(m.items.struct).type_string for m in members if m.items and m.items.struct}
    type_string = f"{struct.__name__}({listed})" + "".join(sorted(inner))
    return StructType(
        name=struct.__name__,
        members=members,
        type_string=type_string,
        type_hash=bytes(keccak(type_string.encode())),
    )


def encode_words(value: Dataclass) -> bytes:
    """Give the members as 32-byte words, which without arrays is also their ABI encoding."""
    kind = describe(type(value))
    words = []
    for member in kind.members:
        try:
            words.append(member.encode(getattr(value, member.attribute)))
        except EncodingError as error:
            raise EncodingError(f"{kind.name}.{member.name}: {error}") from error
    return b"".join(words)


def hash_struct(value: Dataclass) -> bytes:
    """Give hashStruct; EncodingError names the member that does not fit."""
    return bytes(keccak(describe(type(value)).type_hash + encode_words(value)))


@lru_cache(maxsize=64)
def domain_separator(salt: bytes, name: str = DOMAIN_NAME) -> bytes:
    """Give the domain of a deployment: name, version and salt, no chain and no contract."""
    words = keccak(name.encode()) + keccak(DOMAIN_VERSION.encode()) + salt
    return bytes(keccak(_DOMAIN_TYPE + words))


def digest_struct(value: Dataclass, salt: bytes, name: str = DOMAIN_NAME) -> bytes:
    """Give the EIP-712 digest of a struct in the domain of a deployment's salt."""
    return bytes(keccak(b"\x19\x01" + domain_separator(salt, name) + hash_struct(value)))


def _member(attribute: str, hint: Any) -> Member:  # noqa: ANN401 - Annotated has no narrower type
    (kind,) = hint.__metadata__
    head, *tail = attribute.split("_")
    is_text = hint.__origin__ is str and kind == "bytes32"
    name = head + "".join(word.capitalize() for word in tail)
    if kind.endswith("[]"):
        items = _item(kind.removesuffix("[]"), get_args(hint.__origin__)[0])
        return Member(
            attribute=attribute,
            name=name,
            kind=kind,
            is_text=False,
            encode=_list_encoder(items.encode),
            items=items,
        )
    return Member(
        attribute=attribute,
        name=name,
        kind=kind,
        is_text=is_text,
        encode=hash_text if is_text else _encoder(kind),
    )


def _item(kind: str, annotation: type[Any]) -> Member:
    struct = annotation if is_dataclass(annotation) else None
    encode = hash_struct if struct else _encoder(kind)
    return Member(attribute="", name="", kind=kind, is_text=False, encode=encode, struct=struct)


def _list_encoder(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda values: bytes(keccak(b"".join(map(encode, values))))


def _encoder(kind: str) -> Callable[[Any], bytes]:
    if kind == "bytes32":
        return _encode_bytes32
    if kind == "address":
        return _encode_address
    signed = kind.startswith("int")
    bits = int(kind.removeprefix("u").removeprefix("int"))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)

    def encode_integer(value: int) -> bytes:
        if not low <= value < high:
            raise EncodingError(f"{value} does not fit {kind}")
        return value.to_bytes(WORD, "big", signed=signed)

    return encode_integer


def _encode_bytes32(value: bytes) -> bytes:
    if len(value) != WORD:
        raise EncodingError(f"{len(value)} bytes, not {WORD}")
    return value


def _encode_address(value: Address) -> bytes:
    return bytes.fromhex(value[2:]).rjust(WORD, b"\x00")
