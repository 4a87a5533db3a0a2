"""A static linker from one BPF object of clang to a Solana program (sBPF v0).

The loader wants a shared object whose file offsets are its addresses: code, then read-only data,
then what names the system calls. A call of an undefined function is a system call: it stays
`call -1` with a dynamic relocation by name, which the loader resolves. Everything else is
resolved here; read-only data is seen at 0x1_0000_0000 plus its address. There is no writable
data on this machine: state lives in accounts, scratch space in the heap.
Source: System V ABI; https://solana.com/docs/programs; relocation kinds of LLVM's BPF back end.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chains.solana.programs.elf import (
    EM_BPF,
    MAGIC,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_UNDEF,
    STT_SECTION,
    LinkError,
    ObjectFile,
    Relocation,
    Symbol,
    parse_object,
)

ENTRY: Final = "entrypoint"
PROGRAM_START: Final = 1 << 32
R_BPF_64_64: Final = 1
R_BPF_64_ABS64: Final = 2
R_BPF_64_32: Final = 10

_WORD: Final = 8
_HEADER_SIZE: Final = 64
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_PAIR: Final = struct.Struct("<QQ")
_CODE_AT: Final = _HEADER_SIZE + 3 * _SEGMENT.size
_ADDRESS_MASK: Final = 0xFFFFFFFF
_SRC_LOCAL_CALL: Final = 0x10
_DYNAMIC_ENTRIES: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an input section came to lie: in code or in read-only data, and at which offset."""

    code: bool
    offset: int


@dataclass(slots=True, kw_only=True)
class _Image:
    """The program's bytes while addresses are filled in."""

    code: bytearray
    rodata: bytearray
    places: dict[int, _Place]
    system_calls: list[tuple[int, str]]

    def address(self, place: _Place) -> int:
        """Give the file offset, which is the address, of a placed section."""
        return _CODE_AT + place.offset + (0 if place.code else len(self.code))


def link(data: bytes, *, entry: str = ENTRY) -> bytes:
    """Give the program of one object; LinkError, saying why, where it cannot be one."""
    source = parse_object(data)
    image = _lay_out(source)
    for relocation in source.relocations:
        _relocate(image, relocation)
    return _write(image, entry=_find_entry(image, source.symbols, entry))


def _lay_out(source: ObjectFile) -> _Image:
    image = _Image(code=bytearray(), rodata=bytearray(), places={}, system_calls=[])
    for number, section in enumerate(source.sections):
        if not section.loaded:
            continue
        if section.flags & SHF_WRITE:
            raise LinkError(f"{section.name} is writable: a program has no globals, only constants")
        target = image.code if section.code else image.rodata
        if not section.code:  # code is whole instructions already, and padding would be none
            _pad(target, max(_WORD, section.align))
        image.places[number] = _Place(code=section.code, offset=len(target))
        target += section.data
    _pad(image.code, _WORD)
    _pad(image.rodata, _WORD)
    return image


def _relocate(image: _Image, relocation: Relocation) -> None:
    place = image.places[relocation.section]
    buffer = image.code if place.code else image.rodata
    at = place.offset + relocation.offset
    if at >= len(buffer):
        raise LinkError(f"a relocation at {at} is outside its section")
    try:
        match relocation.kind:
            case 1:  # R_BPF_64_64
                _patch_load(image, buffer, at, relocation.symbol)
            case 2:
                (addend,) = struct.unpack_from("<Q", buffer, at)
                struct.pack_into("<Q", buffer, at, _resolve(image, relocation.symbol) + addend)
            case 10:
                _patch_call(image, buffer, at, relocation.symbol)
            case kind:
                raise LinkError(f"relocation kind {kind} is not known")
    except struct.error as error:
        raise LinkError(f"a relocation at {at} is outside its section") from error


def _patch_load(image: _Image, buffer: bytearray, at: int, symbol: Symbol) -> None:
    low, high = (
        struct.unpack_from("<I", buffer, at + 4)[0],
        struct.unpack_from("<I", buffer, at + 12)[0],
    )
    address = _resolve(image, symbol) + (low | high << 32)
    struct.pack_into("<I", buffer, at + 4, address & _ADDRESS_MASK)
    struct.pack_into("<I", buffer, at + 12, address >> 32)


