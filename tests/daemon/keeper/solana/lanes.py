"""A Solana lane on our own node with a real journal, as one process has it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chains.errors import Unreachable
from chains.model.action import Action, Instrument
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import AccountId, Address, AssetId
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import USD, WAD, Usd, Wad
from chains.rpc.endpoint import Json, label_of
from chains.solana.client import SolanaClient
from chains.solana.landings import LandingReader
from chains.solana.orders import build_call
from chains.solana.rpc import Commitment, SolanaEndpoint
from chains.solana.signer import LocalSigner
from chains.solana.transactions import Lane, Order, SignedTransaction
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from daemon.keeper.intent import Draft, Intent, Purpose
from daemon.keeper.journal import Journal
from daemon.keeper.solana.executor import SlotExecutor, SlotTerms
from daemon.storage.database import open_database
from tests.daemon.keeper.fakes import Crash, Fault
from tests.support import values as v
from tests.support.solnode import SOL, balance, make_key, make_wallet, pay, serving

TO = make_key(1)
PROGRAM = make_key(99)
SEED = (1).to_bytes(32, "big")
FEES = ChainFees(base_fee_wei=0, priority_fee_wei=0, native_usd=Usd(150 * USD))
TERMS = SlotTerms(cap_lamports=100_000, quote_timeout_s=1.0)
UNITS, PRICE = 1_000, 1_000_000
FEE = 6_000
"""Lamports of a signature and a thousand units at a lamport each."""


class FaultyLane(Lane):
    """A lane whose next submission goes wrong as told."""

    fault = Fault.NOTHING
    refused = False

    async def submit(self, signed: SignedTransaction, *, everywhere: bool = False) -> None:
        fault, self.fault = self.fault, Fault.NOTHING
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is Fault.UNREACHABLE_BEFORE:
            raise Unreachable(self.chain, "nobody answers")
        await super().submit(signed, everywhere=everywhere)
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.UNREACHABLE_AFTER:
            raise Unreachable(self.chain, "the answer was lost")


@dataclass(slots=True)
class Scene:
    """What one life of the daemon holds of a lane, on a node whose slots pass when told to."""

    ledger: Ledger
    nodes: list[SolanaNode]
    client: SolanaClient
    lane: FaultyLane
    journal: Journal
    executor: SlotExecutor
    now: int = v.NOW

    @property
    def node(self) -> SolanaNode:
        """The first endpoint."""
        return self.nodes[0]

    @property
    def paid(self) -> int:
        """How often the payment happened."""
        return balance(self.ledger, TO) // SOL

    def draft(
        self, number: int = 1, *, deadline_s: int = 10_000, lamports: int = SOL, price: int = PRICE
    ) -> Draft:
        """Give the draft of a payment."""
        action = self.action(number, lamports=lamports)
        return Draft(
            action=action,
            purpose=Purpose.NATIVE,
            need=f"native {action.account}",
            subject="alice",
            gas_limit=UNITS,
            cost=Usd(0),
            moved=Usd(10**10),
            health_before=Wad(WAD),
            decision="{}",
            deadline=self.now + deadline_s,
            unit_price=price,
        )

    def action(self, number: int = 1, *, lamports: int = SOL) -> Action:
        """Give the action of a payment; its number tells it apart, in lamports as well."""
        chain = self.client.chain
        payment = pay(make_wallet(self.ledger, lamports=0), TO, lamports + number)
        return Action(
            chain=chain,
            instrument=Instrument.REPAY,
            market=AccountId(chain, str(make_key(7))),
            account=AccountId(chain, str(make_key(1_000 + number))),
            asset=AssetId.spl(chain, Address(str(make_key(8)))),
            units=lamports,
            call=build_call(PROGRAM, Order(instructions=(payment,))),
        )

    async def head(self) -> Head:
        """Give the newest slot at the client's commitment."""
        point = await self.client.read_point()
        anchor = BlockAnchor(
            chain=self.client.chain,
            height=point.slot,
            hash=point.slot.to_bytes(32, "big"),
            time=self.now,
        )
        return Head(anchor=anchor, parent_hash=b"", base_fee_wei=0)

    async def read(self) -> ChainSnapshot:
        """Give the chain as it is read now: nobody's positions, at live fees."""
        anchor = (await self.head()).anchor
        return replace(v.chain_snapshot(anchor.chain, []), anchor=anchor, fees=FEES)

    async def do(self, draft: Draft | None = None) -> Intent:
        """Execute a draft."""
        return await self.executor.execute(draft or self.draft(), FEES, now=self.now)

    async def see(self) -> tuple[Intent, ...]:
        """Show the executor the newest head."""
        return await self.executor.on_head(await self.head(), now=self.now)

    async def tick(self, slots: int = 1) -> tuple[Intent, ...]:
        """Let slots pass and show the executor the last; gives what was settled."""
        for _ in range(slots):
            for ledger in {id(node.ledger): node.ledger for node in self.nodes}.values():
                ledger.tick()
        return await self.see()


@asynccontextmanager
async def living(
    directory: Path,
    *ledgers: Ledger,
    now: int = v.NOW,
    terms: SlotTerms = TERMS,
    commitment: Commitment = Commitment.CONFIRMED,
) -> AsyncIterator[Scene]:
    """Run one life: open the journal, build the lane, see the newest head."""
    async with (
        serving(*ledgers, commitment=commitment) as (client, nodes),
        open_database(directory, live=True) as database,
    ):
        journal, lane = Journal(database), FaultyLane(client, LocalSigner(SEED))
        landings = LandingReader(client, [node.url for node in nodes])
        executor = SlotExecutor(lane, journal, terms, landings)
        scene = Scene(ledgers[0], nodes, client, lane, journal, executor, now)
        await scene.see()
        yield scene


def funded(ledger: Ledger) -> Ledger:
    """Give the lane's key its lamports."""
    make_wallet(ledger)
    for _ in range(3):
        ledger.tick()
    return ledger


def twist(
    patch: pytest.MonkeyPatch,
    method: str,
    change: Callable[[dict[str, Json]], Json],
    *,
    at: SolanaNode | None = None,
    about: str = "",
) -> None:
    """Change what a node, or each of them, answers to a method unless that is null.

    `about` is what the question must name.
    """
    request = SolanaEndpoint.request

    async def answer(
        endpoint: SolanaEndpoint, asked: str, params: Sequence[Json], *, timeout_s: float
    ) -> Json:
        found = await request(endpoint, asked, params, timeout_s=timeout_s)
        here = at is None or endpoint.label == label_of(at.url)
        meant = here and asked == method and about in str(params)
        return change(found) if meant and isinstance(found, dict) else found

    patch.setattr(SolanaEndpoint, "request", answer)
