"""Which protocols there are: a folder's name in `protocols/` is the `protocol` in configuration.

A folder counts when it holds `adapter.py`; that module names its market class `MARKET`. A new
protocol is one new folder, with nothing to register.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import ClassVar, Protocol, Self, cast

from chains.evm import protocols as evm_protocols
from chains.evm.multicall import ReadPlan, ViewCaller
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.position import Position
from chains.model.price import Price
from chains.oracles.chainlink import FeedTerms


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
    """A lending market on an EVM chain."""

    protocol: ClassVar[str]

    @property
    def market(self) -> AccountId:
        """The market's contract."""
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


def find_protocols() -> tuple[str, ...]:
    """Give the names of all protocols, sorted."""
    folders = (module.name for module in iter_modules(evm_protocols.__path__) if module.ispkg)
    return tuple(sorted(name for name in folders if find_spec(_adapter_of(name)) is not None))


def load_protocol(name: str) -> type[EvmMarket]:
    """Give a protocol's market class; UnknownProtocol, naming those there are, for no folder."""
    known = find_protocols()
    if name not in known:
        raise UnknownProtocol(f"protocol {name!r} is unknown; known are: {', '.join(known)}")
    return cast("type[EvmMarket]", import_module(_adapter_of(name)).MARKET)


def _adapter_of(name: str) -> str:
    return f"{evm_protocols.__name__}.{name}.adapter"
