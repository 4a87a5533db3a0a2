"""The chain as one endpoint shows it: at a commitment, perhaps late, perhaps wrong.

A `View` turns a request's configuration into a block, and what lies in it into RPC values.
Source: https://solana.com/docs/rpc.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.rpc.endpoint import Json
from daemon.devnet.solana.base58 import decode_base58, encode_base58
from daemon.devnet.solana.blocks import KEEP_UNDO, Block, Level
from daemon.devnet.solana.faults import Faults
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.wire import (
    BEHIND,
    BadParams,
    RpcFailure,
    expect_base64,
    expect_number,
    expect_text,
)

Config = Mapping[str, Json]
_MAX_LAG = KEEP_UNDO // 2


class View:
    """One endpoint's sight of the ledger."""

    def __init__(self, ledger: Ledger, faults: Faults) -> None:
        self.ledger = ledger
        self.faults = faults

    def block(self, config: Config) -> Block:
        """Give the block a request is about; RpcFailure where `minContextSlot` is not reached."""
        block = self.at(read_level(config))
        wanted = config.get("minContextSlot")
        if wanted is None or self.faults.slots_ignored:
            return block
        if self.faults.use("unmet_slots") or block.slot < expect_number(wanted, "minContextSlot"):
            raise RpcFailure(
                BEHIND,
                "Minimum context slot has not been reached",
                {"contextSlot": block.slot},
            )
        return block

    def at(self, level: Level) -> Block:
        """Give the newest block of a level that this endpoint knows."""
        return self.ledger.blocks.at(level, lag=min(self.faults.lag, _MAX_LAG))

    def hash_of(self, block: Block) -> Hash:
        """Give the hash this endpoint names a block by."""
        if not self.faults.other_hashes:
            return block.hash
        return Hash(hashlib.sha256(b"other" + bytes(block.hash)).digest())

    def accounts(self, keys: Sequence[Pubkey], block: Block) -> list[Account | None]:
        """Give accounts at a block, or older ones in its place."""
        return self.ledger.machine.read_at(keys, self._aged(block))

    def scan(self, program: Pubkey, block: Block) -> list[tuple[Pubkey, Account]]:
        """Give a program's accounts at a block, or older ones in its place."""
        return self.ledger.machine.scan_at(program, self._aged(block))

    def _aged(self, block: Block) -> Block:
        if self.faults.stale_accounts == 0:
            return block
        index = max(0, min(self.faults.stale_accounts, _MAX_LAG))
        older = self.ledger.blocks.between(0, block.slot)
        return older[max(0, len(older) - 1 - index)]


def in_context(block: Block, value: Json) -> Json:
    """Give a value with the slot it is of."""
    return {"context": {"slot": block.slot, "apiVersion": "2.0.0"}, "value": value}


def read_level(config: Config) -> Level:
    """Give the commitment asked for; finalized where none is."""
    name = config.get("commitment") or Level.FINALIZED.value
    try:
        return Level(expect_text(name, "commitment"))
    except ValueError as error:
        raise BadParams(f"unknown commitment {name!r}") from error


def encode_account(account: Account | None, config: Config) -> Json:
    """Give an account as the RPC writes it, cut by `dataSlice`."""
    if account is None:
        return None
    raw = account.data
    if isinstance(cut := config.get("dataSlice"), dict):
        offset = expect_number(cut.get("offset"), "dataSlice.offset")
        raw = raw[offset : offset + expect_number(cut.get("length"), "dataSlice.length")]
    data: list[Json] = [base64.b64encode(raw).decode(), "base64"]
    if config.get("encoding") == "base58":
        data = [encode_base58(raw), "base58"]
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "executable": account.executable,
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
        "data": data,
    }


def matches(data: bytes, filters: Json) -> bool:
    """Say whether an account's data passes all filters."""
    if filters is None:
        return True
    if not isinstance(filters, list):
        raise BadParams("filters is no list")
    return all(_passes(data, each) for each in filters)


def _passes(data: bytes, one: Json) -> bool:
    if isinstance(one, dict) and "dataSize" in one:
        return len(data) == expect_number(one["dataSize"], "dataSize")
    if isinstance(one, dict) and isinstance(compared := one.get("memcmp"), dict):
        offset = expect_number(compared.get("offset"), "memcmp.offset")
        wanted = _read_bytes(compared)
        return data[offset : offset + len(wanted)] == wanted
    raise BadParams(f"unknown filter {one!r}")


def _read_bytes(compared: Mapping[str, Json]) -> bytes:
    text = expect_text(compared.get("bytes"), "memcmp.bytes")
    if compared.get("encoding") == "base64":
        return expect_base64(text)
    try:
        return decode_base58(text)
    except ValueError as error:
        raise BadParams(f"memcmp.bytes: {error}") from error
