"""What this member would state at the blocks and the time that a proposal names."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chains.errors import ChainError
from chains.model.ids import AccountId, ChainId, InvalidId
from chains.model.snapshot import ChainSnapshot, Snapshot
from chains.model.units import Usd
from daemon.board import MAX_AHEAD_S, Board
from daemon.committee.proposal import Disagreement, check_issue_time
from daemon.committee.slots import Accounts
from daemon.committee.views import View
from daemon.margin.policy import Policy
from daemon.margin.unified import evaluate
from daemon.stating import Stating
from proofs.build import StatementError
from proofs.committee import Committee
from proofs.statement import BlockRef, Statement

NO_POLICY: Final = Policy(
    unified=None, native=None, min_size=Usd(0), max_cost=Usd(0), cooldown_s=0, deadline_s=0
)
"""What the owner wants done enters no statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputer:
    """A member's own reads, configuration and arithmetic."""

    views: Mapping[ChainId, View]
    board: Board
    stating: Stating

    async def recompute(
        self,
        account: str,
        proposed: Statement,
        given: Mapping[int, Accounts],
        committee: Committee,
        *,
        prev_digest: bytes,
        now: int,
    ) -> Statement:
        """State the account as read at the proposed blocks; Disagreement says why that fails."""
        check_issue_time(proposed, self.stating.period_s)
        members = tuple(m for m, owner in self.board.members.items() if owner == account)
        chains = tuple(dict.fromkeys(member.chain for member in members))
        blocks = self._find_blocks(proposed, chains, now)
        snapshots = await self._read(blocks, members, given)
        snapshot = Snapshot(
            account=account,
            members=members,
            chains=tuple(snapshots[chain] for chain in chains),
            taken_at=proposed.header.sequence * self.stating.period_s,
            books=self.board.books_now(account, now),
        )
        report = evaluate(
            snapshot, NO_POLICY, self.stating.risk, max_skew_s=self.stating.max_skew_s
        )
        if not report.complete:
            raise Disagreement(report.incomplete[0])
        try:
            return self.stating.state(
                report,
                committee,
                prev_digest=prev_digest,
                issued_at=proposed.header.issued_at,
            )
        except StatementError as error:
            raise Disagreement(str(error)) from error

    def _find_blocks(
        self, proposed: Statement, chains: tuple[ChainId, ...], now: int
    ) -> Mapping[ChainId, BlockRef]:
        try:
            blocks = {ChainId.parse(block.caip2): block for block in proposed.leaves.blocks}
        except InvalidId as error:
            raise Disagreement(str(error)) from error
        if set(blocks) != set(chains):
            raise Disagreement(f"blocks of {len(blocks)} chains are named, I read {len(chains)}")
        for chain, block in blocks.items():
            allowed = self.board.stale_after_s[chain]
            if not -MAX_AHEAD_S <= now - block.time <= allowed:
                raise Disagreement(
                    f"{chain}: block {block.height} is {now - block.time} s old by my clock, "
                    f"{allowed} s are allowed"
                )
        return blocks

    async def _read(
        self,
        blocks: Mapping[ChainId, BlockRef],
        members: tuple[AccountId, ...],
        given: Mapping[int, Accounts],
    ) -> Mapping[ChainId, ChainSnapshot]:
        """Read all chains side by side; the first that fails is named, in the proposal's order."""
        tasks: dict[ChainId, asyncio.Task[ChainSnapshot | str]] = {}
        async with asyncio.TaskGroup() as group:
            for chain, block in blocks.items():
                accounts = tuple(member for member in members if member.chain == chain)
                reading = self._read_one(chain, block, accounts, given.get(block.index))
                tasks[chain] = group.create_task(reading)
        read: dict[ChainId, ChainSnapshot] = {}
        for chain, task in tasks.items():
            found = task.result()
            if isinstance(found, str):
                raise Disagreement(found)
            read[chain] = found
        return read

    async def _read_one(
        self,
        chain: ChainId,
        block: BlockRef,
        accounts: tuple[AccountId, ...],
        given: Accounts | None,
    ) -> ChainSnapshot | str:
        try:
            return await self.views[chain].read(block, accounts, given)
        except (ChainError, Disagreement) as error:
            return str(error)
