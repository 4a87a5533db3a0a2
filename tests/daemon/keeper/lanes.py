"""A lane over a chain in memory with a real journal, as one process has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chains.model.anchor import Head
from daemon.keeper.execute import Executor, LaneTerms
from daemon.keeper.intent import Draft, Intent
from daemon.keeper.journal import Journal
from daemon.storage.database import open_database
from tests.daemon.keeper.fakes import KEY, FakeChain, FakeLane, gas
from tests.support import values as v

TERMS = LaneTerms(confirmations=2, block_time_s=1, stuck_blocks=3, lost_after_s=0)


@dataclass(slots=True)
class Process:
    """What one life of the daemon holds of a lane."""

    fake: FakeChain
    lane: FakeLane
    journal: Journal
    executor: Executor
    now: int = v.NOW

    def waiting(self) -> int:
        """Count what is in flight."""
        return len(self.executor.in_flight)

    async def see(self, head: Head) -> tuple[Intent, ...]:
        """Show the executor a head."""
        return await self.executor.on_head(head, now=self.now)

    async def mine(self, blocks: int = 1, *, take: int = 100) -> tuple[Intent, ...]:
        """Mine blocks and show each; gives everything settled."""
        settled: tuple[Intent, ...] = ()
        for _ in range(blocks):
            settled += await self.see(self.fake.mine(take=take))
        return settled

    async def do(self, draft: Draft) -> Intent:
        """Execute a draft."""
        return await self.executor.execute(draft, gas(self.fake.base_fee_wei), now=self.now)


@asynccontextmanager
async def living(directory: Path, fake: FakeChain, *, now: int = v.NOW) -> AsyncIterator[Process]:
    """Run one life: open the journal, build the lane, see the newest head."""
    async with open_database(directory, live=True) as database:
        journal = Journal(database)
        lane = FakeLane(fake, await journal.read_held_nonces(fake.chain, KEY))
        process = Process(fake, lane, journal, Executor(lane, journal, TERMS), now)
        await process.see(fake.head())
        yield process
