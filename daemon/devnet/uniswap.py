"""Uniswap v3 from npm artifacts, with deep pools over their whole price range."""

from collections.abc import Mapping
from itertools import combinations
from math import isqrt
from typing import Final

from chains.model.ids import Address
from chains.model.units import USD, Usd
from daemon.devnet.artifacts import load_artifact
from daemon.devnet.deploy import Deployer
from daemon.devnet.deployment import ASSETS, UNISWAP_FEE, ZERO, Token, Uniswap, UniswapPool

FAR_FUTURE: Final = 2**63
_DEPTH: Final = Usd(200_000_000 * USD)
"""What each side of a pool is worth: 10 WETH move the price by 2 basis points."""
_TICK: Final = 887_270
"""The widest range that the fee's tick spacing of 10 allows."""
_CORE: Final = "@uniswap/v3-core/artifacts/contracts"
_PERIPHERY: Final = "@uniswap/v3-periphery/artifacts/contracts"
_ROUTER: Final = "@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02"


def calculate_sqrt_price(price0: Usd, decimals0: int, price1: Usd, decimals1: int) -> int:
    """Give √(token1 per token0 in base units) × 2⁹⁶, rounded down, from two USD prices."""
    return isqrt((price0 * 10**decimals1 << 192) // (price1 * 10**decimals0))


def deploy_uniswap(deployer: Deployer, tokens: Mapping[str, Token]) -> Uniswap:
    """Deploy the exchange and fill one pool for each pair of assets at their opening prices.

    The deployer must hold enough of every token and have approved nothing yet.
    """
    weth = tokens["WETH"].address
    factory = deployer.deploy(load_artifact(f"{_CORE}/UniswapV3Factory.sol/UniswapV3Factory"))
    manager = f"{_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager"
    positions = deployer.deploy(load_artifact(manager), factory, weth, ZERO)
    router = deployer.deploy(load_artifact(_ROUTER), ZERO, factory, positions, weth)
    quoter = deployer.deploy(
        load_artifact(f"{_PERIPHERY}/lens/QuoterV2.sol/QuoterV2"), factory, weth
    )
    for token in tokens.values():
        for spender in (router, positions):
            deployer.send(token.address, "approve(address,uint256)", spender, 2**256 - 1)
    ordered = sorted(tokens.values(), key=lambda token: int(token.address, 16))
    pools = tuple(
        _open_pool(deployer, positions, factory, token0, token1)
        for token0, token1 in combinations(ordered, 2)
    )
    return Uniswap(
        factory=factory,
        router=router,
        quoter=quoter,
        position_manager=positions,
        fee=UNISWAP_FEE,
        pools=pools,
    )


def _open_pool(
    deployer: Deployer, positions: Address, factory: Address, token0: Token, token1: Token
) -> UniswapPool:
    prices = {asset.symbol: asset.price for asset in ASSETS}
    price0, price1 = prices[token0.symbol], prices[token1.symbol]
    pair = (token0.address, token1.address, UNISWAP_FEE)
    deployer.send(
        positions,
        "createAndInitializePoolIfNecessary(address,address,uint24,uint160)",
        *pair,
        calculate_sqrt_price(price0, token0.decimals, price1, token1.decimals),
    )
    amounts = (_DEPTH * 10**token0.decimals // price0, _DEPTH * 10**token1.decimals // price1)
    deployer.send(
        positions,
        "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))",
        (*pair, -_TICK, _TICK, *amounts, 0, 0, deployer.sender, FAR_FUTURE),
    )
    pool = deployer.read_address(factory, "getPool(address,address,uint24)", *pair)
    return UniswapPool(token0=token0.symbol, token1=token1.symbol, address=pool)
