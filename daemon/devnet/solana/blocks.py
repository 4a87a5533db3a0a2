"""The node's chain: slots, what they undo, which blockhashes still serve, what has settled.

A block is open until the next one begins; it is processed from its start, confirmed and finalized
by the number of blocks upon it. Slots may be skipped, and an open block dropped, so that slot
numbers run ahead of block heights as they do on a cluster.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey

KEEP_BLOCKS: Final = 1_500
KEEP_UNDO: Final = 64
"""How many blocks back accounts can be read."""
BLOCKHASH_LIFE: Final = 150
"""Blocks after which a blockhash no longer serves (MAX_PROCESSING_AGE)."""


class Level(StrEnum):
    """The commitment levels of the RPC."""

    PROCESSED = "processed"
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a landed transaction paid per unit, and the accounts it locked for writing."""

    price: int
    writable: frozenset[Pubkey]


@dataclass(slots=True, kw_only=True)
class Block:
    """A block; `undo` holds each account changed in it as it was before."""

    slot: int
    parent: int
    height: int
    hash: Hash
    time: int
    undo: dict[Pubkey, Account | None] = field(default_factory=dict)
    paid: list[Paid] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)


class Blocks:
    """The one chain of a node. `confirm` and `finalize` count blocks upon a block.

    Heights start at 0 at the first slot, so that nobody can mistake one for the other.
    """

    def __init__(
        self, *, genesis: Hash, slot: int, time: int, confirm: int = 1, finalize: int = 32
    ) -> None:
        self.confirm = confirm
        self.finalize = finalize
        self._hashes: dict[Hash, Block] = {}
        self._drops = 0
        first = Block(slot=slot, parent=slot - 1, height=0, hash=genesis, time=time)
        self._chain = [first]
        self._hashes[genesis] = first
        self._floors = dict.fromkeys(Level, first)

    @property
    def tip(self) -> Block:
        """The open block."""
        return self._chain[-1]

    @property
    def first(self) -> Block:
        """The oldest block that is kept."""
        return self._chain[0]

    def open(self, *, time: int, skip: int = 0) -> Block:
        """Close the open block and open the next, `skip` slots further on."""
        return self._open(self.tip.slot + 1 + skip, time)

    def drop(self, *, time: int, depth: int = 1) -> Sequence[Block]:
        """Abandon the newest blocks and open one beside them; gives them, newest first.

        ValueError when one of them is confirmed, which a cluster does not take back.
        """
        dropped = [block for block in self._chain[-depth:] if self._is_open_to_drop(block)]
        if len(dropped) != depth:
            raise ValueError(f"{depth} blocks cannot be dropped: some are confirmed")
        newest = self.tip.slot
        del self._chain[-depth:]
        for block in dropped:
            del self._hashes[block.hash]
        self._drops += 1
        self._open(newest + 1, time)
        return dropped[::-1]

    def at(self, level: Level, *, lag: int = 0) -> Block:
        """Give the newest block of a level, as seen `lag` blocks ago."""
        found = self.tip if level is Level.PROCESSED else self._floors[level]
        return self._chain[max(0, self._index(found) - lag)]

    def level_of(self, slot: int) -> Level:
        """Give how settled a slot of this chain is."""
        for level in (Level.FINALIZED, Level.CONFIRMED):
            if slot <= self._floors[level].slot:
                return level
        return Level.PROCESSED

    def depth_of(self, slot: int) -> int:
        """Give how many blocks stand upon a slot."""
        return sum(block.slot > slot for block in self._chain)

    def find(self, slot: int) -> Block | None:
        """Give the block of a slot; None where it was skipped, dropped, or is not kept."""
        return next((block for block in reversed(self._chain) if block.slot == slot), None)

    def between(self, start: int, end: int) -> list[Block]:
        """Give the blocks of a closed range of slots."""
        return [block for block in self._chain if start <= block.slot <= end]

    def after(self, block: Block) -> Sequence[Block]:
        """Give the blocks upon a block, the newest first."""
        return self._chain[: self._index(block) : -1]

    def newest(self, count: int) -> Sequence[Block]:
        """Give the newest blocks, the oldest first."""
        return self._chain[-count:]

    def is_valid(self, blockhash: Hash) -> bool:
        """Say whether a transaction with this blockhash may still land in the open block."""
        block = self._hashes.get(blockhash)
        return block is not None and self.tip.height - block.height <= BLOCKHASH_LIFE

    def _is_open_to_drop(self, block: Block) -> bool:
        return block.slot > self._floors[Level.CONFIRMED].slot

    def _index(self, block: Block) -> int:
        return len(self._chain) - 1 - (self.tip.height - block.height)

    def _open(self, slot: int, time: int) -> Block:
        parent = self.tip
        seed = bytes(parent.hash) + slot.to_bytes(8, "little") + self._drops.to_bytes(8, "little")
        block = Block(
            slot=slot,
            parent=parent.slot,
            height=parent.height + 1,
            hash=Hash(hashlib.sha256(seed).digest()),
            time=time,
        )
        self._chain.append(block)
        self._hashes[block.hash] = block
        self._settle(Level.CONFIRMED, self.confirm)
        self._settle(Level.FINALIZED, self.finalize)
        self._forget()
        return block

    def _settle(self, level: Level, depth: int) -> None:
        """Move a floor up to `depth` blocks under the tip; it never moves down."""
        settled = self._chain[max(0, len(self._chain) - 1 - depth)]
        if settled.height > self._floors[level].height:
            self._floors[level] = settled

    def _forget(self) -> None:
        if len(self._chain) > KEEP_UNDO:
            self._chain[-KEEP_UNDO - 1].undo = {}
        if len(self._chain) > KEEP_BLOCKS:
            self._hashes.pop(self._chain.pop(0).hash, None)
