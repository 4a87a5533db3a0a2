"""A real market with borrowers, as the hunter's parts see it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chains.evm.client import EvmClient
from chains.evm.decode import Log
from chains.evm.multicall import ViewCall, read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.price import Price
from chains.model.units import USD, Usd
from chains.oracles.chainlink import FeedTerms
from daemon.keeper.borrowers import Borrowers
from daemon.storage.database import open_database
from daemon.storage.store import Store
from tests.support import values as v
from tests.support.devnet import DevChain

SAFE, LOW, MEMBER = (v.address(0x5AFE), v.address(0x10), v.address(0xA1))


class Watched(EvmClient):
    """A client that notes which logs it was asked for, and how often for calls."""

    def __init__(self, chain: DevChain) -> None:
        super().__init__(chain=chain.chain_id, endpoints=[chain.url])
        self.ranges: list[tuple[int, int]] = []
        self.calls = 0
        self.twist: Callable[[Log], Log] = lambda log: log

    async def read_logs(
        self,
        *,
        addresses: Sequence[Address],
        topics: Sequence[bytes | Sequence[bytes] | None],
        from_height: int,
        to_height: int,
    ) -> tuple[Log, ...]:
        self.ranges.append((from_height, to_height))
        logs = await super().read_logs(
            addresses=addresses, topics=topics, from_height=from_height, to_height=to_height
        )
        return tuple(map(self.twist, logs))

    async def call(self, call: ViewCall, anchor: BlockAnchor) -> bytes:
        self.calls += 1
        return await super().call(call, anchor)


@dataclass(slots=True)
class Field:
    """A market with a safe borrower, one near the edge, and a protected member."""

    chain: DevChain
    client: Watched
    market: AaveV3Market
    store: Store
    start: int
    seen: list[Price] = field(default_factory=list)

    def account(self, address: Address) -> AccountId:
        return AccountId(self.chain.chain_id, address)

    async def anchor(self) -> BlockAnchor:
        return (await self.client.read_head("latest")).anchor

    async def book(self, *, watched: Sequence[Address] = ()) -> Borrowers:
        """Open the borrowers as a new process would."""
        book = Borrowers(
            self.market,
            self.client,
            self.store,
            start_block=self.start,
            least_debt=Usd(USD),
            watched=[self.account(address) for address in watched],
            excluded=frozenset({self.account(MEMBER)}),
        )
        await book.load()
        return book

    async def prices(self) -> tuple[Price, ...]:
        anchor = await self.anchor()
        found = await read(self.client, anchor, self.market.plan_read([], anchor=anchor))
        return found.prices

    async def unhealthy(self, book: Borrowers) -> set[Address]:
        """Screen at the newest block."""
        found = await book.screen(await self.anchor(), await self.prices())
        return {account.evm_address for account in found}


@asynccontextmanager
async def open_field(chain: DevChain, folder: Path) -> AsyncIterator[Field]:
    """Put the borrowers in place and open the market and a database."""
    start = chain.read_head().height
    for address, units in ((SAFE, 5_000), (LOW, 15_500), (MEMBER, 15_500)):
        chain.supply("WETH", address, 10 * 10**18)
        chain.borrow("USDC", address, units * 10**6)
    feeds = {
        token.address: FeedTerms(
            feed=token.feed,
            heartbeat_s=10**9,
            minimum=v.price(v.CHEAP, "USDC", 0.01).usd,
            maximum=v.price(v.CHEAP, "USDC", 10**7).usd,
        )
        for token in chain.deployment.tokens.values()
    }
    async with Watched(chain) as client, open_database(folder, live=True) as database:
        anchor = (await client.read_head("latest")).anchor
        pool = chain.deployment.aave.pool
        opened = await AaveV3Market.open(client, anchor, pool=pool, feeds=feeds)
        yield Field(chain, client, opened, Store(database), start)
