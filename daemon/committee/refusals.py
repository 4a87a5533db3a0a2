"""Who refused to sign what, and why; and what came from nobody who may speak here."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from chains.model.ids import Address
from daemon.committee.messages import MAX_REASON

KEPT: Final = 200
QUIET_S: Final = 10.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRecord:
    """A member's refusal of a proposal; `at` in seconds."""

    at: int
    account: str
    sequence: int
    member: Address
    proposer: Address
    reason: str


@dataclass(slots=True)
class Refusals:
    """The newest refusals, this member's and those that others answered it with."""

    clock: Callable[[], float] = time.time
    total: int = 0
    messages: int = 0
    _kept: deque[RefusalRecord] = field(default_factory=lambda: deque(maxlen=KEPT))
    _told_at: float = 0.0

    @property
    def newest(self) -> Sequence[RefusalRecord]:
        """The records kept, newest first."""
        return tuple(reversed(self._kept))

    def note(
        self, *, account: str, sequence: int, member: Address, proposer: Address, reason: str
    ) -> None:
        """Record a refusal, and log it; another's word takes no more room than a message has."""
        reason = reason[:MAX_REASON]
        record = RefusalRecord(
            at=int(self.clock()),
            account=account,
            sequence=sequence,
            member=member,
            proposer=proposer,
            reason=reason,
        )
        self._kept.append(record)
        self.total += 1
        log.warning(
            "committee.refused",
            account=account,
            sequence=sequence,
            member=member,
            proposer=proposer,
            reason=reason,
        )

    def note_message(self, reason: str) -> None:
        """Count a message that was not taken; strangers cannot fill the log with it."""
        self.messages += 1
        if self.clock() - self._told_at >= QUIET_S:
            self._told_at = self.clock()
            log.warning(
                "committee.message_refused", reason=reason[:MAX_REASON], refused=self.messages
            )
