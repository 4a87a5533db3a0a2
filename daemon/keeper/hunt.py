"""Liquidating strangers on one chain: screen, read in full, price the sale, take the best.

The protocol's own arithmetic says what a liquidation would move, a quoter what the collateral
would sell for, and a simulation what it costs; the contract insists on the profit.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.abi import function_signature_to_4byte_selector

from chains.errors import ChainError
from chains.evm.client import EvmClient
from chains.evm.liquidator import SwapQuote, build_liquidation, encode_path, plan_swap_quote
from chains.evm.multicall import ReadPlan, ViewCall, combine, read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market, MarketRead
from chains.evm.protocols.aave_v3.sizing import Choice, Size, rank_liquidations
from chains.model.action import Action, Instrument, Quote
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId
from chains.model.position import Position
from chains.model.snapshot import ChainSnapshot
from chains.model.units import Usd, Wad
from daemon.keeper.borrowers import Borrowers
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.intent import Draft, Purpose
from daemon.keeper.latches import Latches
from daemon.keeper.memory import Work
from daemon.keeper.plan import Place
from daemon.keeper.quote import quote_all
from daemon.keeper.strangers import (
    Prey,
    Sale,
    describe_sale,
    eligible,
    flash_premium,
    least_profit_units,
    order_sales,
    rank,
    with_interest,
)
from daemon.progress import Pulse
from daemon.storage.errors import StorageError
from daemon.storage.store import Store

PREMIUM: Final = function_signature_to_4byte_selector("FLASHLOAN_PREMIUM_TOTAL()")
DEADLINE_S: Final = 60
MOST_QUOTED: Final = 4
REFUSED_BLOCKS: Final = 10
"""For how many blocks a refused liquidation comes after all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntTerms:
    """Where and for how much: `swap_fee` is the pools' fee (1e-6), `min_profit` Usd x 1e8.

    `start_blocks` says from where each pool's logs are searched; `members` are never prey.
    """

    liquidator: Address
    quoter: Address
    swap_fee: int
    min_profit: Usd
    start_blocks: Mapping[Address, int]
    watched: Sequence[AccountId] = ()
    members: frozenset[AccountId] = frozenset()


Markets = Callable[[BlockAnchor], Awaitable[Sequence[object]]]
"""Gives the chain's open markets; chains.evm.reader.EvmReader.markets."""


