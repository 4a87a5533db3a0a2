"""Borrowers on a real market: found once, screened only when it can matter."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from chains.errors import DecodeError
from chains.evm.client import EvmClient
from chains.evm.decode import Log
from chains.evm.multicall import ViewCall, read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.price import Price
from chains.model.units import WAD, Usd
from chains.oracles.chainlink import FeedTerms
from daemon.keeper import borrowers as module
from daemon.keeper.borrowers import Borrowers
from daemon.keeper.hunt import find_prey
from daemon.storage.database import open_database
from daemon.storage.store import Store
from tests.support import values as v
from tests.support.devnet import DevChain, Devnet

pytestmark = pytest.mark.net

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


@pytest.fixture
async def market(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Field]:
    chain = devnet.cheap
    start = chain.read_head().height
    for address, units in ((SAFE, 5_000), (LOW, 15_500), (MEMBER, 15_500)):
        chain.supply("WETH", address, 10 * 10**18)
        chain.borrow("USDC", address, units * 10**6)
    async with _opened(chain, tmp_path, start) as found:
        yield found


@asynccontextmanager
async def _opened(chain: DevChain, folder: Path, start: int) -> AsyncIterator[Field]:
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


async def test_whoever_borrowed_is_found_and_members_are_not(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    known = await market.store.read_borrowers(market.market.market)
    assert {account.evm_address for account in known} == {SAFE, LOW}
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(book) == {LOW}


async def test_nobody_at_one_or_above_is_given(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    assert await market.unhealthy(book) == set()


async def test_a_restart_goes_on_from_the_checkpoint_with_the_same_borrowers(
    market: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REORG_BLOCKS", 2)
    first = await market.book()
    anchor = await market.anchor()
    await first.scan(anchor)
    market.client.ranges.clear()
    second = await market.book()
    await second.scan(anchor)
    assert market.client.ranges == [(anchor.height - 1, anchor.height)]
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(second) == {LOW}


async def test_the_newest_blocks_are_scanned_again_in_case_of_a_reorg(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    await book.scan(await market.anchor())
    first, second = market.client.ranges
    assert second == first


@pytest.mark.parametrize(
    "twist",
    [
        lambda log: replace(log, topics=()),
        lambda log: replace(log, topics=(bytes(32), *log.topics[1:])),
        lambda log: replace(log, topics=log.topics[:2]),
        lambda log: replace(log, address=v.address(0xBAD)),
    ],
)
async def test_a_log_that_was_not_asked_for_ends_the_scan_and_is_asked_for_again(
    market: Field, twist: Callable[[Log], Log]
) -> None:
    book, anchor = await market.book(), await market.anchor()
    market.client.twist = twist
    with pytest.raises(DecodeError, match=r"log \d+ at"):
        await book.scan(anchor)
    assert await market.store.read_checkpoint(market.market.market) is None
    market.client.twist = lambda log: log
    await book.scan(anchor)
    known = await market.store.read_borrowers(market.market.market)
    assert {account.evm_address for account in known} == {SAFE, LOW}


async def test_a_long_history_is_scanned_in_chunks(
    market: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCAN_BLOCKS", 4)
    monkeypatch.setattr(module, "REORG_BLOCKS", 0)
    book, anchor = await market.book(), await market.anchor()
    while not market.client.ranges or market.client.ranges[-1][1] < anchor.height:
        await book.scan(anchor)
    assert market.client.ranges[0] == (market.start, market.start + 3)
    assert all(
        low == high + 1
        for (_, high), (low, _) in zip(market.client.ranges, market.client.ranges[1:], strict=False)
    )
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(book) == {LOW}


async def test_a_watched_account_needs_no_log(market: Field) -> None:
    market.start = market.chain.read_head().height + 1
    book = await market.book(watched=[LOW])
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(book) == {LOW}


async def test_without_a_price_move_only_those_near_the_edge_are_asked_for(
    market: Field,
) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    prices = await market.prices()
    await book.screen(await market.anchor(), prices)
    screened = book.due(prices, market.chain.read_head().height)
    assert market.account(LOW) in screened
    assert market.account(SAFE) not in screened
    moved = tuple(replace(price, usd=Usd(price.usd + 1)) for price in prices)
    assert market.account(SAFE) in book.due(moved, market.chain.read_head().height)
    later = market.chain.read_head().height + module.FULL_SCREEN_BLOCKS
    assert market.account(SAFE) in book.due(prices, later)


async def test_the_prey_found_is_what_the_protocol_lets_go(market: Field) -> None:
    market.chain.set_price("WETH", 1_800)
    anchor = await market.anchor()
    accounts = [market.account(address) for address in (SAFE, LOW)]
    plan = market.market.plan_read(accounts, anchor=anchor)
    (prey,) = find_prey(market.market, await read(market.client, anchor, plan))
    assert prey.account == market.account(LOW)
    assert prey.health < WAD
    assert prey.debt.token == market.chain.deployment.tokens["USDC"].address
    assert 0 < prey.repaid <= 15_600 * 10**6
    assert 0 < prey.seized <= 10 * 10**18
