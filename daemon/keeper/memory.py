"""What the keeper remembers between heads: cooldowns, spends, failures, what it works on.

All of it comes back from the journal after a restart, but for what was being worked on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from chains.model.ids import ChainId
from chains.model.units import Usd, div_up
from daemon.keeper.intent import (
    FOR_PROFIT,
    WITHOUT_EFFECT,
    Attempt,
    Draft,
    Intent,
    IntentState,
    Purpose,
)
from daemon.keeper.limits import (
    DAY_S,
    Breaker,
    Limits,
    Spend,
    closed_until,
    find_allowance,
    refuse_spend,
)
from daemon.keeper.plan import Activity, Place

FAILURE_REST_S: Final = 30
"""How long a need rests after a transaction that did nothing for it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What fails together on a chain: one margin account's rescues, or all liquidations (None).

    Liquidations that keep failing never stop a rescue, nor one account's rescues another's.
    """

    chain: ChainId
    account: str | None


def work_of(draft: Draft) -> Work:
    """Give the kind of work a draft is."""
    liquidates = draft.purpose is Purpose.LIQUIDATION
    return Work(draft.chain, None if liquidates else draft.subject)


@dataclass(slots=True, kw_only=True)
class Memory:
    """The facts that planning depends on; times in seconds."""

    limits: Limits
    breaker: Breaker
    resting: dict[str, int] = field(default_factory=dict)
    seen_from: dict[Place, int] = field(default_factory=dict)
    spends: dict[int, Spend] = field(default_factory=dict)
    reserved: dict[str, Spend] = field(default_factory=dict)
    failures: dict[Work, list[int]] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)

    def activity(self, in_flight: Iterable[Intent]) -> Activity:
        """Give what is going on, with what the lanes have in flight."""
        flying = tuple(in_flight)
        included: dict[Place, int] = {}
        moving = set(self.places)
        for intent in flying:
            place = intent.draft.place
            if intent.state is IntentState.INCLUDED and intent.receipt is not None:
                included[place] = max(intent.receipt.height, included.get(place, 0))
            else:
                moving.add(place)
        return Activity(
            places=frozenset(moving | included.keys()),
            needs=frozenset(self.reserved.keys() | {intent.draft.need for intent in flying}),
            included={place: at for place, at in included.items() if place not in moving},
            resting=self.resting,
            seen_from=self.seen_from,
        )

    def refuse(self, draft: Draft, gas: Usd, now: int) -> str | None:
        """Say why a draft may not spend `gas`; also counts what is just being signed."""
        ledger = (*self.spends.values(), *self.reserved.values())
        return refuse_spend(_spend(draft, gas, now), ledger, self.limits, now=now)

    def find_allowance(self, draft: Draft, *, now: int) -> Usd:
        """Give the most that a draft may spend now, beside everything else."""
        others = [spend for need, spend in self.reserved.items() if need != draft.need]
        ledger = (*self.spends.values(), *others)
        return find_allowance(_spend(draft, draft.cost, now), ledger, self.limits, now=now)

    def raised(self, intent: Intent, attempt: Attempt) -> Usd:
        """Give the most that an intent spends once this version of it is sent as well."""
        known = self._counted(intent)
        return max(known, Usd(div_up(known * attempt.most, intent.last.most)))

    def refuse_raise(self, intent: Intent, gas: Usd, *, now: int) -> str | None:
        """Say why an intent in flight may not spend as much, None when it may."""
        others = [spend for key, spend in self.spends.items() if key != intent.id]
        ledger = (*others, *self.reserved.values())
        return refuse_spend(_spend(intent.draft, gas, now), ledger, self.limits, now=now)

    def recount(self, intent: Intent, gas: Usd) -> None:
        """Count this for an intent from now on: the most it may spend, or what it did."""
        if (spend := self.spends.get(intent.id)) is not None:
            self.spends[intent.id] = replace(spend, gas=gas)

    def reserve(self, draft: Draft, gas: Usd, now: int) -> None:
        """Count a draft from now on, until it is journalled or given up."""
        self.reserved[draft.need] = _spend(draft, gas, now)
        self.places.add(draft.place)

    def release(self, draft: Draft) -> None:
        """Stop counting a draft that is journalled or given up."""
        self.reserved.pop(draft.need, None)
        self.places.discard(draft.place)

    def signed(self, intent: Intent) -> None:
        """Remember the spend of a signed intent, as it was reserved."""
        reserved = self.reserved.get(intent.draft.need)
        gas = reserved.gas if reserved else intent.draft.cost
        self.spends[intent.id] = _spend(intent.draft, gas, intent.created_at)
        oldest = intent.created_at - DAY_S
        self.spends = {key: s for key, s in self.spends.items() if s.at > oldest}

    def settled(self, intent: Intent) -> None:
        """Remember how an intent ended: failures close a lane, successes must be read first."""
        if intent.state is IntentState.FAILED:
            self.failures.setdefault(work_of(intent.draft), []).append(intent.updated_at)
        if intent.state in WITHOUT_EFFECT:
            self.rest_briefly(intent)
        if intent.receipt is not None:
            self.seen_from[intent.draft.place] = intent.receipt.height
        if intent.state is not IntentState.CONFIRMED and (spend := self.spends.get(intent.id)):
            self.spends[intent.id] = replace(spend, moved=Usd(0))

    def _counted(self, intent: Intent) -> Usd:
        spend = self.spends.get(intent.id)
        return spend.gas if spend else intent.draft.cost

    def rest_briefly(self, intent: Intent) -> None:
        """Let a need rest only a little after a transaction that did nothing for it."""
        self.resting[intent.draft.need] = intent.updated_at + FAILURE_REST_S

    def closed(self, work: Work, now: int) -> str | None:
        """Say why a kind of work rests after its failures, None when it may go on."""
        recent = [at for at in self.failures.get(work, ()) if at > now - DAY_S]
        until = closed_until(recent, self.breaker)
        if now >= until:
            return None
        return f"its transactions kept failing: it rests for {until - now} s"


def _spend(draft: Draft, gas: Usd, at: int) -> Spend:
    return Spend(
        at=at,
        chain=draft.chain,
        gas=gas,
        moved=draft.moved,
        liquidates=draft.purpose in FOR_PROFIT,
    )
