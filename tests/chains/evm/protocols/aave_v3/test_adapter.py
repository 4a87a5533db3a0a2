"""The adapter on two real markets: what it reads, builds and refuses."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import pytest

from chains.errors import DecodeError, Stale
from chains.evm.client import EvmClient
from chains.evm.multicall import ViewCall, read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market, MarketRead
from chains.evm.protocols.aave_v3.liquidation import Liquidation
from chains.evm.protocols.aave_v3.pair import Blocked, BlockReason
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address, AssetId, ChainId
from chains.model.position import Position, Side
from chains.model.price import PriceStatus
from chains.model.units import USD, WAD
from daemon.devnet.aave_v30 import load_core
from daemon.devnet.deploy import Reverted
from daemon.devnet.deployment import ZERO
from daemon.devnet.vyper_build import CONTRACTS, compile_vyper
from tests.chains.evm.protocols.aave_v3.seeding import (
    LIQUIDATOR,
    account_of,
    client_of,
    feed_terms,
    open_market,
)
from tests.support.devnet import DevChain, Devnet

pytestmark = pytest.mark.net

USER = Address("0x" + "a1" * 20)
NOBODY = Address("0x" + "0b" * 20)
STUB = Address("0x" + "5a" * 20)
ANSWERS_TWO = "0x60025f5260205ff3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An open market with one borrower: 10 WETH supplied, 14,000 USDC owed."""

    chain: DevChain
    client: EvmClient
    market: AaveV3Market

    async def anchor(self) -> BlockAnchor:
        return (await self.client.read_head("latest")).anchor

    async def read(self, *addresses: Address) -> MarketRead:
        anchor = await self.anchor()
        accounts = [account_of(self.chain, address) for address in addresses or (USER,)]
        return await read(self.client, anchor, self.market.plan_read(accounts, anchor=anchor))

    async def position(self, address: Address = USER) -> Position:
        (position,) = (await self.read(address)).positions
        return position

    def token(self, symbol: str) -> Address:
        return self.chain.deployment.tokens[symbol].address

    async def predict(self) -> Liquidation | Blocked:
        found = await self.read()
        state = replace(found.state, now=found.state.now + 5)
        user = found.users[account_of(self.chain, USER)]
        return self.market.predict_liquidation(
            state, user, collateral=self.token("WETH"), debt=self.token("USDC")
        )

    def liquidate(self) -> None:
        self.chain.mint("USDC", LIQUIDATOR, 10**11)
        self.chain.approve("USDC", self.chain.deployment.aave.pool, LIQUIDATOR)
        call = self.market.build_liquidation(
            self.token("WETH"), self.token("USDC"), USER, 2**256 - 1
        )
        self.chain.send_call(call, sender=LIQUIDATOR)


@pytest.fixture(params=["cheap", "dear"])
async def desk(request: pytest.FixtureRequest, devnet: Devnet) -> AsyncIterator[Desk]:
    chain: DevChain = getattr(devnet, request.param)
    chain.supply("WETH", USER, 10 * WAD)
    chain.borrow("USDC", USER, 14_000 * 10**6)
    async with client_of(chain) as client:
        yield Desk(chain=chain, client=client, market=await open_market(chain, client))


@dataclass(slots=True)
class Counter:
    """A client that counts what it is asked."""

    client: EvmClient
    asked: int = 0

    @property
    def chain(self) -> ChainId:
        return self.client.chain

    @property
    def multicall(self) -> Address:
        return self.client.multicall

    async def call(self, call: ViewCall, anchor: BlockAnchor) -> bytes:
        self.asked += 1
        return await self.client.call(call, anchor)


async def test_a_market_and_its_accounts_are_one_call(desk: Desk) -> None:
    anchor, counter = await desk.anchor(), Counter(desk.client)
    accounts = [account_of(desk.chain, address) for address in (USER, NOBODY)]
    plan = desk.market.plan_read(accounts, anchor=anchor)
    found = await read(counter, anchor, plan)
    assert counter.asked == 1
    assert len(found.positions) == 2
    assert len(plan.calls) <= 4 + 3 * 5 + 3 + 2 * 9


