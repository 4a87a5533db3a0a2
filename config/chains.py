"""What every chain watched has, of whichever world: endpoints, markets, tokens and their feeds.

A chain's CAIP-2 namespace says which of `config.evm` and `config.solana` its table is read as.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from chains.model.ids import Address, ChainId
from chains.model.units import USD, Usd
from config.amounts import UsdAmount
from config.base import Section
from config.identifiers import FilePath, HttpUrl, WsUrl

Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,32}$")]
Seconds = Annotated[int, Field(ge=1, le=10_000_000)]
Decimals = Annotated[int, Field(ge=0, le=36)]
DAY_S: Final = 86_400


class MarketSettings(Section):
    """A lending market."""

    protocol: str = Field(description="the name of the market's protocol")


class RatioSettings(Section):
    """Where a staked form's ratio to its underlying is read."""


class TokenSettings(Section):
    """A token, the protocol's price feed for it, and the market reference beside it.

    Its symbol is that of a form or an underlying; a staked form needs its `ratio`.
    `minimum` and `maximum` bound a believable price (Usd x 1e8 per whole token).
    """

    address: Address = Field(description="the token's address")
    decimals: Decimals = Field(description="the token's decimals, such as 18")
    feed: Address = Field(description="the feed the protocol uses")
    heartbeat_s: Seconds = Field(description="how many seconds the feed may stay silent")
    minimum: UsdAmount = Field(Usd(1), description='the lowest believable price, such as "1"')
    maximum: UsdAmount = Field(
        Usd(10**9 * USD), description='the highest believable price, such as "1000000"'
    )
    reference_feed: Address | None = Field(None, description="a second, independent feed")
    reference_heartbeat_s: Seconds = Field(
        DAY_S, description="how many seconds the reference may stay silent"
    )
    ratio: RatioSettings | None = Field(None, description="where a staked form's ratio is read")


class ChainSettings(Section):
    """One chain.

    `rpc_file` and `ws_file` hold URLs with keys in them, one a line; they add to the lists.
    """

    network: str | None = Field(None, description="the name of a table in networks.toml")
    caip2: ChainId = Field(description="the chain's CAIP-2 id")
    rpc: tuple[HttpUrl, ...] = Field(min_length=1, description="a list of http(s) URLs")
    ws: tuple[WsUrl, ...] = Field((), description="a list of ws(s) URLs")
    rpc_file: FilePath | None = Field(None, description="a file of http(s) URLs, one a line")
    ws_file: FilePath | None = Field(None, description="a file of ws(s) URLs, one a line")
    stale_after_s: Seconds = Field(60, description="the age at which a head is no longer fresh")
    native_symbol: Symbol = Field(
        description="the configured token whose price transactions are charged at"
    )
    markets: tuple[MarketSettings, ...] = Field((), description="a list of markets")
    tokens: Mapping[Symbol, TokenSettings] = Field(
        default_factory=dict, description="tables of tokens by symbol"
    )

    @property
    def native_token(self) -> Address | None:
        """The token whose price transactions are charged at; None where it is not configured."""
        token = self.tokens.get(self.native_symbol)
        return token.address if token else None
