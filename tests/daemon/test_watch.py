"""Looking at one margin account while what an earlier look asked for is still being done."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from chains.model.snapshot import Snapshot
from daemon.board import Attested
from daemon.margin.report import MarginReport
from daemon.watch import AccountWatch
from tests.daemon.test_collect import board, read
from tests.support import values as v
from tests.support.values import policy, risk_table


@dataclass(slots=True)
class Actor:
    """Takes reports and comes back when let go."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Queue[Snapshot] = field(default_factory=asyncio.Queue)
    done: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    async def act(
        self, _report: MarginReport, snapshot: Snapshot, _attested: Attested | None
    ) -> None:
        self.heard.put_nowait(snapshot)
        await self.let_go.wait()
        self.done.put_nowait(None)


def watch(actor: Actor) -> AccountWatch:
    known = replace(board(), chains={v.CHEAP: read(v.CHEAP), v.DEAR: read(v.DEAR)})
    return AccountWatch(
        account="alice",
        policy=policy(),
        risk=risk_table(),
        board=known,
        max_skew_s=30,
        attestor=None,
        act=actor.act,
    )


async def test_an_action_that_hangs_never_holds_up_the_next_look() -> None:
    actor = Actor()
    account = watch(actor)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(account.run())
        account.wake()
        await actor.heard.get()
        looked_at = account.looked_at
        account.wake()
        await actor.heard.get()
        assert account.looked_at > looked_at
        assert actor.done.empty()
        actor.let_go.set()
        for _ in range(2):
            await actor.done.get()
        running.cancel()


async def test_what_is_being_done_ends_with_the_watch() -> None:
    actor = Actor()
    account = watch(actor)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(account.run())
        account.wake()
        await actor.heard.get()
        running.cancel()
    assert running.cancelled()
    assert actor.done.empty()


async def test_an_unknown_error_of_an_action_ends_the_watch() -> None:
    async def fail(_report: MarginReport, _snapshot: Snapshot, _last: Attested | None) -> None:
        raise ArithmeticError("unknown")

    account = replace(watch(Actor()), act=fail)
    account.wake()
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5):
            await account.run()
    assert caught.group_contains(ArithmeticError)
