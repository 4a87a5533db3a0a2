"""Where the time between a slot and its submitted transaction went."""

from collections.abc import Sequence
from typing import Final

from tests.bench.probe import Span
from tests.bench.skeleton import COMMIT, SLOT_SUBMIT, WHOLE
from tests.bench.stages import (
    JOURNALLING,
    READING,
    SUBMITTING,
    Reaction,
    find_first,
    find_hull,
)

READ: Final = "getMultipleAccounts"
QUOTES: Final = frozenset(
    {
        "simulateTransaction",
        "getRecentPrioritizationFees",
        "getBalance",
        "getMinimumBalanceForRentExemption",
        "getLatestBlockhash",
    }
)
QUOTING: Final = "quote (RPC)"
SLOT_STAGES: Final = (
    "plan the read",
    READING,
    "decode the snapshot",
    "wake and collect",
    "evaluate",
    "attest where needed, plan cures, build their orders",
    QUOTING,
    "choose, sign the transaction",
    JOURNALLING,
    "hand over",
    SUBMITTING,
    "all",
)


def measure_slot_reaction(
    *, spans: Sequence[Span], skeleton: Sequence[Span], shape: str
) -> Reaction:
    """Measure the stages between what was seen; KeyError when something was not."""
    return Reaction(
        stages=_measure_daemon(spans),
        skeleton_stages=_measure_skeleton(skeleton),
        shape=shape,
        waiting=(READING, QUOTING, SUBMITTING),
    )


def _measure_daemon(spans: Sequence[Span]) -> dict[str, float]:
    head, read = find_first(spans, "head"), find_first(spans, "read")
    call = find_first([span for span in spans if span.began >= read.began], READ)
    evaluated, journal = find_first(spans, "evaluate"), find_first(spans, "journal")
    sent = find_first(spans, SLOT_SUBMIT)
    asked = [span for span in spans if evaluated.ended <= span.began < sent.began]
    quotes = find_hull(asked, QUOTES)
    seconds = (
        call.began - head.began,
        call.seconds,
        read.ended - call.ended,
        evaluated.began - read.ended,
        evaluated.seconds,
        quotes.began - evaluated.ended,
        quotes.seconds,
        journal.began - quotes.ended,
        journal.seconds,
        sent.began - journal.ended,
        sent.seconds,
        sent.ended - head.began,
    )
    return dict(zip(SLOT_STAGES, seconds, strict=True))


def _measure_skeleton(spans: Sequence[Span]) -> dict[str, float]:
    return {
        READING: find_first(spans, READ).seconds,
        QUOTING: find_hull(spans, QUOTES).seconds,
        JOURNALLING: find_first(spans, COMMIT).seconds,
        SUBMITTING: find_first(spans, SLOT_SUBMIT).seconds,
        "all": find_first(spans, WHOLE).seconds,
    }
