"""Liquidating strangers on one chain: screen, read in full, price the sale, take the best.

The protocol's own arithmetic says what a liquidation would move, a quoter what the collateral
would sell for, and a simulation what it costs; the contract insists on the profit.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chains.errors import ChainError
from chains.evm.client import EvmClient
from chains.evm.multicall import read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.snapshot import ChainSnapshot
from chains.model.units import Usd
from daemon.keeper.borrowers import Borrowers
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.latches import Latches
from daemon.keeper.ports import Quoter
from daemon.keeper.sales import Sales
from daemon.keeper.screening import READ_AGAIN_BLOCKS, Look, choose_read
from daemon.keeper.selling import Seller
from daemon.keeper.strangers import Prey, Sale, eligible, find_prey, keep_few, rank
from daemon.progress import Pulse
from daemon.storage.errors import StorageError
from daemon.storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntTerms:
    """Where and for how much: `min_profit` is Usd x 1e8.

    `start_blocks` says from where each pool's logs are searched; `members` are never prey.
    """

    seller: Seller
    min_profit: Usd
    start_blocks: Mapping[Address, int]
    watched: Sequence[AccountId] = ()
    members: frozenset[AccountId] = frozenset()


Markets = Callable[[BlockAnchor], Awaitable[Sequence[object]]]
"""Gives the chain's open markets; chains.evm.reader.EvmReader.markets."""


class Hunter:
    """Liquidates strangers in one chain's markets.

    `client` and `quoting` are the hunt's own: what it asks holds up nothing that rescues ask.
    """

    def __init__(
        self,
        client: EvmClient,
        markets: Markets,
        *,
        quoting: Quoter,
        dispatcher: Dispatcher,
        latches: Latches,
        store: Store,
        terms: HuntTerms,
    ) -> None:
        self._client = client
        self._open_markets = markets
        self._dispatcher = dispatcher
        self._latches = latches
        self._store = store
        self._terms = terms
        self.pulse: Final = Pulse()
        self._books: dict[AaveV3Market, Borrowers] = {}
        self._sales: Sales[Sale] = Sales(dispatcher, quoting, min_profit=terms.min_profit)
        self._read_at: dict[AccountId, int] = {}

    async def look(self, chain: ChainSnapshot) -> None:
        """Compare prices as they were read; also while a hunt goes on."""
        try:
            await self._latches.look(chain)
        except StorageError as error:
            self._dispatcher.tell(f"{chain.chain}: prices", "latches.not_recorded", str(error))

    async def hunt(self, chain: ChainSnapshot) -> None:
        """Look at a chain as it was read and submit what is worth most; its troubles end here."""
        try:
            await self._latches.look(chain)
            books = await self._open_books(chain.anchor)
            for book in books:
                self.pulse.step()
                unhealthy = await book.screen(chain.anchor, chain.prices)
                if unhealthy and self._dispatcher.halted is None:
                    await self._take(book.market, unhealthy, chain)
            for book in books:
                self.pulse.step()
                await book.scan(chain.anchor)
        except ChainError as error:
            self._dispatcher.tell(f"{error.chain}: hunt", "hunt.failed", error.reason)
        except StorageError as error:
            self._dispatcher.tell(f"{chain.chain}: hunt", "hunt.failed", str(error))

    async def _open_books(self, anchor: BlockAnchor) -> list[Borrowers]:
        books = {}
        for market in await self._open_markets(anchor):
            if isinstance(market, AaveV3Market):
                books[market] = self._books.get(market) or await self._open_book(market)
        self._books = books
        return list(books.values())

    async def _open_book(self, market: AaveV3Market) -> Borrowers:
        book = Borrowers(
            market,
            self._client,
            self._store,
            start_block=self._terms.start_blocks.get(market.layout.pool, 0),
            least_debt=self._terms.min_profit,
            watched=self._terms.watched,
            excluded=self._terms.members,
        )
        await book.load()
        return book

    async def _take(
        self, market: AaveV3Market, unhealthy: Mapping[AccountId, Look], chain: ChainSnapshot
    ) -> None:
        prey = await self._read_prey(market, unhealthy, chain.anchor)
        if not prey:
            return
        plan = self._terms.seller.plan_sales(market.layout.pool, prey)
        sales = rank(await read(self._client, chain.anchor, plan), self._terms.min_profit)
        self.pulse.step()
        if sales:
            await self._sales.offer(sales, self._terms.seller.build_action, chain)

    async def _read_prey(
        self, market: AaveV3Market, unhealthy: Mapping[AccountId, Look], anchor: BlockAnchor
    ) -> list[Prey]:
        """Read the few in full that may be worth most, and give what may be done with them."""
        recent = anchor.height - READ_AGAIN_BLOCKS
        self._read_at = {account: at for account, at in self._read_at.items() if at > recent}
        chosen = choose_read(unhealthy, self._read_at, least_debt=self._terms.min_profit)
        if not chosen:
            return []
        found = await read(self._client, anchor, market.plan_read(chosen, anchor=anchor))
        self.pulse.step()
        self._read_at |= dict.fromkeys(chosen, anchor.height)
        held = {position.account: position for position in found.positions}
        activity = self._dispatcher.activity
        free = [
            one
            for one in eligible(find_prey(found), self._latches.is_shut)
            if not activity.busy(held[one.account], one.need)
            and not activity.rests(one.need, anchor.time)
        ]
        return keep_few(free)
