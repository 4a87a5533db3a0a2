"""The seams of the house: what the daemon asks of a chain, in small Protocols."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from chains.model.action import Action, Quote, Receipt
from chains.model.anchor import Head
from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import ChainSnapshot


class HeadSource(Protocol):
    """Where new heads of one chain come from."""

    def heads(self) -> AsyncIterator[Head]:
        """Yield each new head once, reorgs marked; raises ChainError when no endpoint serves."""
        ...


class Reader(Protocol):
    """Reads one chain at an anchor."""

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        """Read positions, funds and prices of `accounts` at the head; ChainError as a gap."""
        ...


class Quoter(Protocol):
    """Prices an action live."""

    async def quote(self, action: Action, sender: str) -> Quote:
        """Simulate at the newest block; SimulationReverted when it would fail."""
        ...


class Submitter(Protocol):
    """Gets signed bytes into a chain and says what became of them."""

    @property
    def chain(self) -> ChainId:
        """The chain served."""
        ...

    async def submit(self, raw: bytes) -> bytes:
        """Broadcast signed bytes; gives the transaction hash, also when already known."""
        ...

    async def read_receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give the receipt, None while not included (or no longer)."""
        ...
