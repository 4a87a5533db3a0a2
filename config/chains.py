"""The chains watched: endpoints, contracts, markets, tokens and their price feeds."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from chains.evm.multicall import MULTICALL3
from chains.model.ids import Address
from chains.model.units import USD, Usd
from config.amounts import Gwei, UsdAmount
from config.base import Section
from config.identifiers import ChainRef, EvmAddress, FilePath, HttpUrl, WsUrl

Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,32}$")]
Seconds = Annotated[int, Field(ge=1, le=10_000_000)]
Decimals = Annotated[int, Field(ge=0, le=36)]
_DAY_S: Final = 86_400


class ContractSettings(Section):
    """Plimsoll's own contracts on a chain; what is missing is not used there."""

    rescue: EvmAddress | None = Field(None, description="the address of the rescue contract")
    liquidator: EvmAddress | None = Field(None, description="the address of the liquidator")
    verifier: EvmAddress | None = Field(None, description="the address of the verifier")


class UniswapSettings(Section):
    """Where collateral is sold: Uniswap v3's quoter and router, and the pools' fee tier."""

    quoter: EvmAddress = Field(description="the address of QuoterV2")
    router: EvmAddress = Field(description="the address of SwapRouter02")
    fee: int = Field(500, gt=0, lt=1_000_000, description="the pools' fee, such as 500 for 0.05 %")


class MarketSettings(Section):
    """A lending market; `start_block` is where its borrowers are searched from."""

    protocol: Literal["aave_v3"] = Field(description='the protocol, "aave_v3"')
    pool: EvmAddress = Field(description="the address of the market's Pool")
    provider: EvmAddress | None = Field(
        None, description="the address of the market's PoolAddressesProvider"
    )
    start_block: int = Field(0, ge=0, description="the block the market was deployed at")


class TokenSettings(Section):
    """A token, the protocol's price feed for it, and the market reference beside it.

    `minimum` and `maximum` bound a believable price (Usd x 1e8 per whole token).
    """

    address: EvmAddress = Field(description="the token's address")
    decimals: Decimals = Field(description="the token's decimals, such as 18")
    feed: EvmAddress = Field(description="the address of the Chainlink feed the protocol uses")
    feed_decimals: Decimals = Field(8, description="the feed's decimals, such as 8")
    heartbeat_s: Seconds = Field(description="how many seconds the feed may stay silent")
    lateness_s: int = Field(
        60, ge=0, le=_DAY_S, description="how many seconds an update may come late"
    )
    minimum: UsdAmount = Field(Usd(1), description='the lowest believable price, such as "1"')
    maximum: UsdAmount = Field(
        Usd(10**9 * USD), description='the highest believable price, such as "1000000"'
    )
    reference_feed: EvmAddress | None = Field(
        None, description="the address of a second, independent feed"
    )
    reference_heartbeat_s: Seconds = Field(
        _DAY_S, description="how many seconds the reference may stay silent"
    )


class ChainSettings(Section):
    """One chain; fees are held in wei.

    `rpc_file` and `ws_file` hold URLs with keys in them, one a line; they add to the lists.
    """

    network: str | None = Field(None, description="the name of a table in networks.toml")
    caip2: ChainRef = Field(description="the chain's CAIP-2 id, such as eip155:1")
    rpc: tuple[HttpUrl, ...] = Field(min_length=1, description="a list of http(s) URLs")
    ws: tuple[WsUrl, ...] = Field((), description="a list of ws(s) URLs")
    rpc_file: FilePath | None = Field(None, description="a file of http(s) URLs, one a line")
    ws_file: FilePath | None = Field(None, description="a file of ws(s) URLs, one a line")
    multicall3: EvmAddress = Field(MULTICALL3, description="the address of Multicall3")
    confirmations: int = Field(2, ge=1, le=10_000, description="blocks until a receipt counts")
    block_time_s: Seconds = Field(12, description="the usual seconds between blocks")
    stale_after_s: Seconds = Field(60, description="the age at which a head is no longer fresh")
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
        3600, ge=0, le=_DAY_S, description="seconds to wait after the sequencer's return"
    )
    l1_fee_oracle: EvmAddress | None = Field(
        None, description="the address of an OP-stack rollup's GasPriceOracle"
    )
    contracts: ContractSettings = Field(ContractSettings(), description="a table of addresses")
    uniswap_v3: UniswapSettings | None = Field(
        None, description="a table of quoter, router and fee"
    )
    markets: tuple[MarketSettings, ...] = Field((), description="a list of markets")
    tokens: Mapping[Symbol, TokenSettings] = Field(
        default_factory=dict, description="tables of tokens by symbol"
    )

    @property
    def native_token(self) -> Address | None:
        """The token whose price gas is charged at; None where it is not configured."""
        token = self.tokens.get(self.native_symbol)
        return token.address if token else None