def _patch_call(image: _Image, buffer: bytearray, at: int, symbol: Symbol) -> None:
    flags, immediate = (
        struct.unpack_from("<B", buffer, at + 1)[0],
        struct.unpack_from("<i", buffer, at + 4)[0],
    )
    if symbol.section == SHN_UNDEF:
        struct.pack_into("<B", buffer, at + 1, flags & 0x0F)
        struct.pack_into("<i", buffer, at + 4, -1)
        image.system_calls.append((at, symbol.name))
        return
    place = image.places.get(symbol.section)
    if place is None or not place.code:
        raise LinkError(f"a call of {symbol.name or 'a section'} does not reach code")
    target = place.offset + symbol.value
    if symbol.kind == STT_SECTION:  # the addend then counts instructions from the next one
        target += (immediate + 1) * _WORD
    struct.pack_into("<B", buffer, at + 1, flags & 0x0F | _SRC_LOCAL_CALL)
    struct.pack_into("<i", buffer, at + 4, (target - at) // _WORD - 1)


def _resolve(image: _Image, symbol: Symbol) -> int:
    place = image.places.get(symbol.section)
    if place is None:
        raise LinkError(f"{symbol.name or 'a section'} has no address in the program")
    return PROGRAM_START + image.address(place) + symbol.value


def _find_entry(image: _Image, symbols: Iterable[Symbol], name: str) -> int:
    for symbol in symbols:
        place = image.places.get(symbol.section)
        if symbol.name == name and place is not None and place.code:
            return image.address(place) + symbol.value
    raise LinkError(f"the object defines no function {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One output section at its address."""

    name: str
    kind: int
    flags: int
    at: int
    data: bytes
    link: str = ""
    align: int = _WORD
    entry_size: int = 0


def _write(image: _Image, *, entry: int) -> bytes:
    parts = [
        _Part(
            name=".text",
            kind=1,
            flags=SHF_ALLOC | SHF_EXECINSTR,
            at=_CODE_AT,
            data=bytes(image.code),
        )
    ]
    if image.rodata:
        at = _CODE_AT + len(image.code)
        parts.append(
            _Part(name=".rodata", kind=1, flags=SHF_ALLOC, at=at, data=bytes(image.rodata))
        )
    loaded = len(image.code) + len(image.rodata)
    dynamic = _dynamic_parts(image, at=_CODE_AT + loaded)
    end = dynamic[-1].at + len(dynamic[-1].data)
    first = dynamic[0]
    segments = (
        _SEGMENT.pack(1, 5, _CODE_AT, _CODE_AT, _CODE_AT, loaded, loaded, 4096),
        _SEGMENT.pack(1, 4, first.at, first.at, first.at, end - first.at, end - first.at, 4096),
        _SEGMENT.pack(2, 6, first.at, first.at, first.at, len(first.data), len(first.data), _WORD),
    )
    body = b"".join([*segments, *(part.data for part in (*parts, *dynamic))])
    return _with_sections(body, (*parts, *dynamic), entry=entry)


def _dynamic_parts(image: _Image, *, at: int) -> tuple[_Part, ...]:
    names = sorted({name for _, name in image.system_calls})
    strings, symbols, numbers = b"\0", bytes(_SYMBOL.size), {}
    for number, name in enumerate(names, start=1):
        numbers[name] = number
        symbols += _SYMBOL.pack(len(strings), 0x10, 0, 0, 0, 0)
        strings += name.encode() + b"\0"
    strings += bytes(-len(strings) % _WORD)
    relocations = b"".join(
        _PAIR.pack(_CODE_AT + offset, numbers[name] << 32 | R_BPF_64_32)
        for offset, name in image.system_calls
    )
    symbols_at = at + _DYNAMIC_ENTRIES * _PAIR.size
    strings_at = symbols_at + len(symbols)
    relocations_at = strings_at + len(strings)
    entries = [(6, symbols_at), (11, _SYMBOL.size), (5, strings_at), (10, len(strings))]
    if relocations:
        entries = [(17, relocations_at), (18, len(relocations)), (19, _PAIR.size), *entries]
    entries += [(0, 0)] * (_DYNAMIC_ENTRIES - len(entries))
    table = b"".join(_PAIR.pack(*pair) for pair in entries)
    return (
        _Part(name=".dynamic", kind=6, flags=3, at=at, data=table, link=".dynstr", entry_size=16),
        _Part(
            name=".dynsym",
            kind=11,
            flags=2,
            at=symbols_at,
            data=symbols,
            link=".dynstr",
            entry_size=24,
        ),
        _Part(name=".dynstr", kind=3, flags=2, at=strings_at, data=strings, align=1),
        _Part(
            name=".rel.dyn",
            kind=9,
            flags=2,
            at=relocations_at,
            data=relocations,
            link=".dynsym",
            entry_size=16,
        ),
    )


def _with_sections(body: bytes, parts: Sequence[_Part], *, entry: int) -> bytes:
    names, table = b"\0", bytes(_SECTION.size)
    numbers = {part.name: number for number, part in enumerate(parts, start=1)}
    for part in parts:
        link_to = numbers.get(part.link, 0)
        table += _SECTION.pack(
            len(names),
            part.kind,
            part.flags,
            part.at,
            part.at,
            len(part.data),
            link_to,
            0,
            part.align,
            part.entry_size,
        )
        names += part.name.encode() + b"\0"
    names_at = _HEADER_SIZE + len(body)
    own = len(names)
    names += b".shstrtab\0"
    table += _SECTION.pack(own, 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
    names += bytes(-(names_at + len(names)) % _WORD)
    count = len(parts) + 2
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        MAGIC, 3, EM_BPF, 1, entry, _HEADER_SIZE, names_at + len(names), 0,
        _HEADER_SIZE, _SEGMENT.size, 3, _SECTION.size, count, count - 1,
    )  # fmt: skip
    return header + body + names + table


def _pad(buffer: bytearray, align: int) -> None:
    buffer += bytes(-len(buffer) % align)
