"""Accounts written from the same layout tables that read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from solders.pubkey import Pubkey

from chains.solana.accounts import CLOCK, SYSVAR_OWNER, RawAccount
from chains.solana.zerocopy import Kind, Layout


def encode(layout: Layout, values: Mapping[str, Any], *, base: bytes = b"") -> bytes:
    """Give the struct's bytes: `values` over `base`, over zeros; the discriminator in front."""
    data = bytearray(base or layout.discriminator + bytes(layout.size - len(layout.discriminator)))
    for name, value in values.items():
        field = layout.fields[name]
        parts: Sequence[Any] = value if field.count > 1 else [value]
        for index, part in enumerate(parts):
            start = field.offset + field.kind.size * index
            data[start : start + field.kind.size] = _encode_part(field.kind, part)
    return bytes(data)


def _encode_part(kind: Kind | Layout, part: Any) -> bytes:  # noqa: ANN401 -- any field's value
    if isinstance(kind, Layout):
        return encode(kind, part)
    if kind is Kind.KEY:
        return bytes(part)
    return int(part).to_bytes(kind.size, "little", signed=kind.signed)


def clock_account(slot: int, time: int) -> RawAccount:
    data = b"".join(number.to_bytes(8, "little") for number in (slot, 0, 0, 0, time))
    return RawAccount(key=CLOCK, owner=SYSVAR_OWNER, lamports=1, data=data)


def raw(key: Pubkey | bytes, owner: Pubkey, data: bytes) -> RawAccount:
    address = key if isinstance(key, Pubkey) else Pubkey(key)
    return RawAccount(key=address, owner=owner, lamports=1, data=data)
