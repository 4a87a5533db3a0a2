"""The seams of the house: what the daemon asks of a chain, in small Protocols."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from chains.model.anchor import Head
from chains.model.ids import AccountId
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
