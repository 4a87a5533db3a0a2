"""Distances, times, losses, cures and volatilities, as the API answers and the command shows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from daemon.api.context import ApiContext
from daemon.api.server import serve
from daemon.board import Board
from daemon.commands.health import format_health
from daemon.margin.dynamics import Outlooks
from daemon.margin.measures import NO_OUTLOOKS
from tests.daemon.api.conftest import Clock
from tests.daemon.margin import venues_story as s
from tests.daemon.margin.test_dynamics import outlook
from tests.daemon.margin.test_risk_book import table
from tests.support import books as b

pytestmark = pytest.mark.net


async def ask(board: Board, outlooks: Outlooks) -> dict[str, Any]:
    taken = s.snapshot(
        s.weth(10), s.usdc(15_000), books=(s.book(b.part("500", perps=[b.perp("-5")])),)
    )
    board.snapshots["alice"] = taken
    board.reports["alice"] = s.judge(taken, table())
    context = ApiContext(
        board=board,
        clock=Clock(),
        registry=CollectorRegistry(),
        risk=table(),
        outlooks=lambda: outlooks,
    )
    async with (
        serve(context, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        session.get("/v1/accounts/alice/health") as response,
    ):
        found: dict[str, Any] = await response.json()
        return found


def shown(body: dict[str, Any]) -> Iterator[str]:
    return (" ".join(line.split()) for line in format_health(body))


async def test_without_price_history_prices_of_liquidation_are_told_and_no_chances(
    board: Board,
) -> None:
    body = await ask(board, NO_OUTLOOKS)

    found = body["portfolio"]["dynamics"]
    assert found["distance"]["sigmas"] is None
    assert found["loss"]["expected_bad_debt_usd"] is None
    assert (found["standard"], found["portfolio"], found["volatilities"]) == (None, None, [])
    assert found["unknown"] == {"WETH": "no price history is configured"}
    lines = list(shown(body))
    assert "in sigmas unknown: no volatility of WETH" in lines
    assert "lacking 0.00, bad debt 0.00; expected: unknown" in lines
    assert "! WETH: no volatility: no price history is configured" in lines
    [distance] = [line for line in lines if line.startswith("distance")]
    assert distance.startswith("distance prices fall ")
    [asset] = [line for line in lines if line.startswith("WETH 2,")]
    assert asset.endswith("one way")
    [cure] = [line for line in lines if line.startswith("cure to 1.25: supply ")]
    assert " USD of WETH, or repay " in cure


async def test_with_price_history_chances_and_where_they_come_from_are_shown(
    board: Board,
) -> None:
    late = replace(outlook(0.9, "WETH"), fault="arch is not installed; install the extra: risk")
    body = await ask(board, Outlooks(known={"WETH": late}, faults={}))

    found = body["portfolio"]["dynamics"]
    assert found["unknown"] == {}
    assert float(found["distance"]["sigmas"]) > 0
    assert float(found["distance"]["days_at_one_percent"]) > 0
    assert float(found["loss"]["expected_bad_debt_usd"]) >= 0
    assert float(found["standard"]) < float(body["standard"]["maintenance"]["health_factor"])
    [volatility] = found["volatilities"]
    assert volatility["model"] == "plimsoll/volatility/1"
    assert volatility["inputs"] == bytes(32).hex()
    assert (volatility["volatility"], volatility["multiplier"]) == ("0.900000", "1.500000")
    lines = list(shown(body))
    assert any(line.startswith("in sigmas") and "reached in" in line for line in lines)
    assert any(line.startswith("dynamic standard ") for line in lines)
    row = "WETH 90.00 % x 1.5000 ewma (arch is not installed; install the extra: risk) 2027-01-14"
    assert row in lines
