"""Four members of a committee in one process: real listeners, clients, stores and signatures.

Only the chains are told of: a `Node` is what a member's own endpoints say, and may lie. Time runs
four times as fast as the wall's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from chains.errors import MissingBlock
from chains.model.ids import AccountId, Address, ChainId
from chains.model.position import Side
from chains.model.price import Price
from chains.model.snapshot import ChainSnapshot
from chains.model.units import Usd
from config.errors import ConfigError
from daemon.board import Attested, Board
from daemon.committee.compose import CommitteeParts, CommitteeTerms, open_committee
from daemon.committee.membership import Membership
from daemon.committee.slots import Accounts
from daemon.committee.turns import RoundTerms
from daemon.committee.vaults import VaultSetup
from daemon.evidence import Gatherer
from daemon.proving import Prover, Shelf
from daemon.storage.database import Database, open_database
from daemon.storage.errors import StorageError
from daemon.storage.signed import open_signed
from daemon.storage.store import Store
from proofs.committee import Committee
from proofs.document import Document, decode_document
from proofs.guard import Claim, Guard
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import BlockRef
from proofs.strict import encode_view
from proofs.succession import CommitteeChain
from tests.support import values as v
from tests.support.committee import find_ports
from tests.support.database import lay_database
from tests.support.wires import Wire

DEPLOYMENT: Final = "plimsoll-council"
SIZE: Final = 4
THRESHOLD: Final = 3
SPEED: Final = 4.0
TTL_S: Final = 12
STALE_S: Final = 30
DARK_S: Final = 2.0
REFRESH_S: Final = 1
LOOK_S: Final = 0.04
WAIT_S: Final = 8.0
KEYS: Final = sorted(
    (bytes([number]) * 32 for number in range(1, SIZE + 3)),
    key=lambda key: int(Secp256k1Signer(key).address, 16),
)
SIGNERS: Final = tuple(Secp256k1Signer(key) for key in KEYS[:SIZE])
SPARES: Final = tuple(Secp256k1Signer(key) for key in KEYS[SIZE:])
Twist = Callable[[ChainSnapshot], ChainSnapshot]
_STARTED: Final = time.monotonic()


def clock() -> float:
    """Give the council's time."""
    return v.NOW + SPEED * (time.monotonic() - _STARTED)


def found_committee(signers: Sequence[Secp256k1Signer] = SIGNERS) -> Committee:
    """Give the first committee."""
    return Committee.first(DEPLOYMENT, [signer.address for signer in signers], THRESHOLD)


def double_price(snapshot: ChainSnapshot) -> ChainSnapshot:
    """Tell twice the price of everything."""

    def raise_one(price: Price) -> Price:
        return replace(price, usd=Usd(2 * price.usd))

    positions = tuple(
        replace(p, legs=tuple(replace(leg, price=raise_one(leg.price)) for leg in p.legs))
        for p in snapshot.positions
    )
    prices = tuple(raise_one(price) for price in snapshot.prices)
    return replace(snapshot, positions=positions, prices=prices)


