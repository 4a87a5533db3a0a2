"""Blockhashes to sign with: one is read beside each quote, so that signing waits for no node."""

import asyncio
from typing import Final

from chains.errors import ChainError
from chains.solana.decode import RecentBlockhash
from chains.solana.transactions import Lane

FRESH_SLOTS: Final = 8
"""How old a blockhash that was read with a quote may be (it serves for about 150 slots)."""


class Blockhashes:
    """A lane's blockhashes, each given once: no two signatures of one order are equal."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._fresh: RecentBlockhash | None = None

    async def refresh(self, timeout_s: float) -> None:
        """Read one to be taken later; nothing is kept where no node gives one in time."""
        try:
            async with asyncio.timeout(timeout_s):
                self._fresh = await self._lane.read_blockhash()
        except (ChainError, TimeoutError):
            self._fresh = None

    async def take(self, *, height: int) -> RecentBlockhash:
        """Give one that is fresh at a slot; ChainError where none is kept and none is had."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None and fresh.slot >= height - FRESH_SLOTS:
            return fresh
        return await self._lane.read_blockhash()
