"""Liquidating strangers on one Solana chain: scan, screen, read in full, take the best.

As daemon.keeper.hunt does on EVM, but that what a liquidation moves and what its collateral sells
for is computed to the unit from one read; the simulation of the whole transaction has the last
word. Only Save is hunted: Kamino's and marginfi's liquidations are built, but never were run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from solders.instruction import Instruction

from chains.errors import ChainError
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.snapshot import ChainSnapshot
from chains.solana.accounts import CLOCK, MAX_KEYS, read
from chains.solana.bundles import BundleLane, build_tip, choose_tip_account
from chains.solana.client import SolanaClient
from chains.solana.markets import Target
from chains.solana.protocols.save.adapter import SaveMarket, SaveSnapshot
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.latches import Latches
from daemon.keeper.ports import Quoter
from daemon.keeper.sales import Sales
from daemon.keeper.screening import MOST_READ, READ_AGAIN_BLOCKS
from daemon.keeper.solana.borrowers import Obligations
from daemon.keeper.solana.ground import Ground, SlotHuntTerms, Suspect, plan_ground
from daemon.keeper.solana.selling import SlotSeller
from daemon.keeper.solana.strangers import Deal, find_deals
from daemon.keeper.strangers import eligible, rank
from daemon.progress import Pulse
from daemon.storage.errors import StorageError

Markets = Callable[[], Awaitable[Sequence[object]]]
"""Gives the chain's open markets."""


class SolanaHunter:
    """Liquidates strangers in one chain's Save markets.

    `client` and `quoting` are the hunt's own: what it asks holds up nothing that rescues ask.
    With `bundles` every liquidation tips the block engine that carries it.
    """

    def __init__(
        self,
        client: SolanaClient,
        markets: Markets,
        *,
        quoting: Quoter,
        dispatcher: Dispatcher,
        latches: Latches,
        terms: SlotHuntTerms,
        bundles: BundleLane | None = None,
    ) -> None:
        self._client = client
        self._open_markets = markets
        self._dispatcher = dispatcher
        self._latches = latches
        self._terms = terms
        self._bundles = bundles
        self._tip: Instruction | None = None
        self.pulse: Final = Pulse()
        self._books: dict[AccountId, Obligations] = {}
        self._sales: Sales[Deal] = Sales(dispatcher, quoting, min_profit=terms.min_profit)
        self._read_at: dict[Target, int] = {}

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
            books = await self._open_books()
            for book in books:
                self.pulse.step()
                if book.known and self._dispatcher.halted is None:
                    await self._screen(book, chain)
            for book in books:
                self.pulse.step()
                await book.scan(chain.anchor.height)
        except ChainError as error:
            self._dispatcher.tell(f"{error.chain}: hunt", "hunt.failed", error.reason)
        except StorageError as error:
            self._dispatcher.tell(f"{chain.chain}: hunt", "hunt.failed", str(error))

    async def _open_books(self) -> list[Obligations]:
        books = {}
        for market in await self._open_markets():
            if isinstance(market, SaveMarket):
                book = self._books.get(market.market) or await self._open_book(market)
                book.market = market
                books[market.market] = book
            else:
                name = getattr(market, "protocol", type(market).__name__)
                reason = f"liquidations are carried out on Save only, not on {name}"
                self._dispatcher.tell(f"{self._client.chain} {name}", "hunt.left_out", reason)
        self._books = books
        return list(books.values())

    async def _open_book(self, market: SaveMarket) -> Obligations:
        book = Obligations(
            market,
            self._client,
            least_debt=self._terms.min_profit,
            watched=[a for a in self._terms.watched if a.chain == market.chain],
            excluded=self._terms.members,
        )
        await book.load()
        return book

    async def _screen(self, book: Obligations, chain: ChainSnapshot) -> None:
        """Value everybody at the market's state now, and take the best of who falls short."""
        market, height = book.market, chain.anchor.height
        _, fresh = await read(self._client, market.plan_read(()), min_slot=height)
        states = {key: priced.state for key, priced in fresh.view.reserves.items()}
        suspects = await asyncio.to_thread(book.screen, states)
        if suspects and (chosen := self._choose(market, fresh, suspects, height)):
            await self._take(market, fresh, chosen, chain)

    async def _take(
        self,
        market: SaveMarket,
        fresh: SaveSnapshot,
        chosen: Sequence[Suspect],
        chain: ChainSnapshot,
    ) -> None:
        plan = plan_ground(market, fresh, chosen, self._terms)
        anchor, ground = await read(self._client, plan, min_slot=chain.anchor.height)
        self.pulse.step()
        self._read_at |= dict.fromkeys((one.target for one in chosen), chain.anchor.height)
        deals = rank(self._find_free(market, ground, anchor), self._terms.min_profit)
        if deals:
            tip = await self._find_tip()
            seller = SlotSeller(market=market, wallet=self._terms.wallet, ground=ground, tip=tip)
            await self._sales.offer(deals, seller.build_action, chain)

    async def _find_tip(self) -> Instruction | None:
        """Give the transfer that tips, None without a block engine; it is asked once."""
        if self._bundles is not None and self._tip is None:
            wallet = self._terms.wallet
            account = choose_tip_account(await self._bundles.read_tip_accounts(), bytes(wallet))
            self._tip = build_tip(wallet, account, self._terms.tip_lamports)
        return self._tip

    def _choose(
        self, market: SaveMarket, fresh: SaveSnapshot, suspects: Sequence[Suspect], height: int
    ) -> list[Suspect]:
        """Choose whom to read in full: who was not read lately first, as many as one read takes."""
        recent = height - READ_AGAIN_BLOCKS
        self._read_at = {target: at for target, at in self._read_at.items() if at > recent}
        ordered = sorted(suspects, key=lambda one: one.target in self._read_at)
        chosen: list[Suspect] = []
        for suspect in ordered[:MOST_READ]:
            plan = plan_ground(market, fresh, [*chosen, suspect], self._terms)
            if len({CLOCK, *plan.keys}) <= MAX_KEYS:
                chosen.append(suspect)
        if not chosen:
            reason = f"market and pools do not fit into a read of {MAX_KEYS} accounts"
            self._dispatcher.tell(f"{market.market}: hunt", "hunt.too_large", reason)
        return chosen

    def _find_free(self, market: SaveMarket, ground: Ground, anchor: BlockAnchor) -> list[Deal]:
        """Give the deals that no latch, and nothing in flight or resting, forbids."""
        found = market.build_read(ground.snapshot, anchor)
        held = {position.account: position for position in found.positions}
        deals = find_deals(market.market, ground, ground.snapshot.loans)
        allowed = set(eligible([deal.prey for deal in deals], self._latches.is_shut))
        activity = self._dispatcher.activity
        return [
            deal
            for deal in deals
            if deal.prey in allowed
            and deal.prey.account in held
            and not activity.busy(held[deal.prey.account], deal.prey.need)
            and not activity.rests(deal.prey.need, anchor.time)
        ]
