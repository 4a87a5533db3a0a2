"""What the keeper remembers between heads: cooldowns, spends, failures, what it works on.

All of it comes back from the journal after a restart, but for what was being worked on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from chains.model.ids import ChainId
from chains.model.units import Usd
from daemon.keeper.intent import Draft, Intent, IntentState
from daemon.keeper.limits import DAY_S, Breaker, Limits, Spend, closed_until, refuse_spend
from daemon.keeper.plan import Activity, Place

FAILURE_REST_S: Final = 30
"""How long a need rests after its transaction reverted on chain, at the least."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """The facts that planning depends on; times in seconds."""

    limits: Limits
    breaker: Breaker
    resting: dict[str, int] = field(default_factory=dict)
    seen_from: dict[Place, int] = field(default_factory=dict)
    spends: dict[int, Spend] = field(default_factory=dict)
    reserved: dict[str, Spend] = field(default_factory=dict)
    failures: dict[ChainId, list[int]] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)

    def activity(self, in_flight: Iterable[Intent]) -> Activity:
        """Give what is going on, with what the lanes have in flight."""
        flying = {intent.draft.place for intent in in_flight}
        return Activity(
            places=frozenset(self.places | flying),
            resting=self.resting,
            seen_from=self.seen_from,
        )

    def refuse(self, draft: Draft, now: int) -> str | None:
        """Say why a draft may not spend what it would; also counts what is just being signed."""
        ledger = (*self.spends.values(), *self.reserved.values())
        return refuse_spend(_spend(draft, now), ledger, self.limits, now=now)

    def reserve(self, draft: Draft, now: int) -> None:
        """Count a draft from now on, until it is journalled or given up."""
        self.reserved[draft.need] = _spend(draft, now)
        self.places.add(draft.place)

    def release(self, draft: Draft) -> None:
        """Stop counting a draft that is journalled or given up."""
        self.reserved.pop(draft.need, None)
        self.places.discard(draft.place)

    def signed(self, intent: Intent) -> None:
        """Remember the spend of a signed intent."""
        self.spends[intent.id] = _spend(intent.draft, intent.created_at)
        oldest = intent.created_at - DAY_S
        self.spends = {key: s for key, s in self.spends.items() if s.at > oldest}

    def settled(self, intent: Intent) -> None:
        """Remember how an intent ended: failures close a lane, successes must be read first."""
        if intent.state is IntentState.FAILED:
            times = self.failures.setdefault(intent.draft.chain, [])
            times.append(intent.updated_at)
            need, until = intent.draft.need, intent.updated_at + FAILURE_REST_S
            self.resting[need] = max(until, self.resting.get(need, 0))
        if intent.receipt is not None:
            self.seen_from[intent.draft.place] = intent.receipt.height
        if intent.state is not IntentState.CONFIRMED and (spend := self.spends.get(intent.id)):
            self.spends[intent.id] = Spend(
                at=spend.at, chain=spend.chain, gas=spend.gas, moved=Usd(0)
            )

    def closed(self, chain: ChainId, now: int) -> str | None:
        """Say why a chain's lane is closed for its failures, None when it is open."""
        recent = [at for at in self.failures.get(chain, ()) if at > now - DAY_S]
        until = closed_until(recent, self.breaker)
        if now >= until:
            return None
        return f"its lane is closed for {until - now} s: transactions kept failing"


def _spend(draft: Draft, at: int) -> Spend:
    return Spend(at=at, chain=draft.chain, gas=draft.cost, moved=draft.moved)
