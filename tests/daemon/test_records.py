"""What the API shows of the store, over HTTP, from a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from chains.model.position import Side
from chains.model.snapshot import ChainGap, ChainSnapshot
from daemon.api.context import ApiContext
from daemon.api.server import serve
from daemon.board import Board
from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.margin.unified import evaluate
from daemon.records import build_actions, build_history
from daemon.storage.database import Database, open_database
from daemon.storage.store import Store
from tests.daemon.keeper.fakes import draft
from tests.daemon.keeper.test_journal import attempt
from tests.support import values as v

pytestmark = pytest.mark.net


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path, live=True) as database:
        yield database


@pytest.fixture
async def api(database: Database) -> AsyncIterator[aiohttp.ClientSession]:
    board = Board(
        labels={v.CHEAP: "cheap"},
        members={v.account(v.CHEAP): "alice"},
        accounts=("alice",),
        stale_after_s={v.CHEAP: 10},
    )
    context = ApiContext(
        board=board,
        clock=lambda: float(v.NOW),
        registry=CollectorRegistry(),
        history=build_history(Store(database)),
        actions=build_actions(Journal(database)),
    )
    async with (
        serve(context, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def sign(database: Database, number: int) -> Intent:
    found = draft(number)
    return await Journal(database).record_signed(
        found, attempt(found, number), nonce=number, now=v.NOW
    )


async def test_actions_come_newest_first_in_pages(
    database: Database, api: aiohttp.ClientSession
) -> None:
    for number in range(3):
        await sign(database, number)
    async with api.get("/v1/actions?limit=2") as response:
        page = await response.json()
    assert [a["units"] for a in page["actions"]] == [str(2**200 + 2), str(2**200 + 1)]
    async with api.get(page["links"]["next"]) as response:
        rest = await response.json()
    assert [a["units"] for a in rest["actions"]] == [str(2**200)]
    assert rest["links"]["next"] is None


async def test_an_action_says_what_was_done_and_what_came_of_it(
    database: Database, api: aiohttp.ClientSession
) -> None:
    intent = await sign(database, 1)
    await Journal(database).record_effect(intent, '{"units":"5"}')
    async with api.get("/v1/actions") as response:
        [action] = (await response.json())["actions"]
    assert action["purpose"] == "native"
    assert action["subject"] == "alice"
    assert action["state"] == "signed"
    assert action["tx_hash"] == "0x" + intent.last.tx_hash.hex()
    assert action["expected_cost_usd"] == "0.10000000"
    assert action["effect"] == {"units": "5"}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "before=-1"])
async def test_a_bad_page_is_refused_by_its_field(api: aiohttp.ClientSession, query: str) -> None:
    async with api.get(f"/v1/actions?{query}") as response:
        assert response.status == 400
        assert query.split("=", maxsplit=1)[0] in (await response.json())["detail"]


async def test_a_daemon_without_a_key_says_that_it_signs_nothing() -> None:
    board = Board(labels={}, members={}, accounts=(), stale_after_s={})
    context = ApiContext(board=board, clock=lambda: 0.0, registry=CollectorRegistry())
    async with (
        serve(context, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        session.get("/v1/actions") as response,
    ):
        assert response.status == 404
        assert "no key" in (await response.json())["detail"]


async def test_history_shows_the_figures_and_the_interval_of_a_gap(
    database: Database, api: aiohttp.ClientSession
) -> None:
    owed = [v.leg(v.CHEAP, "WETH", Side.COLLATERAL, 10), v.leg(v.CHEAP, "USDC", Side.DEBT, 11_000)]
    chain = v.chain_snapshot(v.CHEAP, [v.position(v.CHEAP, owed)])
    gap = ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW, last=chain)
    looks: tuple[ChainSnapshot | ChainGap, ...] = (chain, gap)
    for number, found in enumerate(looks):
        snapshot = v.snapshot(found, taken_at=v.NOW + number)
        report = evaluate(snapshot, v.policy(), v.risk_table(), max_skew_s=30)
        await Store(database).write_health([report])
    async with api.get("/v1/accounts/alice/history") as response:
        lost, whole = (await response.json())["events"]
    assert whole["details"]["unified"] == "1.500000000000000000"
    assert whole["details"]["complete"] is True
    assert lost["details"]["unified"] is None
    assert lost["details"]["low"] == "0.000000000000000000"
    assert lost["details"]["high"] == "1.500000000000000000"
