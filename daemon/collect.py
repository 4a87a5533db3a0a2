"""From heads to snapshots: one loop per chain that fails alone, one snapshot per margin account."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

import structlog

from chains.errors import ChainError, MissingBlock
from chains.model.anchor import Head
from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import ChainGap, ChainSnapshot, Snapshot
from chains.ports import HeadSource, Reader
from daemon.board import Board

FIRST_RETRY_S: Final = 0.25
LAST_RETRY_S: Final = 5.0
MISSING_RETRY_S: Final = 0.1

log = structlog.get_logger(__name__)


def collect(board: Board, account: str, *, now: int) -> Snapshot:
    """Give what is known of a margin account at `now`, each chain and book read or a gap."""
    members = tuple(m for m, owner in board.members.items() if owner == account)
    chains = dict.fromkeys(member.chain for member in members)
    ours = frozenset(members)
    return Snapshot(
        account=account,
        members=members,
        chains=tuple(_only(board.chain_now(chain, now), ours) for chain in chains),
        taken_at=now,
        doubts=tuple(doubt for chain in chains if (doubt := board.doubt(chain, now))),
        books=board.books_now(account, now),
    )


def _only(
    found: ChainSnapshot | ChainGap, members: frozenset[AccountId]
) -> ChainSnapshot | ChainGap:
    if isinstance(found, ChainSnapshot):
        return found.only(members)
    last = found.last.only(members) if found.last else None
    return ChainGap(chain=found.chain, reason=found.reason, since=found.since, last=last)


@dataclass(slots=True)
class NewestHead:
    """The newest head not read yet: a newer one takes its place, the deepest reorg stays."""

    _head: Head | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, head: Head) -> None:
        """Have a head read instead of the one that waits."""
        self._head = head.after(self._head)
        self._came.set()

    def peek(self) -> Head | None:
        """Give the head that waits, which goes on waiting."""
        return self._head

    async def take(self) -> Head:
        """Take the head that waits, once there is one."""
        await self._came.wait()
        assert self._head is not None  # noqa: S101 - set together with the event
        head = self._head
        self.drop(head)
        return head

    async def take_over(self, head: Head, *, within_s: float) -> Head:
        """Take the one that replaces a head, as soon as there is one, else the head itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                return (await self.take()).after(head)
        return head

    def drop(self, head: Head) -> None:
        """Let a head go that was read, unless another waits by now."""
        if self._head is head:
            self._head = None
            self._came.clear()


@dataclass(slots=True, kw_only=True)
class ChainWatch:
    """Reads one chain at its newest head and puts snapshots, or gaps, on the board.

    Heads that come during a read are passed over but for the newest. A ChainError makes a gap and
    is retried with capped backoff, at the newest head; a block that is not there yet makes none
    for `patience_s` (about a block's time). Anything else ends the process. `on_head` is called
    after a head was read, with the deepest reorg since the last one, then `changed`; `changed`
    also after a gap.
    """

    chain: ChainId
    heads: HeadSource
    reader: Reader
    accounts: Sequence[AccountId]
    board: Board
    changed: Callable[[ChainId], None]
    on_head: Callable[[Head], None]
    patience_s: float = 2.0
    _newest: NewestHead = field(default_factory=NewestHead)

    async def run(self) -> NoReturn:
        """Follow the chain for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            while True:
                await self._read(await self._newest.take())

    async def _follow(self) -> NoReturn:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async for head in self.heads.heads():
                    self._newest.put(head)
                    retry_s = FIRST_RETRY_S
            except ChainError as error:
                self._gap(error)
            await asyncio.sleep(_jittered(retry_s))
            retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _read(self, first: Head) -> None:
        """Read a head, or a newer one that comes meanwhile, until one of them was read.

        While blocks are not there yet the first is tried in turn with the newest: the newest may
        always be too new, and the first may be gone for good.
        """
        patient_until = asyncio.get_running_loop().time() + self.patience_s
        retry_s = FIRST_RETRY_S
        for turn in itertools.count():
            head = (self._newest.peek() if turn % 2 else None) or first
            try:
                snapshot = await self.reader.read(head, self.accounts)
            except ChainError as error:
                late = asyncio.get_running_loop().time() >= patient_until
                if isinstance(error, MissingBlock) and not late:
                    await asyncio.sleep(MISSING_RETRY_S)
                    continue
                self._gap(error)
                first = await self._newest.take_over(first, within_s=_jittered(retry_s))
                retry_s = min(retry_s * 2, LAST_RETRY_S)
            else:
                self._newest.drop(head)
                self._put(snapshot, head if head is first else head.after(first))
                return

    def _put(self, snapshot: ChainSnapshot, head: Head) -> None:
        was = self.board.chains.get(self.chain)
        self.board.put(snapshot)
        if isinstance(was, ChainGap):
            log.info("chain.recovered", chain=str(self.chain), height=head.anchor.height)
        self.on_head(head)
        self.changed(self.chain)

    def _gap(self, error: ChainError) -> None:
        if not isinstance(self.board.chains.get(self.chain), ChainGap):
            log.warning("chain.lost", chain=str(self.chain), reason=error.reason)
        self.board.put_gap(self.chain, error.reason, int(time.time()))
        self.changed(self.chain)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
