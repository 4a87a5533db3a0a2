"""Which loops are at work: the watchdog is fed only while none of them is overdue.

A loop that retries a chain that cannot be read is at work; one that hangs is not.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Pulse:
    """When a loop was last seen at work: now while it waits for work, else at its last step."""

    clock: Callable[[], float] = time.time
    _step_at: float | None = None

    @property
    def seen_at(self) -> float:
        """The time in seconds."""
        return self.clock() if self._step_at is None else self._step_at

    def step(self) -> None:
        """Say that one more step is done."""
        self._step_at = self.clock()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work on one thing: from now on only steps show that the loop does not hang."""
        self.step()
        try:
            yield
        finally:
            self._step_at = None


@dataclass(slots=True)
class Progress:
    """When each loop was last seen at work, and how long it may be silent (all in seconds)."""

    limits_s: Mapping[str, float]
    started_at: float
    _good_at: float = 0.0
    _overdue: frozenset[str] = field(default_factory=frozenset)

    def judge(self, seen: Mapping[str, float], now: float) -> float:
        """Give the last time at which no loop was overdue; says once which loop hangs."""
        overdue = frozenset(
            name
            for name, limit_s in self.limits_s.items()
            if now - max(seen.get(name, 0.0), self.started_at) > limit_s
        )
        for name in sorted(overdue - self._overdue):
            log.error("loop.overdue", loop=name, limit_s=self.limits_s[name])
        self._overdue = overdue
        if not overdue:
            self._good_at = now
        return self._good_at
