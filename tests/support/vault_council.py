"""A council whose members watch vaults on two chains that are only told of.

Each member has nodes of its own, which may lie, lag or be silent.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eth_hash.auto import keccak

from chains.errors import MissingBlock, Unreachable
from chains.evm.vault_news import Fact, VaultNews
from chains.evm.vaults import FactPlace, VaultContracts, VaultLegs
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address, ChainId
from daemon.committee.vault_rounds import VaultTerms
from daemon.committee.vaults import VaultSetup, VaultsParts
from daemon.storage.database import Database
from daemon.storage.vault_statements import VaultStatementStore
from proofs.vault_document import VaultDocument
from proofs.vaults import FactKey, FactKind, VaultFact, VaultQuantities
from tests.support.council import Council, Seat, clock, found_committee

NEAR, FAR = 31_337, 31_338
VAULT: Final = Address("0x" + "0a" * 20)
SEIZURE: Final = Address("0x" + "0b" * 20)
DEPTH: Final = 2
"""How many blocks bury a final one."""
STALE_S: Final = 30
TERMS: Final = VaultTerms(turn_s=1.0, refresh_s=4.0, round_s=2.0, grace_s=0.2, poll_s=0.1)
ACCOUNT: Final = bytes([0xAA]) * 32
WAD: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultBlock:
    """A block with all that the contracts hold after it."""

    anchor: BlockAnchor
    facts: Mapping[FactPlace, int]
    legs: Mapping[bytes, VaultLegs]
    committees: tuple[bytes, ...]
    news: tuple[VaultNews, ...]


@dataclass(slots=True)
class VaultWorldChain:
    """One chain: its blocks, and what the next one will say."""

    number: int
    blocks: list[VaultBlock] = field(default_factory=list)
    committees: tuple[bytes, ...] = field(default_factory=lambda: (found_committee().id,))
    _news: list[VaultNews] = field(default_factory=list)
    _facts: dict[FactPlace, int] = field(default_factory=dict)
    _legs: dict[bytes, VaultLegs] = field(default_factory=dict)
    _salt: int = 0

    @property
    def final(self) -> VaultBlock:
        """The newest final block."""
        return self.blocks[-1 - DEPTH]

    def tell(self, fact: Fact, value: int, *, source: Address = VAULT) -> None:
        """Let the next block write a fact."""
        key = FactKey(kind=FactKind(fact.kind), subject=fact.subject, numbers=fact.numbers)
        self._facts[source, key.hash] = value
        at = frozenset({self.number, fact.consumer} - {0})
        self._news.append(
            VaultNews(
                source=source,
                height=len(self.blocks),
                account=ACCOUNT,
                at=at,
                fact=fact,
            )
        )

    def hold(self, *, collateral: int = 0, debt: int = 0) -> None:
        """Let the next block say what the account has: WETH and USDC."""
        self._legs[ACCOUNT] = VaultLegs(
            height=0,
            time=0,
            collateral=(collateral, 0),
            debt=(0, debt),
            locked=(0, 0),
            ordered=0,
            lines_in=(0, 0),
        )

    def mine(self, count: int = 1) -> None:
        """Add blocks."""
        for _ in range(count):
            height = len(self.blocks)
            name = f"{self.number} {height} {self._salt}".encode()
            anchor = BlockAnchor(
                chain=ChainId.evm(self.number),
                height=height,
                hash=bytes(keccak(name)),
                time=int(clock()),
            )
            self.blocks.append(
                VaultBlock(
                    anchor=anchor,
                    facts=dict(self._facts),
                    legs=dict(self._legs),
                    committees=self.committees,
                    news=tuple(self._news),
                )
            )
            self._news = []

    def reorg(self, depth: int) -> None:
        """Take blocks back and put empty ones in their place."""
        kept = self.blocks[-1 - depth]
        del self.blocks[-depth:]
        self._facts, self._legs, self._news = dict(kept.facts), dict(kept.legs), []
        self._salt += 1
        self.mine(depth)


@dataclass(slots=True, eq=False)
class VaultTeller:
    """One chain as a member's endpoints tell it; a `VaultNode`."""

    world: VaultWorldChain
    silent: bool = False
    lie: Callable[[int], int] | None = None
    behind: int = 0

    @property
    def chain(self) -> ChainId:
        """The chain."""
        return ChainId.evm(self.world.number)

    @property
    def contracts(self) -> VaultContracts:
        """Where the vault lies."""
        return VaultContracts(
            vault=VAULT, seizure=SEIZURE, notary=VAULT, start_block=0, depth=DEPTH
        )

    async def read_final(self) -> BlockAnchor:
        """Give the newest final block."""
        self._speak()
        return self.world.blocks[-1 - DEPTH - self.behind].anchor

    async def read_newest(self) -> BlockAnchor:
        """Give the newest block."""
        self._speak()
        return self.world.blocks[-1].anchor

    async def read_block(self, block: int | bytes) -> BlockAnchor:
        """Give a block."""
        self._speak()
        for found in self.world.blocks:
            if block in (found.anchor.height, found.anchor.hash):
                return found.anchor
        raise MissingBlock(self.chain, "no such block")

    async def read_committees(self, anchor: BlockAnchor) -> tuple[bytes, ...]:
        """Give whose statements count."""
        return self._at(anchor).committees

    async def read_facts(
        self, anchor: BlockAnchor, places: Sequence[FactPlace]
    ) -> Mapping[FactPlace, int]:
        """Give facts."""
        facts = self._at(anchor).facts
        tell = self.lie or (lambda value: value)
        return {place: tell(facts.get(place, 0)) for place in places}

    async def read_legs(
        self, anchor: BlockAnchor, accounts: Sequence[bytes]
    ) -> Mapping[bytes, VaultLegs]:
        """Give what accounts have."""
        found = self._at(anchor)
        empty = VaultLegs(
            height=0, time=0, collateral=(0, 0), debt=(0, 0), locked=(0, 0), ordered=0,
            lines_in=(0, 0),
        )  # fmt: skip
        return {
            account: replace(
                found.legs.get(account, empty),
                height=found.anchor.height,
                time=found.anchor.time,
            )
            for account in accounts
        }

    async def read_news(self, from_height: int, to_height: int) -> tuple[VaultNews, ...]:
        """Give what happened."""
        self._speak()
        blocks = self.world.blocks[from_height : to_height + 1]
        return tuple(news for block in blocks for news in block.news)

    def _at(self, anchor: BlockAnchor) -> VaultBlock:
        self._speak()
        found = self.world.blocks[anchor.height]
        if found.anchor.hash != anchor.hash:
            raise MissingBlock(self.chain, "no such block")
        return found

    def _speak(self) -> None:
        if self.silent:
            raise Unreachable(self.chain, "no endpoint answered")


