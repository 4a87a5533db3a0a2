"""Where the time between a head and its submitted transaction went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.probe import Span
from tests.bench.skeleton import COMMIT, SUBMIT, WHOLE

QUOTES: Final = frozenset({"eth_estimateGas", "eth_getBalance"})
READ: Final = "eth_call"
READING: Final = "read the chain (RPC)"
QUOTING: Final = "quote on both chains (RPC)"
JOURNALLING: Final = "journal (commit)"
SUBMITTING: Final = "submit (RPC)"
STAGES: Final = (
    "fetch the head (RPC), plan the reads",
    READING,
    "decode the snapshot",
    "wake and collect",
    "evaluate",
    "state and sign the attestation",
    "record the attestation (commit)",
    "plan cures, build their calls",
    QUOTING,
    "choose, sign the transaction",
    JOURNALLING,
    "hand over",
    SUBMITTING,
    "all",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One reaction and its skeleton, in seconds, whole and by stage."""

    stages: Mapping[str, float]
    skeleton_stages: Mapping[str, float]
    shape: str
    waiting: Sequence[str] = (READING, QUOTING, SUBMITTING)

    @property
    def seconds(self) -> float:
        """From the head's arrival to the node's answer to the submission."""
        return self.stages["all"]

    @property
    def own_s(self) -> float:
        """What of it is not spent waiting for nodes: the daemon's own work and commits."""
        return self.seconds - sum(self.stages[name] for name in self.waiting)

    @property
    def skeleton_s(self) -> float:
        """The same for the skeleton."""
        return self.skeleton_stages["all"]


def measure_reaction(*, spans: Sequence[Span], skeleton: Sequence[Span], shape: str) -> Reaction:
    """Measure the stages between what was seen; KeyError when something was not."""
    return Reaction(
        stages=_measure_daemon(spans), skeleton_stages=_measure_skeleton(skeleton), shape=shape
    )


def _measure_daemon(spans: Sequence[Span]) -> dict[str, float]:
    head, read, call = (find_first(spans, name) for name in ("head", "read", READ))
    evaluated, attested = find_first(spans, "evaluate"), find_first(spans, "attest")
    recorded, journal = find_first(spans, "record attestation"), find_first(spans, "journal")
    quotes, sent = find_hull(spans, QUOTES), find_first(spans, SUBMIT)
    seconds = (
        call.began - head.began,
        call.seconds,
        read.ended - call.ended,
        evaluated.began - read.ended,
        evaluated.seconds,
        attested.seconds - recorded.seconds + attested.began - evaluated.ended,
        recorded.seconds,
        quotes.began - attested.ended,
        quotes.seconds,
        journal.began - quotes.ended,
        journal.seconds,
        sent.began - journal.ended,
        sent.seconds,
        sent.ended - head.began,
    )
    return dict(zip(STAGES, seconds, strict=True))


def _measure_skeleton(spans: Sequence[Span]) -> dict[str, float]:
    return {
        READING: find_first(spans, READ).seconds,
        QUOTING: find_hull(spans, QUOTES).seconds,
        JOURNALLING: find_first(spans, COMMIT).seconds,
        SUBMITTING: find_first(spans, SUBMIT).seconds,
        "all": find_first(spans, WHOLE).seconds,
    }


def find_first(spans: Iterable[Span], name: str) -> Span:
    """Give the span of a name that began first; KeyError where there is none."""
    found = [span for span in spans if span.name == name]
    if not found:
        raise KeyError(name)
    return min(found, key=lambda span: span.began)


def find_hull(spans: Sequence[Span], names: frozenset[str]) -> Span:
    """Give the time from the first beginning to the last end of some spans; KeyError of none."""
    found = [span for span in spans if span.name in names]
    if not found:
        raise KeyError(*names)
    return Span(
        name="+".join(sorted(names)),
        began=min(span.began for span in found),
        ended=max(span.ended for span in found),
    )
