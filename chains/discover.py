"""Which protocols there are: a folder's name in `protocols/` is the `protocol` in configuration.

Each kind of chain has its own folder of protocols, named by its CAIP-2 namespace here. A protocol
counts when its folder holds `adapter.py`; that module names its market class `MARKET`. A new
protocol is one new folder, with nothing to register.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, ClassVar, Final, Literal, Protocol, Self, cast, overload

from solders.pubkey import Pubkey

from chains.evm import protocols as evm_protocols
from chains.evm.multicall import ReadPlan, ViewCaller
from chains.model.anchor import BlockAnchor
from chains.model.ids import EIP155, SOLANA, AccountId, Address, ChainId
from chains.model.position import Position
from chains.model.price import Price
from chains.oracles.chainlink import FeedTerms
from chains.solana import protocols as solana_protocols
from chains.solana.accounts import AccountPlan, RawAccount
from chains.solana.client import Filter
from chains.solana.markets import AssetTerms, MarketRead, Snapshot, Target


class UnknownProtocol(ValueError):
    """The configuration names a protocol that has no folder."""


class MarketReading(Protocol):
    """What every market gives of a read: a position per account, a price per asset."""

    @property
    def positions(self) -> tuple[Position, ...]:
        """One position per account asked for that could be read, in their order."""
        ...

    @property
    def unreadable(self) -> Mapping[AccountId, str]:
        """Why an account has no position."""
        ...

    @property
    def prices(self) -> tuple[Price, ...]:
        """The protocol's own price of each of its assets."""
        ...


class EvmMarket(Protocol):
    """A lending market on an EVM chain.

    `by_name` says that it finds positions by names that owners gave, not by their addresses.
    """

    protocol: ClassVar[str]
    by_name: ClassVar[bool]

    @property
    def market(self) -> AccountId:
        """The market's contract."""
        ...

    @property
    def version(self) -> str:
        """The release whose arithmetic values its positions."""
        ...

    @classmethod
    async def open(
        cls,
        client: ViewCaller,
        anchor: BlockAnchor,
        *,
        pool: Address,
        feeds: Mapping[Address, FeedTerms],
    ) -> Self:
        """Learn the market's layout at the anchor; DecodeError for an unknown version."""
        ...

    def plan_read(
        self, accounts: Sequence[AccountId], *, anchor: BlockAnchor
    ) -> ReadPlan[MarketReading]:
        """Plan to read the market and these accounts at the anchor."""
        ...


class SolanaMarket(Protocol):
    """A lending market on Solana; `version` is the layout that its positions are read by."""

    protocol: ClassVar[str]
    version: ClassVar[str]

    @property
    def market(self) -> AccountId:
        """The market's account."""
        ...

    @property
    def program(self) -> Pubkey:
        """The program that the market's obligations belong to."""
        ...

    @classmethod
    def plan_open(
        cls,
        chain: ChainId,
        *,
        market: Pubkey,
        reserves: Sequence[Pubkey],
        assets: Mapping[Pubkey, AssetTerms],
        program: Pubkey | None = None,
    ) -> AccountPlan[Self]:
        """Plan to learn the market; `assets` by mint, `program` None is the protocol's own."""
        ...

    def find_target(self, account: AccountId) -> Target:
        """Give the obligation whose address follows from the wallet."""
        ...

    def scan_filters(self, account: AccountId | None = None) -> tuple[Filter, ...]:
        """Give what all obligations of the market, or of a wallet in it, have."""
        ...

    def owes(self, key: Pubkey, account: RawAccount | None) -> bool:
        """Say whether an obligation's bytes show a debt, or cannot be read."""
        ...

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[Snapshot[Any, Any]]:
        """Plan to read the market and these obligations; Stale where it is to be opened again."""
        ...

    def build_read(self, snapshot: Any, anchor: BlockAnchor) -> MarketRead[Any, Any]:  # noqa: ANN401 # each protocol's own
        """Give positions and prices of a snapshot of this market."""
        ...


def find_protocols(namespace: str) -> tuple[str, ...]:
    """Give the names of a kind of chain's protocols, sorted."""
    package = _PACKAGES[namespace]
    folders = (module.name for module in iter_modules(package.__path__) if module.ispkg)
    return tuple(sorted(name for name in folders if find_spec(_adapter_of(package, name))))


@overload
def load_protocol(namespace: Literal["eip155"], name: str) -> type[EvmMarket]: ...


@overload
def load_protocol(namespace: Literal["solana"], name: str) -> type[SolanaMarket]: ...


def load_protocol(namespace: str, name: str) -> type[EvmMarket] | type[SolanaMarket]:
    """Give a protocol's market class; UnknownProtocol, naming those there are, for no folder."""
    known = find_protocols(namespace)
    if name not in known:
        raise UnknownProtocol(f"protocol {name!r} is unknown; known are: {', '.join(known)}")
    market = import_module(_adapter_of(_PACKAGES[namespace], name)).MARKET
    return cast("type[EvmMarket | SolanaMarket]", market)


def _adapter_of(package: ModuleType, name: str) -> str:
    return f"{package.__name__}.{name}.adapter"


_PACKAGES: Final = {EIP155: evm_protocols, SOLANA: solana_protocols}
