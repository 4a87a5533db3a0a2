"""One loop per margin account: collect, evaluate, attest, and hand on to the keeper."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from chains.model.snapshot import Snapshot
from daemon.attest import Attesting
from daemon.board import Attested, Board
from daemon.collect import collect
from daemon.margin.policy import Policy
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable
from daemon.margin.unified import evaluate

Act = Callable[[MarginReport, Snapshot, Attested | None], Awaitable[None]]
"""What the keeper does about a report; it comes back when everything due was sent."""


@dataclass(slots=True, kw_only=True)
class AccountWatch:
    """Looks at one margin account whenever a chain it is on has changed.

    Without a key there is no attestor, and without a keeper nothing acts. `looked_at` is the end
    of the last look, seconds since the epoch. What a look asks for is done beside the next looks:
    a chain that hangs in the middle of an action never blinds the account to the others.
    """

    account: str
    policy: Policy
    risk: RiskTable
    board: Board
    max_skew_s: int
    attestor: Attesting | None
    act: Act | None
    looked_at: float = 0.0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Have the account looked at; changes during a look make one more."""
        self._changed.set()

    async def run(self) -> NoReturn:
        """Look for ever."""
        async with asyncio.TaskGroup() as acting:
            while True:
                await self._changed.wait()
                self._changed.clear()
                report, snapshot = await self._look(int(time.time()))
                if self.act:
                    acting.create_task(self._do(self.act, report, snapshot))

    async def _look(self, now: int) -> tuple[MarginReport, Snapshot]:
        """Evaluate the account at `now` (seconds) and attest it."""
        snapshot = collect(self.board, self.account, now=now)
        report = evaluate(snapshot, self.policy, self.risk, max_skew_s=self.max_skew_s)
        self.board.reports[self.account] = report
        self.board.snapshots[self.account] = snapshot
        if self.attestor:
            attested = await self.attestor.attest(report, needed=self._is_triggered(report))
            if attested:
                self.board.attestations[self.account] = attested
        self.looked_at = time.time()
        return report, snapshot

    async def _do(self, act: Act, report: MarginReport, snapshot: Snapshot) -> None:
        await act(report, snapshot, self.board.attestations.get(self.account))

    def _is_triggered(self, report: MarginReport) -> bool:
        band, unified = self.policy.unified, report.unified
        if band is None or unified is None or unified.factor is None:
            return False
        return unified.factor < band.trigger