class Hunter:
    """Liquidates strangers in one chain's markets."""

    def __init__(
        self,
        client: EvmClient,
        markets: Markets,
        *,
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
        self._selling: dict[frozenset[AssetId], Place] = {}
        self._refused: dict[str, int] = {}

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
            for book in await self._open_books(chain.anchor):
                self.pulse.step()
                await book.scan(chain.anchor)
                self.pulse.step()
                unhealthy = await book.screen(chain.anchor, chain.prices)
                if unhealthy and self._dispatcher.halted is None:
                    await self._take(book.market, unhealthy, chain)
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
            watched=self._terms.watched,
            excluded=self._terms.members,
        )
        await book.load()
        return book

    async def _take(
        self, market: AaveV3Market, unhealthy: Mapping[AccountId, Wad], chain: ChainSnapshot
    ) -> None:
        now = chain.anchor.time
        activity = self._dispatcher.activity
        plan = market.plan_read(sorted(unhealthy), anchor=chain.anchor)
        found = await read(self._client, chain.anchor, plan)
        self.pulse.step()
        held = {position.account: position for position in found.positions}
        prey = [
            one
            for one in eligible(find_prey(market, found), self._latches.is_shut)
            if not activity.busy(held[one.account], one.need) and not activity.rests(one.need, now)
        ]
        sales = rank(await self._price(market, prey, chain.anchor), self._terms.min_profit)
        if not sales:
            return
        if reason := self._dispatcher.why_closed(Work(market.market.chain, None), now):
            self._dispatcher.tell(f"{market.market}: hunt", "hunt.closed", reason)
            return
        self._forget(chain.anchor.height)
        offered = order_sales(sales, selling=self._selling, refused=self._refused)
        await self._submit_best(await self._quote(offered[:MOST_QUOTED], chain), chain)

    def _forget(self, height: int) -> None:
        """Drop the pools whose sale was read at this height, and old refusals."""
        activity = self._dispatcher.activity
        self._selling = {
            pool: place
            for pool, place in self._selling.items()
            if activity.moving(place) or height < activity.included.get(place, 0)
        }
        recent = height - REFUSED_BLOCKS
        self._refused = {need: at for need, at in self._refused.items() if at > recent}

    async def _submit_best(
        self, quoted: Sequence[tuple[Sale, Quote]], chain: ChainSnapshot
    ) -> None:
        """Submit the best through each pool, and what needs no pool."""
        tried: set[frozenset[AssetId]] = set()
        for sale, quote in quoted:
            if sale.prey.pool in tried:
                continue
            if await self._submit(sale, quote, chain) and sale.prey.pool:
                tried.add(sale.prey.pool)

    async def _price(
        self, market: AaveV3Market, prey: Sequence[Prey], anchor: BlockAnchor
    ) -> list[Sale]:
        """Ask the quoter and the pool, in one call, what each sale would bring and cost."""
        if not prey:
            return []
        pool = market.layout.pool
        premium: ReadPlan[int] = ReadPlan(
            calls=(ViewCall(target=pool, data=PREMIUM),),
            decode=lambda results: int.from_bytes(results[0].data, "big"),
        )
        quotes = combine([self._plan_sale(one) for one in prey])
        bps, proceeds = await read(self._client, anchor, combine([premium, quotes]))
        return [
            Sale(prey=one, proceeds=units, premium=flash_premium(one.borrowed, bps))
            for one, units in zip(prey, proceeds, strict=True)
        ]

    def _plan_sale(self, prey: Prey) -> ReadPlan[int | None]:
        if prey.collateral == prey.debt:
            return ReadPlan(calls=(), decode=lambda _: prey.seized)
        plan = plan_swap_quote(self._terms.quoter, self._path(prey), prey.seized)

        def units_out(results: Sequence[Any]) -> int | None:
            quote: SwapQuote | None = plan.decode(results)
            return None if quote is None else quote.units_out

        return ReadPlan(calls=plan.calls, decode=units_out)

    def _path(self, prey: Prey) -> bytes:
        if prey.collateral == prey.debt:
            return encode_path((), ())
        return encode_path((prey.collateral.token, prey.debt.token), (self._terms.swap_fee,))

    async def _quote(self, sales: Sequence[Sale], chain: ChainSnapshot) -> list[tuple[Sale, Quote]]:
        executor = self._dispatcher.lanes[chain.chain].executor
        executor.native_usd = chain.fees.native_usd
        quotes = await quote_all(
            executor.lane,
            [self._action(sale, min_profit=1, now=chain.anchor.time) for sale in sales],
            chain.fees,
            block_time_s=executor.terms.block_time_s,
            timeout_s=executor.terms.quote_timeout_s,
        )
        taken = []
        for sale, quote in zip(sales, quotes, strict=True):
            if isinstance(quote, Quote):
                taken.append((sale, quote))
            else:
                self._refuse(sale, quote, chain)
        return taken

    def _refuse(self, sale: Sale, reason: str, chain: ChainSnapshot) -> None:
        self._refused[sale.prey.need] = chain.anchor.height
        self._dispatcher.tell(sale.prey.need, "liquidation.refused", reason)

    async def _submit(self, sale: Sale, quote: Quote, chain: ChainSnapshot) -> bool:
        """Submit a sale; False where it would not pay."""
        least = least_profit_units(sale, quote.gas_cost, self._terms.min_profit)
        if least is None:
            self._refuse(sale, "gas would take the profit", chain)
            return False
        now = chain.anchor.time
        draft = Draft(
            action=self._action(sale, min_profit=least, now=now),
            purpose=Purpose.LIQUIDATION,
            need=sale.prey.need,
            subject=str(sale.prey.account),
            gas_limit=quote.gas_limit,
            cost=quote.cost,
            moved=Usd(0),
            health_before=sale.prey.health,
            decision=describe_sale(sale, quote.gas_cost),
            deadline=now + DEADLINE_S,
        )
        fee_wei = chain.fees.base_fee_wei
        sent = await self._dispatcher.submit(draft, base_fee_wei=fee_wei, now=now)
        if sent is not None and sale.prey.pool:
            self._selling[sale.prey.pool] = draft.place
        return True

    def _action(self, sale: Sale, *, min_profit: int, now: int) -> Action:
        prey = sale.prey
        return Action(
            chain=prey.market.chain,
            instrument=Instrument.LIQUIDATE,
            market=prey.market,
            account=prey.account,
            asset=prey.debt,
            units=prey.borrowed,
            call=build_liquidation(
                self._terms.liquidator,
                pool=prey.market.evm_address,
                collateral=prey.collateral.token,
                debt=prey.debt.token,
                user=prey.account.evm_address,
                units=prey.borrowed,
                path=self._path(prey),
                min_profit=min_profit,
                deadline=now + DEADLINE_S,
            ),
        )


def find_prey(market: AaveV3Market, found: MarketRead) -> list[Prey]:
    """Give every liquidation the protocol would accept, at each size worth trying: pure."""
    return [
        _describe(market, found, position, choice)
        for position in found.positions
        if position.native_health is not None
        for choice in rank_liquidations(found.state, found.users[position.account])
    ]


def _describe(market: AaveV3Market, found: MarketRead, position: Position, choice: Choice) -> Prey:
    chain, outcome, reserves = market.market.chain, choice.outcome, found.state.reserves
    debt = AssetId.erc20(chain, reserves[outcome.debt].asset)
    owed = next(leg for leg in position.debts if leg.asset == debt)
    exact = choice.size is not Size.MAXIMUM
    return Prey(
        market=position.market,
        account=position.account,
        health=position.native_health or Wad(0),
        collateral=AssetId.erc20(chain, reserves[outcome.collateral].asset),
        debt=debt,
        seized=outcome.collateral_seized,
        repaid=outcome.debt_repaid,
        borrowed=choice.debt_to_cover if exact else with_interest(outcome.debt_repaid),
        decimals=owed.decimals,
        price=owed.price,
    )
