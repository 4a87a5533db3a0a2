"""One chain's vault as this member sees it: its final block, whose statements count, why not read.

A final block that is no longer in the chain breaks what everything here stands on: nothing is
signed of such a chain until the daemon is started again by somebody who has looked.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from chains.errors import ChainError, MissingBlock, Stale
from chains.evm.vault_news import VaultNews
from chains.evm.vaults import FactPlace, VaultContracts, VaultLegs
from chains.model.anchor import BlockAnchor
from chains.model.ids import ChainId
from daemon.committee.proposal import Disagreement

READ_S: Final = 2.0
"""How long a read may take."""
WAIT_S: Final = 1.0
"""How long a block that another member names is waited for."""
RETRY_S: Final = 0.1
REFRESH_S: Final = 6.0
"""How long it may take to see what is final, and whose statements count there."""
MISSED: Final = 3
"""How often a final block must be found gone before that is believed."""
LAG_S: Final = 30.0
"""How far another member's view of what is final may lag behind this one's."""
_REMEMBERED: Final = 256

log = structlog.get_logger(__name__)


class VaultBlocks(Protocol):
    """A chain's blocks."""

    async def read_final(self) -> BlockAnchor:
        """Read the newest final block."""
        ...

    async def read_newest(self) -> BlockAnchor:
        """Read the newest block."""
        ...

    async def read_block(self, block: int | bytes) -> BlockAnchor:
        """Read a block by its height or hash."""
        ...


class VaultWords(Protocol):
    """What a chain's contracts say in a block."""

    async def read_committees(self, anchor: BlockAnchor) -> tuple[bytes, ...]:
        """Read whose statements count, then whose are to."""
        ...

    async def read_facts(
        self, anchor: BlockAnchor, places: Sequence[FactPlace]
    ) -> Mapping[FactPlace, int]:
        """Read facts."""
        ...

    async def read_legs(
        self, anchor: BlockAnchor, accounts: Sequence[bytes]
    ) -> Mapping[bytes, VaultLegs]:
        """Read what accounts have."""
        ...


class VaultNode(VaultBlocks, VaultWords, Protocol):
    """A chain's vault through one's own endpoints."""

    @property
    def chain(self) -> ChainId:
        """The chain."""
        ...

    @property
    def contracts(self) -> VaultContracts:
        """Where it lies."""
        ...

    async def read_news(self, from_height: int, to_height: int) -> tuple[VaultNews, ...]:
        """Read what happened in a closed range of final blocks."""
        ...


