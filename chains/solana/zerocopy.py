"""Accounts that are C structs: where each field lies, and reading it exactly.

A `Layout` is a table of offsets. One account is read field by field into Python ints, exact
whatever the width; `numpy_spec` gives the same table in the form `numpy.dtype` takes, for whole
columns without a loop (`columns.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.solana.accounts import RawAccount

KEY_BYTES: Final = 32
_WORD: Final = 8


class Kind(Enum):
    """What a field holds: its bytes, whether it is signed, and numpy's name for it.

    Numbers wider than 64 bits are little-endian words to numpy, keys are opaque bytes.
    """

    U8 = (1, False, "u1")
    U16 = (2, False, "<u2")
    U32 = (4, False, "<u4")
    U64 = (8, False, "<u8")
    I32 = (4, True, "<i4")
    I64 = (8, True, "<i8")
    U128 = (16, False, "<u8")
    I128 = (16, True, "<u8")
    U256 = (32, False, "<u8")
    KEY = (KEY_BYTES, False, f"V{KEY_BYTES}")

    @property
    def size(self) -> int:
        """Bytes of one value."""
        return self.value[0]

    @property
    def signed(self) -> bool:
        """Whether two's complement."""
        return self.value[1]

    @property
    def numpy(self) -> str | tuple[str, tuple[int, ...]]:
        """The format for numpy."""
        name = self.value[2]
        wide = self is not Kind.KEY and self.size > _WORD
        return (name, (self.size // _WORD,)) if wide else name


@dataclass(frozen=True, slots=True)
class Field:
    """A field, or `count` of them side by side; `kind` may be a struct of its own."""

    offset: int
    kind: "Kind | Layout"
    count: int = 1

    @property
    def end(self) -> int:
        """Where the next field may begin."""
        return self.offset + self.kind.size * self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A struct's size and fields; `discriminator` is what its account must begin with."""

    name: str
    size: int
    fields: Mapping[str, Field]
    discriminator: bytes = b""

    def numpy_spec(self) -> dict[str, Any]:
        """Give the struct as the argument of `numpy.dtype`."""
        return {
            "names": list(self.fields),
            "formats": [_numpy_format(field) for field in self.fields.values()],
            "offsets": [field.offset for field in self.fields.values()],
            "itemsize": self.size,
        }

    def part(self, first: str, last: str) -> "Part":
        """Give the bytes from one field to the end of another: what a scan need only ask for."""
        start, end = self.fields[first].offset, self.fields[last].end
        fields = {
            name: Field(field.offset - start, field.kind, field.count)
            for name, field in self.fields.items()
            if start <= field.offset and field.end <= end
        }
        return Part(offset=start, layout=Layout(name=self.name, size=end - start, fields=fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some fields of a struct that lie side by side, as a struct of its own at an offset."""

    offset: int
    layout: Layout

    def cut(self, data: bytes) -> bytes:
        """Give these bytes of an account."""
        return data[self.offset : self.offset + self.layout.size]


@dataclass(frozen=True, slots=True)
class View:
    """A struct in an account's bytes; every field lies inside, as the sizes were compared."""

    layout: Layout
    data: bytes
    base: int = 0

    def number(self, name: str) -> int:
        """Read one number."""
        return self.numbers(name)[0]

    def numbers(self, name: str) -> tuple[int, ...]:
        """Read the numbers of a field that has several."""
        field, kind = self._plain(name)
        return tuple(
            int.from_bytes(part, "little", signed=kind.signed) for part in self._cut(field, kind)
        )

    def key(self, name: str) -> bytes:
        """Read one public key."""
        return self.keys(name)[0]

    def keys(self, name: str) -> tuple[bytes, ...]:
        """Read the public keys of a field that has several."""
        field, kind = self._plain(name)
        return tuple(self._cut(field, kind))

    def items(self, name: str) -> tuple["View", ...]:
        """Give the structs of a field."""
        field = self.layout.fields[name]
        if not isinstance(field.kind, Layout):
            raise TypeError(f"{self.layout.name}.{name} is no struct")
        start, size = self.base + field.offset, field.kind.size
        return tuple(View(field.kind, self.data, start + size * i) for i in range(field.count))

    def _plain(self, name: str) -> tuple[Field, Kind]:
        field = self.layout.fields[name]
        if not isinstance(field.kind, Kind):
            raise TypeError(f"{self.layout.name}.{name} is a struct")
        return field, field.kind

    def _cut(self, field: Field, kind: Kind) -> list[bytes]:
        start = self.base + field.offset
        return [self.data[start + kind.size * i :][: kind.size] for i in range(field.count)]


def open_account(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, layout: Layout, owner: Pubkey
) -> View:
    """Give an account as its struct.

    Raises DecodeError where it does not exist, belongs to another program, or is of another size
    or kind.
    """
    if account is None:
        raise DecodeError(chain, f"{layout.name} {key} does not exist")
    if account.owner != owner:
        raise DecodeError(chain, f"{layout.name} {key} belongs to {account.owner}, not {owner}")
    if len(account.data) != layout.size:
        raise DecodeError(
            chain, f"{layout.name} {key} has {len(account.data)} bytes, not {layout.size}"
        )
    if not account.data.startswith(layout.discriminator):
        raise DecodeError(chain, f"{key} is no {layout.name}: it begins {account.data[:8].hex()}")
    return View(layout, account.data)


def _numpy_format(field: Field) -> Any:  # noqa: ANN401 -- numpy's own format language
    one = field.kind.numpy if isinstance(field.kind, Kind) else field.kind.numpy_spec()
    return one if field.count == 1 else (one, (field.count,))
