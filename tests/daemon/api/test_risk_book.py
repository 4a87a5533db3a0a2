"""An account's risk book is answered as the risk commands read it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from daemon.api.context import ApiContext
from daemon.api.server import serve
from daemon.board import Board
from daemon.margin.risk_book import build_risk_book
from daemon.margin.risk_document import read_risk_book
from tests.daemon.api.conftest import Clock
from tests.daemon.commands.conftest import Run, plimsoll
from tests.daemon.margin import venues_story as s
from tests.daemon.margin.test_risk_book import table
from tests.support import books as b

pytestmark = pytest.mark.net
__all__ = ["plimsoll"]


@asynccontextmanager
async def answer(board: Board) -> AsyncIterator[str]:
    taken = s.snapshot(
        s.weth(10), s.usdc(15_000), books=(s.book(b.part("500", perps=[b.perp("-5")])),)
    )
    board.snapshots["alice"] = taken
    board.reports["alice"] = s.judge(taken, table())
    registry = CollectorRegistry()
    context = ApiContext(board=board, clock=Clock(), registry=registry, risk=table())
    async with serve(context, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


async def test_the_book_that_is_measured_is_the_one_that_is_answered(board: Board) -> None:
    async with (
        answer(board) as url,
        aiohttp.ClientSession(url) as session,
        session.get("/v1/accounts/alice/risk-book") as response,
    ):
        found = read_risk_book(await response.json())
    snapshot, report = board.snapshots["alice"], board.reports["alice"]
    assert snapshot is not None
    assert found.book == build_risk_book(report, snapshot, table())
    assert found.now == int(Clock()())


async def test_the_commands_ask_the_daemon_for_an_account(board: Board, plimsoll: Run) -> None:
    async with answer(board) as url:
        asked = ("risk", "report", "alice", "--url", url, "--json")
        found = await asyncio.to_thread(plimsoll, *asked)
        missing = await asyncio.to_thread(plimsoll, "risk", "stress", "bob", "--url", url)
    views = {view["name"]: view["factor"] for view in json.loads(found.out)["views"]}
    assert views["kappa 1.00"] > views["kappa 0.00"] > 0
    assert missing.code == 1
    assert "bob is no margin account" in missing.err


async def test_an_account_that_was_not_read_is_a_problem(board: Board) -> None:
    board.reports.pop("alice", None)
    context = ApiContext(board=board, clock=Clock(), registry=CollectorRegistry(), risk=table())
    async with (
        serve(context, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        session.get("/v1/accounts/alice/risk-book") as response,
    ):
        assert response.status == 503
