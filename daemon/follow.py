"""What is done on every head beside reading: follow transactions, then look for strangers."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import NoReturn

from chains.model.anchor import Head
from chains.model.snapshot import ChainSnapshot
from daemon.board import Board
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.hunt import Hunter


@dataclass(slots=True)
class Follower:
    """Follows one chain from head to head beside the loop that reads it: transactions, strangers.

    A head that comes while the last one is worked on replaces the one that waits; the depth of
    its reorg is not lost.
    """

    board: Board
    dispatcher: Dispatcher | None
    hunter: Hunter | None
    followed: asyncio.Event
    _head: Head | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, head: Head) -> None:
        """Have a head followed."""
        waiting = self._head.reorg_depth if self._head else 0
        self._head = replace(head, reorg_depth=max(head.reorg_depth, waiting))
        self._came.set()

    async def run(self) -> NoReturn:
        """Follow for ever; ChainError is the dispatcher's to tell."""
        while True:
            await self._came.wait()
            self._came.clear()
            head, self._head = self._head, None
            if head and self.dispatcher:
                await self.dispatcher.follow(head)
                self.board.keeper_halted = self.dispatcher.halted
                await self._hunt(head)
            self.followed.set()

    async def _hunt(self, head: Head) -> None:
        found = self.board.chains.get(head.anchor.chain)
        if self.hunter and isinstance(found, ChainSnapshot):
            await self.hunter.hunt(found)
