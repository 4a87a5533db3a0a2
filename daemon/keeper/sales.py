"""From sales worth having to submitted drafts: quoted, the best through each pool, remembered.

The same on every chain; `build` gives a sale's action, insisting on a profit in units of the debt.
"""

from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from chains.model.action import Action, Quote
from chains.model.ids import AssetId
from chains.model.snapshot import ChainSnapshot
from chains.model.units import Usd
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.intent import Draft, Purpose
from daemon.keeper.memory import Work
from daemon.keeper.plan import Place
from daemon.keeper.ports import Quoter
from daemon.keeper.strangers import Sale, describe_sale, least_profit_units, order_sales

DEADLINE_S: Final = 60
MOST_QUOTED: Final = 4
REFUSED_BLOCKS: Final = 10
"""For how many blocks (slots) a refused liquidation comes after all others."""

S = TypeVar("S", bound=Sale)
S_contra = TypeVar("S_contra", bound=Sale, contravariant=True)


class Build(Protocol[S_contra]):
    """Builds the action of a sale."""

    def __call__(self, sale: S_contra, *, min_profit: int, deadline: int) -> Action:
        """Give the liquidation; `min_profit` in units of the debt, `deadline` in seconds."""
        ...


class Sales(Generic[S]):
    """What is being sold on one chain, and which liquidations were refused lately.

    `quoting` is the hunt's own; `min_profit` is Usd x 1e8, after gas.
    """

    def __init__(self, dispatcher: Dispatcher, quoting: Quoter, *, min_profit: Usd) -> None:
        self._dispatcher = dispatcher
        self._quoting = quoting
        self._min_profit = min_profit
        self._selling: dict[frozenset[AssetId], Place] = {}
        self._refused: dict[str, int] = {}

    async def offer(self, sales: Sequence[S], build: Build[S], chain: ChainSnapshot) -> None:
        """Quote the first few and submit those that pay, the best through each pool."""
        if reason := self._dispatcher.why_closed(Work(chain.chain, None), chain.anchor.time):
            self._dispatcher.tell(f"{chain.chain}: hunt", "hunt.closed", reason)
            return
        self._forget(chain.anchor.height)
        offered = order_sales(sales, selling=self._selling, refused=self._refused)[:MOST_QUOTED]
        tried: set[frozenset[AssetId]] = set()
        for sale, quote in await self._quote(offered, build, chain):
            if sale.prey.pool in tried:
                continue
            if await self._submit(sale, quote, build, chain) and sale.prey.pool:
                tried.add(sale.prey.pool)

    def _forget(self, height: int) -> None:
        """Drop the pools whose sale was read at this height, and old refusals."""
        activity = self._dispatcher.activity
        self._selling = {
            pool: place
            for pool, place in self._selling.items()
            if activity.moving(place)
            or height < max(activity.included.get(place, 0), activity.seen_from.get(place, 0))
        }
        recent = height - REFUSED_BLOCKS
        self._refused = {need: at for need, at in self._refused.items() if at > recent}

    async def _quote(
        self, sales: Sequence[S], build: Build[S], chain: ChainSnapshot
    ) -> list[tuple[S, Quote]]:
        deadline = chain.anchor.time + DEADLINE_S
        actions = [build(sale, min_profit=1, deadline=deadline) for sale in sales]
        taken = []
        quotes = await self._quoting.quote(actions, chain)
        for sale, quote in zip(sales, quotes, strict=True):
            if isinstance(quote, Quote):
                taken.append((sale, quote))
            else:
                self._refuse(sale, quote, chain)
        return taken

    def _refuse(self, sale: Sale, reason: str, chain: ChainSnapshot) -> None:
        self._refused[sale.prey.need] = chain.anchor.height
        self._dispatcher.tell(sale.prey.need, "liquidation.refused", reason)

    async def _submit(self, sale: S, quote: Quote, build: Build[S], chain: ChainSnapshot) -> bool:
        """Submit a sale; False where it would not pay."""
        least = least_profit_units(sale, quote.gas_cost, self._min_profit)
        if least is None:
            self._refuse(sale, "gas would take the profit", chain)
            return False
        now = chain.anchor.time
        draft = Draft(
            action=build(sale, min_profit=least, deadline=now + DEADLINE_S),
            purpose=Purpose.LIQUIDATION,
            need=sale.prey.need,
            subject=str(sale.prey.account),
            gas_limit=quote.gas_limit,
            unit_price=quote.unit_price,
            cost=quote.cost,
            moved=Usd(0),
            health_before=sale.prey.health,
            decision=describe_sale(sale, quote.gas_cost),
            deadline=now + DEADLINE_S,
        )
        sent = await self._dispatcher.submit(draft, chain.fees, now=now)
        if sent is not None and sale.prey.pool:
            self._selling[sale.prey.pool] = draft.place
        return True
