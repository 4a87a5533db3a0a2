"""What all endpoints make of a transaction that one of them holds to be expired or forgotten."""

from dataclasses import replace
from typing import Final

from chains.solana.landings import LandingReader
from chains.solana.transactions import Lane
from chains.solana.watch import Stage, TransactionWatch
from daemon.keeper.intent import Intent

_UNSEEN: Final = (Stage.PENDING, Stage.EXPIRED, Stage.UNKNOWN)
"""What may be said of what was not seen; the first that any says counts."""


async def ask_everyone(
    lane: Lane, landings: LandingReader, intent: Intent, watch: TransactionWatch
) -> TransactionWatch:
    """Give where an intent stands: any endpoint that saw one of its signatures is right.

    It waits while one that is not set aside says that the last may still land. ChainError where
    nobody answers.
    """
    stages: set[Stage] = set()
    for attempt in reversed(intent.attempts):
        fresh = lane.watch(attempt.solana)
        looks = await landings.look_everywhere(attempt.solana.signature)
        for seen in map(fresh.advance, looks.every):
            if seen.status is not None:
                return seen
        if attempt is intent.last:
            stages = {fresh.advance(look).stage for look in looks.trusted}
    return replace(watch, stage=next(stage for stage in _UNSEEN if stage in stages))
