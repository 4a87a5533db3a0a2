"""A Solana chain: endpoints, programs, markets, pools, tokens and their price feeds."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from chains.model.ids import Address
from chains.solana.fees import MIN_TIP
from config.base import Section
from config.chains import (
    ChainSettings,
    MarketSettings,
    RatioSettings,
    Seconds,
    Symbol,
    TokenSettings,
)
from config.identifiers import HttpUrl, RawHash, SolanaChainRef, SolanaKey

_MS: Final = 1_000
_LAMPORTS: Final = 10**9


def _refuse_twins(keys: tuple[Address, ...]) -> tuple[Address, ...]:
    if len(set(keys)) != len(keys):
        raise ValueError("names an address twice; write each once")
    return keys


Keys = Annotated[tuple[SolanaKey, ...], Field(min_length=1), AfterValidator(_refuse_twins)]
Pair = Annotated[tuple[SolanaKey, SolanaKey], AfterValidator(_refuse_twins)]


class ProgramSettings(Section):
    """Plimsoll's own programs on a chain; what is missing is not used there."""

    rescue: SolanaKey | None = Field(None, description="the address of the rescue program")
    committee: SolanaKey | None = Field(None, description="the address of the committee's account")


class SolanaMarketSettings(MarketSettings):
    """A lending market and the reserves (marginfi: banks) it is used with."""

    protocol: Literal["save", "klend", "marginfi"] = Field(
        description='the protocol: "save", "klend" or "marginfi"'
    )
    market: SolanaKey = Field(description="the address of the market (marginfi: the group)")
    program: SolanaKey | None = Field(
        None, description="the program's address, where it is not the protocol's public one"
    )
    reserves: Keys = Field(description="a list of the reserves' (marginfi: banks') addresses")


class PoolSettings(Section):
    """A pool where collateral is sold: its program, its account, and a vault for each mint."""

    program: SolanaKey = Field(description="the address of the swap program")
    account: SolanaKey = Field(description="the address of the pool")
    vaults: Pair = Field(description="a list of the pool's two token accounts")
    mints: Pair = Field(description="a list of two mints, in the order of the vaults")


class StakePoolRatioSettings(RatioSettings):
    """A stake pool, whose lamports for each pool token are the ratio."""

    stake_pool: SolanaKey = Field(description="the address of the stake pool's account")
    program: SolanaKey | None = Field(
        None, description="the stake pool program, where it is not the SPL one"
    )


class SolanaTokenSettings(TokenSettings):
    """A token and its Pyth price accounts; `feed_id` pins the feed that the account is of."""

    address: SolanaKey = Field(description="the address of the token's mint")
    feed: SolanaKey = Field(description="the address of the Pyth price account")
    feed_id: RawHash | None = Field(None, description="the Pyth feed's id, 64 hex digits")
    heartbeat_s: Seconds = Field(120, description="how many seconds the feed may stay silent")
    reference_feed: SolanaKey | None = Field(
        None, description="the address of a second, independent price account"
    )
    reference_heartbeat_s: Seconds = Field(
        120, description="how many seconds the reference may stay silent"
    )
    ratio: StakePoolRatioSettings | None = Field(
        None, description="a table of stake_pool, for a staked form"
    )


class SolanaSettings(ChainSettings):
    """One Solana chain; fees are in lamports, `price_percentile` is of recent unit prices."""

    caip2: SolanaChainRef = Field(
        description="solana: and the first 32 characters of the genesis hash"
    )
    commitment: Literal["confirmed", "finalized"] = Field(
        "confirmed", description='"confirmed" or "finalized"'
    )
    slot_ms: int = Field(400, ge=1, le=60_000, description="the usual milliseconds between slots")
    stale_after_s: Seconds = Field(20, description="the age at which a head is no longer fresh")
    max_fee_lamports: int = Field(
        10_000_000,
        gt=0,
        le=_LAMPORTS,
        description="the most a transaction may cost in fees, such as 10000000",
    )
    price_percentile: int = Field(75, ge=1, le=100, description="a number of 1 to 100")
    bundles: HttpUrl | None = Field(None, description="the URL of a block engine's bundles")
    bundle_tip_lamports: int = Field(
        10_000, ge=MIN_TIP, le=_LAMPORTS, description="what a bundle tips, 1000 lamports or more"
    )
    native_symbol: Symbol = Field(
        "SOL", description="the configured token whose price fees are charged at"
    )
    programs: ProgramSettings = Field(ProgramSettings(), description="a table of addresses")
    markets: tuple[SolanaMarketSettings, ...] = Field((), description="a list of markets")
    pools: tuple[PoolSettings, ...] = Field((), description="a list of pools")
    lookup_tables: tuple[SolanaKey, ...] = Field(
        (), description="a list of address lookup tables that shorten long transactions"
    )
    tokens: Mapping[Symbol, SolanaTokenSettings] = Field(
        default_factory=dict, description="tables of tokens by symbol"
    )

    @property
    def block_time_s(self) -> int:
        """The usual seconds between slots, at least 1."""
        return max(1, -(-self.slot_ms // _MS))
