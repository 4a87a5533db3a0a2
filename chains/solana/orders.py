"""Orders as bytes, for the journal: what is signed anew after a crash is what was meant before.

A u16 count, each instruction as its length (u16) and solders' own bytes; then a u8 count of lookup
tables, each as its key, a u16 count and its addresses. Little-endian.
"""

import struct
from typing import Final

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from chains.model.action import Call
from chains.model.ids import Address
from chains.solana.transactions import Order

_KEY: Final = 32


def build_call(program: Pubkey, order: Order) -> Call:
    """Give an order as the call of the program that acts in it."""
    return Call(target=Address(str(program)), data=encode_order(order))


def encode_order(order: Order) -> bytes:
    """Give the bytes of an order."""
    parts = [struct.pack("<H", len(order.instructions))]
    for instruction in order.instructions:
        raw = bytes(instruction)
        parts.append(struct.pack("<H", len(raw)) + raw)
    parts.append(struct.pack("<B", len(order.tables)))
    for table in order.tables:
        parts.append(bytes(table.key) + struct.pack("<H", len(table.addresses)))
        parts += [bytes(key) for key in table.addresses]
    return b"".join(parts)


def decode_order(raw: bytes) -> Order:
    """Read an order back; ValueError on anything else."""
    cursor = _Cursor(raw)
    instructions = tuple(
        Instruction.from_bytes(cursor.take(cursor.number("<H"))) for _ in range(cursor.number("<H"))
    )
    tables = tuple(_decode_table(cursor) for _ in range(cursor.number("<B")))
    cursor.expect_end()
    return Order(instructions=instructions, tables=tables)


def _decode_table(cursor: "_Cursor") -> AddressLookupTableAccount:
    key = Pubkey(cursor.take(_KEY))
    addresses = [Pubkey(cursor.take(_KEY)) for _ in range(cursor.number("<H"))]
    return AddressLookupTableAccount(key, addresses)


class _Cursor:
    """Takes bytes from the front; ValueError where they run out."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._raw[self._at : self._at + size]
        if len(taken) != size:
            raise ValueError(f"an order ends after {len(self._raw)} bytes")
        self._at += size
        return taken

    def number(self, form: str) -> int:
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def expect_end(self) -> None:
        if self._at != len(self._raw):
            raise ValueError(f"{len(self._raw) - self._at} bytes follow an order")
