"""Which endpoint of a chain to ask, and which to set aside: policy only, no I/O, no clock.

An endpoint that fails, lags, disagrees on a block hash or answers for another chain is set
aside with a reason. Rounds of checks let it back in once it has agreed often enough; each
time it is set aside again it waits longer, up to a cap. Times are seconds of one clock.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

Reference = int | str
"""What tells a chain from others when an endpoint is asked: a number, or a genesis hash."""


class Cause(StrEnum):
    """Why an endpoint is set aside; only the first two may still serve as a last resort."""

    FAILED = "failed"
    LAGGING = "lagging"
    DISAGREES = "disagrees"
    WRONG_CHAIN = "wrong_chain"


_PAIR = 2
_GRAVITY = tuple(Cause)
"""From what heals by itself to what is never trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The policy's numbers.

    `max_lag` blocks behind the best are allowed; `probation` agreeing checks let an endpoint
    back in (one is enough after a mere failure); waits start at `backoff_s`, double up to
    `backoff_cap_s`, and start anew after `forgive_s` without trouble.
    """

    max_lag: int = 5
    probation: int = 2
    backoff_s: float = 1.0
    backoff_cap_s: float = 60.0
    forgive_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Why and until when an endpoint is set aside, and how often it has agreed since."""

    cause: Cause
    reason: str
    retry_at: float
    agreed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How an endpoint's height rose while nothing was wrong with it, by two looks."""

    first_at: float
    first_height: int
    last_at: float
    last_height: int

    def reach(self, now: float) -> float | None:
        """Give the height it may have at `now` at twice its pace; None after one look only."""
        watched_s = self.last_at - self.first_at
        if watched_s <= 0:
            return None
        per_s = max(0, self.last_height - self.first_height) / watched_s
        return self.last_height + 2 * per_s * (now - self.last_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """What is known of one endpoint; `verified` when its chain was seen to be the right one."""

    label: str
    verified: bool = False
    aside: Aside | None = None
    strikes: int = 0
    struck_at: float = 0.0
    pace: Pace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What an endpoint answered in a round of checks: its chain and its newest block.

    `hash` is that of the block at the height compared, once it is known.
    """

    reference: Reference
    height: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The states after a round; `split` says why nobody can be believed, if so."""

    states: tuple[EndpointState, ...]
    split: str | None = None


def set_aside(
    state: EndpointState,
    cause: Cause,
    reason: str,
    *,
    now: float,
    limits: Limits,
    wait_s: float | None = None,
) -> EndpointState:
    """Set an endpoint aside, longer each time; `wait_s` is the least it asked for itself.

    A graver cause stays: one that disagrees and then fails has not come to agree by failing.
    """
    known = state.aside
    if known is not None and _GRAVITY.index(known.cause) > _GRAVITY.index(cause):
        cause, reason = known.cause, known.reason
    strikes = 0 if now - state.struck_at > limits.forgive_s else state.strikes
    backoff = min(limits.backoff_s * 2 ** min(strikes, 32), limits.backoff_cap_s)
    return replace(
        state,
        verified=False,
        aside=Aside(cause=cause, reason=reason, retry_at=now + max(backoff, wait_s or 0.0)),
        strikes=strikes + 1,
        struck_at=now,
    )


def readmit(state: EndpointState) -> EndpointState:
    """Let an endpoint back in; its strikes stay until they are forgiven."""
    return replace(state, aside=None, verified=True)


def choose(states: Sequence[EndpointState]) -> tuple[int, ...]:
    """Give the endpoints to ask, in order: those in use as configured, then the last resort.

    The last resort are those that failed or lag, the longest rested first. One that answers for
    another chain or disagrees on a hash is never asked.
    """
    ready = [index for index, state in enumerate(states) if state.aside is None]
    resort = sorted(
        (state.aside.retry_at, index)
        for index, state in enumerate(states)
        if state.aside and state.aside.cause in (Cause.FAILED, Cause.LAGGING)
    )
    return (*ready, *(index for _, index in resort))


def due(states: Sequence[EndpointState], *, now: float) -> tuple[int, ...]:
    """Give the endpoints to check in this round: those in use, and those that have waited."""
    return tuple(
        index
        for index, state in enumerate(states)
        if state.aside is None or now >= state.aside.retry_at
    )


def best_height(sightings: Mapping[int, Sighting], reference: Reference) -> int | None:
    """Give the height to measure lag from: of three or more the second best.

    So a single endpoint that claims a height far ahead cannot make all others lag.
    """
    heights = sorted(s.height for s in sightings.values() if s.reference == reference)
    if not heights:
        return None
    return heights[-1] if len(heights) <= _PAIR else heights[-2]


def common_height(
    states: Sequence[EndpointState],
    sightings: Mapping[int, Sighting],
    *,
    reference: Reference,
    limits: Limits,
) -> int | None:
    """Give the newest height that every endpoint of this chain that does not lag has.

    Of two in use it is one both have, however far apart they are: the one ahead must have the
    block of the one behind.
    """
    trusted = _trust(states, sightings, reference)
    best = best_height(trusted, reference)
    if best is None:
        return None
    return min(
        s.height
        for index, s in sightings.items()
        if s.reference == reference
        and (best - s.height <= limits.max_lag or (index in trusted and len(trusted) == _PAIR))
    )


def judge(
    states: Sequence[EndpointState],
    sightings: Mapping[int, Sighting],
    *,
    reference: Reference,
    now: float,
    limits: Limits,
) -> Verdict:
    """Judge a round of checks, whose hashes are those at the common height.

    The endpoints in use vote on the hash and say how high the chain is (all do where none is in
    use). Without a majority, or where one of two ran away from the other and from its own pace,
    nobody is set aside for it and the verdict is split.
    """
    trusted = _trust(states, sightings, reference)
    best = best_height(trusted, reference)
    common = common_height(states, sightings, reference=reference, limits=limits)
    votes = {i: s.hash for i, s in trusted.items() if common is not None and s.height >= common}
    agreed, split = _count_votes(votes)
    split = split or _find_jump(states, trusted, now, limits)
    judged = list(states)
    for index, sighting in sightings.items():
        fault = _find_fault(sighting, best, agreed, reference, limits)
        if fault and not (split and fault[0] is Cause.LAGGING and index in trusted):
            judged[index] = set_aside(judged[index], *fault, now=now, limits=limits)
        elif not split:
            judged[index] = _credit(judged[index], sighting.height, now, limits)
    return Verdict(states=tuple(judged), split=split)


def _trust(
    states: Sequence[EndpointState], sightings: Mapping[int, Sighting], reference: Reference
) -> Mapping[int, Sighting]:
    """Give the sightings of this chain by endpoints in use; all of this chain where none is."""
    ours = {i: s for i, s in sightings.items() if s.reference == reference}
    return {i: s for i, s in ours.items() if states[i].aside is None} or ours


def _find_jump(
    states: Sequence[EndpointState], trusted: Mapping[int, Sighting], now: float, limits: Limits
) -> str | None:
    """Find out whether one of two claims a height that neither the other nor its past supports.

    With a third the second best height decides. Time makes up for a jump that was none.
    """
    if len(trusted) != _PAIR:
        return None
    ahead, behind = sorted(trusted, key=lambda index: -trusted[index].height)
    height, gap = trusted[ahead].height, trusted[ahead].height - trusted[behind].height
    pace = states[ahead].pace
    reach = pace.reach(now) if pace else None
    if gap <= limits.max_lag or reach is None or height <= reach + limits.max_lag:
        return None
    return f"endpoints disagree: one jumped to {height}, {gap} blocks ahead of the other"


def _count_votes(votes: Mapping[int, bytes]) -> tuple[bytes | None, str | None]:
    if not votes:
        return None, None
    [(winner, count), *_] = Counter(votes.values()).most_common(1)
    if 2 * count > len(votes):
        return winner, None
    return None, f"endpoints disagree: {len(set(votes.values()))} hashes at one height"


def _find_fault(
    sighting: Sighting, best: int | None, agreed: bytes | None, reference: Reference, limits: Limits
) -> tuple[Cause, str] | None:
    if sighting.reference != reference:
        return Cause.WRONG_CHAIN, f"answers for chain {sighting.reference}, not {reference}"
    if best is not None and (lag := best - sighting.height) > limits.max_lag:
        return Cause.LAGGING, f"{lag} blocks behind"
    if agreed is not None and sighting.hash != agreed:
        return Cause.DISAGREES, f"disagrees on a block hash: 0x{sighting.hash.hex()}"
    return None


def _credit(state: EndpointState, height: int, now: float, limits: Limits) -> EndpointState:
    if state.aside is None:
        return replace(state, verified=True, pace=_measure(state.pace, height, now))
    needed = 1 if state.aside.cause is Cause.FAILED else limits.probation
    agreed = state.aside.agreed + 1
    if agreed >= needed:
        return replace(readmit(state), pace=_measure(state.pace, height, now))
    return replace(state, aside=replace(state.aside, agreed=agreed))


def _measure(pace: Pace | None, height: int, now: float) -> Pace:
    if pace is None:
        return Pace(first_at=now, first_height=height, last_at=now, last_height=height)
    return replace(pace, last_at=now, last_height=height)
