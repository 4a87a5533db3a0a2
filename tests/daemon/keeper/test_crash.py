"""Whatever happens, and wherever the process dies: each intent takes effect once or never."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chains.model.anchor import Head
from daemon.keeper.execute import Executor, LaneTerms
from daemon.keeper.intent import Intent, IntentState
from daemon.keeper.journal import Journal
from daemon.storage.database import open_database
from tests.daemon.keeper.fakes import KEY, Crash, FakeChain, FakeLane, Fault, draft, gas
from tests.support import values as v
from tests.support.database import lay_database

TERMS = LaneTerms(confirmations=2, block_time_s=1, stuck_blocks=3)
LONG = 10_000


class KeptPromises(RuleBasedStateMachine):
    """One lane over one chain, through crashes, reorgs, lost answers and time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.directory = Path(self.folder.name)
        self.runner = asyncio.Runner()
        self.runner.run(lay_database(self.directory, live=True))
        self.chain = FakeChain()
        self.now = v.NOW
        self.count = 0
        self.confirmed: set[bytes] = set()
        self.runner.run(self.start())

    async def start(self) -> None:
        """Start the process on what the last one left."""
        self.stack = AsyncExitStack()
        database = await self.stack.enter_async_context(open_database(self.directory, live=True))
        self.journal = Journal(database)
        self.lane = FakeLane(self.chain, await self.journal.read_held_nonces(v.CHEAP, KEY))
        self.executor = Executor(self.lane, self.journal, TERMS)
        await self.follow(self.chain.head())

    async def follow(self, head: Head) -> None:
        for intent in await self.executor.on_head(head, now=self.now):
            assert not intent.open

    async def restart(self) -> None:
        await self.stack.aclose()
        await self.start()

    @rule(fault=st.sampled_from(Fault), deadline=st.sampled_from([5, LONG]))
    def act(self, fault: Fault, deadline: int) -> None:
        """Carry out a new draft; the process may die on the way."""
        self.count += 1
        self.runner.run(self.execute(self.count, fault, self.now + deadline))

    async def execute(self, number: int, fault: Fault, deadline: int) -> None:
        if not self.executor.ready:
            return
        self.lane.fault = fault
        try:
            await self.executor.execute(
                draft(number, deadline=deadline),
                gas(self.chain.base_fee_wei),
                now=self.now,
            )
        except Crash:
            await self.restart()
        self.lane.fault = Fault.NOTHING

    @rule(take=st.integers(0, 3), seconds=st.integers(0, 4), fault=st.sampled_from(Fault))
    def mine(self, take: int, seconds: int, fault: Fault) -> None:
        """Mine a block and show it to the executor; its sends may go wrong as well."""
        self.now += seconds
        self.see(self.chain.mine(take=take), fault)

    @rule(depth=st.integers(1, 4), keep=st.booleans(), fault=st.sampled_from(Fault))
    def reorganise(self, depth: int, keep: bool, fault: Fault) -> None:  # noqa: FBT001 (drawn)
        """Replace blocks; what was in them is known to the nodes still, or not."""
        self.see(self.chain.reorg(depth, keep=keep), fault)

    @rule(depth=st.integers(1, 4), keep=st.booleans(), fault=st.sampled_from(Fault))
    def reorganise_unseen(self, depth: int, keep: bool, fault: Fault) -> None:  # noqa: FBT001 (drawn)
        """Replace blocks, and let the executor see a later head only."""
        self.chain.reorg(depth, keep=keep)
        self.see(self.chain.mine(take=0), fault)

    def see(self, head: Head, fault: Fault) -> None:
        async def look() -> None:
            self.lane.fault = fault
            try:
                await self.follow(head)
            except Crash:
                await self.restart()
            self.lane.fault = Fault.NOTHING

        self.runner.run(look())

    @rule()
    def forget_mempool(self) -> None:
        """Have every node drop what is waiting."""
        self.chain.mempool.clear()

    @rule()
    def die(self) -> None:
        """Kill the process between two heads."""
        self.runner.run(self.restart())

    @precondition(lambda self: self.chain.base_fee_wei < 10**11)
    @rule()
    def raise_fees(self) -> None:
        """Make gas four times dearer: what waits is stuck."""
        self.chain.base_fee_wei *= 4

    @invariant()
    def no_effect_happens_twice(self) -> None:
        assert len(self.chain.effects) == len(set(self.chain.effects))

    def teardown(self) -> None:
        """Let the world calm down: then every promise is kept or withdrawn, without a gap."""
        with self.folder, self.runner:
            self.runner.run(self.settle_everything())
            self.runner.run(self.stack.aclose())

    async def settle_everything(self) -> None:
        for _ in range(80):
            await self.follow(self.chain.mine())
            if not self.executor.in_flight:
                break
        assert self.executor.ready
        assert self.executor.in_flight == ()
        assert self.executor.stopped is None
        intents = await self.journal.read_recent(limit=10_000)
        assert sorted(i.nonce for i in intents) == list(range(len(intents)))
        assert self.chain.nonce == len(intents)
        effects = set(self.chain.effects)
        for intent in intents:
            self.check(intent, effects)

    def check(self, intent: Intent, effects: set[bytes]) -> None:
        happened = intent.draft.action.call.data in effects
        assert intent.state in (IntentState.CONFIRMED, IntentState.SUPERSEDED)
        assert happened == (intent.state is IntentState.CONFIRMED)
        if not happened:
            assert self.now > intent.draft.deadline


TestKeptPromises = KeptPromises.TestCase
TestKeptPromises.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=25, deadline=None
)
