"""When this member proposes: its turns, what is due, whom it waits for, and how long in vain.

A sequence is the reference time divided by the period; one whose proposer is silent is skipped, and
the next one's goes on. While another's proposal is under way here nothing is proposed for that
account, for a while.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from chains.model.ids import Address
from daemon.committee.membership import Membership
from daemon.committee.standing import Standing
from daemon.margin.report import MarginReport
from daemon.stating import Stating
from proofs.committee import Committee

ROUND_S: Final = 4.0
"""How long a round may take, and for how long another's holds back one's own."""
GRACE_S: Final = 0.5
"""How long the last members are waited for once there is a quorum."""
FAILED_ROUNDS: Final = 2
"""After how many of its rounds in vain a member says that there is no quorum."""
_END_OF_TURN: Final = 0.4
_END_OF_TURN_S: Final = 0.5
_AFTER_TURN: Final = 0.25
_AFTER_TURN_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTerms:
    """Seconds: when a new attestation is due, how long a round takes, and waits for the last."""

    refresh_s: int
    round_s: float = ROUND_S
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A sequence of an account that this member is to propose now."""

    account: str
    sequence: int
    committee: Committee


@dataclass(slots=True)
class _Watch:
    """What is known of one account between rounds."""

    needed: bool = False
    complete_since: float | None = None
    tried: int = -1
    running: bool = False
    held_until: float = 0.0
    held_for: int = -1
    holder: Address | None = None
    unkept: set[Address] = field(default_factory=set)
    failures: int = 0
    failed_after: int = -1
    failure: str = "nobody proposed, or nobody was heard"


@dataclass(slots=True, kw_only=True)
class Turns:
    """One member's turns, account by account."""

    membership: Membership
    standing: Standing
    stating: Stating
    terms: RoundTerms
    clock: Callable[[], float] = time.time
    _watches: dict[str, _Watch] = field(default_factory=dict)

    def note(self, report: MarginReport, *, needed: bool) -> None:
        """Note how an account is, and whether an attestation is needed to act."""
        watch = self._watch(report.account)
        watch.needed = needed
        if not report.complete or not report.legs:
            watch.complete_since = None
        elif watch.complete_since is None:
            watch.complete_since = self.clock()

    def is_needed(self, account: str) -> bool:
        """Say whether an attestation is needed to act."""
        return self._watch(account).needed

    def is_held(self, account: str) -> bool:
        """Say whether another's proposal is waited for."""
        return self._watch(account).held_until > self.clock()

    def hold(self, account: str, sequence: int, proposer: Address) -> None:
        """Propose nothing for an account while another's proposal is under way.

        Whoever let his last one come to nothing is waited for no more until one comes to an end:
        nobody can silence a committee by proposing and never publishing. Nor does anybody hold back
        others for longer than his own turn and a little.
        """
        watch, period_s = self._watch(account), self.stating.period_s
        if watch.holder is not None and watch.held_for > self.standing.newest_sequence(account):
            watch.unkept.add(watch.holder)
        watch.holder, watch.held_for = proposer, sequence
        waits = proposer not in watch.unkept
        turn_ends = (sequence + 1) * period_s + min(_AFTER_TURN_S, _AFTER_TURN * period_s)
        watch.held_until = min(self.clock() + self.terms.round_s, turn_ends) if waits else 0.0

    def release(self, account: str, sequence: int) -> None:
        """Go on with an account once that proposal, or one before it, is over."""
        watch = self._watch(account)
        if watch.held_for > sequence:
            return
        if watch.holder is not None and self.standing.newest_sequence(account) == watch.held_for:
            watch.unkept.discard(watch.holder)
        watch.holder, watch.held_until = None, 0.0

    def take(self, account: str, now: float) -> Turn | None:
        """Take the turn if this member is to propose an account now; one at a time, each once."""
        watch, period_s = self._watch(account), self.stating.period_s
        sequence = self.stating.sequence_at(int(now))
        passed = sequence - self.standing.newest_sequence(account)
        late = period_s - now % period_s < min(_END_OF_TURN_S, _END_OF_TURN * period_s)
        due = passed > 0 and (watch.needed or passed * period_s >= self.terms.refresh_s)
        if not due or late or watch.complete_since is None:
            return None
        if watch.running or watch.tried >= sequence or watch.held_until > now:
            return None
        committee = self.membership.current(sequence * period_s)
        if committee is None or self.membership.me in self.membership.banned:
            return None
        if not self.membership.is_my_turn(committee, sequence):
            return None
        watch.tried, watch.running = sequence, True
        return Turn(account=account, sequence=sequence, committee=committee)

    def end(self, account: str) -> None:
        """Say that a turn is over, whatever came of it."""
        self._watch(account).running = False

    def fail(self, account: str, reason: str) -> None:
        """Note why the last round came to nothing."""
        watch = self._watch(account)
        newest = self.standing.newest_sequence(account)
        watch.failures = watch.failures + 1 if watch.failed_after == newest else 1
        watch.failed_after, watch.failure = newest, reason

    def judge(self, account: str, now: float) -> None:
        """Be loud while an account that could be attested is not."""
        watch = self._watch(account)
        if watch.complete_since is None:
            return
        last = self.standing.last.get(account)
        since = max(watch.complete_since, last.envelope.header.issued_at if last else 0.0)
        members = len(self.membership.chain.committees[-1].members)
        allowed = self.terms.refresh_s + (members + 1) * self.stating.period_s
        overdue = now - since > allowed + self.terms.round_s
        failing = watch.failed_after == self.standing.newest_sequence(account)
        if overdue or (failing and watch.failures >= FAILED_ROUNDS):
            self.standing.lose(account, f"no quorum for {now - since:.0f} s: {watch.failure}")

    def _watch(self, account: str) -> _Watch:
        return self._watches.setdefault(account, _Watch())
