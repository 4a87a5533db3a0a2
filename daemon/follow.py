"""What is done on every head beside reading: follow transactions, compare prices, hunt.

Each is a loop of its own, so that none waits for another, and shows in its pulse that it works.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from chains.model.anchor import Head
from chains.model.ids import ChainId
from chains.model.snapshot import ChainSnapshot
from daemon.board import Board
from daemon.keeper.dispatch import Dispatcher
from daemon.progress import Pulse


@dataclass(slots=True)
class Follower:
    """Follows one chain's transactions from head to head beside the loop that reads it.

    A head that comes while the last one is worked on replaces the one that waits; the depth of
    its reorg is not lost.
    """

    board: Board
    dispatcher: Dispatcher | None
    followed: asyncio.Event
    pulse: Pulse = field(default_factory=Pulse)
    _head: Head | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, head: Head) -> None:
        """Have a head followed."""
        self._head = head.after(self._head)
        self._came.set()

    async def run(self) -> NoReturn:
        """Follow for ever; ChainError is the dispatcher's to tell."""
        while True:
            await self._came.wait()
            self._came.clear()
            head, self._head = self._head, None
            if head and self.dispatcher:
                with self.pulse.working():
                    await self.dispatcher.follow(head)
                self.board.keeper_halted = self.dispatcher.halted
            self.followed.set()


@dataclass(slots=True)
class SnapshotLoop:
    """Works on a chain's newest snapshot, and on the one that is newest when that is done."""

    chain: ChainId
    board: Board
    work: Callable[[ChainSnapshot], Awaitable[None]]
    pulse: Pulse = field(default_factory=Pulse)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Have the newest snapshot worked on."""
        self._came.set()

    async def run(self) -> NoReturn:
        """Work for ever; what goes wrong at the chain or the store is the work's to tell."""
        while True:
            await self._came.wait()
            self._came.clear()
            found = self.board.chains.get(self.chain)
            if isinstance(found, ChainSnapshot):
                with self.pulse.working():
                    await self.work(found)


class Hunting(Protocol):
    """Liquidates strangers on one chain; its troubles are its own."""

    @property
    def pulse(self) -> Pulse:
        """When a hunt was last seen at work."""
        ...

    async def look(self, chain: ChainSnapshot) -> None:
        """Compare prices as they were read; also while a hunt goes on."""
        ...

    async def hunt(self, chain: ChainSnapshot) -> None:
        """Look at a chain as it was read and submit what is worth most."""
        ...


def build_hunts(board: Board, hunters: Mapping[ChainId, Hunting]) -> Mapping[str, SnapshotLoop]:
    """Give each hunter's two loops by name: prices are compared while a hunt goes on."""
    loops = {}
    for chain, hunter in hunters.items():
        label = board.labels[chain]
        loops[f"{label} prices"] = SnapshotLoop(chain, board, hunter.look)
        loops[f"{label} hunt"] = SnapshotLoop(chain, board, hunter.hunt, hunter.pulse)
    return loops
