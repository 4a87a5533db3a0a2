"""A chain read whole: one call per head, at the head's hash, whatever is asked of it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from chains.errors import DecodeError, MissingBlock
from chains.evm.client import EvmClient
from chains.evm.multicall import ViewCall
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.evm.ratios import RatioTerms
from chains.evm.reader import EvmReader, MarketTerms, TokenTerms
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Side
from chains.model.price import PriceStatus
from chains.model.units import USD, WAD, Usd
from chains.oracles.chainlink import FeedTerms
from tests.support.devnet import DevChain, Devnet
from tests.support.rescue import compile_helper

pytestmark = pytest.mark.net


class CountingClient:
    """Our own port around a real client: it counts the calls and remembers their blocks."""

    def __init__(self, client: EvmClient) -> None:
        self.client = client
        self.anchors: list[BlockAnchor] = []

    @property
    def chain(self) -> ChainId:
        return self.client.chain

    @property
    def multicall(self) -> Address:
        return self.client.multicall

    async def call(self, call: ViewCall, anchor: BlockAnchor) -> bytes:
        self.anchors.append(anchor)
        return await self.client.call(call, anchor)


@pytest.fixture(params=["cheap", "dear"])
def chain(request: pytest.FixtureRequest, devnet: Devnet) -> DevChain:
    return devnet.cheap if request.param == "cheap" else devnet.dear


@pytest.fixture
async def client(chain: DevChain) -> AsyncIterator[CountingClient]:
    async with EvmClient(chain=chain.chain_id, endpoints=[chain.url]) as client:
        yield CountingClient(client)


def terms(feed: Address, maximum: int = 10**9) -> FeedTerms:
    return FeedTerms(feed=feed, heartbeat_s=3_600, minimum=Usd(1), maximum=Usd(maximum * USD))


def tokens(chain: DevChain) -> dict[str, TokenTerms]:
    return {
        symbol: TokenTerms(
            asset=AssetId.erc20(chain.chain_id, token.address),
            symbol=symbol,
            decimals=token.decimals,
            feed=terms(token.feed, 10 if symbol == "USDC" else 10**9),
            reference=terms(token.reference_feed),
        )
        for symbol, token in chain.deployment.tokens.items()
    }


def reader(
    chain: DevChain,
    client: CountingClient,
    *,
    native: TokenTerms | None = None,
    rescue: Address | None = None,
) -> EvmReader:
    known = tokens(chain)
    return EvmReader(
        client,
        markets=[MarketTerms(pool=chain.deployment.aave.pool, protocol=AaveV3Market)],
        tokens=tuple(known.values()),
        native=native or known["WETH"],
        priority_fee_wei=7,
        rescue=rescue,
    )


def members(chain: DevChain, count: int = 1) -> Sequence[AccountId]:
    return [AccountId(chain.chain_id, account.address) for account in chain.accounts[:count]]


async def test_once_open_a_chain_is_read_in_one_call_at_the_heads_hash(
    chain: DevChain, client: CountingClient
) -> None:
    reading = reader(chain, client)
    await reading.read(await client.client.read_head("latest"), members(chain))
    chain.mine()
    client.anchors.clear()
    head = await client.client.read_head("latest")
    snapshot = await reading.read(head, members(chain, 3))
    assert client.anchors == [head.anchor]
    assert snapshot.anchor == head.anchor
    assert [p.account for p in snapshot.positions] == members(chain, 3)


async def test_a_snapshot_tells_positions_both_prices_and_fees(
    chain: DevChain, client: CountingClient
) -> None:
    user = chain.accounts[0].address
    chain.supply("WETH", user, 10**18)
    chain.borrow("USDC", user, 500 * 10**6)
    chain.set_price("WETH", 1_900, protocol_only=True)
    head = await client.client.read_head("latest")
    snapshot = await reader(chain, client).read(head, members(chain))
    [position] = snapshot.positions
    assert {(leg.symbol, leg.side) for leg in position.legs} == {
        ("WETH", Side.COLLATERAL),
        ("USDC", Side.DEBT),
    }
    weth = tokens(chain)["WETH"].asset
    assert next(p.usd for p in snapshot.prices if p.asset == weth) == 1_900 * USD
    assert next(p.usd for p in snapshot.references if p.asset == weth) == 2_000 * USD
    assert snapshot.fees.base_fee_wei == head.base_fee_wei
    assert snapshot.fees.priority_fee_wei == 7
    assert snapshot.fees.native_usd == 1_900 * USD


async def test_accounts_of_other_chains_are_not_asked_about(
    chain: DevChain, client: CountingClient
) -> None:
    foreign = AccountId(ChainId.evm(1), chain.accounts[0].address)
    head = await client.client.read_head("latest")
    snapshot = await reader(chain, client).read(head, [foreign, *members(chain)])
    assert [p.account for p in snapshot.positions] == members(chain)


async def test_a_market_that_governance_changed_is_opened_again(
    chain: DevChain, client: CountingClient
) -> None:
    reading = reader(chain, client)
    await reading.read(await client.client.read_head("latest"), members(chain))
    usdc = chain.deployment.tokens["USDC"]
    fresh = chain.deployment.tokens["WETH"].reference_feed
    chain.send(
        chain.deployment.aave.oracle,
        "setAssetSources(address[],address[])",
        [usdc.address],
        [fresh],
    )
    snapshot = await reading.read(await client.client.read_head("latest"), members(chain))
    moved = next(p for p in snapshot.prices if p.asset.token == usdc.address)
    assert moved.usd == 2_000 * USD
    assert moved.status is PriceStatus.OUT_OF_BOUNDS


async def test_a_block_that_is_not_there_yet_is_asked_for_once_and_opens_nothing(
    chain: DevChain, client: CountingClient
) -> None:
    reading = reader(chain, client)
    head = await client.client.read_head("latest")
    await reading.read(head, members(chain))
    client.anchors.clear()
    with pytest.raises(MissingBlock):
        await reading.read(replace(head, anchor=replace(head.anchor, hash=bytes(32))), [])
    assert len(client.anchors) == 1
    await reading.read(head, members(chain))
    assert len(client.anchors) == 2


async def test_gas_without_a_price_is_refused(chain: DevChain, client: CountingClient) -> None:
    weth = tokens(chain)["WETH"]
    elsewhere = AssetId.erc20(chain.chain_id, Address("0x" + "99" * 20))
    nowhere = replace(weth, asset=elsewhere, feed=terms(weth.asset.token))
    reading = reader(chain, client, native=nowhere)
    with pytest.raises(DecodeError, match="gives gas no price"):
        await reading.read(await client.client.read_head("latest"), members(chain))


async def test_a_dead_feed_of_the_gas_token_hides_no_chain(
    chain: DevChain, client: CountingClient
) -> None:
    reading = reader(chain, client)
    weth = chain.deployment.tokens["WETH"]
    await reading.read(await client.client.read_head("latest"), members(chain))
    chain.send(weth.feed, "set(int256)", 0)
    snapshot = await reading.read(await client.client.read_head("latest"), members(chain))
    assert snapshot.fees.native_usd == 2_000 * USD


async def test_an_owner_whose_mandates_cannot_be_read_is_told_once_and_hides_nobody(
    chain: DevChain, client: CountingClient
) -> None:
    rescue = Address("0x" + "5e" * 20)
    chain.rpc.request("anvil_setCode", rescue, "0x60006000fd")
    reading = reader(chain, client, rescue=rescue)
    with capture_logs() as logs:
        for _ in range(3):
            chain.mine()
            head = await client.client.read_head("latest")
            snapshot = await reading.read(head, members(chain))
            assert snapshot.funds == ()
            assert [p.account for p in snapshot.positions] == members(chain)
    told = [line["account"] for line in logs if line["event"] == "funds.unreadable"]
    assert told == [str(member) for member in members(chain)]


async def test_a_staked_tokens_ratio_is_read_in_the_same_call(
    chain: DevChain, client: CountingClient
) -> None:
    staked = chain.deploy(compile_helper("staked"))
    chain.send(staked, "set(uint256)", 12 * WAD // 10)
    weth = replace(tokens(chain)["WETH"], ratio=RatioTerms(contract=staked, view="rate"))
    reading = EvmReader(
        client, markets=[], tokens=[weth], native=weth, priority_fee_wei=0, rescue=None
    )
    head = await client.client.read_head("latest")
    (found,) = (await reading.read(head, members(chain))).ratios
    assert (found.asset, found.value, found.valid) == (weth.asset, 12 * WAD // 10, True)
    assert client.anchors == [head.anchor]
