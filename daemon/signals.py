"""The operator's signals: TERM and INT drain, HUP reads the configuration again."""

import asyncio
import signal
from dataclasses import dataclass, field


@dataclass(slots=True)
class Signals:
    """Events that signals set; create it inside the running loop."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)

    def install(self) -> None:
        """Take over SIGTERM, SIGINT and SIGHUP for this process."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)

    async def next(self) -> bool:
        """Wait for an order; True to stop, False to read the configuration again."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(event.wait()) for event in (self.stop, self.reload)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        self.reload.clear()
        return self.stop.is_set()
