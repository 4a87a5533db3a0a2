"""Periodic ticks: APScheduler jobs that set an event and do nothing else.

The work runs in the daemon's TaskGroup, since APScheduler's executor swallows whatever a job
raises, cancellation included. Jobs are coroutines: plain functions would run in a thread.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


class Ticks:
    """Named ticks that tasks wait for; ticks that nobody waited for count once."""

    def __init__(self, periods_s: Mapping[str, float]) -> None:
        self._events = {name: asyncio.Event() for name in periods_s}

    async def wait(self, name: str) -> None:
        """Wait for the next tick of `name`; one that came meanwhile counts at once."""
        event = self._events[name]
        await event.wait()
        event.clear()

    async def deliver(self, name: str) -> None:
        """Let the waiter of `name` go."""
        self._events[name].set()


@asynccontextmanager
async def ticking(periods_s: Mapping[str, float]) -> AsyncIterator[Ticks]:
    """Tick every name at its period (seconds) until left."""
    ticks = Ticks(periods_s)
    scheduler = AsyncIOScheduler(timezone=UTC)
    for name, period_s in periods_s.items():
        scheduler.add_job(
            ticks.deliver,
            IntervalTrigger(seconds=period_s, timezone=UTC),
            args=(name,),
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    try:
        yield ticks
    finally:
        scheduler.shutdown(wait=False)
