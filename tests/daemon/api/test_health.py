from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Leg, Side
from chains.model.price import Ratio
from chains.model.snapshot import ChainGap, ChainSnapshot
from chains.model.units import WAD, Bps, Usd, Wad
from daemon.api.schemas import HealthReport
from daemon.api.texts import render_account
from daemon.board import Board
from daemon.margin.policy import Policy
from daemon.margin.risk import Form, FormKind, RiskTable, Tier, Underlying
from daemon.margin.unified import evaluate
from tests.daemon.api.conftest import Api
from tests.support import values
from tests.support.values import CHEAP, DEAR, NOW

pytestmark = pytest.mark.net

SOLANA = ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
WALLET = AccountId(SOLANA, "5pHk2TmnqQzRF9L6egy5FfiyBgS7G9cMZ5RFaJAvghzw")
OBLIGATION = Address("7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE")
WORMHOLE = AssetId.spl(SOLANA, Address("7vfCXTUXx5WJV5JADk17DUJ4ksgau7utNKj4b963voxs"))
STAKED = AssetId.spl(SOLANA, Address("J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"))
RISK = RiskTable(
    underlyings={
        name: Underlying(symbol=name, tier=Tier.MAJOR, haircut=Bps(0)) for name in values.DECIMALS
    },
    assets={
        **{values.asset(c, s): s for c in (CHEAP, DEAR) for s in values.DECIMALS},
        WORMHOLE: "WETH.wormhole",
        STAKED: "stWETH",
    },
    forms={
        "WETH.wormhole": Form(
            symbol="WETH.wormhole",
            underlying="WETH",
            kind=FormKind.BRIDGED,
            issuer="Wormhole",
            backing="WETH locked on Ethereum",
        ),
        "stWETH": Form(
            symbol="stWETH",
            underlying="WETH",
            kind=FormKind.STAKED,
            issuer="Jito",
            backing="staked WETH",
        ),
    },
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


def _hold(asset: AssetId, usd: float) -> Leg:
    price = replace(values.price(CHEAP, "WETH", usd), asset=asset, source="pyth", feed="ab" * 32)
    return replace(values.leg(CHEAP, "WETH", Side.COLLATERAL, 1, price), asset=asset)


HELD = (_hold(WORMHOLE, 1_990), _hold(STAKED, 2_400))
RATIO = Ratio(asset=STAKED, value=Wad(12 * WAD // 10), source="pool")


def read_solana(*, late_s: int = 0, ratios: tuple[Ratio, ...] = (RATIO,)) -> ChainSnapshot:
    """Give a Solana chain with a bridged and a staked form, its Clock `late_s` behind."""
    anchor = replace(values.anchor(CHEAP, time=NOW - late_s), chain=SOLANA)
    position = replace(
        values.position(CHEAP, HELD, native_health=None),
        protocol="save",
        market=replace(WALLET, address="4UpD2fh7xH3VP9QQaXtsS1YY3bxzWhtfpks7FatyKvdY"),
        account=WALLET,
        anchor=anchor,
        obligation=OBLIGATION,
    )
    found = values.chain_snapshot(CHEAP, [position], prices=[leg.price for leg in HELD])
    return replace(found, anchor=anchor, ratios=ratios)


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


async def test_each_leg_says_which_form_it_is_and_what_it_counts_at(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR, read_solana())
    body = await read(api)
    bridged, staked = body["positions"][2]["legs"]
    assert bridged["form"] == {
        "name": "WETH.wormhole",
        "kind": "bridged",
        "issuer": "Wormhole",
        "backing": "WETH locked on Ethereum",
        "ratio": None,
    }
    assert (staked["underlying"], staked["form"]["kind"]) == ("WETH", "staked")
    assert staked["form"]["ratio"] == "1.200000000000000000"
    # The low of WETH is Wormhole's 1 990, and times 1.2 that is less than the staked form's own
    assert (bridged["unified_price_usd"], bridged["price_usd"]) == ("1990.00000000",) * 2
    assert (staked["unified_price_usd"], staked["price_usd"]) == ("2388.00000000", "2400.00000000")
    own = body["positions"][0]["legs"][0]
    assert (own["form"]["kind"], own["unified_price_usd"]) == ("native", "1990.00000000")
    weth = next(price for price in body["prices"] if price["underlying"] == "WETH")
    assert (weth["low_usd"], weth["high_usd"]) == ("1990.00000000", "2000.00000000")
    assert weth["tier"] == "major"
    assert body["positions"][2]["obligation"] == OBLIGATION
    assert body["positions"][0]["obligation"] is None


async def test_an_undeclared_asset_has_no_form(api: Api) -> None:
    strange = _hold(AssetId.erc20(CHEAP, values.address(0xBAD)), 1)
    put(api.board, values.chain_snapshot(CHEAP, [values.position(CHEAP, [strange])]))
    (leg,) = (await read(api))["positions"][0]["legs"]
    assert leg["form"] is None
    assert leg["underlying"] == str(strange.asset)


async def test_a_ratio_that_is_not_known_is_null_and_leaves_the_answer_incomplete(api: Api) -> None:
    put(api.board, READ_CHEAP, read_solana(ratios=()))
    body = await read(api)
    assert body["positions"][1]["legs"][1]["form"]["ratio"] is None
    assert body["incomplete"] == [f"{STAKED}: its ratio to WETH is not known"]


async def test_the_skew_between_worlds_is_shown_with_its_bound(api: Api) -> None:
    put(api.board, READ_CHEAP, READ_DEAR, read_solana(late_s=30))
    body = await read(api)
    assert (body["skew_s"], body["max_skew_s"], body["complete"]) == (30, 30, True)
    put(api.board, READ_CHEAP, READ_DEAR, read_solana(late_s=31))
    body = await read(api)
    assert (body["skew_s"], body["unified"]) == (31, None)
    assert body["incomplete"] == ["the chains' blocks are 31 s apart, 30 s allowed"]


async def test_what_owes_nothing_and_was_not_valued_is_named_and_spoils_nothing(api: Api) -> None:
    left = (values.account(CHEAP), "no price")
    put(api.board, replace(READ_CHEAP, unvalued=(left,)), READ_DEAR, read_solana())
    body = await read(api)
    assert (body["complete"], body["incomplete"]) == (True, [])
    assert body["unvalued"] == [f"{values.account(CHEAP)}: no price"]
