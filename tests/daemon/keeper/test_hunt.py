"""A hunter on a real market: whom it reads, and that its troubles stay its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.units import USD, Usd
from daemon.keeper.dispatch import Dispatcher, DispatchTerms
from daemon.keeper.hunt import Hunter, HuntTerms
from daemon.keeper.journal import Journal
from daemon.keeper.latches import Latches
from daemon.keeper.limits import Limits
from daemon.storage.database import open_database
from daemon.storage.errors import StorageError
from daemon.storage.store import Store
from tests.daemon.keeper.field import Field
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


@dataclass(slots=True)
class Ground:
    """A hunter that may look and price, but has no lane to send on."""

    market: Field
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
        yield Ground(market, store, dispatcher, _build_hunter(market, store, dispatcher))


def _build_hunter(market: Field, store: Store, dispatcher: Dispatcher) -> Hunter:
    async def markets(_: BlockAnchor) -> Sequence[object]:
        return [market.market]

    return Hunter(
        market.client,
        markets,
        dispatcher=dispatcher,
        latches=Latches(v.risk_table(), store),
        store=store,
        terms=HuntTerms(
            liquidator=v.address(0x11D),
            quoter=market.chain.deployment.uniswap.quoter,
            swap_fee=market.chain.deployment.uniswap.fee,
            min_profit=Usd(USD),
            start_blocks={market.market.layout.pool: market.start},
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
