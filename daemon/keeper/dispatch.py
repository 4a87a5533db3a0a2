"""From a draft to its journalled, sent and judged transaction, within the limits.

Halts live here: the keeper's own, and those of single lanes. Both survive a restart and both only
stop what is new; what is in flight is followed to its end.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import structlog

from chains.errors import ChainError, ExecutionError, FeeTooHigh, InvariantError
from chains.model.anchor import Head
from chains.model.ids import ChainId
from chains.model.snapshot import ChainFees
from chains.model.units import Usd
from daemon.keeper.halts import HUNT, KEEPER, Halts
from daemon.keeper.intent import FOR_PROFIT, WITHOUT_EFFECT, Draft, Intent, IntentState
from daemon.keeper.journal import Journal
from daemon.keeper.judge import DOUBT_S, Judge
from daemon.keeper.limits import DAY_S, Breaker, Limits
from daemon.keeper.memory import Memory, Work, work_of
from daemon.keeper.plan import Activity
from daemon.keeper.ports import ChainExecutor, CureBuilder, Effects
from daemon.storage.errors import StorageError
from daemon.storage.store import Store

log = structlog.get_logger(__name__)

HISTORY: Final = 1_000
RETELL_S: Final = 60.0
"""How long a refusal whose reason changes (a price in it, say) is not told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """A chain's executor, where its effects are read, and who builds its cures."""

    executor: ChainExecutor
    effects: Effects
    build_cure: CureBuilder


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchTerms:
    """Not `live`, nothing is signed: what would be done is recorded.

    An effect is missing for `doubt_s` at least before what sent it is halted.
    """

    live: bool
    limits: Limits
    breaker: Breaker = field(default_factory=Breaker)
    doubt_s: int = DOUBT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a draft: its intent (None in a dry run), or why nothing was signed."""

    intent: Intent | None = None
    refused: str | None = None


class Dispatcher:
    """All lanes of the keeper; `cooldown_s` gives how long a need rests after an action for it."""

    def __init__(
        self,
        *,
        lanes: Mapping[ChainId, LaneParts],
        journal: Journal,
        store: Store,
        terms: DispatchTerms,
        cooldown_s: Callable[[Draft], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lanes: Final = lanes
        self._memory = Memory(limits=terms.limits, breaker=terms.breaker)
        for lane in lanes.values():
            lane.executor.budget = self._memory
        self._journal = journal
        self._halts = Halts(store)
        self._judge = Judge(journal, doubt_s=terms.doubt_s)
        self._live = terms.live
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[str, float]] = {}

    async def load(self) -> Self:
        """Take up what journal and store remember: halts, spends, failures, cooldowns."""
        now = int(self._clock())
        await self._halts.load()
        self._memory.spends = await self._journal.read_spends(since=now - DAY_S)
        for chain, lane in self.lanes.items():
            lane.executor.stopped = self._halts.why(str(chain))
            for work, at in await self._journal.read_failures(chain, since=now - DAY_S):
                self._memory.failures.setdefault(work, []).append(at)
        for intent in reversed(await self._journal.read_recent(limit=HISTORY)):
            self._rest(intent.draft, intent.created_at)
            if intent.state in WITHOUT_EFFECT:
                self._memory.rest_briefly(intent)
            if intent.state is IntentState.CONFIRMED and intent.effect is None:
                self._judge.add(intent)
        return self

    @property
    def halted(self) -> str | None:
        """Say why nothing new is done, None when it is."""
        return self._halts.why(KEEPER)

    @halted.setter
    def halted(self, reason: str | None) -> None:
        """Do nothing new for the life of this process."""
        self._halts.hold(KEEPER, reason)

    @property
    def halts(self) -> Mapping[str, str]:
        """Give everything that stands still, and why: the keeper, liquidations, lanes."""
        return self._halts.all

    @property
    def activity(self) -> Activity:
        """What is in flight, resting, or was acted on."""
        return self._memory.activity(
            intent for lane in self.lanes.values() for intent in lane.executor.in_flight
        )

    def why_closed(self, work: Work, now: int) -> str | None:
        """Say why a chain takes no new transaction of a kind, None when it does."""
        lane = self.lanes.get(work.chain)
        if lane is None:
            return f"{work.chain}: no lane is configured"
        if not lane.executor.ready:
            return f"{work.chain}: journal and chain are not reconciled yet"
        halted = self._halts.why(HUNT) if work.account is None else None
        return lane.executor.stopped or halted or self._memory.closed(work, now)

    async def submit(self, draft: Draft, fees: ChainFees, *, now: int) -> Intent | None:
        """Journal and send a draft within the limits; None when it was not, or in a dry run."""
        outcome = await self.carry_out(draft, fees, now=now)
        return outcome.intent

    async def carry_out(self, draft: Draft, fees: ChainFees, *, now: int) -> Outcome:
        """Journal and send a draft within the limits; in a dry run it is recorded.

        Nothing may have changed since it was planned: what is in flight or rests by now, and
        whether the lane is open, is looked at again.
        """
        gas = self._why_not(draft, fees, now=now)
        if isinstance(gas, str):
            self.tell(draft.need, "action.refused", gas)
            return Outcome(refused=gas)
        self._memory.reserve(draft, gas, now)
        try:
            return Outcome(intent=await self._execute(draft, fees, now=now))
        except (ChainError, ExecutionError) as error:
            self.tell(draft.need, "action.not_sent", str(error))
            return Outcome(refused=str(error))
        except InvariantError as error:
            await self.halt(str(error))
            return Outcome(refused=str(error))
        except StorageError as error:
            self._count_journalled(draft, now)
            self.halt_unwritten(error)
            return Outcome(refused=str(error))
        finally:
            self._memory.release(draft)

    def _why_not(self, draft: Draft, fees: ChainFees, *, now: int) -> Usd | str:
        """Give the most that a draft may spend now, or say why it may not be sent."""
        if reason := self._why_halted(draft) or self._why_late(draft, now):
            return reason
        executor = self.lanes[draft.chain].executor
        try:
            gas = executor.find_most(draft, fees, now=now)
        except FeeTooHigh as error:
            return str(error)
        return self._memory.refuse(draft, gas, now) or gas

    async def follow(self, head: Head) -> None:
        """Follow a chain's transactions on a new head, and judge what was confirmed."""
        if (lane := self.lanes.get(head.anchor.chain)) is None:
            return
        await self._halts.mend(self._clock())
        try:
            await self._follow(lane, head)
        except ChainError as error:
            self.tell(f"{error.chain}: follow", "transactions.not_followed", error.reason)
        except InvariantError as error:
            await self.halt(str(error))
        except StorageError as error:
            self.halt_unwritten(error)

    async def halt(self, reason: str) -> None:
        """Do nothing new from now on, also after a restart; what is in flight is followed."""
        await self._halts.halt(KEEPER, reason)

    def halt_unwritten(self, error: StorageError) -> None:
        """Do nothing new while the state itself cannot be written."""
        self._halts.break_off(KEEPER, error)

    def tell(self, subject: str, event: str, reason: str) -> None:
        """Log a refusal once, and again when its reason changed and a while has passed."""
        now = self._clock()
        told, at = self._told.get((subject, event), ("", 0.0))
        if told != reason and now - at >= RETELL_S:
            self._told[subject, event] = reason, now
            log.warning(event, subject=subject, reason=reason)

    async def _execute(self, draft: Draft, fees: ChainFees, *, now: int) -> Intent | None:
        if not self._live:
            await self._journal.record_planned(draft, now=now)
            self._rest(draft, now)
            log.info("action.would", need=draft.need, chain=str(draft.chain))
            return None
        executor = self.lanes[draft.chain].executor
        intent = await executor.execute(draft, fees, now=now)
        self._memory.signed(intent)
        self._rest(draft, now)
        log.info("action.sent", need=draft.need, chain=str(draft.chain), nonce=intent.nonce)
        return intent

    def _count_journalled(self, draft: Draft, now: int) -> None:
        """Count what was journalled before the store failed: it is in flight."""
        for intent in self.lanes[draft.chain].executor.in_flight:
            if intent.draft is draft:
                self._memory.signed(intent)
                self._rest(draft, now)

    async def _follow(self, lane: LaneParts, head: Head) -> None:
        executor, chain = lane.executor, str(head.anchor.chain)
        for intent in await executor.on_head(head, now=int(self._clock())):
            self._memory.settled(intent)
            if intent.state is IntentState.CONFIRMED:
                self._judge.add(intent)
        if executor.stopped and self._halts.why(chain) is None:
            await self._halts.halt(chain, executor.stopped)
        again_in_flight = {intent.id for intent in executor.in_flight}
        for intent in self._judge.waiting():
            if intent.id in again_in_flight:
                self._judge.drop(intent)
            elif intent.draft.chain == head.anchor.chain:
                await self._judge_one(lane, intent)

    async def _judge_one(self, lane: LaneParts, intent: Intent) -> None:
        wrong = await self._judge.judge(lane.effects, intent, now=int(self._clock()))
        if wrong is not None:
            hunted = intent.draft.purpose in FOR_PROFIT
            await self._halts.halt(HUNT if hunted else KEEPER, wrong)

    def _why_halted(self, draft: Draft) -> str | None:
        hunts = draft.purpose in FOR_PROFIT
        return self.halted or (self._halts.why(HUNT) if hunts else None)

    def _why_late(self, draft: Draft, now: int) -> str | None:
        activity = self.activity
        if draft.need in activity.needs or activity.moving(draft.place):
            return "another action for it is in flight"
        if activity.rests(draft.need, now):
            return "it rests after its last action"
        return self.why_closed(work_of(draft), now)

    def _rest(self, draft: Draft, since: int) -> None:
        self._memory.resting[draft.need] = since + self._cooldown_s(draft)
