"""Which accounts a message names and locks, its lookup tables resolved."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from solders.account import Account
from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.address_lookup_table_account import AddressLookupTable
from solders.hash import Hash
from solders.message import MessageV0, VersionedMessage
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

Read = Callable[[Pubkey], Account | None]
_ADVANCE_NONCE: Final = struct.pack("<I", 4)
_NONCE_ACCOUNT: Final = struct.Struct("<II32s32sQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """The accounts in the order of the message; `loaded` came from tables (writable, readonly)."""

    keys: tuple[Pubkey, ...]
    writable: frozenset[Pubkey]
    loaded: tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]] = ((), ())


def read_locks(message: VersionedMessage, read: Read) -> Locks:
    """Resolve a message; an entry of a table that is not there is left out (the SVM refuses)."""
    own = tuple(message.account_keys)
    writable = {key for index, key in enumerate(own) if _is_writable(message, index)}
    loaded = _read_tables(message, read) if isinstance(message, MessageV0) else ((), ())
    return Locks(
        keys=(*own, *loaded[0], *loaded[1]),
        writable=frozenset(writable | set(loaded[0])),
        loaded=loaded,
    )


def durable_nonce(message: VersionedMessage, read: Read) -> Hash | None:
    """Give the nonce that stands for a blockhash when the first instruction advances one.

    Source: https://docs.anza.xyz/implemented-proposals/durable-tx-nonces
    """
    if not message.instructions:
        return None
    first = message.instructions[0]
    program = message.account_keys[first.program_id_index]
    named = bytes(first.accounts)
    if program != SYSTEM_PROGRAM or bytes(first.data) != _ADVANCE_NONCE or not named:
        return None
    account = read(message.account_keys[named[0]])
    if account is None or len(account.data) != _NONCE_ACCOUNT.size:
        return None
    _, _, _, nonce, _ = _NONCE_ACCOUNT.unpack(account.data)
    return Hash(nonce)


def _is_writable(message: VersionedMessage, index: int) -> bool:
    header = message.header
    signers = header.num_required_signatures
    if index < signers:
        return index < signers - header.num_readonly_signed_accounts
    return index < len(message.account_keys) - header.num_readonly_unsigned_accounts


def _read_tables(message: MessageV0, read: Read) -> tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]]:
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    for lookup in message.address_table_lookups:
        table = read(lookup.account_key)
        if table is None or table.owner != LOOKUP_TABLE_PROGRAM:
            continue
        known = AddressLookupTable.deserialize(table.data).addresses
        writable += [known[i] for i in bytes(lookup.writable_indexes) if i < len(known)]
        readonly += [known[i] for i in bytes(lookup.readonly_indexes) if i < len(known)]
    return tuple(writable), tuple(readonly)