class VaultSeats:
    """A council's members as those who state vaults."""

    def __init__(self, council: Council) -> None:
        self.council = council

    def parts(self, place: int) -> VaultsParts:
        """Give a member's part for vaults."""
        parts = self.council.seats[place].parts.vaults
        assert parts is not None
        return parts

    def reasons(self, place: int) -> list[str]:
        """Give the refusals that a member has on record, newest first."""
        return [record.reason for record in self.council.seats[place].parts.refusals.newest]

    async def find(self, place: int, chain: int, key: FactKey) -> VaultDocument | None:
        """Give what a member has of a fact."""
        return await self.parts(place).standing.find_fact(chain, key)

    async def until_found(
        self,
        chain: int,
        key: FactKey,
        value: int,
        places: Sequence[int] = (),
        *,
        by: set[int] | None = None,
    ) -> VaultDocument:
        """Wait until members have a fact of a chain with this value, signed by these."""

        async def holds() -> bool:
            for place in places or range(len(self.council.seats)):
                found = await self.find(place, chain, key)
                if found is None or not isinstance(found.said, VaultFact):
                    return False
                if found.said.value != value:
                    return False
                if by is not None and {index for index, _ in found.signatures} != by:
                    return False
            return True

        await self.until(holds, f"{key.kind} is {value}, by {by or 'a quorum'}")
        document = await self.find(places[0] if places else 0, chain, key)
        assert document is not None
        return document

    async def until(self, holds: Callable[[], object], what: str, wait_s: float = 8.0) -> None:
        """Wait until something holds, with a word of why it does not."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            if asyncio.get_running_loop().time() > deadline:
                told = {
                    seat.place: (self.reasons(seat.place)[:3], self.parts(seat.place).rounds.wants)
                    for seat in self.council.seats
                    if seat.running
                }
                raise AssertionError(f"not in {wait_s:g} s: {what}\n{told}")
            await asyncio.sleep(0.02)


class VaultCouncil(VaultSeats):
    """The council's members with vaults that are only told of."""

    def __init__(self, council: Council) -> None:
        super().__init__(council)
        self.near = VaultWorldChain(NEAR)
        self.far = VaultWorldChain(FAR)
        for world in (self.near, self.far):
            world.mine(DEPTH + 2)
        self.tellers: list[dict[int, VaultTeller]] = []
        for seat in council.seats:
            self.tellers.append({w.number: VaultTeller(w) for w in (self.near, self.far)})
            seat.vaults_of = self._setup(seat)

    def raise_line(self, units: int) -> FactKey:
        """Let the near vault say in its next block that units were ever lent to the far one."""
        fact = Fact(kind="RAISED", subject=ACCOUNT, numbers=(NEAR, FAR, 0), consumer=FAR)
        self.near.tell(fact, units)
        return FactKey(kind=FactKind.RAISED, subject=ACCOUNT, numbers=(NEAR, FAR, 0))

    def lower_line(self, units: int) -> FactKey:
        """Let the far vault say in its next block that units were ever given back."""
        fact = Fact(kind="LOWERED", subject=ACCOUNT, numbers=(NEAR, FAR, 0), consumer=NEAR)
        self.far.tell(fact, units)
        return FactKey(kind=FactKind.LOWERED, subject=ACCOUNT, numbers=(NEAR, FAR, 0))

    async def fact(self, place: int, key: FactKey) -> VaultDocument | None:
        """Give what a member has of a line's fact."""
        return await self.find(place, NEAR if key.kind is FactKind.RAISED else FAR, key)

    async def until_stated(
        self, key: FactKey, value: int, *places: int, by: set[int] | None = None
    ) -> VaultDocument:
        """Wait until members have a line's fact with this value, signed by these."""
        chain = NEAR if key.kind is FactKind.RAISED else FAR
        return await self.until_found(chain, key, value, places, by=by)

    async def quantities(self, place: int) -> VaultQuantities | None:
        """Give the account's newest quantities as a member has them."""
        found = await self.parts(place).standing.newest_quantities(ACCOUNT)
        return found.said if found and isinstance(found.said, VaultQuantities) else None

    def _setup(self, seat: Seat) -> Callable[[Database], VaultSetup]:
        def build(database: Database) -> VaultSetup:
            return VaultSetup(
                nodes=[(teller, STALE_S) for teller in self.tellers[seat.place].values()],
                store=VaultStatementStore(database),
                terms=TERMS,
            )

        return build