async def test_a_position_names_its_market_version_and_legs(desk: Desk) -> None:
    position = await desk.position()
    assert position.protocol == "aave_v3"
    assert position.version == desk.chain.deployment.aave.version
    assert position.market == account_of(desk.chain, desk.chain.deployment.aave.pool)
    assert [(leg.symbol, leg.side, leg.units // 10**leg.decimals) for leg in position.legs] == [
        ("WETH", Side.COLLATERAL, 10),
        ("USDC", Side.DEBT, 14_000),
    ]
    held, owed = position.legs
    assert (held.ltv, held.liquidation_threshold) == (8_000, 8_250)
    assert (owed.ltv, owed.liquidation_threshold) == (0, 0)
    assert held.asset == AssetId.erc20(position.account.chain, desk.token("WETH"))
    assert held.price.usd == 2_000 * USD
    assert held.price.feed == desk.chain.deployment.tokens["WETH"].feed
    assert {leg.symbol for leg in position.suppliable} == {"WETH", "USDC", "WBTC"}


async def test_an_account_with_nothing_is_a_position_without_legs(desk: Desk) -> None:
    position = await desk.position(NOBODY)
    assert (position.legs, position.native_health, position.native_debt) == ((), None, 0)
    assert [leg.units for leg in position.suppliable] == [0, 0, 0]


async def test_every_reserve_has_the_oracles_price(desk: Desk) -> None:
    prices = {price.asset.token: price for price in (await desk.read()).prices}
    assert {token: price.usd for token, price in prices.items()} == {
        desk.token("WETH"): 2_000 * USD,
        desk.token("USDC"): USD,
        desk.token("WBTC"): 60_000 * USD,
    }
    assert all(price.valid for price in prices.values())


async def test_borrowers_are_found_from_their_events(desk: Desk) -> None:
    logs = await desk.client.read_logs(
        addresses=[desk.market.market.evm_address],
        topics=[desk.market.borrow_topic],
        from_height=0,
        to_height=(await desk.anchor()).height,
    )
    assert {desk.market.decode_borrower(log) for log in logs} == {account_of(desk.chain, USER)}
    with pytest.raises(ValueError, match="not a Borrow event"):
        desk.market.decode_borrower(replace(logs[0], topics=logs[0].topics[1:]))


async def test_a_fleet_is_screened_by_what_the_pool_reports(desk: Desk) -> None:
    accounts = [account_of(desk.chain, address) for address in (USER, NOBODY)]
    anchor = await desk.anchor()
    found = await read(desk.client, anchor, desk.market.plan_health(accounts))
    user, nobody = (found[account] for account in accounts)
    assert user is not None
    assert user.health == (await desk.position()).native_health
    assert nobody is not None
    assert nobody.health == 2**256 - 1


async def test_figures_that_are_not_the_pools_own_are_refused(desk: Desk) -> None:
    anchor = await desk.anchor()
    shifted = replace(anchor, time=anchor.time + 86_400)
    user, nobody = (account_of(desk.chain, address) for address in (USER, NOBODY))
    plan = desk.market.plan_read([user, nobody], anchor=shifted)
    found = await read(desk.client, anchor, plan)
    assert [position.account for position in found.positions] == [nobody]
    assert "the pool reports" in found.unreadable[user]


async def test_an_unknown_revision_is_refused(desk: Desk) -> None:
    desk.chain.rpc.request("anvil_setCode", STUB, ANSWERS_TWO)
    with pytest.raises(DecodeError, match="revision 2 is unknown"):
        await AaveV3Market.open(desk.client, await desk.anchor(), pool=STUB, feeds={})


async def test_a_revision_that_changes_under_way_is_stale(desk: Desk) -> None:
    market = AaveV3Market(desk.market.market, replace(desk.market.layout, revision=9), {})
    anchor = await desk.anchor()
    with pytest.raises(Stale, match="the revision of"):
        await read(desk.client, anchor, market.plan_read([], anchor=anchor))


def deploy_oracle(desk: Desk, unit: int) -> Address:
    tokens = desk.chain.deployment.tokens.values()
    provider = desk.chain.deployment.aave.provider
    made = desk.chain.deploy(
        load_core("misc/AaveOracle"),
        *(provider, [token.address for token in tokens], [token.feed for token in tokens]),
        *(ZERO, ZERO, unit),
    )
    desk.chain.send(provider, "setPriceOracle(address)", made)
    return made


async def test_another_price_oracle_is_stale_until_the_market_is_opened_again(desk: Desk) -> None:
    made = deploy_oracle(desk, USD)
    with pytest.raises(Stale, match="the price oracle of"):
        await desk.read()
    opened = await open_market(desk.chain, desk.client)
    assert opened.layout.oracle == made.lower()


async def test_a_market_that_does_not_count_in_dollars_is_refused(desk: Desk) -> None:
    deploy_oracle(desk, WAD)
    with pytest.raises(DecodeError, match="not in USD"):
        await open_market(desk.chain, desk.client)


async def test_a_price_that_no_longer_comes_from_its_feed_is_stale(desk: Desk) -> None:
    tokens = desk.chain.deployment.tokens
    desk.chain.send(
        desk.chain.deployment.aave.oracle,
        "setAssetSources(address[],address[])",
        [tokens["WETH"].address],
        [tokens["WBTC"].feed],
    )
    with pytest.raises(Stale, match="no longer prices"):
        await desk.read()


async def test_a_user_in_a_new_mode_is_stale_until_the_market_is_opened_again(desk: Desk) -> None:
    configurator = desk.chain.deployment.aave.configurator
    terms: Sequence[object] = (5, 9_000, 9_300, 10_100)
    if desk.market.version == "3.0":
        signature = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
        desk.chain.send(configurator, signature, *terms, ZERO, "new")
    else:
        signature = "setEModeCategory(uint8,uint16,uint16,uint16,string)"
        desk.chain.send(configurator, signature, *terms, "new")
    pool = desk.chain.deployment.aave.pool
    desk.chain.send(pool, "setUserEMode(uint8)", 5, sender=NOBODY)
    assert (await desk.position()).native_health
    with pytest.raises(Stale, match="eMode category 5"):
        await desk.read(NOBODY)
    opened = replace(desk, market=await open_market(desk.chain, desk.client))
    assert (await opened.position(NOBODY)).native_health is None


@pytest.mark.parametrize(
    ("setter", "arguments", "status"),
    [
        ("set_at(int256,uint256)", (2_000 * USD, 1), PriceStatus.STALE),
        ("set_at(int256,uint256)", (2_000 * USD, 0), PriceStatus.INCOMPLETE_ROUND),
        ("set_at(int256,uint256)", (2_000 * USD, 2**40), PriceStatus.FUTURE),
        ("set(int256)", (10**8 * USD,), PriceStatus.OUT_OF_BOUNDS),
    ],
)
async def test_a_feed_that_may_not_be_believed_marks_the_legs_price(
    desk: Desk, setter: str, arguments: tuple[int, ...], status: PriceStatus
) -> None:
    desk.chain.send(desk.chain.deployment.tokens["WETH"].feed, setter, *arguments)
    held, owed = (await desk.position()).legs
    assert (held.price.status, held.price.usd) == (status, arguments[0])
    assert owed.price.valid


async def test_a_dead_feed_stops_its_holders_only(desk: Desk) -> None:
    desk.chain.send(desk.chain.deployment.tokens["WBTC"].feed, "set(int256)", 0)
    found = await desk.read()
    assert found.positions[0].native_health
    dead = next(price for price in found.prices if price.asset.token == desk.token("WBTC"))
    assert dead.status is PriceStatus.UNREADABLE
    desk.chain.send(desk.chain.deployment.tokens["WETH"].feed, "set(int256)", 0)
    account = account_of(desk.chain, USER)
    stopped = await desk.read(USER, NOBODY)
    assert [position.account for position in stopped.positions] == [account_of(desk.chain, NOBODY)]
    assert list(stopped.unreadable) == [account]
    anchor = await desk.anchor()
    screened = await read(desk.client, anchor, desk.market.plan_health([account]))
    assert screened == {account: None}


async def test_without_a_configured_feed_nobody_vouches_for_a_price(desk: Desk) -> None:
    feeds = feed_terms(desk.chain)
    del feeds[desk.token("WETH")]
    market = AaveV3Market(desk.market.market, desk.market.layout, feeds)
    held, owed = (await replace(desk, market=market).position()).legs
    assert (held.price.usd, held.price.status) == (2_000 * USD, PriceStatus.UNREADABLE)
    assert owed.price.valid


def make_unhealthy(desk: Desk) -> None:
    desk.chain.set_price("WETH", 1_650, protocol_only=True)


async def test_a_healthy_account_cannot_be_liquidated(desk: Desk) -> None:
    assert await desk.predict() == Blocked(reason=BlockReason.HEALTHY)
    with pytest.raises(Reverted):
        desk.liquidate()


async def test_a_paused_reserve_blocks_liquidations(desk: Desk) -> None:
    make_unhealthy(desk)
    configurator = desk.chain.deployment.aave.configurator
    weth = desk.token("WETH")
    desk.chain.send(configurator, "setReservePause(address,bool)", *(weth, True))
    outcome = await desk.predict()
    assert str(outcome) == "liquidation blocked: a reserve is paused"
    with pytest.raises(Reverted):
        desk.liquidate()


async def test_a_frozen_reserve_blocks_nothing_but_supplying(desk: Desk) -> None:
    make_unhealthy(desk)
    configurator = desk.chain.deployment.aave.configurator
    desk.chain.send(configurator, "setReserveFreeze(address,bool)", *(desk.token("WETH"), True))
    assert "WETH" not in {leg.symbol for leg in (await desk.position()).suppliable}
    assert isinstance(await desk.predict(), Liquidation)
    desk.liquidate()


async def test_a_grace_period_blocks_liquidations_on_36(desk: Desk) -> None:
    if desk.market.version == "3.0":
        assert (await desk.read()).state.reserves[0].grace_until == 0
        return
    make_unhealthy(desk)
    configurator = desk.chain.deployment.aave.configurator
    weth = desk.token("WETH")
    pause = "setReservePause(address,bool,uint40)"
    desk.chain.send(configurator, pause, *(weth, True, 0))
    desk.chain.send(configurator, pause, *(weth, False, 600))
    assert await desk.predict() == Blocked(reason=BlockReason.GRACE_PERIOD)
    with pytest.raises(Reverted):
        desk.liquidate()
    desk.chain.advance(700)
    assert isinstance(await desk.predict(), Liquidation)
    desk.liquidate()


async def test_a_sentinel_blocks_liquidations_unless_health_is_far_gone(desk: Desk) -> None:
    provider = desk.chain.deployment.aave.provider
    uptime = desk.chain.deploy(compile_vyper(CONTRACTS / "feed.vy"), 0, 1, "sequencer")
    sentinel = desk.chain.deploy(
        load_core("protocol/configuration/PriceOracleSentinel"), provider, uptime, 3_600
    )
    desk.chain.send(provider, "setPriceOracleSentinel(address)", sentinel)
    with pytest.raises(Stale, match="sentinel"):
        await desk.read()
    guarded = replace(desk, market=await open_market(desk.chain, desk.client))
    make_unhealthy(guarded)
    assert await guarded.predict() == Blocked(reason=BlockReason.SENTINEL)
    with pytest.raises(Reverted):
        guarded.liquidate()
    guarded.chain.set_price("WETH", 1_500, protocol_only=True)
    assert isinstance(await guarded.predict(), Liquidation)
    guarded.liquidate()


async def test_stable_borrowing_turned_on_is_stale_on_30(desk: Desk) -> None:
    if desk.market.version != "3.0":
        assert not any(part.stable for part in desk.market.layout.reserves)
        return
    configurator = desk.chain.deployment.aave.configurator
    arguments = (desk.token("USDC"), True)
    desk.chain.send(configurator, "setReserveStableRateBorrowing(address,bool)", *arguments)
    with pytest.raises(Stale, match="set up anew"):
        await desk.read()
