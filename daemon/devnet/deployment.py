"""What is deployed on the devnet: the figures it is built with and the addresses it has.

Two chains of very different cost, on each the same three assets and market terms, so that every
difference between them comes from the protocol's version and the price of gas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from chains.model.ids import Address
from chains.model.units import USD, Bps, Usd

MULTICALL3: Final = Address("0xca11bde05977b3631167028862be2a173976ca11")
ZERO: Final = Address("0x" + "00" * 20)
GWEI: Final = 10**9
FEED_DECIMALS: Final = 8
UNISWAP_FEE: Final = 500
"""The pools' fee in hundredths of a basis point."""
FLASH_PREMIUM: Final = Bps(5)
"""Set on v3.6, which starts at 0; v3.0 starts at 9."""
LIQUIDATION_PROTOCOL_FEE: Final = Bps(1000)
RESERVE_FACTOR: Final = Bps(1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A token's terms: opening price (Usd) and how Aave lends against it.

    `bonus` is what a liquidator pays out for 10⁴ of debt.
    """

    symbol: str
    decimals: int
    price: Usd
    ltv: Bps
    threshold: Bps
    bonus: Bps


ASSETS: Final = (
    Asset(
        symbol="WETH",
        decimals=18,
        price=Usd(2_000 * USD),
        ltv=Bps(8000),
        threshold=Bps(8250),
        bonus=Bps(10500),
    ),
    Asset(
        symbol="USDC",
        decimals=6,
        price=Usd(1 * USD),
        ltv=Bps(7700),
        threshold=Bps(8000),
        bonus=Bps(10450),
    ),
    Asset(
        symbol="WBTC",
        decimals=8,
        price=Usd(60_000 * USD),
        ltv=Bps(7000),
        threshold=Bps(7500),
        bonus=Bps(10650),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EMode:
    """An efficiency category: assets that may lend against each other at better terms."""

    category: int
    label: str
    ltv: Bps
    threshold: Bps
    bonus: Bps
    symbols: tuple[str, ...]


EMODE: Final = EMode(
    category=1,
    label="correlated",
    ltv=Bps(9000),
    threshold=Bps(9300),
    bonus=Bps(10100),
    symbols=("WETH", "WBTC"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTerms:
    """What makes one chain of the devnet: its label, EIP-155 number, base fee, Aave version.

    `deployer` is the index of the development account that deploys, different on each chain so
    that no two contracts of the two chains share an address.
    """

    name: str
    number: int
    base_fee_wei: int
    aave: str
    deployer: int


CHEAP: Final = ChainTerms(
    name="cheap", number=31337, base_fee_wei=GWEI // 20, aave="3.6", deployer=9
)
DEAR: Final = ChainTerms(name="dear", number=31338, base_fee_wei=50 * GWEI, aave="3.0", deployer=8)
CHAINS: Final = (CHEAP, DEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A deployed asset with the protocol's feed and the market's reference feed."""

    symbol: str
    decimals: int
    address: Address
    feed: Address
    reference_feed: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class AaveMarket:
    """A deployed Aave v3 market."""

    version: str
    provider: Address
    acl: Address
    oracle: Address
    pool: Address
    configurator: Address
    data_provider: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class UniswapPool:
    """A pool of two tokens, by symbol, in the pool's own order."""

    token0: str
    token1: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniswap:
    """A deployed Uniswap v3."""

    factory: Address
    router: Address
    quoter: Address
    position_manager: Address
    fee: int
    pools: tuple[UniswapPool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDeployment:
    """All that the dump of one chain holds. `owner` is the feeds' owner and the pools' admin."""

    name: str
    number: int
    base_fee_wei: int
    owner: Address
    multicall3: Address
    tokens: Mapping[str, Token]
    aave: AaveMarket
    uniswap: Uniswap


DEPLOYMENT_JSON: Final = TypeAdapter(ChainDeployment)
