"""What systemd is told: ready, reloading, stopping, and a watchdog fed by progress only.

Progress is anything the daemon completed, a retry of a chain that cannot be read included. A
process that completes nothing for a whole watchdog period is not fed, and systemd restarts it.
Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from cysystemd.daemon import Notification, notify

_MICROSECONDS: Final = 1_000_000
FEEDS_PER_PERIOD: Final = 4


def notify_ready() -> None:
    """Tell systemd that the daemon serves."""
    _tell(Notification.READY)


def notify_reloading() -> None:
    """Tell systemd that the configuration is read again; `notify_ready` ends it."""
    _tell(Notification.RELOADING)


def notify_stopping() -> None:
    """Tell systemd that the daemon drains."""
    _tell(Notification.STOPPING)


def read_watchdog_s() -> float | None:
    """Give the watchdog's period in seconds; None where systemd asks for none of us."""
    period = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not period.isdecimal() or int(period) == 0 or owner != str(os.getpid()):
        return None
    return int(period) / _MICROSECONDS


@dataclass(slots=True)
class Gate:
    """Lets the watchdog be fed only while progress was seen within `period_s`."""

    period_s: float
    seen: float
    changed_at: float

    def observe(self, progress: float, now: float) -> bool:
        """Note the mark of progress at `now` (monotonic seconds); True if it may be fed."""
        if progress != self.seen:
            self.seen, self.changed_at = progress, now
        return now - self.changed_at < self.period_s


async def feed_watchdog(progress: Callable[[], float], period_s: float) -> NoReturn:
    """Feed the watchdog for ever, as long as `progress()` keeps changing."""
    gate = Gate(period_s, progress(), time.monotonic())
    while True:
        if gate.observe(progress(), time.monotonic()):
            _tell(Notification.WATCHDOG)
        await asyncio.sleep(period_s / FEEDS_PER_PERIOD)


def _tell(what: Notification) -> None:
    if os.environ.get("NOTIFY_SOCKET"):
        notify(what)
