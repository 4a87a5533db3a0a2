"""Prices, money and time on the running chains."""

import time
from decimal import Decimal

import pytest

from chains.model.ids import Address
from chains.model.units import USD
from daemon.devnet.deploy import Reverted
from daemon.devnet.deployment import ASSETS, EMODE, FLASH_PREMIUM, GWEI, MULTICALL3
from daemon.devnet.errors import DevnetError
from daemon.devnet.live import LiveChain
from daemon.devnet.uniswap import calculate_sqrt_price
from tests.support.devnet import Devnet

pytestmark = pytest.mark.net

USER = Address("0x" + "ab" * 20)


def read_block(chain: LiveChain) -> dict[str, str]:
    block: dict[str, str] = chain.rpc.request("eth_getBlockByNumber", *("latest", False))
    return block


def pool_stands_at_reference(chain: LiveChain) -> bool:
    prices = chain.read_prices()
    tokens = chain.deployment.tokens
    return all(
        chain.read_pool_price(pool)
        == calculate_sqrt_price(
            prices[pool.token0].reference,
            tokens[pool.token0].decimals,
            prices[pool.token1].reference,
            tokens[pool.token1].decimals,
        )
        for pool in chain.deployment.uniswap.pools
    )


def test_each_chain_has_its_own_id_version_and_addresses(devnet: Devnet) -> None:
    for chain, version, number in zip(devnet.chains, ("3.6", "3.0"), (31337, 31338), strict=True):
        assert int(chain.rpc.request("eth_chainId"), 16) == number
        assert chain.deployment.aave.version == version
        assert len(chain.rpc.request("eth_getCode", MULTICALL3, "latest")) > 1_000
    cheap, dear = (
        {token.address for token in chain.deployment.tokens.values()} for chain in devnet.chains
    )
    assert not cheap & dear


def test_the_pool_revision_tells_the_versions_apart(devnet: Devnet) -> None:
    revisions = [
        chain.call(chain.deployment.aave.pool, "POOL_REVISION()", returns="(uint256)")[0]
        for chain in devnet.chains
    ]
    assert revisions == [10, 1]


def test_a_user_can_supply_borrow_and_is_valued_at_the_feeds(devnet: Devnet) -> None:
    for chain in devnet.chains:
        chain.supply("WETH", USER, 10 * 10**18)
        chain.borrow("USDC", USER, 8_000 * 10**6)
        account = chain.call(
            chain.deployment.aave.pool,
            "getUserAccountData(address)",
            USER,
            returns="(uint256,uint256,uint256,uint256,uint256,uint256)",
        )
        assert account[0] == 20_000 * USD
        assert account[1] == pytest.approx(8_000 * USD, abs=100)
        assert account[3] == 8250


def test_the_flash_premium_of_v36_is_set(devnet: Devnet) -> None:
    pool = devnet.cheap.deployment.aave.pool
    (premium,) = devnet.cheap.call(pool, "FLASHLOAN_PREMIUM_TOTAL()", returns="(uint128)")
    assert premium == FLASH_PREMIUM


def test_emode_raises_the_threshold_on_both_versions(devnet: Devnet) -> None:
    for chain in devnet.chains:
        chain.supply("WETH", USER, 10**18)
        pool = chain.deployment.aave.pool
        chain.send(pool, "setUserEMode(uint8)", EMODE.category, sender=USER)
        account = chain.call(
            pool,
            "getUserAccountData(address)",
            USER,
            returns="(uint256,uint256,uint256,uint256,uint256,uint256)",
        )
        assert account[3] == EMODE.threshold


@pytest.mark.parametrize("percent", ["-12.5", "30"])
@pytest.mark.parametrize("symbol", ["WETH", "WBTC", "USDC"])
def test_a_shock_moves_feed_reference_and_pools_by_the_percent(
    devnet: Devnet, symbol: str, percent: str
) -> None:
    for chain in devnet.chains:
        before = chain.read_prices()
        after = chain.shock(symbol, Decimal(percent), protocol_only=False)
        expected = int(before[symbol].protocol * (100 + Decimal(percent)) / 100)
        assert after.protocol == after.reference == expected
        assert chain.read_prices() == {**before, symbol: after}
        assert pool_stands_at_reference(chain)


def test_a_protocol_only_shock_leaves_reference_and_pools(devnet: Devnet) -> None:
    for chain in devnet.chains:
        before = chain.read_prices()["WETH"]
        after = chain.shock("WETH", Decimal(-10), protocol_only=True)
        assert after.protocol == before.protocol * 9 // 10
        assert after.reference == before.reference
        assert pool_stands_at_reference(chain)


def test_a_shock_is_one_block_where_blocks_are_mined_by_hand(devnet: Devnet) -> None:
    chain = devnet.dear
    chain.set_automine(on=False)
    height = int(read_block(chain)["number"], 16)
    chain.shock("WETH", Decimal(-5), protocol_only=False)
    assert int(read_block(chain)["number"], 16) == height + 1


