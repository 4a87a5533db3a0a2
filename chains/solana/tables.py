"""Address lookup tables: 32-byte keys of a message become one byte each.

An entry serves from the slot after the one it was added in; a table being deactivated is not
used. Source: https://github.com/anza-xyz/solana-sdk, address-lookup-table-interface/src/state.rs.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.address_lookup_table_account import AddressLookupTable, AddressLookupTableAccount
from solders.pubkey import Pubkey

from chains.solana.accounts import CLOCK, AccountPlan, RawAccount, decode_clock

ACTIVE: Final = 2**64 - 1
"""The deactivation slot of a table that nobody deactivates."""


def plan_tables(keys: Sequence[Pubkey]) -> AccountPlan[tuple[AddressLookupTableAccount, ...]]:
    """Give the plan that reads tables with the entries that serve at its slot.

    ValueError on an account that is no table, or one being deactivated.
    """
    wanted = tuple(keys)

    def decode(
        found: Mapping[Pubkey, RawAccount | None],
    ) -> tuple[AddressLookupTableAccount, ...]:
        slot = decode_clock(found[CLOCK]).slot
        return tuple(_decode_table(key, found[key], slot) for key in wanted)

    return AccountPlan(keys=(CLOCK, *wanted), decode=decode)


def _decode_table(key: Pubkey, account: RawAccount | None, slot: int) -> AddressLookupTableAccount:
    if account is None or account.owner != LOOKUP_TABLE_PROGRAM:
        raise ValueError(f"{key} is no address lookup table")
    table = AddressLookupTable.deserialize(account.data)
    if table.meta.deactivation_slot != ACTIVE:
        raise ValueError(f"lookup table {key} is being deactivated")
    known = table.addresses
    if table.meta.last_extended_slot >= slot:
        known = known[: table.meta.last_extended_slot_start_index]
    return AddressLookupTableAccount(key, known)
