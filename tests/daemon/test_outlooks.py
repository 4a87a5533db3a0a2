"""Volatilities of a daemon: fitted once, recorded, let down slowly, lost with their file."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from chains.model.units import Wad
from config.load import load
from daemon.board import Board
from daemon.margin.outlook import put_in_force
from daemon.margin.risk import Tier
from daemon.margin.volatility import (
    Garch,
    VolatilityTerms,
    Way,
    calculate_returns,
    digest_closes,
    forecast,
)
from daemon.outlooks import ClosesFile, OutlookDesk, build_outlooks
from daemon.risk.closes import read_closes
from daemon.risk.shapes import generate_closes, write_closes
from daemon.storage.database import open_database
from daemon.storage.outlooks import OutlookStore
from tests.config import samples
from tests.daemon.margin import venues_story
from tests.support import books as b

GARCH = Garch(omega=2e-5, alpha=0.04, gamma=0.12, beta=0.86, nu=6.0)
TODAY = date(2024, 8, 6)
DAY_S = 86_400


class Desk:
    """A desk over one file, its clock, and how often it asked for a fit."""

    def __init__(self, folder: Path, store: OutlookStore) -> None:
        self.path = folder / "closes.csv"
        self.now = datetime(2024, 8, 6, 12, tzinfo=UTC).timestamp()
        self.fits = 0
        self.fitted: Garch | str = GARCH
        self.store = store
        self.board = Board(labels={}, members={}, accounts=(), stale_after_s={})
        self.desk = self.open()

    def open(self) -> OutlookDesk:
        return OutlookDesk(
            files={"ETH": ClosesFile(path=self.path, tier=Tier.MAJOR)},
            board=self.board,
            store=self.store,
            clock=lambda: self.now,
            fit=self.fit,
        )

    def fit(self, windows: Sequence[Sequence[float]]) -> Sequence[Garch | str]:
        self.fits += 1
        return [self.fitted] * len(windows)

    def publish(self, days: int = 400, last: date = TODAY, size: float = 0.03) -> None:
        moves = np.random.default_rng(3).normal(0, size, days)
        closes = (3_000 * np.exp(np.cumsum(moves))).tolist()
        rows = [
            f"{last - timedelta(days=days - 1 - n)},{close!r}" for n, close in enumerate(closes)
        ]
        self.path.write_text("\n".join(["date,close", *rows]) + "\n")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_database(tmp_path, live=False) as database:
        yield Desk(tmp_path, OutlookStore(database))


async def test_what_is_in_force_can_be_calculated_again_from_its_record(desk: Desk) -> None:
    desk.publish()
    await desk.desk.refresh()
    desk.publish(size=0.001)
    desk.now += 2 * DAY_S
    await desk.desk.refresh()

    recorded = await desk.store.read_last("ETH")
    assert recorded == desk.desk.now().known["ETH"]
    assert recorded is not None
    closes = read_closes(desk.path)
    kept = [n for n, day in enumerate(closes.days) if recorded.first <= day <= recorded.last]
    prices = [closes.prices["close"][n] for n in kept]
    assert digest_closes([closes.days[n] for n in kept], prices) == recorded.inputs
    again = forecast(calculate_returns(prices), VolatilityTerms(floor=0.3), garch=recorded.garch)
    assert again == recorded.forecast
    assert put_in_force(recorded.previous, again.volatility, recorded.in_force.at) == (
        recorded.in_force
    )


async def test_the_same_closes_are_fitted_once_even_across_a_restart(desk: Desk) -> None:
    desk.publish()
    await desk.desk.refresh()
    began = desk.now
    desk.now += 3_600
    again = desk.open()
    await again.refresh()

    assert desk.fits == 1
    assert again.now().known["ETH"].fitted_at == began
    desk.publish(days=401)
    await again.refresh()
    assert desk.fits == 2


async def test_volatility_is_let_down_slowly_across_a_restart(desk: Desk) -> None:
    desk.publish(size=0.08)
    await desk.desk.refresh()
    high = desk.desk.now().known["ETH"].volatility
    desk.publish(size=0.01)
    for hours in (1, 23, 25):
        desk.now += hours * 3_600
        again = desk.open()
        await again.refresh()

    found = again.now().known["ETH"]
    assert found.forecast.volatility < 0.8 * high
    assert found.volatility == pytest.approx(0.9 * high)


async def test_a_fit_that_failed_leaves_the_other_ways_and_is_tried_again(desk: Desk) -> None:
    desk.publish()
    desk.fitted = "no parameters within 120 s"
    await desk.desk.refresh()

    found = desk.desk.now().known["ETH"]
    assert found.fault == "no parameters within 120 s"
    assert Way.GARCH not in found.forecast.parts
    assert found.volatility > 0.3
    desk.fitted = GARCH
    await desk.desk.refresh()
    assert desk.desk.now().known["ETH"].garch == GARCH


async def test_options_in_books_raise_what_is_foreseen(desk: Desk) -> None:
    desk.publish()
    held = b.option(mark_vol="1.9")
    book = venues_story.book(b.part(options=[held]))
    [position] = book.positions
    [option] = position.options
    options = (replace(option, underlying="ETH"), replace(option, mark_vol=Wad(9 * 10**18)))
    positions = (replace(position, options=options),)
    desk.board.books[b.ACCOUNT] = replace(book, positions=positions)
    await desk.desk.refresh()

    found = desk.desk.now().known["ETH"]
    assert found.forecast.binding is Way.IMPLIED
    assert found.volatility == 1.9


async def test_closes_that_may_not_be_used_leave_no_volatility(desk: Desk) -> None:
    desk.publish()
    await desk.desk.refresh()

    async def lose() -> str:
        await desk.desk.refresh()
        assert desk.desk.now().known == {}
        return desk.desk.now().faults["ETH"]

    desk.publish(last=TODAY - timedelta(days=4))
    assert "its last close is of 2024-08-02, today is 2024-08-06" in await lose()
    desk.publish(last=TODAY + timedelta(days=1))
    assert "its last close is of 2024-08-07" in await lose()
    desk.path.write_text(f"date,BTC,SOL\n{TODAY},1,2\n")
    assert "neither a column ETH nor a single one" in await lose()
    desk.path.write_text(write_closes(generate_closes(["2024-08-05"], 1)))
    assert "its closes are generated" in await lose()
    desk.path.write_text(f"date,close\n{TODAY},nan\n")
    assert "row 2: close: 'nan' is no positive number" in await lose()
    desk.path.write_text(f"date,close\n{TODAY},1\n")
    assert "returns: there are none" in await lose()
    desk.path.unlink()
    assert "No such file" in await lose()

    desk.publish()
    await desk.desk.refresh()
    assert desk.desk.now().faults == {}
    assert "ETH" in desk.desk.now().known


async def test_a_configured_file_is_fitted_by_a_worker(desk: Desk, tmp_path: Path) -> None:
    desk.publish(days=300)
    configured = f'{samples.GOOD}\n[underlyings.WETH]\ncloses = "{desk.path}"\n'
    settings = load([samples.write(tmp_path, configured)])
    plain = load([samples.write(tmp_path, samples.GOOD, "plain.toml")])

    built = build_outlooks(settings, desk.board, desk.store, lambda: desk.now)
    assert built is not None
    await built.refresh()

    found = built.now().known["WETH"]
    assert (found.garch is None) == (found.fault is not None)
    assert found.fault is None or "no parameters within" in found.fault
    assert build_outlooks(plain, desk.board, desk.store, lambda: desk.now) is None


async def test_the_desk_keeps_looking(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.outlooks.PERIOD_S", 0.01)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(desk.desk.run())
        while not desk.desk.now().faults:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        desk.publish()
        while "ETH" not in desk.desk.now().known:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        running.cancel()
