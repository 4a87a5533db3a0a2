"""A running chain of the devnet and what its owner may do to it: mine, set prices, give money.

A price lives in three places: the protocol's feed, the market's reference feed, and the pools.
`move_price` posts all changes first and then mines one block, so that no head ever shows half a
move (with automining each change has its own block).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from chains.model.ids import Address, ChainId, parse_address
from chains.model.units import Usd
from daemon.devnet.anvil import Anvil
from daemon.devnet.artifacts import Artifact
from daemon.devnet.calls import encode_call
from daemon.devnet.deploy import DEPLOY_GAS, Deployer
from daemon.devnet.deployment import GWEI, ChainDeployment, Token, UniswapPool
from daemon.devnet.errors import DevnetError
from daemon.devnet.uniswap import calculate_sqrt_price

_SWAP: Final = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"
_FEE_HEADROOM: Final = 10
_ETHER_DECIMALS: Final = 18
MAX_GWEI: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPrices:
    """What one asset costs to the protocol and to the market (Usd)."""

    protocol: Usd
    reference: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStatus:
    """The newest block."""

    height: int
    time: int


def shock_price(price: Usd, percent: Decimal) -> Usd:
    """Move a price by percent, rounded to the nearest unit; DevnetError unless it stays above 0."""
    moved = int((Decimal(price) * (100 + percent) / 100).to_integral_value())
    if moved <= 0:
        raise DevnetError(f"a shock of {percent} % leaves no price; it must be above -100 %")
    return Usd(moved)


class LiveChain:
    """One chain while it runs: node, deployment and its owner's account.

    `base_fee_wei` is set on every block mined here; `automine` tells whether the node mines each
    transaction by itself.
    """

    def __init__(self, anvil: Anvil, deployment: ChainDeployment, *, automine: bool) -> None:
        self.anvil = anvil
        self.rpc = anvil.rpc
        self.deployment = deployment
        self.automine = automine
        self.owner = Deployer(anvil.rpc, deployment.owner)
        self.base_fee_wei = 0
        self.set_base_fee(deployment.base_fee_wei)

    @property
    def name(self) -> str:
        """The chain's label: `cheap` or `dear`."""
        return self.deployment.name

    @property
    def chain_id(self) -> ChainId:
        """The chain's CAIP-2 id."""
        return ChainId.evm(self.deployment.number)

    @property
    def native_decimals(self) -> int:
        """How many decimals native money has."""
        return _ETHER_DECIMALS

    def takes(self, account: Address) -> bool:
        """Say whether an address is one of this chain's kind."""
        return account.startswith("0x")

    def set_fee(self, gwei: Decimal) -> None:
        """Set the base fee in gwei from the next block on, which is mined now."""
        if gwei > MAX_GWEI:
            raise DevnetError(f"{gwei} gwei is too much: at most {MAX_GWEI}")
        self.set_base_fee(int(gwei * GWEI))
        self.mine()

    def set_base_fee(self, wei: int) -> None:
        """Set the base fee of all blocks mined from now on."""
        self.base_fee_wei = wei
        self.owner.max_fee_wei = max(_FEE_HEADROOM * wei, 2_000 * GWEI)

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks at the set base fee."""
        self.anvil.mine(self.base_fee_wei, blocks)

    def read_head(self) -> HeadStatus:
        """Read the newest block's height and time."""
        block = self.rpc.request("eth_getBlockByNumber", *("latest", False))
        return HeadStatus(height=int(block["number"], 16), time=int(block["timestamp"], 16))

    def read_prices(self) -> Mapping[str, AssetPrices]:
        """Read both feeds of every asset."""
        return MappingProxyType(
            {
                symbol: AssetPrices(
                    protocol=self._read_answer(token.feed),
                    reference=self._read_answer(token.reference_feed),
                )
                for symbol, token in self.deployment.tokens.items()
            }
        )

    def refresh_feeds(self) -> None:
        """Publish every feed's answer again in one block, so that none grows stale."""
        self.include(self.post_feeds())

    def post_feeds(self) -> list[str]:
        """Send every feed's answer again without mining; gives the transactions' hashes."""
        posted = []
        for symbol, prices in self.read_prices().items():
            token = self.deployment.tokens[symbol]
            posted.append(self._post_answer(token.feed, prices.protocol))
            posted.append(self._post_answer(token.reference_feed, prices.reference))
        return posted

    def move_price(self, symbol: str, *, protocol: Usd, reference: Usd | None) -> None:
        """Set an asset's price; without `reference` the market and the pools stay as they are."""
        token = self.find_token(symbol)
        posted = [self._post_answer(token.feed, protocol)]
        if reference is not None:
            posted.append(self._post_answer(token.reference_feed, reference))
            market = {name: prices.reference for name, prices in self.read_prices().items()}
            market[symbol] = reference
            posted += self._post_swaps(symbol, market)
        self.include(posted)

    def shock(self, symbol: str, percent: Decimal, *, protocol_only: bool) -> AssetPrices:
        """Move an asset's USD price by percent and give what it costs now."""
        self.find_token(symbol)
        before = self.read_prices()[symbol]
        protocol = shock_price(before.protocol, percent)
        reference = None if protocol_only else shock_price(before.reference, percent)
        self.move_price(symbol, protocol=protocol, reference=reference)
        return self.read_prices()[symbol]

    def read_pool_price(self, pool: UniswapPool) -> int:
        """Read a pool's √price × 2⁹⁶."""
        answer = self.owner.call(
            pool.address,
            "slot0()",
            returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)",
        )
        return int(answer[0])

    def deploy(self, artifact: Artifact, *args: object) -> Address:
        """Create a contract as the owner, in a block of its own."""
        posted = self.owner.post(None, artifact.creation_data({}, *args), gas=DEPLOY_GAS)
        self.include([posted])
        return parse_address(self.owner.confirm(posted)["contractAddress"])

    def mint(self, symbol: str, receiver: Address, units: int) -> None:
        """Give tokens to an account."""
        data = encode_call("mint(address,uint256)", receiver, units)
        self.include([self.owner.post(self.find_token(symbol).address, data)])

    def set_balance(self, account: Address, wei: int) -> None:
        """Set an account's native balance."""
        self.rpc.request("anvil_setBalance", account, hex(wei))

    def add_balance(self, account: Address, wei: int) -> None:
        """Give an account native money."""
        held = int(self.rpc.request("eth_getBalance", account, "latest"), 16)
        self.set_balance(account, held + wei)

    def find_token(self, symbol: str) -> Token:
        """Give an asset by symbol; DevnetError names those there are."""
        try:
            return self.deployment.tokens[symbol]
        except KeyError as error:
            known = ", ".join(self.deployment.tokens)
            raise DevnetError(f"there is no asset {symbol!r} on the devnet: {known}") from error

    def include(self, posted: list[str]) -> None:
        """Mine what was posted, unless the node did, and see that all of it succeeded."""
        if not self.automine:
            self.mine()
        for tx_hash in posted:
            self.owner.confirm(tx_hash)

    def _read_answer(self, feed: Address) -> Usd:
        (answer,) = self.owner.call(feed, "latestAnswer()", returns="(int256)")
        return Usd(answer)

    def _post_answer(self, feed: Address, answer: Usd) -> str:
        if self.automine:
            self.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(self.base_fee_wei))
        return self.owner.post(feed, encode_call("set(int256)", answer))

    def _post_swaps(self, symbol: str, market: Mapping[str, Usd]) -> list[str]:
        posted = []
        for pool in self.deployment.uniswap.pools:
            if symbol in {pool.token0, pool.token1}:
                posted += self._post_swap(pool, market)
        return posted

    def _post_swap(self, pool: UniswapPool, market: Mapping[str, Usd]) -> list[str]:
        """Swap until the pool stands at the market's price."""
        token0, token1 = (self.deployment.tokens[name] for name in (pool.token0, pool.token1))
        target = calculate_sqrt_price(
            market[pool.token0], token0.decimals, market[pool.token1], token1.decimals
        )
        current = self.read_pool_price(pool)
        if target == current:
            return []
        sold, bought = (token0, token1) if target < current else (token1, token0)
        uniswap, owner = self.deployment.uniswap, self.owner.sender
        limits = (uniswap.fee, owner, 2**128, 0, target)
        data = encode_call(_SWAP, (sold.address, bought.address, *limits))
        return [self.owner.post(uniswap.router, data)]
