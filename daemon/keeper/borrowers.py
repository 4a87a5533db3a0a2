"""Who has borrowed in a market: found in its `Borrow` logs, screened cheaply at every head.

Logs are scanned in chunks from a checkpoint, the last blocks again each time, so that a reorg
hides nobody. A screen is one call: the market's state, and the pool's word on those whom
daemon.keeper.screening names. Whom the pool values otherwise than the positions that are known of
him (daemon.keeper.fleet) is read again; at the new state everybody's positions are valued. What
goes through the whole fleet runs in a thread, one after the other; certifying it anew waits for the
scan, when nobody can be hunted any more.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from chains.errors import DecodeError
from chains.evm.client import EvmClient
from chains.evm.decode import Log
from chains.evm.multicall import combine, read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.evm.protocols.aave_v3.math import NO_DEBT
from chains.evm.protocols.aave_v3.state import AccountData
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.price import Price
from chains.model.units import WAD, Usd, Wad
from daemon.keeper.fleet import Fleet
from daemon.keeper.screening import (
    MOST_LEARNT,
    NEAR,
    ODD_BLOCKS,
    Figures,
    Known,
    Look,
    choose_due,
    to_figures,
)
from daemon.margin.scenarios import InvalidRiskInput
from daemon.storage.store import Store

SCAN_BLOCKS: Final = 50_000
REORG_BLOCKS: Final = 64
WRITE_BLOCKS: Final = 500


class Borrowers:
    """The borrowers of one market, and what their health was when last asked.

    Who owes less than `least_debt` brings no profit and is asked in turn only. `watched` are
    asked for whether or not they were seen borrowing; `excluded` never are.
    """

    def __init__(
        self,
        market: AaveV3Market,
        client: EvmClient,
        store: Store,
        *,
        start_block: int,
        least_debt: Usd,
        watched: Sequence[AccountId] = (),
        excluded: frozenset[AccountId] = frozenset(),
    ) -> None:
        self.market: Final = market
        self._client = client
        self._store = store
        self._next = start_block
        self._written = start_block - 1
        self._least_debt = least_debt
        self._watched = frozenset(a for a in watched if a.chain == market.market.chain)
        self._excluded = excluded
        self._looks: dict[AccountId, Look | None] = {}
        self._fleet: Final = Fleet()
        self._odd: dict[AccountId, int] = {}

    async def load(self) -> None:
        """Take up the borrowers and the checkpoint of an earlier run."""
        checkpoint = await self._store.read_checkpoint(self.market.market)
        if checkpoint is not None:
            self._next = max(self._next, checkpoint + 1)
            self._written = checkpoint
        self._add(await self._store.read_borrowers(self.market.market))
        self._add(self._watched)

    async def scan(self, head: BlockAnchor) -> None:
        """Look through one chunk of logs up to the head.

        Who borrowed since he was asked is asked anew. ChainError leaves the checkpoint; also a
        log that was not asked for, because a node that does not filter may leave out others.
        """
        if self._fleet.due:
            await asyncio.to_thread(self._fleet.rebase)
        last = min(head.height, self._next + SCAN_BLOCKS - 1)
        if last < self._next:
            return
        logs = await self._client.read_logs(
            addresses=[self.market.layout.pool],
            topics=[self.market.borrow_topic],
            from_height=self._next,
            to_height=last,
        )
        borrowed = {self._decode(log): log.height for log in logs}
        found = {a: height for a, height in borrowed.items() if a not in self._excluded}
        settled = min(last, max(self._next - 1, head.height - REORG_BLOCKS))
        new = {a: height for a, height in found.items() if a not in self._looks}
        if new or settled - self._written >= WRITE_BLOCKS:
            await self._store.write_borrowers(self.market.market, new, scanned=settled)
            self._written = settled
        self._next = settled + 1
        self._add(found)
        for account, height in found.items():
            if (look := self._looks[account]) and look.height < height:
                self._looks[account] = None

    def _decode(self, log: Log) -> AccountId:
        chain, name = self.market.market.chain, f"log {log.index} at {log.height}"
        if log.address != self.market.layout.pool:
            raise DecodeError(chain, f"{name}: {log.address} was not asked for")
        try:
            return self.market.decode_borrower(log)
        except ValueError as error:
            raise DecodeError(chain, f"{name}: {error}") from error

    async def screen(self, head: BlockAnchor, prices: Sequence[Price]) -> Mapping[AccountId, Look]:
        """Give the borrowers found under a health of 1 at the head; an account that reverts is not.

        `prices` are the chain's at the head.
        """
        if not self._looks:
            return {}
        figures = to_figures(prices)
        due = choose_due(
            self._looks,
            figures,
            height=head.height,
            least_debt=self._least_debt,
            known=Known(
                accounts=self._fleet.accounts,
                near=await asyncio.to_thread(self._fleet.find_near, NEAR),
            ),
        )
        plan = combine([self.market.plan_state(anchor=head), self.market.plan_health(due)])
        state, found = await read(self._client, head, plan)
        self._fleet.move(state)
        await self._learn(head, {who: data for who, data in found.items() if data is not None})
        looks = {who: _look(data, head.height, figures) for who, data in found.items()}
        self._looks |= looks
        find = partial(self._fleet.find_unhealthy, least_debt=self._least_debt)
        ours = await asyncio.to_thread(find)
        looks |= {
            who: _look(data, head.height, figures) for who, data in ours.items() if who not in looks
        }
        return {account: look for account, look in looks.items() if look.health < WAD}

    async def _learn(self, head: BlockAnchor, reported: Mapping[AccountId, AccountData]) -> None:
        """Read the positions of those whom the pool values otherwise than we do, the worst first.

        What does not explain the pool's figures is not kept: a later bound on the health must do.
        """
        self._forget(who for who, data in reported.items() if data.health == NO_DEBT)
        owing = {who: data for who, data in reported.items() if data.health != NO_DEBT}
        changed = self._fleet.find_changed(owing)
        self._forget(changed)
        late = head.height - ODD_BLOCKS
        new = [who for who in changed if self._odd.get(who, late) <= late]
        chosen = sorted(new, key=lambda who: owing[who].health)[:MOST_LEARNT]
        if not chosen:
            return
        categories = {0, *self.market.layout.categories}
        marks = await read(self._client, head, self.market.plan_marks(chosen))
        known = {who: each for who, each in marks.items() if each.category in categories}
        users = await read(self._client, head, self.market.plan_users(known))
        for account, user in users.items():
            with suppress(InvalidRiskInput):
                self._fleet.put(account, user)
        odd = self._fleet.find_changed({who: owing[who] for who in chosen})
        self._forget(odd)
        self._odd |= dict.fromkeys(odd, head.height)

    def _forget(self, accounts: Iterable[AccountId]) -> None:
        for account in accounts:
            self._fleet.forget(account)

    def _add(self, accounts: Iterable[AccountId]) -> None:
        for account in accounts:
            if account not in self._excluded:
                self._looks.setdefault(account, None)


def _look(data: AccountData | None, height: int, figures: Figures) -> Look:
    """Note what the pool says; an account that reverts is taken for one without debt."""
    return Look(
        health=Wad(NO_DEBT if data is None else data.health),
        debt=Usd(0 if data is None else data.debt),
        height=height,
        figures=figures,
    )
