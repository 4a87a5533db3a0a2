"""The RPC methods about slots, blocks, fees and what became of transactions."""

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey

from chains.rpc.endpoint import Json
from daemon.devnet.solana.blocks import BLOCKHASH_LIFE, Block, Level
from daemon.devnet.solana.ledger import Landed
from daemon.devnet.solana.machine import SLOTS_PER_EPOCH
from daemon.devnet.solana.views import View, in_context, read_level
from daemon.devnet.solana.wire import (
    NO_BLOCK,
    SLOT_SKIPPED,
    UNHEALTHY,
    BadParams,
    Handler,
    Params,
    RpcFailure,
)

MAX_STATUSES: Final = 256
_FEE_SLOTS: Final = 150


class ChainMethods:
    """What an endpoint says about its chain."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._ledger = view.ledger

    def handlers(self) -> Mapping[str, Handler]:
        """Give the methods by their names."""
        return {
            "getHealth": self._health,
            "getVersion": lambda _: {"solana-core": "plimsoll-node/1", "feature-set": 0},
            "getGenesisHash": lambda _: str(self._ledger.genesis),
            "getSlot": lambda params: self._block(params, 0).slot,
            "getBlockHeight": lambda params: self._block(params, 0).height,
            "getEpochInfo": self._epoch_info,
            "getBlock": self._get_block,
            "getBlocks": self._get_blocks,
            "getFirstAvailableBlock": lambda _: self._ledger.blocks.first.slot,
            "getBlockTime": lambda params: self._find(params.number(0)).time,
            "getLatestBlockhash": self._latest_blockhash,
            "isBlockhashValid": self._is_blockhash_valid,
            "getRecentPrioritizationFees": self._recent_fees,
            "getSignatureStatuses": self._statuses,
            "getSignaturesForAddress": self._signatures,
            "getTransaction": self._transaction,
        }

    def _block(self, params: Params, index: int) -> Block:
        return self._view.block(params.config(index))

    def _health(self, _: Params) -> Json:
        if self._view.faults.unhealthy:
            raise RpcFailure(UNHEALTHY, "Node is unhealthy", {"numSlotsBehind": None})
        return "ok"

    def _epoch_info(self, params: Params) -> Json:
        block = self._block(params, 0)
        return {
            "absoluteSlot": block.slot,
            "blockHeight": block.height,
            "epoch": block.slot // SLOTS_PER_EPOCH,
            "slotIndex": block.slot % SLOTS_PER_EPOCH,
            "slotsInEpoch": SLOTS_PER_EPOCH,
            "transactionCount": None,
        }

    def _find(self, slot: int) -> Block:
        newest = self._view.at(Level.PROCESSED).slot
        if slot > newest:
            raise RpcFailure(NO_BLOCK, f"Block not available for slot {slot}")
        block = self._ledger.blocks.find(slot)
        if block is None:
            text = f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot"
            raise RpcFailure(SLOT_SKIPPED, text)
        return block

    def _get_block(self, params: Params) -> Json:
        slot, config = params.number(0), params.config(1)
        if config.get("transactionDetails") != "none":
            raise BadParams("transactionDetails: this node gives none")
        if slot > self._view.at(read_level(config)).slot:
            raise RpcFailure(NO_BLOCK, f"Block not available for slot {slot}")
        block = self._find(slot)
        parent = self._ledger.blocks.find(block.parent)
        return {
            "blockhash": str(self._view.hash_of(block)),
            "previousBlockhash": str(self._view.hash_of(parent) if parent else Hash.default()),
            "parentSlot": block.parent,
            "blockHeight": block.height,
            "blockTime": block.time,
        }

    def _get_blocks(self, params: Params) -> Json:
        newest = self._view.at(read_level(params.config(2))).slot
        end = min(newest, params.number(1, newest))
        return [block.slot for block in self._ledger.blocks.between(params.number(0), end)]

    def _latest_blockhash(self, params: Params) -> Json:
        block = self._block(params, 0)
        until = block.height + BLOCKHASH_LIFE
        return in_context(block, {"blockhash": str(block.hash), "lastValidBlockHeight": until})

    def _is_blockhash_valid(self, params: Params) -> Json:
        try:
            blockhash = Hash.from_string(params.text(0))
        except ParseHashError as error:
            raise BadParams(f"no hash: {error}") from error
        return in_context(self._block(params, 1), self._ledger.blocks.is_valid(blockhash))

    def _recent_fees(self, params: Params) -> Json:
        locked = params.keys(0) if params.items else []
        return [
            {"slot": block.slot, "prioritizationFee": _least_price(block, locked)}
            for block in self._ledger.blocks.newest(_FEE_SLOTS)
        ]

    def _statuses(self, params: Params) -> Json:
        signatures = params.texts(0)
        if len(signatures) > MAX_STATUSES:
            raise BadParams(f"Too many inputs provided; max {MAX_STATUSES}")
        newest = self._view.at(Level.PROCESSED)
        return in_context(newest, [self._status(each, newest) for each in signatures])

    def _status(self, signature: str, newest: Block) -> Json:
        landed = self._ledger.find(signature)
        if landed is None or landed.slot > newest.slot:
            return None
        level = self._level(landed)
        final = level is Level.FINALIZED
        return {
            "slot": landed.slot,
            "confirmations": None if final else self._ledger.blocks.depth_of(landed.slot),
            "err": landed.error,
            "status": _status_of(landed),
            "confirmationStatus": level.value,
        }

    def _level(self, landed: Landed) -> Level:
        """Give the level this endpoint knows a transaction at."""
        for level in (Level.FINALIZED, Level.CONFIRMED):
            if landed.slot <= self._view.at(level).slot:
                return level
        return Level.PROCESSED

    def _signatures(self, params: Params) -> Json:
        config = params.config(1)
        limit = config.get("limit", 1_000)
        block = self._view.block(config)
        seen = [each for each in self._ledger.find_with(params.key(0)) if each.slot <= block.slot]
        return [
            {
                "signature": each.signature,
                "slot": each.slot,
                "err": each.error,
                "memo": None,
                "blockTime": each.time,
                "confirmationStatus": self._level(each).value,
            }
            for each in seen[: limit if isinstance(limit, int) else None]
        ]

    def _transaction(self, params: Params) -> Json:
        config = params.config(1)
        if config.get("encoding") != "base64":
            raise BadParams("encoding: this node gives base64")
        landed = self._ledger.find(params.text(0))
        if landed is None or landed.slot > self._view.at(read_level(config)).slot:
            return None
        return {
            "slot": landed.slot,
            "blockTime": landed.time,
            "version": 0,
            "transaction": [base64.b64encode(landed.raw).decode(), "base64"],
            "meta": _meta_of(landed),
        }


def _least_price(block: Block, locked: Sequence[Pubkey]) -> int:
    """Give the highest of the least prices paid for writing to each account.

    A cluster counts in the block's own least price; some there always bid nothing, so it is 0.
    Source: agave, runtime/src/prioritization_fee_cache.rs (get_prioritization_fees).
    """
    prices = ([paid.price for paid in block.paid if key in paid.writable] for key in locked)
    return max((min(paid, default=0) for paid in prices), default=0)


def _status_of(landed: Landed) -> Json:
    return {"Ok": None} if landed.error is None else {"Err": landed.error}


def _meta_of(landed: Landed) -> Json:
    writable, readonly = landed.locks.loaded
    return {
        "err": landed.error,
        "status": _status_of(landed),
        "fee": landed.fee,
        "preBalances": list(landed.balances_before),
        "postBalances": list(landed.balances_after),
        "preTokenBalances": list(landed.tokens_before),
        "postTokenBalances": list(landed.tokens_after),
        "innerInstructions": [],
        "logMessages": list(landed.logs),
        "rewards": [],
        "loadedAddresses": {
            "writable": [str(key) for key in writable],
            "readonly": [str(key) for key in readonly],
        },
        "computeUnitsConsumed": landed.units,
    }
