"""A chain of the Ethereum kind: endpoints, contracts, markets, tokens and their price feeds."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from chains.evm.multicall import MULTICALL3
from config.amounts import Gwei
from config.base import Section
from config.chains import (
    DAY_S,
    ChainSettings,
    Decimals,
    MarketSettings,
    RatioSettings,
    Seconds,
    Symbol,
    TokenSettings,
)
from config.identifiers import EvmAddress, EvmChainRef

ABSENT: Final = "-"
MAX_ASSETS: Final = 8
View = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\(\)$")]


class ContractSettings(Section):
    """Plimsoll's own contracts on a chain; what is missing is not used there."""

    rescue: EvmAddress | None = Field(None, description="the address of the rescue contract")
    liquidator: EvmAddress | None = Field(None, description="the address of the liquidator")
    verifier: EvmAddress | None = Field(None, description="the address of the verifier")


Assets = Annotated[tuple[Symbol | Literal["-"], ...], Field(min_length=1, max_length=MAX_ASSETS)]


class VaultSettings(Section):
    """The deployment's vault on a chain: its contracts, and the numbers of its assets.

    A place in `assets` is the asset's number in the contracts, the same on every chain; `-` holds
    the place of one that has no token here. `finality` is the chain's own, or a number of blocks.
    """

    vault: EvmAddress = Field(description="the address of the vault")
    seizure: EvmAddress = Field(description="the address of the seizure contract")
    notary: EvmAddress = Field(description="the address of the notary")
    start_block: int = Field(0, ge=0, description="the block the vault was deployed at")
    finality: Literal["finalized"] | Annotated[int, Field(ge=1, le=100_000)] = Field(
        "finalized", description='"finalized", or how many blocks bury a final one'
    )
    assets: Assets = Field(
        description='a list of this chain\'s tokens by number, "-" for one that it has not'
    )

    @property
    def numbers(self) -> Mapping[str, int]:
        """The number of each asset that has a token here, by its symbol."""
        return {symbol: number for number, symbol in enumerate(self.assets) if symbol != ABSENT}


class UniswapSettings(Section):
    """Where collateral is sold: Uniswap v3's quoter and router, and the pools' fee tier."""

    quoter: EvmAddress = Field(description="the address of QuoterV2")
    router: EvmAddress = Field(description="the address of SwapRouter02")
    fee: int = Field(500, gt=0, lt=1_000_000, description="the pools' fee, such as 500 for 0.05 %")


class EvmMarketSettings(MarketSettings):
    """A lending market; `start_block` is where its borrowers are searched from."""

    protocol: Literal["aave_v3"] = Field(description='the protocol, "aave_v3"')
    pool: EvmAddress = Field(description="the address of the market's Pool")
    provider: EvmAddress | None = Field(
        None, description="the address of the market's PoolAddressesProvider"
    )
    start_block: int = Field(0, ge=0, description="the block the market was deployed at")


class ViewRatioSettings(RatioSettings):
    """A view without arguments that gives the ratio x 1e18, such as wstETH's `stEthPerToken()`."""

    contract: EvmAddress = Field(description="the address of the contract that gives the ratio")
    view: View = Field(description='a view without arguments, such as "stEthPerToken()"')


class EvmTokenSettings(TokenSettings):
    """A token and its Chainlink feeds."""

    address: EvmAddress = Field(description="the token's address")
    feed: EvmAddress = Field(description="the address of the Chainlink feed the protocol uses")
    feed_decimals: Decimals = Field(8, description="the feed's decimals, such as 8")
    lateness_s: int = Field(
        60, ge=0, le=DAY_S, description="how many seconds an update may come late"
    )
    reference_feed: EvmAddress | None = Field(
        None, description="the address of a second, independent feed"
    )
    ratio: ViewRatioSettings | None = Field(
        None, description="a table of contract and view, for a staked form"
    )


class EvmSettings(ChainSettings):
    """One EVM chain; fees are held in wei."""

    caip2: EvmChainRef = Field(description="the chain's CAIP-2 id, such as eip155:1")
    multicall3: EvmAddress = Field(MULTICALL3, description="the address of Multicall3")
    confirmations: int = Field(2, ge=1, le=10_000, description="blocks until a receipt counts")
    block_time_s: Seconds = Field(12, description="the usual seconds between blocks")
    max_fee_wei: Gwei = Field(
        validation_alias="max_fee_gwei", gt=0, description='the most gas may cost, such as "100"'
    )
    priority_fee_wei: Gwei = Field(
        validation_alias="priority_fee_gwei", description='the tip, such as "1"'
    )
    native_symbol: Symbol = Field(
        "WETH", description="the configured token whose price gas is charged at"
    )
    sequencer_feed: EvmAddress | None = Field(
        None, description="the address of the rollup's sequencer uptime feed"
    )
    sequencer_grace_s: int = Field(
        3600, ge=0, le=DAY_S, description="seconds to wait after the sequencer's return"
    )
    l1_fee_oracle: EvmAddress | None = Field(
        None, description="the address of an OP-stack rollup's GasPriceOracle"
    )
    contracts: ContractSettings = Field(ContractSettings(), description="a table of addresses")
    vault: VaultSettings | None = Field(
        None, description="a table of vault, seizure, notary and assets"
    )
    uniswap_v3: UniswapSettings | None = Field(
        None, description="a table of quoter, router and fee"
    )
    markets: tuple[EvmMarketSettings, ...] = Field((), description="a list of markets")
    tokens: Mapping[Symbol, EvmTokenSettings] = Field(
        default_factory=dict, description="tables of tokens by symbol"
    )
