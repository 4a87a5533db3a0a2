"""The linker on objects made by hand: each kind of relocation, each refusal."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from chains.solana.programs.elf import LinkError, parse_object
from chains.solana.programs.linker import PROGRAM_START, link
from tests.chains.solana.programs.lab import Lab, Refused

EXIT = bytes.fromhex("9500000000000000")
CODE_AT = 64 + 3 * 56
TEXT, RODATA = 1, 2


@dataclass
class Part:
    """A section: type 1 is bytes, 8 is none; flags 1 write, 2 alloc, 4 code."""

    name: str
    data: bytes
    flags: int
    kind: int = 1
    align: int = 8
    info: int = 0
    link: int = 0


@dataclass
class Name:
    """A symbol; kind 3 is a section, 2 a function."""

    name: str
    section: int
    value: int = 0
    kind: int = 2


def mov(register: int, value: int) -> bytes:
    return struct.pack("<BBhi", 0xB7, register, 0, value)


def load(register: int, value: int) -> bytes:
    low = struct.pack("<BBhI", 0x18, register, 0, value & 0xFFFFFFFF)
    return low + struct.pack("<BBhI", 0, 0, 0, value >> 32)


def call(immediate: int = -1) -> bytes:
    return struct.pack("<BBhi", 0x85, 0x10, 0, immediate)


def read64(register: int, source: int, offset: int = 0) -> bytes:
    return struct.pack("<BBhi", 0x79, source << 4 | register, offset, 0)


def make_object(
    parts: Sequence[Part],
    names: Sequence[Name],
    relocations: Sequence[tuple[int, int, int, int]] = (),
    *,
    machine: int = 247,
    kind: int = 1,
    with_addends: bool = False,
) -> bytes:
    """Write an object; a relocation is (section, offset, kind, symbol from 1)."""
    strings, table = b"\0", bytes(24)
    for name in names:
        at = len(strings)
        strings += name.name.encode() + b"\0"
        table += struct.pack("<IBBHQQ", at, 0x10 | name.kind, 0, name.section, name.value, 0)
    rows = [Part("", b"", 0, kind=0), *parts]
    symtab = len(rows)
    rows += [
        Part(".symtab", table, 0, kind=2, link=symtab + 1),
        Part(".strtab", strings, 0, kind=3),
    ]
    for section in {row[0] for row in relocations}:
        data = b"".join(
            struct.pack("<QQ", at, symbol << 32 | what)
            for where, at, what, symbol in relocations
            if where == section
        )
        rel = Part(".rel", data, 0, kind=4 if with_addends else 9, link=symtab, info=section)
        rows.append(rel)
    return _write(rows, machine=machine, kind=kind)


def _write(rows: list[Part], *, machine: int, kind: int) -> bytes:
    names = b"\0" + b"".join(row.name.encode() + b"\0" for row in rows) + b".shstrtab\0"
    rows = [*rows, Part(".shstrtab", names, 0, kind=3)]
    body, headers, at = b"", b"", 1
    for row in rows:
        size = 16 if row.kind == 8 else len(row.data)
        place = 64 + len(body)
        headers += struct.pack(
            "<IIQQQQIIQQ", at, row.kind, row.flags, 0, place, size, row.link, row.info, row.align, 0
        )
        if row.kind != 8:
            body += row.data
        at += len(row.name) + 1
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", kind, machine, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64,
        len(rows), len(rows) - 1,
    )  # fmt: skip
    return head + body + headers


def run(program: bytes) -> int | None:
    """Load a program and give what it returns; None where the machine stops it."""
    lab = Lab()
    address = Pubkey(b"L" * 32)
    lab.svm.add_program(address, program)
    try:
        lab.send(Instruction(address, b"", []))
    except Refused as refused:
        return refused.code
    return 0


def code_of(program: bytes, size: int) -> bytes:
    return program[CODE_AT : CODE_AT + size]


def test_a_program_without_relocations_runs() -> None:
    source = make_object([Part(".text", mov(0, 7) + EXIT, 6)], [Name("entrypoint", TEXT)])
    assert run(link(source)) == 7


def test_the_entry_may_stand_behind_other_functions() -> None:
    text = mov(0, 7) + EXIT + mov(0, 9) + EXIT
    names = [Name("first", TEXT), Name("entrypoint", TEXT, 16)]
    assert run(link(make_object([Part(".text", text, 6)], names))) == 9


def test_a_call_of_a_function_by_name_reaches_it() -> None:
    text = call() + EXIT + mov(0, 5) + EXIT
    names = [Name("entrypoint", TEXT), Name("other", TEXT, 16)]
    program = link(make_object([Part(".text", text, 6)], names, [(TEXT, 0, 10, 2)]))
    assert code_of(program, 8) == struct.pack("<BBhi", 0x85, 0x10, 0, 1)
    assert run(program) == 5


def test_a_call_by_section_counts_from_the_next_instruction() -> None:
    parts = [Part(".text", call(1) + EXIT, 6), Part(".text.far", EXIT + EXIT + mov(0, 6) + EXIT, 6)]
    names = [Name("entrypoint", 1), Name("", 2, kind=3)]
    assert run(link(make_object(parts, names, [(1, 0, 10, 2)]))) == 6


def test_a_call_backwards_reaches_its_function() -> None:
    text = mov(0, 4) + EXIT + call() + EXIT
    names = [Name("other", TEXT), Name("entrypoint", TEXT, 16)]
    program = link(make_object([Part(".text", text, 6)], names, [(TEXT, 16, 10, 1)]))
    assert run(program) == 4


def test_a_call_of_an_undefined_function_is_a_system_call() -> None:
    text = mov(1, 0) + call() + EXIT
    names = [Name("entrypoint", TEXT), Name("sol_log_compute_units_", 0)]
    program = link(make_object([Part(".text", text, 6)], names, [(TEXT, 8, 10, 2)]))
    assert code_of(program, 16)[8:] == struct.pack("<BBhi", 0x85, 0, 0, -1)
    assert b"sol_log_compute_units_\0" in program
    assert run(program) == 0


def test_an_unknown_system_call_is_refused_by_the_machine() -> None:
    names = [Name("entrypoint", TEXT), Name("no_such_call", 0)]
    program = link(make_object([Part(".text", call() + EXIT, 6)], names, [(TEXT, 0, 10, 2)]))
    assert run(program) is None


def test_a_load_of_an_address_finds_read_only_data() -> None:
    text = load(1, 8) + read64(0, 1) + EXIT
    parts = [Part(".text", text, 6), Part(".rodata", struct.pack("<QQ", 3, 11), 2)]
    names = [Name("entrypoint", TEXT), Name(".rodata", RODATA, kind=3)]
    program = link(make_object(parts, names, [(TEXT, 0, 1, 2)]))
    low, high = (struct.unpack_from("<I", program, CODE_AT + at)[0] for at in (4, 12))
    assert low | high << 32 == PROGRAM_START + CODE_AT + len(text) + 8
    assert run(program) == 11


def test_a_table_of_addresses_points_at_its_values() -> None:
    text = load(1, 0) + read64(2, 1) + read64(0, 2) + EXIT
    table = struct.pack("<QQQ", 16, 1, 13)
    parts = [Part(".text", text, 6), Part(".rodata", table, 2)]
    names = [Name("entrypoint", TEXT), Name(".rodata", RODATA, kind=3)]
    source = make_object(parts, names, [(TEXT, 0, 1, 2), (RODATA, 0, 2, 2)])
    assert run(link(source)) == 13


def test_read_only_data_keeps_its_alignment() -> None:
    parts = [
        Part(".text", load(1, 0) + read64(0, 1) + EXIT, 6),
        Part(".rodata.odd", b"\1", 2, align=1),
        Part(".rodata.far", struct.pack("<Q", 12), 2, align=32),
    ]
    names = [Name("entrypoint", TEXT), Name("", 3, kind=3)]
    program = link(make_object(parts, names, [(TEXT, 0, 1, 2)]))
    assert run(program) == 12


def refuse(
    parts: Sequence[Part],
    names: Sequence[Name],
    relocations: Sequence[tuple[int, int, int, int]] = (),
) -> str:
    return refuse_object(make_object(parts, names, relocations))


def refuse_object(source: bytes) -> str:
    with pytest.raises(LinkError) as refused:
        link(source)
    return str(refused.value)


BODY = Part(".text", mov(0, 0) + EXIT, 6)
ENTRY = Name("entrypoint", TEXT)


def test_writable_data_is_refused() -> None:
    data = Part(".data", bytes(8), 3)
    assert ".data is writable" in refuse([BODY, data], [ENTRY])
    zeros = Part(".bss", b"", 3, kind=8)
    assert ".bss is writable" in refuse([BODY, zeros], [ENTRY])


def test_an_empty_writable_section_does_no_harm() -> None:
    assert run(link(make_object([BODY, Part(".data", b"", 3)], [ENTRY]))) == 0


def test_an_object_without_entry_is_refused() -> None:
    assert "no function entrypoint" in refuse([BODY], [Name("other", TEXT)])
    constant = Part(".rodata", bytes(8), 2)
    assert "no function entrypoint" in refuse([BODY, constant], [Name("entrypoint", RODATA)])


def test_an_unknown_relocation_is_refused() -> None:
    assert "kind 4 is not known" in refuse([BODY], [ENTRY], [(TEXT, 0, 4, 1)])


def test_a_relocation_outside_its_section_is_refused() -> None:
    assert "outside its section" in refuse([BODY], [ENTRY], [(TEXT, 4096, 1, 1)])


def test_an_address_of_something_undefined_is_refused() -> None:
    names = [ENTRY, Name("elsewhere", 0)]
    text = Part(".text", load(1, 0) + EXIT, 6)
    assert "elsewhere has no address" in refuse([text], names, [(TEXT, 0, 1, 2)])


def test_a_call_into_data_is_refused() -> None:
    parts = [Part(".text", call() + EXIT, 6), Part(".rodata", bytes(8), 2)]
    names = [ENTRY, Name("table", RODATA)]
    assert "call of table does not reach code" in refuse(parts, names, [(TEXT, 0, 10, 2)])


def test_explicit_addends_are_refused() -> None:
    source = make_object([BODY], [ENTRY], [(TEXT, 0, 1, 1)], with_addends=True)
    assert "explicit addends" in refuse_object(source)


def test_another_machine_or_kind_of_file_is_refused() -> None:
    assert "machine 62" in refuse_object(make_object([BODY], [ENTRY], machine=62))
    assert "type 3" in refuse_object(make_object([BODY], [ENTRY], kind=3))
    assert "not a little-endian ELF64" in refuse_object(bytes(200))


@given(st.binary(max_size=300))
def test_garbage_gives_only_link_errors(data: bytes) -> None:
    with pytest.raises(LinkError):
        link(data)


@given(st.data())
def test_a_broken_object_gives_only_link_errors(data: st.DataObject) -> None:
    text = load(1, 8) + call() + EXIT
    parts = [Part(".text", text, 6), Part(".rodata", bytes(16), 2)]
    names = [ENTRY, Name("", RODATA, kind=3), Name("sol_log_", 0)]
    whole = bytearray(make_object(parts, names, [(TEXT, 0, 1, 2), (TEXT, 16, 10, 3)]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for candidate in (bytes(whole), cut):
        try:
            link(candidate)
        except LinkError:
            continue


def test_an_object_is_read_as_it_was_written() -> None:
    parts = [BODY, Part(".rodata", b"12345678", 2)]
    found = parse_object(make_object(parts, [ENTRY], [(TEXT, 8, 10, 1)]))
    assert [s.name for s in found.sections if s.loaded] == [".text", ".rodata"]
    assert found.relocations[0].symbol.name == "entrypoint"
    assert found.relocations[0].offset == 8
