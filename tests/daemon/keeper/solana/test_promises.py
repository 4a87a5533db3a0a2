"""Whatever the node does, and wherever the process dies: each payment happens once or never."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from solders.pubkey import Pubkey

from chains.errors import ChainError
from chains.solana.orders import build_call
from chains.solana.transactions import Order
from daemon.devnet.solana.blocks import BLOCKHASH_LIFE
from daemon.keeper.intent import Intent, IntentState
from tests.daemon.keeper.fakes import Crash, Fault
from tests.daemon.keeper.solana.lanes import PROGRAM, Scene, funded, living
from tests.support import values as v
from tests.support.database import lay_database
from tests.support.solnode import SOL, balance, make_key, make_ledger, make_wallet, pay

pytestmark = pytest.mark.net
LONG = 100_000
PAYMENT = SOL // 100


class Node(Enum):
    """What the node does with what it is sent."""

    WELL = auto()
    LOSES = auto()
    DELAYS = auto()
    STALLS = auto()
    REFUSES = auto()


NODE = st.sampled_from(Node)


class KeptPromises(RuleBasedStateMachine):
    """One lane over one chain, through crashes, dropped blocks, lost transactions and time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.directory = Path(self.folder.name)
        self.runner = asyncio.Runner()
        self.runner.run(lay_database(self.directory, live=True))
        self.ledger = funded(make_ledger())
        self.now = v.NOW
        self.count = 0
        self.runner.run(self.start())

    async def start(self) -> None:
        """Start the process on what the last one left; its node is well again."""
        self.stack = AsyncExitStack()
        self.scene: Scene = await self.stack.enter_async_context(
            living(self.directory, self.ledger, now=self.now)
        )

    async def restart(self) -> None:
        await self.stack.aclose()
        await self.start()

    @rule(node=NODE, fault=st.sampled_from(Fault), deadline_s=st.sampled_from([5, LONG, LONG]))
    def act(self, node: Node, fault: Fault, deadline_s: int) -> None:
        """Carry out a new draft; the process may die on the way."""
        self.count += 1
        self.ail(node)
        self.runner.run(self.execute(fault, deadline_s))

    async def execute(self, fault: Fault, deadline_s: int) -> None:
        if not self.scene.executor.ready:
            return
        self.scene.lane.fault = fault
        draft = self.scene.draft(self.count, deadline_s=deadline_s)
        wallet = make_wallet(self.ledger, lamports=0)
        order = Order(instructions=(pay(wallet, payee(self.count), PAYMENT),))
        action = replace(draft.action, call=build_call(PROGRAM, order))
        try:
            with suppress(ChainError):
                await self.scene.do(replace(draft, action=action))
        except Crash:
            await self.restart()
        self.scene.lane.fault = Fault.NOTHING

    @rule(
        node=NODE,
        slots=st.sampled_from([1, 1, 2, 40, BLOCKHASH_LIFE + 4]),
        seconds=st.integers(0, 4),
        fault=st.sampled_from(Fault),
    )
    def go_on(self, node: Node, slots: int, seconds: int, fault: Fault) -> None:
        """Let slots pass and show the last to the executor; its sends may go wrong as well."""
        self.now += seconds
        self.ail(node)
        self.runner.run(self.see(slots, fault))

    async def see(self, slots: int, fault: Fault) -> None:
        for _ in range(slots):
            self.ledger.tick()
        self.scene.now = self.now
        self.scene.lane.fault = fault
        try:
            with suppress(ChainError):
                for intent in await self.scene.see():
                    assert not intent.open
        except Crash:
            await self.restart()
        self.scene.lane.fault = Fault.NOTHING

    @rule()
    def drop_a_block(self) -> None:
        """Abandon the newest block with all that lies in it."""
        with suppress(ValueError):
            self.ledger.drop()

    def ail(self, node: Node) -> None:
        """Have the node lose or delay what it is sent, or refuse what it is asked."""
        faults = self.scene.node.faults
        faults.heal()
        faults.dropped_transactions = 10**6 if node is Node.LOSES else 0
        faults.late_slots = {Node.DELAYS: 3, Node.STALLS: 100}.get(node, 0)
        faults.rate_limited = 2 if node is Node.REFUSES else 0

    @rule()
    def die(self) -> None:
        """Kill the process between two heads."""
        self.runner.run(self.restart())

    @invariant()
    def no_payment_happens_twice(self) -> None:
        assert all(self.paid(number) in {0, PAYMENT} for number in range(1, self.count + 1))

    def paid(self, number: int) -> int:
        return balance(self.ledger, payee(number))

    def teardown(self) -> None:
        """Let the world calm down: then every promise is kept or withdrawn."""
        with self.folder, self.runner:
            self.runner.run(self.settle_everything())
            self.runner.run(self.stack.aclose())

    async def settle_everything(self) -> None:
        self.scene.node.faults.heal()
        await self.scene.client.check_endpoints()
        for _ in range(16):
            await self.see(40, Fault.NOTHING)
            if self.scene.executor.ready and not self.scene.executor.in_flight:
                break
        assert self.scene.executor.in_flight == ()
        intents = await self.scene.journal.read_recent(limit=10_000)
        assert sorted(i.nonce for i in intents) == list(range(len(intents)))
        for intent in intents:
            self.check(intent)

    def check(self, intent: Intent) -> None:
        number = self.number_of(intent)
        happened = self.paid(number) == PAYMENT
        assert intent.state in (IntentState.CONFIRMED, IntentState.SUPERSEDED)
        assert happened == (intent.state is IntentState.CONFIRMED)
        if not happened:
            assert self.now > intent.draft.deadline

    def number_of(self, intent: Intent) -> int:
        accounts = {str(make_key(1_000 + n)): n for n in range(1, self.count + 1)}
        return accounts[intent.draft.action.account.address]


def payee(number: int) -> Pubkey:
    """Give who is paid by a draft."""
    return make_key(5_000 + number)


TestKeptPromises = KeptPromises.TestCase
TestKeptPromises.settings = settings(
    max_examples=max(2, settings().max_examples // 10), stateful_step_count=20, deadline=None
)
