"""From a draft to its journalled, sent and judged transaction, within the limits.

Halts live here: the keeper's own, and those of single lanes. Both survive a restart and both only
stop what is new; what is in flight is followed to its end.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import structlog

from chains.errors import ChainError, ExecutionError, InvariantError
from chains.model.anchor import Head
from chains.model.ids import ChainId
from daemon.keeper.effects import LogReader, read_effect
from daemon.keeper.execute import Executor
from daemon.keeper.intent import Draft, Intent, IntentState
from daemon.keeper.journal import Journal
from daemon.keeper.limits import DAY_S, Breaker, Limits
from daemon.keeper.memory import Memory, Work
from daemon.keeper.plan import Activity
from daemon.storage.errors import StorageError
from daemon.storage.store import Store

log = structlog.get_logger(__name__)

SCOPE: Final = "keeper"
HISTORY: Final = 1_000
RETELL_S: Final = 60.0
"""How long a refusal whose reason changes (a price in it, say) is not told again."""
MISSES: Final = 2
"""How many heads a confirmed transaction may lack its effect before the keeper halts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """A chain's executor, and where the effects of its transactions are read."""

    executor: Executor
    logs: LogReader


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchTerms:
    """Not `live`, nothing is signed: what would be done is recorded."""

    live: bool
    limits: Limits
    breaker: Breaker = field(default_factory=Breaker)


class Dispatcher:
    """All lanes of the keeper.

    `halted` says why nothing new is done; `cooldown_s` gives how long a need rests after an
    action for its subject.
    """

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
        self.halted: str | None = None
        self.lanes: Final = lanes
        self._memory = Memory(limits=terms.limits, breaker=terms.breaker)
        self._journal = journal
        self._store = store
        self._live = terms.live
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._unjudged: dict[int, Intent] = {}
        self._misses: dict[int, int] = {}
        self._told: dict[tuple[str, str], tuple[str, float]] = {}
        self._stops: dict[ChainId, str] = {}

    async def load(self) -> Self:
        """Take up what journal and store remember: halts, spends, failures, cooldowns."""
        now = int(self._clock())
        halts = await self._store.read_halts()
        self.halted = halts.get(SCOPE)
        self._memory.spends = await self._journal.read_spends(since=now - DAY_S)
        for chain, lane in self.lanes.items():
            lane.executor.stopped = halts.get(str(chain))
            for work, at in await self._journal.read_failures(chain, since=now - DAY_S):
                self._memory.failures.setdefault(work, []).append(at)
        for intent in await self._journal.read_recent(limit=HISTORY):
            self._rest(intent.draft, intent.created_at)
            if intent.state is IntentState.CONFIRMED and intent.effect is None:
                self._unjudged[intent.id] = intent
        return self

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
        return lane.executor.stopped or self._memory.closed(work, now)

    async def submit(self, draft: Draft, *, base_fee_wei: int, now: int) -> Intent | None:
        """Journal and send a draft within the limits; None when it was not, or in a dry run."""
        if reason := self.halted or self._memory.refuse(draft, now):
            self.tell(draft.need, "action.refused", reason)
            return None
        self._memory.reserve(draft, now)
        try:
            if self._live:
                return await self._execute(draft, base_fee_wei=base_fee_wei, now=now)
            await self._journal.record_planned(draft, now=now)
            self._rest(draft, now)
            log.info("action.would", need=draft.need, chain=str(draft.chain))
        except (ChainError, ExecutionError) as error:
            self.tell(draft.need, "action.not_sent", str(error))
        except InvariantError as error:
            await self.halt(str(error))
        except StorageError as error:
            self.halt_unwritten(error)
        finally:
            self._memory.release(draft)
        return None

    async def follow(self, head: Head) -> None:
        """Follow a chain's transactions on a new head, and judge what was confirmed."""
        chain = head.anchor.chain
        if (lane := self.lanes.get(chain)) is None:
            return
        try:
            for intent in await lane.executor.on_head(head, now=int(self._clock())):
                self._memory.settled(intent)
                if intent.state is IntentState.CONFIRMED:
                    self._unjudged[intent.id] = intent
            await self._judge(lane)
            if (reason := lane.executor.stopped) and self._stops.get(chain) != reason:
                self._stops[chain] = reason
                await self._store.write_halt(str(chain), reason)
        except ChainError as error:
            self.tell(f"{chain}: follow", "transactions.not_followed", error.reason)
        except InvariantError as error:
            await self.halt(str(error))
        except StorageError as error:
            self.halt_unwritten(error)

    async def halt(self, reason: str) -> None:
        """Do nothing new from now on, also after a restart; what is in flight is followed."""
        self.halted = reason
        log.critical("keeper.halted", reason=reason)
        try:
            await self._store.write_halt(SCOPE, reason)
        except StorageError as error:
            self.halt_unwritten(error)

    def halt_unwritten(self, error: StorageError) -> None:
        """Halt without a record: the state itself cannot be written."""
        self.halted = str(error)
        log.critical("keeper.halted", reason=self.halted)

    def tell(self, subject: str, event: str, reason: str) -> None:
        """Log a refusal once, and again when its reason changed and a while has passed."""
        now = self._clock()
        told, at = self._told.get((subject, event), ("", 0.0))
        if told != reason and now - at >= RETELL_S:
            self._told[subject, event] = reason, now
            log.warning(event, subject=subject, reason=reason)

    async def _execute(self, draft: Draft, *, base_fee_wei: int, now: int) -> Intent:
        executor = self.lanes[draft.chain].executor
        intent = await executor.execute(draft, base_fee_wei=base_fee_wei, now=now)
        self._memory.signed(intent)
        self._rest(draft, now)
        log.info("action.sent", need=draft.need, chain=str(draft.chain), nonce=intent.nonce)
        return intent

    async def _judge(self, lane: LaneParts) -> None:
        """Read the effect of what was confirmed; a success without one halts the keeper."""
        chain = lane.executor.lane.chain
        again_in_flight = {intent.id for intent in lane.executor.in_flight}
        for key, intent in tuple(self._unjudged.items()):
            if key in again_in_flight:
                del self._unjudged[key]
            elif intent.draft.chain == chain:
                await self._judge_one(lane, intent)

    async def _judge_one(self, lane: LaneParts, intent: Intent) -> None:
        effect = await read_effect(lane.logs, intent)
        if effect is not None:
            await self._journal.record_effect(intent, effect)
            self._settle_judgement(intent)
            return
        self._misses[intent.id] = self._misses.get(intent.id, 0) + 1
        if self._misses[intent.id] >= MISSES:
            self._settle_judgement(intent)
            raise InvariantError(
                f"{intent.draft.chain}: nonce {intent.nonce} succeeded without the effect of a"
                f" {intent.draft.purpose} action on {intent.draft.action.account}"
            )

    def _settle_judgement(self, intent: Intent) -> None:
        del self._unjudged[intent.id]
        self._misses.pop(intent.id, None)

    def _rest(self, draft: Draft, since: int) -> None:
        until = since + self._cooldown_s(draft)
        self._memory.resting[draft.need] = max(until, self._memory.resting.get(draft.need, 0))
