"""Reading again what a proposal says was read: at the same block, through this member's endpoints.

On EVM the block is named by its hash. No node answers for a slot of Solana gone by: what the
proposer read is held against what this member reads and has read, then valued at its own Clock.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chains.errors import MissingBlock, Stale
from chains.evm.client import EvmClient
from chains.model.anchor import Finality, Head
from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import ChainGap, ChainSnapshot
from chains.ports import Reader
from chains.solana.accounts import SlotRead
from chains.solana.reader import SolanaReader
from daemon.board import Board
from daemon.committee.proposal import Disagreement
from daemon.committee.slots import Accounts
from proofs.statement import BlockRef

RETRY_S: Final = 0.1
READ_S: Final = 4.0
"""How long a read may take in all, waiting for a block that has not come included."""


class View(Protocol):
    """One chain as this member sees it."""

    async def read(
        self, block: BlockRef, accounts: Sequence[AccountId], given: Accounts | None
    ) -> ChainSnapshot:
        """Read a proposed block; ChainError, or Disagreement with what was `given`."""
        ...

    def find_given(self, block_hash: bytes) -> Accounts | None:
        """Give what must be handed out with a block of one's own, None where nothing must."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmView:
    """An EVM chain; what the board has of the very block is not read twice."""

    chain: ChainId
    client: EvmClient
    reader: Reader
    board: Board

    async def read(
        self, block: BlockRef, accounts: Sequence[AccountId], given: Accounts | None
    ) -> ChainSnapshot:
        """Read at the block's hash, waiting a moment where this member has not seen it yet."""
        if given is not None:
            raise Disagreement(f"accounts are given for {self.chain}, which has none")
        found = self.board.chains.get(self.chain)
        seen = found.last if isinstance(found, ChainGap) else found
        ours = frozenset(accounts)
        if seen is not None and seen.anchor.hash == block.block_hash:
            return seen.only(ours)
        try:
            async with asyncio.timeout(READ_S):
                return (await self._read(block.block_hash, accounts)).only(ours)
        except TimeoutError as error:
            raise Stale(self.chain, f"the block was not read in {READ_S:g} s") from error

    async def _read(self, block_hash: bytes, accounts: Sequence[AccountId]) -> ChainSnapshot:
        while True:
            try:
                head: Head = await self.client.read_head(block_hash)
                return await self.reader.read(head, accounts)
            except MissingBlock:
                await asyncio.sleep(RETRY_S)

    def find_given(self, block_hash: bytes) -> Accounts | None:
        """Give nothing: everybody reads a block by its hash."""
        del block_hash
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaView:
    """A Solana chain."""

    chain: ChainId
    reader: SolanaReader

    async def read(
        self, block: BlockRef, accounts: Sequence[AccountId], given: Accounts | None
    ) -> ChainSnapshot:
        """Value the accounts given, if this member sees the same bytes."""
        if given is None:
            raise Disagreement(f"no accounts are given for {self.chain}")
        if block.finality not in list(Finality):
            raise Disagreement(f"finality {block.finality} of {self.chain} is unknown")
        offered = SlotRead(
            chain=self.chain,
            slot=block.height,
            finality=Finality(block.finality),
            accounts=given,
        )
        try:
            async with asyncio.timeout(READ_S):
                await self.reader.confirm(offered)
                return await self.reader.value(offered, accounts)
        except TimeoutError as error:
            raise Stale(self.chain, f"the slot was not read in {READ_S:g} s") from error

    def find_given(self, block_hash: bytes) -> Accounts | None:
        """Give the accounts of one of the reader's last reads."""
        found = self.reader.find_read(block_hash)
        return found.accounts if found else None
