"""Divergence latches over restarts: shut inside one look, open only after both agree for long."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from chains.model.price import Price
from chains.model.snapshot import ChainSnapshot
from daemon.keeper.latches import Latches
from daemon.margin.risk import Underlying
from daemon.storage.database import open_database
from daemon.storage.errors import StorageError
from daemon.storage.store import LatchRecord, Store
from tests.support import values as v

WETH, USDC = v.asset(v.CHEAP, "WETH"), v.asset(v.CHEAP, "USDC")
RISK = v.risk_table(WETH=Underlying(symbol="WETH", divergence_hold_s=10))


def chain(market: float, *, at: int = 0, without: Iterable[str] = ()) -> ChainSnapshot:
    """Give a look at WETH at 2000 by the protocol and at `market` beside it."""
    references: list[Price] = [v.price(v.CHEAP, "WETH", market), v.price(v.CHEAP, "USDC")]
    kept = [p for p in references if p.asset not in {v.asset(v.CHEAP, s) for s in without}]
    found = v.chain_snapshot(v.CHEAP, [], time=v.NOW + at)
    return replace(found, references=tuple(kept))


class FailingStore(Store):
    """A store whose disk is full at times."""

    fails = False

    async def write_latch(self, latch: LatchRecord) -> None:
        if self.fails:
            raise StorageError("the disk is full")
        await super().write_latch(latch)


async def test_what_was_never_compared_is_shut(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        latches = await Latches(RISK, Store(database)).load()
        assert latches.is_shut(WETH)
        await latches.look(chain(2_000, without=["USDC"]))
        assert not latches.is_shut(WETH)
        assert latches.is_shut(USDC)


async def test_a_divergence_shuts_at_once_and_only_its_own_asset(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        latches = await Latches(RISK, Store(database)).load()
        await latches.look(chain(2_000))
        await latches.look(chain(1_900, at=1))
        assert (latches.is_shut(WETH), latches.is_shut(USDC)) == (True, False)


async def test_a_shut_latch_stays_shut_over_a_restart_and_the_hold_begins_anew(
    tmp_path: Path,
) -> None:
    async with open_database(tmp_path, live=True) as database:
        latches = await Latches(RISK, Store(database)).load()
        await latches.look(chain(1_900))
        await latches.look(chain(2_000, at=5))
    async with open_database(tmp_path, live=True) as database:
        store = Store(database)
        latches = await Latches(RISK, store).load()
        states = []
        for at in (14, 15, 23, 24):
            await latches.look(chain(2_000, at=at))
            states.append(latches.is_shut(WETH))
        assert states == [True, True, True, False]
        assert await store.read_latches() == ()


async def test_a_latch_that_could_not_be_recorded_is_recorded_at_the_next_look(
    tmp_path: Path,
) -> None:
    async with open_database(tmp_path, live=True) as database:
        store = FailingStore(database)
        latches = await Latches(RISK, store).load()
        store.fails = True
        with pytest.raises(StorageError):
            await latches.look(chain(1_900))
        assert latches.is_shut(WETH)
        store.fails = False
        await latches.look(chain(1_900, at=1))
        assert await store.read_latches() == (LatchRecord(asset=WETH, latched_at=v.NOW),)
