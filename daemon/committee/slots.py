"""Raw accounts of one read on Solana, as a proposal carries them: pure.

No node answers for a slot gone by, so the proposer hands out what it read. The accounts ascend by
key: key(32) exists(1), and of one that exists owner(32) lamports(8) length(4) data.
"""

import struct
from collections.abc import Mapping
from typing import Final

from solders.pubkey import Pubkey

from chains.solana.accounts import MAX_KEYS, RawAccount
from daemon.committee.messages import MAX_SLOTS_BYTES, BadMessage

Accounts = Mapping[Pubkey, RawAccount | None]
_KEY: Final = 32
_FIXED: Final = struct.Struct(">32sQI")


def encode_accounts(accounts: Accounts) -> bytes:
    """Give the accounts as bytes; ValueError where they are more than a proposal may carry."""
    raw = b"".join(_encode(key, accounts[key]) for key in sorted(accounts, key=bytes))
    if len(raw) > MAX_SLOTS_BYTES:
        raise ValueError(f"the accounts read take {len(raw)} bytes, {MAX_SLOTS_BYTES} at most")
    return raw


def decode_accounts(raw: bytes) -> Accounts:
    """Read accounts strictly; BadMessage."""
    found: dict[Pubkey, RawAccount | None] = {}
    at, last = 0, b""
    while at < len(raw):
        key = raw[at : at + _KEY]
        if key <= last or len(found) == MAX_KEYS:
            raise BadMessage(f"the accounts do not ascend, each once, {MAX_KEYS} at most")
        account, at = _decode(raw, at)
        found[Pubkey(key)] = account
        last = key
    return found


def _encode(key: Pubkey, account: RawAccount | None) -> bytes:
    if account is None:
        return bytes(key) + b"\x00"
    fixed = _FIXED.pack(bytes(account.owner), account.lamports, len(account.data))
    return bytes(key) + b"\x01" + fixed + account.data


def _decode(raw: bytes, at: int) -> tuple[RawAccount | None, int]:
    marks = raw[at + _KEY : at + _KEY + 1]
    start = at + _KEY + 1
    if marks == b"\x00":
        return None, start
    if marks != b"\x01" or len(raw) < start + _FIXED.size:
        raise BadMessage("an account is cut short")
    owner, lamports, size = _FIXED.unpack_from(raw, start)
    start += _FIXED.size
    data = raw[start : start + size]
    if len(data) != size:
        raise BadMessage("an account is cut short")
    key = Pubkey(raw[at : at + _KEY])
    account = RawAccount(key=key, owner=Pubkey(owner), lamports=lamports, data=data)
    return account, start + size