def halve_debt(snapshot: ChainSnapshot) -> ChainSnapshot:
    """Tell half of what is owed."""
    positions = tuple(
        replace(
            p,
            legs=tuple(
                replace(leg, units=leg.units // 2) if leg.side is Side.DEBT else leg
                for leg in p.legs
            ),
        )
        for p in snapshot.positions
    )
    return replace(snapshot, positions=positions)


@dataclass(slots=True)
class World:
    """What the chains hold, block by block."""

    clock: Callable[[], float] = clock
    blocks: dict[bytes, ChainSnapshot] = field(default_factory=dict)
    newest: dict[ChainId, ChainSnapshot] = field(default_factory=dict)
    height: int = 100

    def mine(self) -> None:
        """Add a block to both chains."""
        self.height += 1
        now = int(self.clock())
        weth = v.leg(v.CHEAP, "WETH", Side.COLLATERAL, 10)
        owed = [v.leg(v.DEAR, "WBTC", Side.COLLATERAL, 0.5), v.leg(v.DEAR, "USDC", Side.DEBT, 9e3)]
        for chain, legs in ((v.CHEAP, [weth]), (v.DEAR, owed)):
            anchor = v.anchor(chain, height=self.height, time=now)
            held = replace(v.position(chain, legs), anchor=anchor)
            snapshot = replace(v.chain_snapshot(chain, [held]), anchor=anchor)
            self.newest[chain] = self.blocks[anchor.hash + str(chain).encode()] = snapshot


@dataclass(slots=True)
class Node:
    """One chain as a member's endpoints tell it; a `daemon.committee.views.View`."""

    world: World
    chain: ChainId
    twist: Twist | None = None
    delay_s: float = 0.0

    def tell(self, snapshot: ChainSnapshot) -> ChainSnapshot:
        """Give a snapshot as it is told."""
        return self.twist(snapshot) if self.twist else snapshot

    async def read(
        self, block: BlockRef, accounts: Sequence[AccountId], given: Accounts | None
    ) -> ChainSnapshot:
        """Read a block."""
        del accounts, given
        await asyncio.sleep(self.delay_s)
        found = self.world.blocks.get(block.block_hash + str(self.chain).encode())
        if found is None:
            raise MissingBlock(self.chain, "no such block")
        return self.tell(found)

    def find_given(self, block_hash: bytes) -> Accounts | None:
        """Give nothing."""
        del block_hash
        return None


class Seat:
    """One member, started and stopped like a daemon; what it kept stays in its folder."""

    def __init__(self, council: "Council", place: int, signer: Secp256k1Signer, port: int) -> None:
        self.council = council
        self.place = place
        self.signer = signer
        self.port = port
        self.folder = council.folder / str(place)
        self.nodes = {chain: Node(council.world, chain) for chain in (v.CHEAP, v.DEAR)}
        self.woken: list[str] = []
        self.guard_of: Callable[[Guard], Guard] = lambda guard: guard
        self.gatherer = Gatherer(clients={})
        self.chain = CommitteeChain(deployment=council.deployment, root=council.root)
        self.vaults_of: Callable[[Database], VaultSetup] | None = None
        self._parts: CommitteeParts | None = None
        self._end = asyncio.Event()

    @property
    def parts(self) -> CommitteeParts:
        """The running member."""
        assert self._parts is not None
        return self._parts

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._parts is not None

    @property
    def board(self) -> Board:
        """Its board."""
        return self.parts.standing.board

    @property
    def served(self) -> Document | None:
        """The attestation that it serves."""
        found = self.board.attestations.get("alice")
        return decode_document(encode_view(found.document)) if found else None

    @property
    def sequence(self) -> int:
        """The sequence of what it serves, −1 while it serves nothing."""
        document = self.served
        return document.statement.header.sequence if document else -1

    @property
    def signers(self) -> set[int]:
        """Who signed what it serves."""
        document = self.served
        return {index for index, _ in document.signatures} if document else set()

    @property
    def reasons(self) -> list[str]:
        """The reasons of its own refusals, newest first."""
        me = self.signer.address
        return [record.reason for record in self.parts.refusals.newest if record.member == me]

    def lie(self, twist: Twist | None) -> None:
        """Let its endpoints lie about all chains, None lets them tell the truth."""
        for node in self.nodes.values():
            node.twist = twist

    def look(self) -> None:
        """Read the newest blocks."""
        for chain, snapshot in self.council.world.newest.items():
            self.board.put(self.nodes[chain].tell(snapshot))

    async def live(self, started: asyncio.Future[None]) -> None:
        """Run until stopped; what goes wrong at the start is the starter's."""
        try:
            await self._run(started)
        except (StorageError, ConfigError) as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _run(self, started: asyncio.Future[None]) -> None:
        self._end.clear()
        await lay_database(self.folder, live=False)
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(self.folder, live=False))
            store = Store(database)
            guard = self.guard_of(await stack.enter_async_context(open_signed(self.folder)))
            last = await store.read_last_attestation("alice")
            vaults = self.vaults_of(database) if self.vaults_of else None
            parts = await stack.enter_async_context(self._open(guard, store, last, vaults))
            self._parts = parts
            async with asyncio.TaskGroup() as group:
                loops = [
                    group.create_task(parts.rounds.run()),
                    group.create_task(self._see()),
                ]
                if parts.vaults is not None:
                    loops.append(group.create_task(parts.vaults.rounds.run()))
                started.set_result(None)
                await self._end.wait()
                for loop in loops:
                    loop.cancel()
        self._parts = None

    def stop(self) -> None:
        """End it."""
        self._end.set()

    def build_membership(self) -> Membership:
        """Give the committee as this member is configured with it."""
        return Membership(
            me=self.signer.address,
            chain=self.chain,
            urls=self.council.urls(self.place) if self.council.connected else {},
            state_dir=self.folder,
        )

    def _open(
        self, guard: Guard, store: Store, last: Attested | None, vaults: VaultSetup | None
    ) -> AbstractAsyncContextManager[CommitteeParts]:
        membership = self.build_membership()
        membership.recall()
        stating = v.stating(self.council.deployment, period_s=self.council.period_s, ttl_s=TTL_S)
        return open_committee(
            CommitteeTerms(
                listen=("127.0.0.1", self.port),
                stating=stating,
                rounds=RoundTerms(refresh_s=REFRESH_S, round_s=2.0, grace_s=0.2),
            ),
            membership,
            self.signer,
            views=self.nodes,
            board=_build_board(),
            prover=Prover(gatherer=self.gatherer, shelf=Shelf(), most_bytes=1),
            guard=guard,
            record=store.write_attestation,
            last=[last] if last else [],
            changed=self.woken.append,
            vaults=vaults,
            clock=self.council.clock,
        )

    async def _see(self) -> None:
        """Look at the chains again and again, as an account's loop does."""
        while True:
            self.look()
            report = self.parts.rounds.look("alice", int(self.council.clock()))
            await self.parts.rounds.attest(report, needed=False)
            await asyncio.sleep(LOOK_S)


