"""The keeper: plans on every report, quotes all candidates at once, and has the cheapest done.

Between a report and the submitted transaction lie one concurrent round of quotes, one fsynced
commit, the signature and the submission. A chain that is down only loses its own candidates.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chains.model.action import Action, Quote
from chains.model.ids import Address, ChainId
from chains.model.position import Position
from chains.model.snapshot import ChainSnapshot, MandateKind, Snapshot
from daemon.board import Attested
from daemon.keeper.calls import draft_cure
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.memory import Work
from daemon.keeper.plan import Cure, Need, Situation, native_key, plan_cures
from daemon.keeper.route import Decision, Offer, Quoted, Refused, choose
from daemon.margin.policy import Policy
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable

NO_CURE: Final = "no fund with an open mandate can help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """The margin accounts acted for: their policies, the risk table, and the acting keys."""

    policies: Mapping[str, Policy]
    risk: RiskTable
    keepers: Mapping[ChainId, Address]


class Keeper:
    """Cures the margin accounts' health; `decisions` holds the last one for each need.

    A need is met by one report at a time; what hangs on one chain holds up its own needs only.
    """

    def __init__(self, dispatcher: Dispatcher, protected: Protected) -> None:
        self.decisions: Final[dict[str, Decision]] = {}
        self._dispatcher = dispatcher
        self._protected = protected
        self._meeting: set[str] = set()

    async def on_report(
        self, report: MarginReport, snapshot: Snapshot, attested: Attested | None
    ) -> None:
        """Do what a fresh report asks for; comes back when everything due was sent."""
        if self._dispatcher.halted:
            return
        look = self._look(report, snapshot, attested)
        situation = self._situation(report, look)
        native = [need for need in plan_cures(situation) if need.kind is MandateKind.NATIVE]
        keys = frozenset(need.key for need in native)
        free = [need for need in native if need.key not in self._meeting]
        after = plan_cures(situation, helpless=keys) if len(free) == len(native) else ()
        last = [n for n in after if n.key not in keys and n.key not in self._meeting]
        self._meeting |= {need.key for need in (*free, *last)}
        async with asyncio.TaskGroup() as group:
            first = [group.create_task(self._meet(need, look)) for need in free]
            for need in last:
                group.create_task(self._meet(need, look, unless=first))

    def _look(self, report: MarginReport, snapshot: Snapshot, attested: Attested | None) -> "_Look":
        lanes = self._dispatcher.lanes
        return _Look(
            account=report.account,
            snapshot=snapshot,
            attested=attested,
            policy=self._protected.policies[report.account],
            positions=report.positions,
            looks={chain: lane.executor.looks for chain, lane in lanes.items()},
            now=report.taken_at,
        )

    def _situation(self, report: MarginReport, look: "_Look") -> Situation:
        return Situation(
            report=report,
            snapshot=look.snapshot,
            policy=look.policy,
            risk=self._protected.risk,
            header=look.attested.envelope.header if look.attested else None,
            activity=self._dispatcher.activity,
            keepers=self._protected.keepers,
            now=look.now,
        )

    async def _meet(
        self, need: Need, look: "_Look", *, unless: Sequence["asyncio.Task[bool]"] = ()
    ) -> bool:
        """Meet a need unless any of others was met; says whether something is done for it."""
        try:
            offers = await self._quote(need, look)
            if any([await task for task in unless]):
                return False
            return await self._carry_out(need, offers, look)
        finally:
            self._meeting.discard(need.key)

    async def _carry_out(self, need: Need, offers: Sequence[Offer], look: "_Look") -> bool:
        """Have the best offer done, or the next best where nothing could be signed for it."""
        while not self._dispatcher.halted:
            decision = choose(need, offers, look.policy)
            self.decisions[need.key] = decision
            if (chosen := decision.chosen) is None:
                reasons = "; ".join(sorted({rejected.reason for rejected in decision.rejected}))
                self._dispatcher.tell(need.key, "need.unmet", reasons or NO_CURE)
                return False
            if self._is_late(need, look):
                return True
            draft = draft_cure(decision, chosen, look.policy, look.attested, now=look.now)
            fees = look.read(draft.chain).fees
            outcome = await self._dispatcher.carry_out(draft, fees, now=look.now)
            if outcome.refused is None:
                return True
            refused = Refused(cure=chosen.cure, reason=outcome.refused)
            offers = [refused if offer is chosen else offer for offer in offers]
        return False

    def _is_late(self, need: Need, look: "_Look") -> bool:
        """Say whether something was done for the need, or about it, since it was planned."""
        activity = self._dispatcher.activity
        about = look.positions if need.position is None else (need.position,)
        floors = {native_key(position) for position in about} - {need.key}
        if floors & self._meeting:
            return True
        return activity.rests(need.key, look.now) or any(
            activity.busy(position, need.key) for position in about
        )

    async def _quote(self, need: Need, look: "_Look") -> list[Offer]:
        """Quote all cures of a need in one concurrent round over their chains.

        Beside it, every chain that the need depends on is followed up to what was read of it.
        """
        if need.kind is MandateKind.UNIFIED and (reason := self._why_unreconciled(look)):
            return [Refused(cure=cure, reason=reason) for cure in need.cures]
        by_chain: dict[ChainId, list[Cure]] = {}
        for cure in need.cures:
            by_chain.setdefault(cure.position.account.chain, []).append(cure)
        depends = look.chains if need.position is None else by_chain
        async with asyncio.TaskGroup() as group:
            behind = [group.create_task(self._why_behind(chain, look)) for chain in depends]
            rounds = [
                group.create_task(self._quote_chain(chain, mine, look))
                for chain, mine in by_chain.items()
            ]
        if reasons := [reason for task in behind if (reason := task.result())]:
            return [Refused(cure=cure, reason=reasons[0]) for cure in need.cures]
        return [offer for task in rounds for offer in task.result()]

    async def _why_behind(self, chain: ChainId, look: "_Look") -> str | None:
        """Wait until a chain's transactions were followed to the block that was read."""
        if (lane := self._dispatcher.lanes.get(chain)) is None:
            return None
        executor, limit_s = lane.executor, lane.executor.quote_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await executor.wait_followed(look.read(chain).anchor, looks=look.looks[chain])
        except TimeoutError:
            return f"{chain}: what it did to our transactions is not known within {limit_s:g} s"
        return None

    def _why_unreconciled(self, look: "_Look") -> str | None:
        """Say which of the account's chains may still carry out what this process forgot.

        Any chain can cure the unified figure, so a cure in flight on one binds all of them.
        """
        for chain in look.snapshot.chains:
            lane = self._dispatcher.lanes.get(chain.chain)
            if lane is not None and not lane.executor.ready:
                return f"{chain.chain}: journal and chain are not reconciled yet"
        return None

    async def _quote_chain(
        self, chain: ChainId, cures: Sequence[Cure], look: "_Look"
    ) -> list[Offer]:
        if reason := self._dispatcher.why_closed(Work(chain, look.account), look.now):
            return [Refused(cure=cure, reason=reason) for cure in cures]
        lane = self._dispatcher.lanes[chain]
        built = [await lane.build_cure(cure, look.attested) for cure in cures]
        actions = [action for action in built if isinstance(action, Action)]
        quotes = iter(await lane.executor.quote(actions, look.read(chain)) if actions else ())
        return [
            _offer(cure, next(quotes) if isinstance(action, Action) else action)
            for cure, action in zip(cures, built, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one report is acted on with; `looks` are the executors' at its beginning."""

    account: str
    snapshot: Snapshot
    attested: Attested | None
    policy: Policy
    positions: tuple[Position, ...]
    looks: Mapping[ChainId, int]
    now: int

    @property
    def chains(self) -> tuple[ChainId, ...]:
        """The chains read."""
        return tuple(found.chain for found in self.snapshot.read)

    def read(self, chain: ChainId) -> ChainSnapshot:
        """Give a chain as it was read."""
        return next(found for found in self.snapshot.read if found.chain == chain)


def _offer(cure: Cure, quote: Quote | str) -> Offer:
    if isinstance(quote, str):
        return Refused(cure=cure, reason=quote)
    return Quoted(cure=cure, quote=quote)