@dataclass(slots=True, kw_only=True)
class VaultChain:
    """What is known of one chain; `stale_after_s` bounds the age of newest blocks.

    `failure` says why it could not be read last, `broken` why nothing is signed of it any more;
    `known` is set once it said whose statements count.
    """

    node: VaultNode
    stale_after_s: int
    final: BlockAnchor | None = None
    committees: tuple[bytes, ...] = ()
    failure: str | None = "not read yet"
    broken: str | None = None
    clock: Callable[[], float] = time.monotonic
    known: asyncio.Event = field(default_factory=asyncio.Event)
    _gone: int = 0
    _seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def number(self) -> int:
        """The chain's EIP-155 number."""
        return self.node.chain.evm_number

    @property
    def readable(self) -> bool:
        """Whether what is final here is known now."""
        return self.final is not None and self.failure is None and self.broken is None

    async def refresh(self) -> bool:
        """Look for a newer final block; says whether there is one.

        ChainError or TimeoutError where the chain cannot be read.
        """
        async with asyncio.timeout(REFRESH_S):
            found, known = await self.node.read_final(), self.final
            if known is not None and found.height <= known.height:
                self.failure = None
                return False
            if known is not None:
                await self._check_kept(known)
            committees = await self.node.read_committees(found)
        if self.final is not None and found.height <= self.final.height:
            return True
        self.final, self.committees, self.failure = found, committees, None
        self.known.set()
        self._seen.append((self.clock(), found.height))
        return True

    async def _check_kept(self, known: BlockAnchor) -> None:
        """See that a final block is still there; Stale, and after a few looks broken, if not."""
        again = await self.node.read_block(known.height)
        if again.hash == known.hash:
            self._gone = 0
            return
        self._gone += 1
        reason = f"final block {known.height} was 0x{known.hash.hex()} and is gone"
        if self._gone == MISSED and self.broken is None:
            self.broken = reason
            log.critical("vaults.finality_broken", chain=str(self.node.chain), reason=reason)
        raise Stale(self.node.chain, reason)

    def fail(self, reason: str) -> None:
        """Note that the chain cannot be read."""
        if self.failure is None:
            log.warning("vaults.chain_lost", chain=str(self.node.chain), reason=reason)
        self.failure = reason

    def check_recent(self, height: int) -> None:
        """Check that a final block is not one that was overtaken long ago; Disagreement if so."""
        known = [seen for at, seen in self._seen if at <= self.clock() - LAG_S]
        if known and height < known[-1]:
            raise Disagreement(f"{self.node.chain}: block {known[-1]} is final, not only {height}")

    async def read_final_at(self, height: int) -> BlockAnchor:
        """Give the block of a height that is final here, waiting a moment; Stale where it is not.

        ChainError, TimeoutError, or Disagreement where finality is broken.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                while self.final is None or self.final.height < height:
                    if not await self.refresh():
                        await asyncio.sleep(RETRY_S)
        except TimeoutError as error:
            seen = "none" if self.final is None else str(self.final.height)
            reason = f"block {height} is not final here, the newest is {seen}"
            raise Stale(self.node.chain, reason) from error
        if self.broken is not None:
            raise Disagreement(self.broken)
        if self.final.height == height:
            return self.final
        async with asyncio.timeout(READ_S):
            return await self.node.read_block(height)

    async def read_tip(self, height: int, block_hash: bytes, floor: int) -> BlockAnchor:
        """Give a block up to which top-ups are counted, waiting a moment for it.

        Disagreement where it lies below `floor`, or so far back that it hides some; ChainError or
        TimeoutError.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                tip = await self._find(block_hash)
        except TimeoutError as error:
            raise Stale(self.node.chain, f"block {height} was not read in {WAIT_S:g} s") from error
        async with asyncio.timeout(READ_S):
            newest = await self.node.read_newest()
        if tip.height != height or height < floor:
            raise Disagreement(f"{self.node.chain}: block {height} is not as said")
        if (age := newest.time - tip.time) > self.stale_after_s:
            raise Disagreement(f"{self.node.chain}: top-ups of the last {age} s are left out")
        return tip

    async def _find(self, block_hash: bytes) -> BlockAnchor:
        while True:
            try:
                return await self.node.read_block(block_hash)
            except MissingBlock:
                await asyncio.sleep(RETRY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultChains:
    """All chains with a vault, by EIP-155 number."""

    by_number: Mapping[int, VaultChain]

    @property
    def readable(self) -> tuple[VaultChain, ...]:
        """Those that can be read now, ascending."""
        return tuple(chain for _, chain in sorted(self.by_number.items()) if chain.readable)

    async def wait_known(self) -> None:
        """Wait until every chain has said whose statements count there."""
        for chain in self.by_number.values():
            await chain.known.wait()

    def find(self, number: int) -> VaultChain:
        """Give a chain; Disagreement where it has no vault here."""
        if (chain := self.by_number.get(number)) is None:
            raise Disagreement(f"chain {number} has no vault that I know")
        return chain

    def consumers(self, committee: bytes) -> frozenset[int]:
        """Give the chains on which a committee's statements count, or are to."""
        return frozenset(n for n, c in self.by_number.items() if committee in c.committees)


def describe_error(error: ChainError | TimeoutError) -> str:
    """Give what went wrong at a chain in words."""
    return str(error) or "no answer in time"
