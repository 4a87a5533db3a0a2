"""A chain's vault as a committee reads it: final blocks, facts, quantities, and what happened.

Facts and quantities are views of the contracts (contracts/vault/IVault.vyi, ISeizure.vyi,
INotary.vyi), called at blocks named by their hashes. What has happened is read from logs of final
blocks: `chains.evm.vault_news` says which of them tell of a fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chains.errors import DecodeError, Stale
from chains.evm.abi.function import Function
from chains.evm.client import EvmClient, Tag
from chains.evm.multicall import combine, read
from chains.evm.vault_news import TOPICS, VaultNews, decode_news
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address, ChainId

FINALIZED: Final[Tag] = "finalized"
_COMMITTEE: Final = Function("committee", (), ("bytes32",))
_COMING: Final = Function("coming", (), ("bytes32",))
_FACTS: Final = Function("facts", ("bytes32",), ("uint256",))
_QUANTITIES: Final = Function(
    "read_quantities",
    ("bytes32",),
    ("(uint64,uint64,uint64,uint256[],uint256[],uint256[],uint256[],uint256[],uint256,uint256[])",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultContracts:
    """Where a chain's vault lies; `depth` blocks bury a final one, None: as the chain says."""

    vault: Address
    seizure: Address
    notary: Address
    start_block: int
    depth: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultLegs:
    """What an account has in a block: wad units by asset number, `ordered` in USD x 1e8."""

    height: int
    time: int
    collateral: tuple[int, ...]
    debt: tuple[int, ...]
    locked: tuple[int, ...]
    ordered: int
    lines_in: tuple[int, ...]


FactPlace = tuple[Address, bytes]
"""A contract and the key of one of its facts."""


class VaultReader:
    """One chain's vault through one's own endpoints; every read names its block."""

    def __init__(self, client: EvmClient, contracts: VaultContracts) -> None:
        self._client: Final = client
        self.contracts: Final = contracts

    @property
    def chain(self) -> ChainId:
        """The chain."""
        return self._client.chain

    async def read_final(self) -> BlockAnchor:
        """Read the newest final block; Stale while the chain is too young to have one."""
        depth = self.contracts.depth
        if depth is None:
            return (await self._client.read_head(FINALIZED)).anchor
        newest = await self.read_newest()
        if newest.height < depth:
            raise Stale(self.chain, f"block {newest.height} has not {depth} blocks below it")
        return await self.read_block(newest.height - depth)

    async def read_newest(self) -> BlockAnchor:
        """Read the newest block."""
        return (await self._client.read_head("latest")).anchor

    async def read_block(self, block: int | bytes) -> BlockAnchor:
        """Read a block by its height or hash; MissingBlock while no endpoint has it."""
        return (await self._client.read_head(block)).anchor

    async def read_committees(self, anchor: BlockAnchor) -> tuple[bytes, ...]:
        """Read the id of the committee that counts here, then that of one that is to, if any."""
        notary = self.contracts.notary
        plan = combine([_COMMITTEE.plan(notary), _COMING.plan(notary)])
        ids = await read(self._client, anchor, plan)
        return tuple(dict.fromkeys(filter(any, ids)))

    async def read_facts(
        self, anchor: BlockAnchor, places: Sequence[FactPlace]
    ) -> Mapping[FactPlace, int]:
        """Read facts' words, 0 where nothing was said; DecodeError for a foreign contract."""
        known = {self.contracts.vault, self.contracts.seizure}
        if strange := next((source for source, _ in places if source not in known), None):
            raise DecodeError(self.chain, f"{strange} is neither the vault nor its seizure")
        plan = combine([_FACTS.plan(source, key) for source, key in places])
        return dict(zip(places, await read(self._client, anchor, plan), strict=True))

    async def read_legs(
        self, anchor: BlockAnchor, accounts: Sequence[bytes]
    ) -> Mapping[bytes, VaultLegs]:
        """Read what accounts have in a block; DecodeError where it says to be another block."""
        seizure = self.contracts.seizure
        plan = combine([_QUANTITIES.plan(seizure, account) for account in accounts])
        found = await read(self._client, anchor, plan)
        return {
            account: self._convert(legs, anchor)
            for account, legs in zip(accounts, found, strict=True)
        }

    async def read_news(self, from_height: int, to_height: int) -> tuple[VaultNews, ...]:
        """Read what happened in a closed range of final blocks, in order."""
        logs = await self._client.read_logs(
            addresses=[self.contracts.vault, self.contracts.seizure],
            topics=[TOPICS],
            from_height=from_height,
            to_height=to_height,
        )
        try:
            return tuple(decode_news(self.chain.evm_number, log) for log in logs)
        except ValueError as error:
            raise DecodeError(self.chain, f"an event of the vault: {error}") from error

    def _convert(self, found: Sequence[Any], anchor: BlockAnchor) -> VaultLegs:
        number, height, time, collateral, debt, locked, added, repaid, ordered, lines_in = found
        if (number, height, time) != (self.chain.evm_number, anchor.height, anchor.time):
            reason = f"quantities of block {height} of chain {number} were answered"
            raise DecodeError(self.chain, reason)
        if any(added) or any(repaid):
            raise DecodeError(self.chain, "a contract told of top-ups in blocks after its own")
        return VaultLegs(
            height=height,
            time=time,
            collateral=tuple(collateral),
            debt=tuple(debt),
            locked=tuple(locked),
            ordered=ordered,
            lines_in=tuple(lines_in),
        )
