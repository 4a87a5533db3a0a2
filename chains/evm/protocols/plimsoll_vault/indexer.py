"""A vault's logs, from the block it was deployed at to the head.

Final logs are kept, so that a restart goes on where the last run was; what is not final yet is read
again whole at every head, so that a reorg leaves nothing behind. A chain that ends below what was
final is another chain: everything is forgotten and read anew.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import structlog

from chains.errors import DecodeError
from chains.evm.decode import Log
from chains.evm.protocols.plimsoll_vault.events import TOPICS, VaultEvent, decode_event
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address

log = structlog.get_logger(__name__)

SCAN_BLOCKS: Final = 50_000
"""How many final blocks are looked through in one go."""


class LogSource(Protocol):
    """Where logs are read."""

    async def read_logs(
        self,
        *,
        addresses: Sequence[Address],
        topics: Sequence[bytes | Sequence[bytes] | None],
        from_height: int,
        to_height: int,
    ) -> tuple[Log, ...]:
        """Read logs of a closed range of heights, in order."""
        ...


class LogKeeper(Protocol):
    """Where final logs are kept."""

    async def append(self, vault: AccountId, logs: Sequence[Log], *, scanned: int) -> None:
        """Keep final logs and the last block looked through, in one commit."""
        ...

    async def read(self, vault: AccountId) -> tuple[tuple[Log, ...], int | None]:
        """Give a vault's logs in order, and the last block looked through (None before any)."""
        ...

    async def forget(self, vault: AccountId) -> None:
        """Drop everything known of a vault."""
        ...


class VaultIndexer:
    """The events of one chain's vault by account.

    `head` and `final` are the heights known up to: `final` lags behind the chain's own while old
    blocks are still being looked through, and `whole` says that it does not.
    """

    def __init__(
        self,
        source: LogSource,
        keeper: LogKeeper,
        *,
        vault: AccountId,
        seizure: Address,
        start_block: int,
    ) -> None:
        self.vault: Final = vault
        self.head = -1
        self.final = start_block - 1
        self.whole = False
        self._source = source
        self._keeper = keeper
        self._addresses: Final = (vault.evm_address, seizure)
        self._start: Final = start_block
        self._kept: dict[bytes, list[VaultEvent]] = {}
        self._tail: dict[bytes, list[VaultEvent]] = {}

    async def load(self) -> None:
        """Take up what an earlier run kept."""
        logs, scanned = await self._keeper.read(self.vault)
        if scanned is not None:
            self.final = max(self.final, scanned)
            self._add(self._kept, logs)

    async def follow(self, head: BlockAnchor, final: int) -> None:
        """Take in the chain up to the head, whose final height is given; ChainError.

        A call looks through SCAN_BLOCKS final blocks at most: until they are all known, `whole` is
        False and there is no tail.
        """
        if self.final > head.height:
            await self._forget(head)
        last = min(final, head.height, self.final + SCAN_BLOCKS)
        if last > self.final:
            logs = await self._read(self.final + 1, last)
            await self._keeper.append(self.vault, logs, scanned=last)
            self._add(self._kept, logs)
            self.final = last
        self.whole = self.final >= min(final, head.height)
        self._tail = {}
        if self.whole and head.height > self.final:
            self._add(self._tail, await self._read(self.final + 1, head.height))
        self.head = head.height if self.whole else self.final

    @property
    def accounts(self) -> frozenset[bytes]:
        """The vault accounts that anything was ever said of."""
        return frozenset(self._kept.keys() | self._tail.keys())

    def events(self, account: bytes) -> tuple[VaultEvent, ...]:
        """Give an account's events in order."""
        return (*self._kept.get(account, ()), *self._tail.get(account, ()))

    async def _read(self, first: int, last: int) -> tuple[Log, ...]:
        return await self._source.read_logs(
            addresses=self._addresses, topics=[TOPICS], from_height=first, to_height=last
        )

    async def _forget(self, head: BlockAnchor) -> None:
        log.warning(
            "vault.index_dropped", chain=str(head.chain), head=head.height, scanned=self.final
        )
        await self._keeper.forget(self.vault)
        self._kept, self._tail = {}, {}
        self.final, self.whole = self._start - 1, False

    def _add(self, table: dict[bytes, list[VaultEvent]], logs: Iterable[Log]) -> None:
        for found in logs:
            try:
                event = decode_event(found)
            except ValueError as error:
                name = f"log {found.index} at {found.height}"
                raise DecodeError(self.vault.chain, f"{name}: {error}") from error
            table.setdefault(event.account, []).append(event)
