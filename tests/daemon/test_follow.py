"""Loops beside the one that reads: none waits for another, the newest wins, a hang shows."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from chains.model.anchor import Head
from chains.model.snapshot import ChainSnapshot
from daemon.board import Board
from daemon.follow import Follower, SnapshotLoop
from daemon.progress import Progress, Pulse
from tests.support import values as v


def board() -> Board:
    members = {v.account(v.CHEAP): "alice"}
    stale = {v.CHEAP: 10}
    return Board(
        labels={v.CHEAP: "cheap"}, members=members, accounts=("alice",), stale_after_s=stale
    )


@dataclass(slots=True)
class Work:
    """Work that takes until it is let go."""

    seen: list[int] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, chain: ChainSnapshot) -> None:
        self.seen.append(chain.anchor.time)
        self.began.set()
        await self.may_end.wait()


@asynccontextmanager
async def running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        yield
        for task in tasks:
            task.cancel()


def head(height: int) -> Head:
    return Head(anchor=v.anchor(v.CHEAP, height=height), parent_hash=bytes(32), base_fee_wei=1)


async def test_the_newest_snapshot_wins_over_those_that_came_meanwhile() -> None:
    known, work = board(), Work()
    loop = SnapshotLoop(v.CHEAP, known, work)
    async with running(loop.run()):
        for at in (1, 2, 3):
            known.chains[v.CHEAP] = v.chain_snapshot(v.CHEAP, [], time=v.NOW + at)
            loop.wake()
            await work.began.wait()
        work.began.clear()
        work.may_end.set()
        await work.began.wait()
    assert work.seen == [v.NOW + 1, v.NOW + 3]


async def test_a_gap_is_not_worked_on() -> None:
    known, work = board(), Work()
    loop = SnapshotLoop(v.CHEAP, known, work)
    async with running(loop.run()):
        known.put_gap(v.CHEAP, "hung", v.NOW)
        loop.wake()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        known.chains[v.CHEAP] = v.chain_snapshot(v.CHEAP, [])
        loop.wake()
        await work.began.wait()
    assert work.seen == [v.NOW]


async def test_transactions_are_followed_while_a_hunt_takes_long() -> None:
    known, work, followed = board(), Work(), asyncio.Event()
    hunt = SnapshotLoop(v.CHEAP, known, work)
    follower = Follower(known, None, followed)
    known.chains[v.CHEAP] = v.chain_snapshot(v.CHEAP, [])
    async with running(hunt.run(), follower.run()):
        hunt.wake()
        await work.began.wait()
        for height in (1, 2):
            followed.clear()
            follower.put(head(height))
            await followed.wait()
    assert work.seen == [v.NOW]


async def test_a_hunt_that_hangs_is_told_and_one_that_waits_or_steps_is_not() -> None:
    now = [1_000.0]
    known, work, pulse = board(), Work(), Pulse(clock=lambda: now[0])
    progress = Progress(limits_s={"cheap hunt": 300.0}, started_at=now[0])
    loop = SnapshotLoop(v.CHEAP, known, work, pulse)
    known.chains[v.CHEAP] = v.chain_snapshot(v.CHEAP, [])

    def overdue_after(seconds: float) -> bool:
        now[0] += seconds
        return progress.judge({"cheap hunt": pulse.seen_at}, now[0]) < now[0]

    async with running(loop.run()):
        assert not overdue_after(301)
        loop.wake()
        await work.began.wait()
        assert not overdue_after(300)
        assert overdue_after(1)
        pulse.step()
        assert not overdue_after(300)
        work.began.clear()
        work.may_end.set()
        loop.wake()
        await work.began.wait()
        assert not overdue_after(301)
