"""The parts of a relocatable ELF64 object that a link needs: sections, symbols, relocations.

Source: System V ABI, chapters "ELF Header", "Sections", "Symbol Table", "Relocation".
"""

import struct
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"\x7fELF\x02\x01\x01"
EM_BPF: Final = 247
ET_REL: Final = 1
SHT_SYMTAB: Final = 2
SHT_RELA: Final = 4
SHT_NOBITS: Final = 8
SHT_REL: Final = 9
SHF_WRITE: Final = 1
SHF_ALLOC: Final = 2
SHF_EXECINSTR: Final = 4
SHN_UNDEF: Final = 0
STT_SECTION: Final = 3

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_RELOCATION: Final = struct.Struct("<QQ")


class LinkError(ValueError):
    """An object cannot become a program; the message says what to change in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section; `size` counts also where the file holds no bytes for it."""

    name: str
    kind: int
    flags: int
    data: bytes
    size: int
    link: int
    info: int
    align: int

    @property
    def loaded(self) -> bool:
        """Whether the program sees it at run time."""
        return bool(self.flags & SHF_ALLOC) and self.size > 0

    @property
    def code(self) -> bool:
        """Whether it holds instructions."""
        return bool(self.flags & SHF_EXECINSTR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One name; `section` is SHN_UNDEF where another must provide it."""

    name: str
    section: int
    value: int
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """One place in section `section` that waits for a symbol's address."""

    section: int
    offset: int
    kind: int
    symbol: Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFile:
    """What a compiler left."""

    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]
    relocations: tuple[Relocation, ...]


def parse_object(data: bytes) -> ObjectFile:
    """Read a relocatable BPF object; LinkError for anything else or a broken one."""
    try:
        return _parse(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise LinkError(f"the object is cut short or broken: {error}") from error


def _parse(data: bytes) -> ObjectFile:
    header = _HEADER.unpack_from(data)
    if not header[0].startswith(MAGIC):
        raise LinkError("the object is not a little-endian ELF64 file")
    if (header[1], header[2]) != (ET_REL, EM_BPF):
        raise LinkError(f"the object is type {header[1]}, machine {header[2]}: want 1 and 247")
    sections = _read_sections(data, offset=header[6], count=header[12], names=header[13])
    symbols = tuple(
        s for table in sections if table.kind == SHT_SYMTAB for s in _symbols_of(table, sections)
    )
    return ObjectFile(
        sections=sections,
        symbols=symbols,
        relocations=tuple(
            r for table in sections for r in _relocations_of(table, sections, symbols)
        ),
    )


def _read_sections(data: bytes, *, offset: int, count: int, names: int) -> tuple[Section, ...]:
    raw = [_SECTION.unpack_from(data, offset + i * _SECTION.size) for i in range(count)]
    table = _slice(data, raw[names][4], raw[names][5])
    return tuple(
        Section(
            name=_text(table, name),
            kind=kind,
            flags=flags,
            data=b"" if kind == SHT_NOBITS else _slice(data, at, size),
            size=size,
            link=link,
            info=info,
            align=max(align, 1),
        )
        for name, kind, flags, _, at, size, link, info, align, _ in raw
    )


def _symbols_of(table: Section, sections: tuple[Section, ...]) -> list[Symbol]:
    names = sections[table.link].data
    return [
        Symbol(name=_text(names, name), section=section, value=value, kind=info & 15)
        for name, info, _, section, value, _ in _SYMBOL.iter_unpack(table.data)
    ]


def _relocations_of(
    table: Section, sections: tuple[Section, ...], symbols: tuple[Symbol, ...]
) -> list[Relocation]:
    if table.kind not in (SHT_REL, SHT_RELA) or not sections[table.info].loaded:
        return []
    if table.kind == SHT_RELA:
        raise LinkError(f"{table.name} has explicit addends, which BPF objects do not use")
    return [
        Relocation(
            section=table.info, offset=at, kind=info & 0xFFFFFFFF, symbol=symbols[info >> 32]
        )
        for at, info in _RELOCATION.iter_unpack(table.data)
    ]


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise LinkError(f"the object ends at {len(data)}, before {at + size}")
    return data[at : at + size]


def _text(table: bytes, at: int) -> str:
    end = table.find(b"\0", at)
    if end < 0:
        raise LinkError("a name in the object has no end")
    return table[at:end].decode()
