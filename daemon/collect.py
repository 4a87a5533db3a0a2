"""From heads to snapshots: one loop per chain that fails alone, one snapshot per margin account."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import structlog

from chains.errors import ChainError
from chains.model.anchor import Head
from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import ChainGap, ChainSnapshot, Snapshot
from chains.ports import HeadSource, Reader
from daemon.board import Board

FIRST_RETRY_S: Final = 0.25
LAST_RETRY_S: Final = 5.0

log = structlog.get_logger(__name__)


def collect(board: Board, account: str, *, now: int) -> Snapshot:
    """Give what is known of a margin account at `now`, each chain a snapshot or a gap."""
    members = tuple(m for m, owner in board.members.items() if owner == account)
    chains = dict.fromkeys(member.chain for member in members)
    ours = frozenset(members)
    return Snapshot(
        account=account,
        members=members,
        chains=tuple(_only(board.chain_now(chain, now), ours) for chain in chains),
        taken_at=now,
    )


def _only(
    found: ChainSnapshot | ChainGap, members: frozenset[AccountId]
) -> ChainSnapshot | ChainGap:
    if isinstance(found, ChainSnapshot):
        return found.only(members)
    last = found.last.only(members) if found.last else None
    return ChainGap(chain=found.chain, reason=found.reason, since=found.since, last=last)


@dataclass(slots=True, kw_only=True)
class ChainWatch:
    """Reads one chain at every head and puts snapshots, or gaps, on the board.

    A ChainError makes a gap and is retried with capped backoff; anything else ends the process.
    `changed` is called after every entry on the board, `on_head` after a head was read.
    """

    chain: ChainId
    heads: HeadSource
    reader: Reader
    accounts: Sequence[AccountId]
    board: Board
    changed: Callable[[ChainId], None]
    on_head: Callable[[Head], None]

    async def run(self) -> NoReturn:
        """Follow the chain for ever."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async for head in self.heads.heads():
                    if await self._read(head):
                        retry_s = FIRST_RETRY_S
            except ChainError as error:
                self._gap(error)
            await asyncio.sleep(retry_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _read(self, head: Head) -> bool:
        try:
            snapshot = await self.reader.read(head, self.accounts)
        except ChainError as error:
            self._gap(error)
            return False
        was = self.board.chains.get(self.chain)
        self.board.chains[self.chain] = snapshot
        if isinstance(was, ChainGap):
            log.info("chain.recovered", chain=str(self.chain), height=head.anchor.height)
        self.changed(self.chain)
        self.on_head(head)
        return True

    def _gap(self, error: ChainError) -> None:
        if not isinstance(self.board.chains.get(self.chain), ChainGap):
            log.warning("chain.lost", chain=str(self.chain), reason=error.reason)
        self.board.put_gap(self.chain, error.reason, int(time.time()))
        self.changed(self.chain)