class Council:
    """The members, the wires between them, and the chains.

    `root` is the first committee of `deployment`; `clock` is everybody's.
    """

    def __init__(
        self,
        folder: Path,
        signers: Sequence[Secp256k1Signer],
        *,
        period_s: int = 1,
        deployment: str = DEPLOYMENT,
        root: Committee | None = None,
        clock: Callable[[], float] = clock,
    ) -> None:
        self.folder = folder
        self.period_s = period_s
        self.deployment = deployment
        self.root = root or found_committee()
        self.clock = clock
        self.world = World(clock)
        self.world.mine()
        ports = find_ports(len(signers))
        self.seats = [Seat(self, i, signers[i], port) for i, port in enumerate(ports)]
        self.wires = {
            (one.place, other.place): Wire(other.port)
            for one in self.seats
            for other in self.seats
            if one is not other
        }
        self._group: asyncio.TaskGroup | None = None

    @property
    def connected(self) -> bool:
        """Whether the wires are up."""
        return self._group is not None

    def urls(self, place: int) -> Mapping[Address, str]:
        """Give how a member reaches the others."""
        return {
            self.seats[there].signer.address: wire.url
            for (here, there), wire in self.wires.items()
            if here == place
        }

    async def start(self, *places: int) -> None:
        """Start members, all of them where none is named."""
        assert self._group is not None
        for place in places or range(len(self.seats)):
            started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._group.create_task(self.seats[place].live(started))
            await started

    async def stop(self, place: int) -> None:
        """Stop a member."""
        self.seats[place].stop()
        await self.until(lambda: not self.seats[place].running, "it ended")

    def split(self, *sides: set[int]) -> None:
        """Cut every wire between the sides."""
        for (here, there), wire in self.wires.items():
            if not any({here, there} <= side for side in sides):
                wire.cut()

    def mend(self) -> None:
        """Mend every wire."""
        for wire in self.wires.values():
            wire.mend()

    async def until(self, holds: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
        """Wait until something holds; AssertionError with the refusals when it does not."""
        deadline = time.monotonic() + wait_s
        while not holds():
            if time.monotonic() > deadline:
                told = {s.place: s.reasons[:3] for s in self.seats if s.running}
                raise AssertionError(f"not in {wait_s:g} s: {what}\n{told}")
            await asyncio.sleep(0.01)

    async def until_attested(self, *places: int, by: set[int] | None = None) -> None:
        """Wait until these members serve something newer than now, signed by these."""
        seats = [self.seats[place] for place in places or range(len(self.seats))]
        known = {seat.place: seat.sequence for seat in seats}

        def attested() -> bool:
            newer = all(seat.sequence > known[seat.place] for seat in seats)
            return newer and all(by is None or seat.signers == by for seat in seats)

        await self.until(attested, f"an attestation by {by or 'a quorum'}")

    async def _mine(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.world.mine()


@dataclass(slots=True)
class Unsteady:
    """A guard after which the power may go: what is claimed is kept, and never answered."""

    guard: Guard
    failing: bool = False
    claims: list[Claim] = field(default_factory=list)

    async def claim(self, wanted: Claim) -> None:
        """Keep a claim."""
        await self.guard.claim(wanted)
        self.claims.append(wanted)
        if self.failing:
            await asyncio.sleep(DARK_S)
            raise StorageError("the power is gone")


def _build_board() -> Board:
    members = {v.account(chain): "alice" for chain in (v.CHEAP, v.DEAR)}
    return Board(
        labels={v.CHEAP: "cheap", v.DEAR: "dear"},
        members=members,
        accounts=("alice",),
        stale_after_s=dict.fromkeys((v.CHEAP, v.DEAR), STALE_S),
    )


@asynccontextmanager
async def sitting(
    folder: Path, signers: Sequence[Secp256k1Signer] = SIGNERS, *, period_s: int = 1
) -> AsyncIterator[Council]:
    """Open a council; nobody is started yet."""
    async with seated(Council(folder, signers, period_s=period_s)) as council:
        yield council


@asynccontextmanager
async def seated(council: Council) -> AsyncIterator[Council]:
    """Open a council that is made already."""
    async with AsyncExitStack() as stack:
        for wire in council.wires.values():
            await stack.enter_async_context(wire)
        async with asyncio.TaskGroup() as group:
            council._group = group
            mining = group.create_task(council._mine())
            try:
                yield council
            finally:
                mining.cancel()
                for seat in council.seats:
                    seat.stop()
