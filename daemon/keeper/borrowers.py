"""Who has borrowed in a market: found in its `Borrow` logs, screened cheaply at every head.

Logs are scanned in chunks from a checkpoint, the last blocks again each time, so that a reorg
hides nobody. A screen asks the pool for the health of those whom daemon.keeper.screening names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from chains.errors import DecodeError
from chains.evm.client import EvmClient
from chains.evm.decode import Log
from chains.evm.multicall import read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.price import Price
from chains.model.units import WAD, Usd, Wad
from daemon.keeper.screening import Look, choose_due, to_figures
from daemon.storage.store import Store

SCAN_BLOCKS: Final = 50_000
REORG_BLOCKS: Final = 64
WRITE_BLOCKS: Final = 500
NO_DEBT: Final = 2**256 - 1


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
        figures = to_figures(prices)
        due = choose_due(self._looks, figures, height=head.height, least_debt=self._least_debt)
        found = await read(self._client, head, self.market.plan_health(due))
        looks = {
            account: Look(
                health=Wad(NO_DEBT if data is None else data.health),
                debt=Usd(0 if data is None else data.debt),
                height=head.height,
                figures=figures,
            )
            for account, data in found.items()
        }
        self._looks |= looks
        return {account: look for account, look in looks.items() if look.health < WAD}

    def _add(self, accounts: Iterable[AccountId]) -> None:
        for account in accounts:
            if account not in self._excluded:
                self._looks.setdefault(account, None)
