"""A hunter on a real market: whom it reads, and that its troubles stay its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chains.evm.multicall import ReadPlan
from chains.evm.protocols.aave_v3.adapter import AaveV3Market, MarketRead
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.units import USD, Usd
from daemon.keeper import screening
from daemon.keeper.dispatch import Dispatcher, DispatchTerms
from daemon.keeper.hunt import Hunter, HuntTerms
from daemon.keeper.journal import Journal
from daemon.keeper.latches import Latches
from daemon.keeper.limits import Limits
from daemon.keeper.quote import GasQuoter
from daemon.keeper.selling import Seller
from daemon.storage.database import open_database
from daemon.storage.errors import StorageError
from daemon.storage.store import Store
from tests.daemon.keeper.fakes import FakeChain, FakeLane
from tests.daemon.keeper.field import LOW, MEMBER, Field
from tests.support import values as v

pytestmark = pytest.mark.net

LIMITS = Limits(per_transaction=Usd(USD), per_hour=Usd(USD), per_day=Usd(USD))


class FailingStore(Store):
    """A store whose disk is full at times."""

    fails = False

    async def write_borrowers(
        self, market: AccountId, borrowers: Mapping[AccountId, int], *, scanned: int
    ) -> None:
        if self.fails:
            raise StorageError("the disk is full")
        await super().write_borrowers(market, borrowers, scanned=scanned)


class WatchedMarket(AaveV3Market):
    """A market that notes who is read in full."""

    read_in_full: list[list[AccountId]]

    def plan_read(
        self, accounts: Sequence[AccountId], *, anchor: BlockAnchor
    ) -> ReadPlan[MarketRead]:
        self.read_in_full.append(list(accounts))
        return super().plan_read(accounts, anchor=anchor)


@dataclass(slots=True)
class Ground:
    """A hunter that may look and price, but has no lane to send on."""

    market: Field
    watched: WatchedMarket
    store: FailingStore
    dispatcher: Dispatcher
    hunter: Hunter

    async def hunt(self) -> None:
        """Hunt at the newest block."""
        found = v.chain_snapshot(self.market.chain.chain_id, [], prices=await self.market.prices())
        await self.hunter.hunt(replace(found, anchor=await self.market.anchor()))


@pytest.fixture
async def ground(market: Field, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_database(tmp_path / "hunter", live=True) as database:
        store = FailingStore(database)
        dispatcher = Dispatcher(
            lanes={},
            journal=Journal(database),
            store=store,
            terms=DispatchTerms(live=True, limits=LIMITS),
            cooldown_s=lambda _: 0,
        )
        watched = WatchedMarket(market.market.market, market.market.layout, {})
        watched.read_in_full = []
        hunter = _build_hunter(market, watched, store, dispatcher)
        yield Ground(market, watched, store, dispatcher, hunter)


def _build_hunter(
    market: Field,
    opened: AaveV3Market,
    store: Store,
    dispatcher: Dispatcher,
    watched: Sequence[AccountId] = (),
) -> Hunter:
    async def markets(_: BlockAnchor) -> Sequence[object]:
        return [opened]

    return Hunter(
        market.client,
        markets,
        dispatcher=dispatcher,
        latches=Latches(v.risk_table(), store),
        store=store,
        quoting=GasQuoter(lane=FakeLane(FakeChain()), block_time_s=1),
        terms=HuntTerms(
            seller=Seller(
                liquidator=v.address(0x11D),
                quoter=market.chain.deployment.uniswap.quoter,
                swap_fee=market.chain.deployment.uniswap.fee,
            ),
            min_profit=Usd(USD),
            start_blocks={market.market.layout.pool: market.start},
            watched=watched,
        ),
    )


async def test_a_disk_that_is_full_ends_one_hunt_and_stops_no_rescue(ground: Ground) -> None:
    ground.store.fails = True
    with capture_logs() as logs:
        await ground.hunt()
    assert [line["reason"] for line in logs] == ["the disk is full"]
    assert ground.dispatcher.halted is None
    ground.store.fails = False
    await ground.hunt()
    assert len(await ground.store.read_borrowers(ground.market.market.market)) == 3


async def test_few_are_read_in_full_at_a_head_the_largest_debt_first_and_the_others_next(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "MOST_READ", 1)
    ground.market.chain.borrow("USDC", LOW, 10 * 10**6)
    ground.market.chain.set_price("WETH", 1_800)
    for _ in range(3):
        await ground.hunt()
    assert ground.watched.read_in_full == [
        [ground.market.account(LOW)],
        [ground.market.account(MEMBER)],
    ]


async def test_who_is_watched_is_hunted_also_where_no_logs_can_be_read(ground: Ground) -> None:
    low = ground.market.account(LOW)
    ground.market.client.twist = lambda log: replace(log, topics=())
    ground.market.chain.set_price("WETH", 1_800)
    ground.hunter = _build_hunter(
        ground.market, ground.watched, ground.store, ground.dispatcher, watched=[low]
    )
    with capture_logs() as logs:
        await ground.hunt()
    assert [line["event"] for line in logs] == ["hunt.failed"]
    assert ground.watched.read_in_full == [[low]]