def test_a_shock_that_leaves_no_price_is_refused(devnet: Devnet) -> None:
    with pytest.raises(DevnetError, match="above -100 %"):
        devnet.cheap.shock("WETH", Decimal(-100), protocol_only=False)


def test_an_unknown_asset_is_refused_by_name(devnet: Devnet) -> None:
    with pytest.raises(DevnetError, match="no asset 'DOGE' on the devnet: WETH, USDC, WBTC"):
        devnet.cheap.shock("DOGE", Decimal(1), protocol_only=False)


def test_pools_quote_close_to_the_feeds(devnet: Devnet) -> None:
    for chain in devnet.chains:
        tokens, uniswap = chain.deployment.tokens, chain.deployment.uniswap
        quoted, *_ = chain.call(
            uniswap.quoter,
            "quoteExactInputSingle((address,address,uint256,uint24,uint160))",
            (tokens["WETH"].address, tokens["USDC"].address, 10 * 10**18, uniswap.fee, 0),
            returns="(uint256,uint160,uint32,uint256)",
        )
        assert 19_970 * 10**6 < quoted < 20_000 * 10**6


def test_the_clock_is_wall_time_after_loading_and_goes_on(devnet: Devnet) -> None:
    for chain in devnet.chains:
        chain.mine()
        assert abs(int(read_block(chain)["timestamp"], 16) - time.time()) < 3


def test_every_mined_block_has_the_base_fee_that_was_set(devnet: Devnet) -> None:
    assert [chain.base_fee_wei for chain in devnet.chains] == [GWEI // 20, 50 * GWEI]
    for chain in devnet.chains:
        chain.set_base_fee(123 * GWEI)
        for _ in range(3):
            chain.mine()
            assert int(read_block(chain)["baseFeePerGas"], 16) == 123 * GWEI


def test_feeds_are_fresh_after_the_start_and_after_a_refresh(devnet: Devnet) -> None:
    chain = devnet.cheap
    feed = chain.deployment.tokens["WBTC"].feed
    chain.advance(86_400)
    chain.refresh_feeds()
    round_id, answer, _, updated_at, answered_in = chain.call(
        feed, "latestRoundData()", returns="(uint80,int256,uint256,uint256,uint80)"
    )
    assert answer == 60_000 * USD
    assert round_id == answered_in
    assert abs(updated_at - time.time() - 86_400) < 5


def test_a_revert_is_raised_with_its_data(devnet: Devnet) -> None:
    with pytest.raises(Reverted) as raised:
        devnet.cheap.borrow("USDC", USER, 10**6)
    assert len(raised.value.data) >= 10


def test_a_feed_takes_prices_from_its_owner_only(devnet: Devnet) -> None:
    feed = devnet.cheap.deployment.tokens["WETH"].feed
    with pytest.raises(Reverted, match="owner"):
        devnet.cheap.send(feed, "set(int256)", 1, sender=USER)


def test_a_feed_can_be_made_to_give_a_round_that_is_not_complete(devnet: Devnet) -> None:
    chain = devnet.dear
    feed = chain.deployment.tokens["WETH"].feed
    chain.send(feed, "set_round(int256,uint256,uint256,uint80)", 5, 7, 0, 1)
    latest = chain.call(feed, "latestRoundData()", returns="(uint80,int256,uint256,uint256,uint80)")
    assert latest[1:] == (5, 7, 0, 1)
    first = chain.call(
        feed, "getRoundData(uint80)", 1, returns="(uint80,int256,uint256,uint256,uint80)"
    )
    assert first[1] == 2_000 * USD


def test_what_a_test_did_is_undone_for_the_next(shared_devnet: Devnet) -> None:
    chain = shared_devnet.cheap
    with shared_devnet.reverting():
        chain.set_automine(on=False)
        chain.set_base_fee(7)
        chain.advance(10**6)
        chain.shock("WETH", Decimal(-50), protocol_only=False)
        chain.mint("USDC", USER, 5)
    assert chain.balance("USDC", USER) == 0
    assert chain.read_prices()["WETH"].protocol == ASSETS[0].price
    assert chain.automine
    assert abs(int(read_block(chain)["timestamp"], 16) - time.time()) < 3
    assert int(read_block(chain)["baseFeePerGas"], 16) == chain.deployment.base_fee_wei


def test_a_private_pair_can_be_killed_without_harm_to_the_shared_one(
    private_devnet: Devnet, devnet: Devnet
) -> None:
    private_devnet.cheap.shock("WETH", Decimal(-50), protocol_only=False)
    private_devnet.dear.anvil.stop()
    with pytest.raises(DevnetError, match="does not answer"):
        private_devnet.dear.mine()
    assert devnet.cheap.read_prices()["WETH"].protocol == ASSETS[0].price
    devnet.dear.mine()
