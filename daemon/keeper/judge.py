"""Whether what was confirmed had the effect it was sent for.

A success without its effect stops what sent it, so that nothing rests on one answer: the receipt's
own logs are read at several heads, over some time, and at last at every endpoint by itself.
"""

from dataclasses import dataclass
from typing import Final

from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.keeper.ports import Effects

MISSES: Final = 2
"""How many heads a confirmed transaction lacks its effect before it is doubted."""
DOUBT_S: Final = 30


@dataclass(slots=True)
class _Doubt:
    """How often an effect was missing, and since when (seconds)."""

    since: int
    misses: int = 0


class Judge:
    """The confirmed intents whose effect was not seen yet; it is missing for `doubt_s` at least."""

    def __init__(self, journal: Journal, *, doubt_s: int = DOUBT_S) -> None:
        self._journal = journal
        self._doubt_s = doubt_s
        self._unjudged: dict[int, Intent] = {}
        self._doubts: dict[int, _Doubt] = {}

    def add(self, intent: Intent) -> None:
        """Have a confirmed intent judged."""
        self._unjudged[intent.id] = intent

    def drop(self, intent: Intent) -> None:
        """Judge no more: it is settled, or a reorg took it back."""
        self._unjudged.pop(intent.id, None)
        self._doubts.pop(intent.id, None)

    def waiting(self) -> tuple[Intent, ...]:
        """Give what is to be judged."""
        return tuple(self._unjudged.values())

    async def judge(self, effects: Effects, intent: Intent, *, now: int) -> str | None:
        """Look for an intent's effect; give what is wrong once it is surely missing.

        ChainError where nobody can say: it is judged later.
        """
        found = await effects.read(intent)
        if found is None:
            return None
        effect = found.effect
        if effect is None and self._is_doubtful(intent, now):
            answers = await effects.read_everywhere(intent)
            effect = next((one.effect for one in answers if one.effect is not None), None)
            if effect is None:
                self.drop(intent)
                return _describe(intent)
        if effect is not None:
            await self._journal.record_effect(intent, effect)
            self.drop(intent)
        return None

    def _is_doubtful(self, intent: Intent, now: int) -> bool:
        doubt = self._doubts.setdefault(intent.id, _Doubt(now))
        doubt.misses += 1
        return doubt.misses >= MISSES and now - doubt.since >= self._doubt_s


def _describe(intent: Intent) -> str:
    draft = intent.draft
    return (
        f"{draft.chain}: nonce {intent.nonce} succeeded without the effect of a"
        f" {draft.purpose} action on {draft.action.account}"
    )
