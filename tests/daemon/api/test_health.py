from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from chains.model.ids import AccountId
from chains.model.position import Side
from chains.model.snapshot import ChainGap, ChainSnapshot
from chains.model.units import WAD, Bps, Usd, Wad
from daemon.api.render import render_account
from daemon.api.schemas import HealthReport
from daemon.board import Board
from daemon.margin.policy import Policy
from daemon.margin.risk import RiskTable, Underlying
from daemon.margin.unified import evaluate
from tests.daemon.api.conftest import Api
from tests.support import values
from tests.support.values import CHEAP, DEAR, NOW

pytestmark = pytest.mark.net

RISK = RiskTable(
    underlyings={name: Underlying(symbol=name, haircut=Bps(0)) for name in values.DECIMALS},
    assets={values.asset(c, s): s for c in (CHEAP, DEAR) for s in values.DECIMALS},
)
POLICY = Policy(
    unified=None, native=None, min_size=Usd(0), max_cost=Usd(0), cooldown_s=0, deadline_s=1
)
COLLATERAL = values.position(
    CHEAP, [values.leg(CHEAP, "WETH", Side.COLLATERAL, 10)], native_health=None
)
DEBT = values.position(
    DEAR,
    [values.leg(DEAR, "WBTC", Side.COLLATERAL, 0.1), values.leg(DEAR, "USDC", Side.DEBT, 3000)],
    native_health=Wad(15 * WAD // 10),
)
READ_CHEAP = values.chain_snapshot(CHEAP, [COLLATERAL])
READ_DEAR = values.chain_snapshot(DEAR, [DEBT])


def put(board: Board, *chains: ChainSnapshot | ChainGap) -> None:
    taken = values.snapshot(*chains)
    board.reports["alice"] = evaluate(taken, POLICY, RISK, max_skew_s=30)


async def read(api: Api, name: str = "alice") -> dict[str, Any]:
    status, body = await api.get(f"/v1/accounts/{name}/health")
    assert status == 200, body
    HealthReport.model_validate(body)
    return body


async def test_health_shows_the_four_numbers_exactly(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR)
    body = await read(api)
    # C = 10·2000·0.825 + 0.1·60000·0.75 = 21000, R = 3000
    assert body["unified"] == {
        "health_factor": "7.000000000000000000",
        "no_debt": False,
        "collateral_usd": "21000.00000000",
        "requirement_usd": "3000.00000000",
        "equity_usd": "18000.00000000",
    }
    assert body["minimum_native"] == {"health_factor": "1.500000000000000000", "no_debt": False}
    assert body["interval"]["low"] == body["unified"]
    assert body["complete"] is True
    assert body["as_of"] == "2027-01-15T08:00:00Z"
    assert {chain["label"]: chain["status"] for chain in body["chains"]} == {
        "cheap": "read",
        "dear": "read",
    }


async def test_health_names_each_position_with_its_native_factor(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR)
    first, second = (await read(api))["positions"]
    assert first["native"] == {"health_factor": None, "no_debt": True}
    assert second["native"] == {"health_factor": "1.500000000000000000", "no_debt": False}
    assert first["legs"][0]["amount"] == "10.000000000000000000"
    assert first["legs"][0]["liquidation_threshold"] == "0.8250"
    assert second["legs"][1]["side"] == "debt"


async def test_the_age_of_a_block_is_counted_when_it_is_asked_for(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR)
    api.clock.now = NOW + 7.9
    assert [chain["block"]["age_s"] for chain in (await read(api))["chains"]] == [7, 7]


async def test_a_gap_gives_the_interval_and_no_unified_figure(api: Api) -> None:
    gap = ChainGap(chain=DEAR, reason="no endpoint answered", since=NOW - 60, last=READ_DEAR)
    put(api.board, READ_CHEAP, gap)
    body = await read(api)
    assert body["unified"] is None
    assert body["complete"] is False
    assert body["incomplete"]
    assert body["interval"]["low"]["requirement_usd"] == "3000.00000000"
    assert body["minimum_native"] == {"health_factor": None, "no_debt": False}
    dear = next(chain for chain in body["chains"] if chain["label"] == "dear")
    assert dear["status"] == "gap"
    assert dear["gap"] == {"reason": "no endpoint answered", "since": "2027-01-15T07:59:00Z"}
    assert dear["block"]["height"] == 100


async def test_without_debt_the_factor_is_null_and_says_why(api: Api) -> None:
    bare = values.chain_snapshot(DEAR, [values.position(DEAR, [], native_health=None)])
    put(api.board, READ_CHEAP, bare)
    body = await read(api)
    assert body["unified"]["health_factor"] is None
    assert body["unified"]["no_debt"] is True
    assert body["minimum_native"] == {"health_factor": None, "no_debt": True}


async def test_addresses_carry_their_checksum(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR)
    body = await read(api)
    assert body["members"] == [render_account(values.account(c)) for c in (CHEAP, DEAR)]
    assert body["members"][0] != str(values.account(CHEAP))


@pytest.mark.parametrize("write", [str, render_account])
async def test_any_member_names_the_account(api: Api, write: Callable[[AccountId], str]) -> None:
    put(api.board, READ_CHEAP, READ_DEAR)
    member = write(values.account(DEAR))
    assert (await read(api, quote(member, safe="")))["account"] == "alice"
    assert (await read(api, member))["account"] == "alice"


async def test_the_etag_is_the_snapshots_id(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR)
    async with api.session.get("/v1/accounts/alice/health") as response:
        tag = response.headers["ETag"]
        assert tag == f'W/"{(await response.json())["snapshot"]}"'
    again = {"If-None-Match": tag}
    async with api.session.get("/v1/accounts/alice/health", headers=again) as response:
        assert response.status == 304
        assert response.headers["ETag"] == tag
    put(api.board, READ_CHEAP, ChainGap(chain=DEAR, reason="gone", since=NOW))
    async with api.session.get("/v1/accounts/alice/health", headers=again) as response:
        assert response.status == 200


async def test_before_the_first_snapshot_the_caller_is_told_to_come_back(api: Api) -> None:
    async with api.session.get("/v1/accounts/alice/health") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert response.content_type == "application/problem+json"
        assert (await response.json())["detail"] == "alice was not read yet; try again in a second"
