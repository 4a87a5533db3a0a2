"""The running Solana chain and what its owner may do to it: set prices, give money, bid for room.

Slots pass by themselves, for the node makes them. What belongs to one move is one transaction, so
that no slot ever shows half of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeVar

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from chains.model.ids import Address, ChainId
from chains.model.units import Usd
from chains.oracles.pyth import decode_update, scale_price
from chains.solana.accounts import AccountPlan
from chains.solana.pools import PoolState, plan_pool
from chains.solana.programs.instructions import OraclePrice, set_price
from chains.solana.tokens import derive_token_account
from daemon.devnet.errors import DevnetError
from daemon.devnet.live import AssetPrices, HeadStatus, shock_price
from daemon.devnet.solana.actors import Actors
from daemon.devnet.solana.deployment import (
    NAME,
    NodeKind,
    SolanaDeployment,
    SolanaPool,
    SolanaToken,
)
from daemon.devnet.solana.hosting import SolanaHost
from daemon.devnet.solana.sending import read_accounts, read_clock
from daemon.devnet.solana.swaps import calculate_sale

T = TypeVar("T")

_SOL_DECIMALS: Final = 9
MAX_UNIT_PRICE: Final = 10**9
"""Micro-lamports."""
_BID_UNITS: Final = 1_000
"""What a bid asks for; a transfer to oneself uses 450."""
_COUNTING_SLOTS: Final = 120
"""How many slots at a new price make it the 75th percentile of the last 150, up or down."""


class LiveSolana:
    """The chain while it runs: node, deployment and its owner's account.

    `unit_price` is what the owner bids for a compute unit (micro-lamports).
    """

    def __init__(self, host: SolanaHost, deployment: SolanaDeployment, owner: Keypair) -> None:
        self.host: Final = host
        self.rpc: Final = host.rpc
        self.deployment: Final = deployment
        self.actors: Final = Actors(host.rpc, deployment, owner)
        self.unit_price = 0
        self._bids = 0

    @property
    def name(self) -> str:
        """The chain's label."""
        return NAME

    @property
    def chain_id(self) -> ChainId:
        """The chain's CAIP-2 id."""
        return self.deployment.chain

    @property
    def native_decimals(self) -> int:
        """How many decimals native money has."""
        return _SOL_DECIMALS

    def takes(self, account: Address) -> bool:
        """Say whether an address is one of this chain's kind."""
        return not account.startswith("0x")

    def mine(self, slots: int = 1) -> None:
        """Let slots pass at once; Surfpool's cannot be hurried and pass by themselves."""
        if self.host.kind is NodeKind.OWN:
            self.rpc.request("node_tick", slots)

    def read_head(self) -> HeadStatus:
        """Read the newest slot and the chain's time."""
        slot, time = read_clock(self.rpc)
        return HeadStatus(height=slot, time=time)

    def read_prices(self) -> Mapping[str, AssetPrices]:
        """Read both prices of every asset."""
        return MappingProxyType(
            {
                symbol: AssetPrices(
                    protocol=self._read_price(token.feed),
                    reference=self._read_price(token.reference_feed),
                )
                for symbol, token in self.deployment.tokens.items()
            }
        )

    def refresh_feeds(self) -> None:
        """Publish every price again in one transaction, so that none grows stale."""
        prices = self.read_prices()
        self._post(
            instruction
            for symbol, token in self.deployment.tokens.items()
            for instruction in self._publish(
                token, prices[symbol].protocol, prices[symbol].reference
            )
        )

    def move_price(self, symbol: str, *, protocol: Usd, reference: Usd | None) -> None:
        """Set an asset's price; without `reference` the market and the pools stay as they are."""
        instructions = self._publish(self.find_token(symbol), protocol, reference)
        if reference is not None:
            market = {name: prices.reference for name, prices in self.read_prices().items()}
            market[symbol] = reference
            pools = [pool for pool in self.deployment.pools if symbol in {pool.token0, pool.token1}]
            for pool in pools:
                instructions += self._level(pool, market)
        self._post(instructions)

    def shock(self, symbol: str, percent: Decimal, *, protocol_only: bool) -> AssetPrices:
        """Move an asset's USD price by percent and give what it costs now."""
        self.find_token(symbol)
        before = self.read_prices()[symbol]
        protocol = shock_price(before.protocol, percent)
        reference = None if protocol_only else shock_price(before.reference, percent)
        self.move_price(symbol, protocol=protocol, reference=reference)
        return self.read_prices()[symbol]

    def read_pool(self, pool: SolanaPool) -> PoolState:
        """Read what a pool holds."""
        return self._read(plan_pool(self.chain_id, self.deployment.place_of(pool)))

    def mint(self, symbol: str, receiver: Address, units: int) -> None:
        """Give tokens to a wallet, in its associated account."""
        self.actors.post_funds(Pubkey.from_string(receiver), tokens={symbol: units})

    def add_balance(self, account: Address, lamports: int) -> None:
        """Give a wallet native money."""
        self.actors.post_funds(Pubkey.from_string(account), lamports=lamports)

    def find_token(self, symbol: str) -> SolanaToken:
        """Give an asset by symbol; DevnetError names those there are."""
        return self.deployment.find_token(symbol)

    def set_fee(self, micro_lamports: Decimal) -> None:
        """Set what writing to the market's reserves costs a compute unit, as recent slots tell.

        Where slots can be hurried, as many pass as make the price count at once; on Surfpool the
        bids of the seconds to come do.
        """
        if micro_lamports > MAX_UNIT_PRICE:
            raise DevnetError(f"{micro_lamports} micro-lamports is too much: at most 10^9")
        self.unit_price = int(micro_lamports)
        for _ in range(1 if self.host.kind is NodeKind.SURFPOOL else _COUNTING_SLOTS):
            self.tend()
            self.mine()

    def tend(self) -> None:
        """Bid in this slot where a price is or was set; DevnetError when the node does not answer.

        Surfpool remembers bids until others take their place, so they go on at nothing.
        """
        if self.unit_price or self._bids:
            self._bid()
        else:
            self.rpc.request("getHealth")

    def _bid(self) -> None:
        """Pay the set price for writing to the reserves."""
        owner = self.actors.owner.address
        self._bids += 1
        transferred = transfer(
            TransferParams(from_pubkey=owner, to_pubkey=owner, lamports=self._bids)
        )
        reserves = [
            AccountMeta(token.accounts.reserve, is_signer=False, is_writable=True)
            for token in self.deployment.tokens.values()
        ]
        self._post(
            [
                set_compute_unit_limit(_BID_UNITS),
                set_compute_unit_price(self.unit_price),
                Instruction(
                    transferred.program_id, transferred.data, [*transferred.accounts, *reserves]
                ),
            ]
        )

    def _publish(
        self, token: SolanaToken, protocol: Usd, reference: Usd | None
    ) -> list[Instruction]:
        _, now = read_clock(self.rpc)
        prices = {token.feed: protocol, token.reference_feed: reference}
        return [
            set_price(
                Pubkey.from_string(self.deployment.oracle),
                Pubkey.from_string(feed),
                self.actors.owner.address,
                OraclePrice(price=price, published_at=now),
            )
            for feed, price in prices.items()
            if price is not None
        ]

    def _level(self, pool: SolanaPool, market: Mapping[str, Usd]) -> Iterator[Instruction]:
        """Swap until the pool stands at the market's price."""
        tokens = [self.find_token(symbol) for symbol in (pool.token0, pool.token1)]
        state, owner = self.read_pool(pool), self.actors.owner.address
        first, second = (market[token.symbol] for token in tokens)
        worth = (first * 10 ** tokens[1].decimals, second * 10 ** tokens[0].decimals)
        if (sale := calculate_sale(state, worth)) is None:
            return
        sold, units = sale
        [bought] = [mint for mint in state.place.mints if mint != sold]
        yield state.swap(
            sold,
            units,
            payer=owner,
            source=derive_token_account(owner, sold),
            destination=derive_token_account(owner, bought),
            least=0,
        )

    def _read_price(self, feed: str) -> Usd:
        key = Pubkey.from_string(feed)
        [account] = read_accounts(self.rpc, [key])
        update = decode_update(self.chain_id, key, account)
        return scale_price(update.price, update.exponent)

    def _read(self, plan: AccountPlan[T]) -> T:
        return plan.decode(dict(zip(plan.keys, read_accounts(self.rpc, plan.keys), strict=True)))

    def _post(self, instructions: Sequence[Instruction] | Iterator[Instruction]) -> None:
        self.actors.owner.post(list(instructions))
