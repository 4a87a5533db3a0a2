"""The keeper: plans on every report, quotes all candidates at once, and has the cheapest done.

Between a report and the submitted transaction lie one concurrent round of quotes, one fsynced
commit, the signature and the submission. A chain that is down only loses its own candidates.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chains.model.action import Quote
from chains.model.ids import Address, ChainId
from chains.model.snapshot import ChainFees, MandateKind, Snapshot
from daemon.board import Attested
from daemon.keeper.calls import build_cure, draft_cure
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.memory import Work
from daemon.keeper.plan import Cure, Need, Situation, plan_cures
from daemon.keeper.quote import quote_all
from daemon.keeper.route import Decision, Offer, Quoted, Refused, choose
from daemon.margin.policy import Policy
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """The margin accounts acted for: their policies, the risk table, and the acting key."""

    policies: Mapping[str, Policy]
    risk: RiskTable
    keeper: Address


class Keeper:
    """Cures the margin accounts' health; `decisions` holds the last one for each need."""

    def __init__(self, dispatcher: Dispatcher, protected: Protected) -> None:
        self.decisions: Final[dict[str, Decision]] = {}
        self._dispatcher = dispatcher
        self._protected = protected
        self._acting: set[str] = set()

    async def on_report(
        self, report: MarginReport, snapshot: Snapshot, attested: Attested | None
    ) -> None:
        """Do what a fresh report asks for; comes back when everything due was sent."""
        if self._dispatcher.halted or report.account in self._acting:
            return
        look = _Look(
            account=report.account,
            snapshot=snapshot,
            attested=attested,
            policy=self._protected.policies[report.account],
            now=report.taken_at,
        )
        needs = plan_cures(self._situation(report, look))
        if not any(need.cures for need in needs):
            return
        self._acting.add(report.account)
        try:
            async with asyncio.TaskGroup() as group:
                for need in needs:
                    if need.cures:
                        group.create_task(self._meet(need, look))
        finally:
            self._acting.discard(report.account)

    def _situation(self, report: MarginReport, look: "_Look") -> Situation:
        return Situation(
            report=report,
            snapshot=look.snapshot,
            policy=look.policy,
            risk=self._protected.risk,
            header=look.attested.envelope.header if look.attested else None,
            activity=self._dispatcher.activity,
            keeper=self._protected.keeper,
            now=look.now,
        )

    async def _meet(self, need: Need, look: "_Look") -> None:
        decision = choose(need, await self._quote(need, look), look.policy)
        self.decisions[need.key] = decision
        chosen = decision.chosen
        if chosen is None:
            reasons = "; ".join(sorted({rejected.reason for rejected in decision.rejected}))
            self._dispatcher.tell(need.key, "need.unmet", reasons)
            return
        draft = draft_cure(decision, chosen, look.policy, look.attested, now=look.now)
        base_fee_wei = look.fees(draft.chain).base_fee_wei
        await self._dispatcher.submit(draft, base_fee_wei=base_fee_wei, now=look.now)

    async def _quote(self, need: Need, look: "_Look") -> list[Offer]:
        """Quote all cures of a need in one concurrent round over their chains."""
        if need.kind is MandateKind.UNIFIED and (reason := self._why_unreconciled(look)):
            return [Refused(cure=cure, reason=reason) for cure in need.cures]
        by_chain: dict[ChainId, list[Cure]] = {}
        for cure in need.cures:
            by_chain.setdefault(cure.position.account.chain, []).append(cure)
        async with asyncio.TaskGroup() as group:
            rounds = [
                group.create_task(self._quote_chain(chain, mine, look))
                for chain, mine in by_chain.items()
            ]
        return [offer for task in rounds for offer in task.result()]

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
        executor = self._dispatcher.lanes[chain].executor
        fees = look.fees(chain)
        executor.native_usd = fees.native_usd
        quotes = await quote_all(
            executor.lane,
            [build_cure(cure, look.attested) for cure in cures],
            fees,
            block_time_s=executor.terms.block_time_s,
            timeout_s=executor.terms.quote_timeout_s,
        )
        return [_offer(cure, quote) for cure, quote in zip(cures, quotes, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one report is acted on with."""

    account: str
    snapshot: Snapshot
    attested: Attested | None
    policy: Policy
    now: int

    def fees(self, chain: ChainId) -> ChainFees:
        """Give a read chain's fees."""
        return next(found.fees for found in self.snapshot.read if found.chain == chain)


def _offer(cure: Cure, quote: Quote | str) -> Offer:
    if isinstance(quote, str):
        return Refused(cure=cure, reason=quote)
    return Quoted(cure=cure, quote=quote)
