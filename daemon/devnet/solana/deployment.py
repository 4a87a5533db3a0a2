"""What is deployed on the devnet's Solana chain: the figures it is built with, and its addresses.

One market of our lending program at Save's public id, with prices in Pyth's layout at the id of
Pyth's receiver, so that adapters meet what they meet on the real chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from solders.pubkey import Pubkey

from chains.model.ids import Address, ChainId
from chains.model.units import USD, Usd
from chains.solana.pool import REFERENCE_LENGTH
from chains.solana.pools import PoolPlace
from chains.solana.programs.instructions import LendingSetup, ReserveAccounts, Terms
from daemon.devnet.errors import DevnetError

NAME: Final = "solana"
"""The chain's label."""
SUPPLY_USD: Final = Usd(100_000_000 * USD)
"""What the owner lends of each asset."""
POOL_USD: Final = Usd(100_000_000 * USD)
"""What lies on each side of each pool."""
POOL_FEE_BPS: Final = 5


class NodeKind(StrEnum):
    """Whose node the chain runs on: Surfpool, or our own."""

    SURFPOOL = "surfpool"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaAsset:
    """A token's terms: opening price (Usd) and how the market lends against it."""

    symbol: str
    decimals: int
    price: Usd
    terms: Terms


ASSETS: Final = (
    SolanaAsset(
        symbol="SOL",
        decimals=9,
        price=Usd(150 * USD),
        terms=Terms(loan_to_value=75, threshold=80, bonus=5),
    ),
    SolanaAsset(
        symbol="USDC",
        decimals=6,
        price=Usd(1 * USD),
        terms=Terms(loan_to_value=80, threshold=85, max_threshold=90, bonus=5),
    ),
    SolanaAsset(
        symbol="WETH",
        decimals=8,
        price=Usd(2_000 * USD),
        terms=Terms(loan_to_value=75, threshold=80, bonus=5),
    ),
)
PAIRS: Final = (("SOL", "USDC"), ("WETH", "USDC"), ("SOL", "WETH"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaToken:
    """A token, its reserve in the market, and its two price accounts.

    `feed` is the protocol's, `reference_feed` the market's; the others are the reserve's accounts.
    """

    symbol: str
    decimals: int
    mint: Address
    reserve: Address
    supply: Address
    collateral_mint: Address
    collateral_vault: Address
    fee_receiver: Address
    feed: Address
    reference_feed: Address

    @property
    def accounts(self) -> ReserveAccounts:
        """The reserve's accounts as its program's instructions take them."""
        return ReserveAccounts(
            reserve=Pubkey.from_string(self.reserve),
            mint=Pubkey.from_string(self.mint),
            supply=Pubkey.from_string(self.supply),
            collateral_mint=Pubkey.from_string(self.collateral_mint),
            collateral_vault=Pubkey.from_string(self.collateral_vault),
            fee_receiver=Pubkey.from_string(self.fee_receiver),
            oracle=Pubkey.from_string(self.feed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaPool:
    """A swap pool of two tokens, by symbol, in the pool's own order; one vault for each."""

    token0: str
    token1: str
    account: Address
    vaults: tuple[Address, Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaDeployment:
    """All that is on the chain. `owner` owns market, mints and prices; programs by what they do.

    `rescue` is our program for mandates, `committee` its account of attesters.
    """

    genesis: str
    owner: Address
    lending: Address
    oracle: Address
    swap: Address
    market: Address
    tokens: Mapping[str, SolanaToken]
    pools: tuple[SolanaPool, ...]
    rescue: Address | None = None
    committee: Address | None = None

    @property
    def chain(self) -> ChainId:
        """The chain's CAIP-2 id, another at each start."""
        return ChainId("solana", self.genesis[:REFERENCE_LENGTH])

    @property
    def setup(self) -> LendingSetup:
        """The market as its program's instructions take it."""
        return LendingSetup(
            program=Pubkey.from_string(self.lending),
            market=Pubkey.from_string(self.market),
            oracle_program=Pubkey.from_string(self.oracle),
        )

    def place_of(self, pool: SolanaPool) -> PoolPlace:
        """Give a pool's place, as it is read and swapped with."""
        first, second = (Pubkey.from_string(vault) for vault in pool.vaults)
        return PoolPlace(
            program=Pubkey.from_string(self.swap),
            account=Pubkey.from_string(pool.account),
            vaults=(first, second),
            mints=(self.mint_of(pool.token0), self.mint_of(pool.token1)),
        )

    def mint_of(self, symbol: str) -> Pubkey:
        """Give an asset's mint."""
        return Pubkey.from_string(self.find_token(symbol).mint)

    def find_token(self, symbol: str) -> SolanaToken:
        """Give an asset by symbol; DevnetError names those there are."""
        try:
            return self.tokens[symbol]
        except KeyError as error:
            known = ", ".join(self.tokens)
            raise DevnetError(f"there is no asset {symbol!r} on Solana: {known}") from error
