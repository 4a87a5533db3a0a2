"""From a report to the submitted transaction, over two chains in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from structlog.testing import capture_logs

from chains.errors import SimulationReverted, Unreachable
from chains.evm.transactions import SignedTransaction
from chains.model.action import Call
from chains.model.anchor import BlockAnchor
from chains.model.ids import ChainId
from chains.model.snapshot import ChainGap, ChainSnapshot, MandateKind
from chains.model.units import USD, Usd
from daemon.board import Attested
from daemon.keeper.dispatch import Dispatcher, DispatchTerms
from daemon.keeper.execute import Executor
from daemon.keeper.journal import Journal
from daemon.keeper.keeper import NO_CURE, Keeper, Protected
from daemon.keeper.limits import Limits
from daemon.keeper.plan import unified_key
from daemon.keeper.route import Quoted
from daemon.margin.unified import evaluate
from daemon.storage.database import open_database
from daemon.storage.store import Store
from proofs.envelope import Envelope
from tests.daemon.keeper import stage
from tests.daemon.keeper.fakes import FakeChain, FakeLane
from tests.daemon.keeper.lanes import TERMS
from tests.daemon.keeper.test_dispatch import Events, lane_parts
from tests.support import values as v

LIMITS = Limits(per_transaction=Usd(90 * USD), per_hour=Usd(90 * USD), per_day=Usd(90 * USD))


class GasLane(FakeLane):
    """A lane where every call takes the same gas, or fails, or never answers."""

    answer: int | Exception | None = 300_000
    nonces_hang = False
    submissions_hang: asyncio.Event | None = None

    async def next_nonce(self) -> int:
        if self.nonces_hang:
            raise Unreachable(self.chain, "no nonce")
        return await super().next_nonce()

    async def submit(self, signed: SignedTransaction) -> None:
        if self.submissions_hang:
            await self.submissions_hang.wait()
        await super().submit(signed)

    async def simulate(self, call: Call) -> int:
        if self.answer is None:
            await asyncio.sleep(60)
        self.gas = {call.data: self.answer or 0}
        return await super().simulate(call)


@dataclass(slots=True)
class House:
    """A keeper over two chains."""

    keeper: Keeper
    dispatcher: Dispatcher
    journal: Journal
    cheap: GasLane
    dear: GasLane

    async def report(self, *chains: ChainSnapshot | ChainGap, attest: bool = True) -> None:
        """Show the keeper what these chains say at their newest blocks."""
        heads = {lane.chain: lane.fake.head().anchor for lane in (self.cheap, self.dear)}
        read = (at_head(chain, heads[chain.chain]) for chain in chains)
        snapshot = v.snapshot(*read)
        report = evaluate(snapshot, v.policy(), v.risk_table(), max_skew_s=60)
        attested = None
        if attest and report.unified and report.unified.factor is not None:
            header = stage.header(report.unified.factor, report.unified.equity)
            envelope = Envelope(header=header, committee_size=1, signatures=((0, b"\1" * 65),))
            attested = Attested(
                account="alice", sequence=9, digest=bytes(32), envelope=envelope, document={}
            )
        await self.keeper.on_report(report, snapshot, attested)

    def executor(self, chain: ChainId) -> Executor:
        """Give a chain's executor."""
        found = self.dispatcher.lanes[chain].executor
        assert isinstance(found, Executor)
        return found

    def sent(self) -> tuple[int, int]:
        """Count the transactions sent on the cheap and on the dear chain."""
        return len(self.cheap.fake.submitted), len(self.dear.fake.submitted)


@asynccontextmanager
async def house(
    directory: Path, *, limits: Limits = LIMITS, cooldown_s: int = 30
) -> AsyncIterator[House]:
    async with open_database(directory, live=True) as database:
        journal = Journal(database)
        cheap, dear = GasLane(FakeChain(v.CHEAP)), GasLane(FakeChain(v.DEAR))
        cheap.fake.base_fee_wei = dear.fake.base_fee_wei = 10**7
        terms = replace(TERMS, quote_timeout_s=0.2)
        dispatcher = Dispatcher(
            lanes={
                lane.chain: lane_parts(Executor(lane, journal, terms), Events(lane.fake, lost=True))
                for lane in (cheap, dear)
            },
            journal=journal,
            store=Store(database),
            terms=DispatchTerms(live=True, limits=limits),
            cooldown_s=lambda _: cooldown_s,
            clock=lambda: v.NOW,
        )
        protected = Protected(
            policies={"alice": v.policy()}, risk=v.risk_table(), keepers=stage.KEEPERS
        )
        found = House(Keeper(dispatcher, protected), dispatcher, journal, cheap, dear)
        for lane in (cheap, dear):
            await dispatcher.follow(lane.fake.head())
        yield found


def at_head(chain: ChainSnapshot | ChainGap, anchor: BlockAnchor) -> ChainSnapshot | ChainGap:
    """Have a chain read at this block."""
    if isinstance(chain, ChainGap):
        return chain
    positions = tuple(replace(found, anchor=anchor) for found in chain.positions)
    return replace(chain, anchor=anchor, positions=positions)


def low(*, swapped: bool = False) -> tuple[ChainSnapshot, ChainSnapshot]:
    """Give two chains where the unified health is low and either can cure it."""
    cheap = stage.collateral_heavy([stage.fund(v.CHEAP, "WETH", 50)], eth=1)
    dear = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=38_000)
    if swapped:
        cheap, dear = replace(cheap, fees=dear.fees), replace(dear, fees=cheap.fees)
    return cheap, dear


def gap() -> ChainGap:
    return ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW)


def endangered() -> ChainSnapshot:
    return stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=42_857)


async def test_the_cheapest_chain_cures_the_unified_health(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        await it.report(*low())
        assert it.sent() == (1, 0)
        (intent,) = await it.journal.read_recent(limit=9)
        candidates = orjson.loads(intent.draft.decision)["candidates"]
        assert candidates[0]["chain"] == str(v.CHEAP)
        assert {c["chain"] for c in candidates} == {str(v.CHEAP), str(v.DEAR)}
        assert all(c["cost_usd"] for c in candidates)


async def test_swapping_the_fees_moves_the_cure_to_the_other_chain(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        await it.report(*low(swapped=True))
        assert it.sent() == (0, 1)


async def test_one_cure_at_a_time_and_a_cooldown_after_it(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        for _ in range(3):
            await it.report(*low())
        assert it.sent() == (1, 0)
        assert it.dispatcher.activity.rests(unified_key("alice"), v.NOW + 29)


async def test_reports_that_come_together_act_once(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(it.report(*low()))
        assert it.sent() == (1, 0)


async def test_a_chain_that_hangs_only_loses_its_own_candidates(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.answer = None
        await it.report(*low())
        assert it.sent() == (0, 1)
        reasons = {r.reason for r in it.keeper.decisions[unified_key("alice")].rejected}
        assert f"{v.CHEAP}: no quote within 0.2 s" in reasons


async def test_a_candidate_that_would_revert_is_passed_over(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.answer = SimulationReverted(v.CHEAP, "need")
        await it.report(*low())
        assert it.sent() == (0, 1)


async def test_a_key_without_gas_money_is_passed_over(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.balance = 1
        await it.report(*low())
        assert it.sent() == (0, 1)


async def test_a_native_floor_is_kept_while_the_other_chain_is_a_gap(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.answer = Unreachable(v.CHEAP, "dead")
        await it.report(gap(), endangered())
        assert it.sent() == (0, 1)


async def test_a_gap_alone_spends_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        await it.report(gap(), low()[1])
        assert it.sent() == (0, 0)


async def test_without_an_attestation_nothing_unified_is_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        await it.report(*low(), attest=False)
        assert it.sent() == (0, 0)


async def test_a_lane_that_is_not_reconciled_holds_back_every_unified_cure(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as it:
        it.executor(v.DEAR).ready = False
        await it.report(*low())
        assert it.sent() == (0, 0)
        await it.report(stage.collateral_heavy(eth=1), endangered())
        assert it.sent() == (0, 0)
        it.executor(v.DEAR).ready = True
        await it.report(*low())
        assert it.sent() == (1, 0)


async def test_a_cure_beyond_the_limits_is_not_sent(tmp_path: Path) -> None:
    async with house(tmp_path, limits=replace(LIMITS, per_transaction=Usd(1))) as it:
        await it.report(*low())
        assert it.sent() == (0, 0)
        assert it.dispatcher.activity.places == frozenset()


async def test_a_halted_keeper_sends_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        await it.dispatcher.halt("an operator said so")
        await it.report(*low())
        await it.report(gap(), endangered())
        assert it.sent() == (0, 0)


async def test_a_fee_above_the_cap_sends_nothing_and_does_not_rest(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        cheap, dear = low()
        dear_gas = replace(cheap.fees, base_fee_wei=10**12, native_usd=Usd(1))
        await it.report(replace(cheap, fees=dear_gas), replace(dear, funds=()))
        assert it.sent() == (0, 0)
        assert not it.dispatcher.activity.rests(unified_key("alice"), v.NOW)
        await it.report(cheap, dear)
        assert it.sent() == (1, 0)


async def test_a_chain_above_its_fee_cap_is_passed_over(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        cheap, dear = low()
        above = replace(cheap.fees, base_fee_wei=10**12, native_usd=Usd(1))
        await it.report(replace(cheap, fees=above), dear)
        assert it.sent() == (0, 1)
        reasons = {r.reason for r in it.keeper.decisions[unified_key("alice")].rejected}
        assert f"{v.CHEAP}: above the cap" in reasons


async def test_what_cannot_be_signed_on_one_chain_is_done_on_the_next(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.nonces_hang = True
        await it.report(*low())
        assert it.sent() == (0, 1)
        (intent,) = await it.journal.read_recent(limit=9)
        candidates = orjson.loads(intent.draft.decision)["candidates"]
        assert f"{v.CHEAP}: no nonce" in {found["reason"] for found in candidates}


async def test_a_key_that_cannot_cover_the_most_a_node_asks_is_passed_over(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        cheap, dear = low()
        gas_limit = 375_000
        it.cheap.balance = gas_limit * cheap.fees.base_fee_wei * 3 // 2
        await it.report(cheap, dear)
        assert it.sent() == (0, 1)


async def test_a_native_need_that_nothing_can_meet_does_not_silence_the_unified_one(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as it:
        it.dear.answer = SimulationReverted(v.DEAR, "the pool is paused")
        cheap = stage.collateral_heavy([stage.fund(v.CHEAP, "WETH", 50)], eth=1)
        await it.report(cheap, endangered())
        assert it.sent() == (1, 0)
        assert unified_key("alice") in it.keeper.decisions


async def test_the_unified_need_waits_where_the_native_one_is_met(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        cheap = stage.collateral_heavy([stage.fund(v.CHEAP, "WETH", 50)], eth=1)
        await it.report(cheap, endangered())
        assert it.sent() == (0, 1)
        await it.report(cheap, endangered())
        assert it.sent() == (0, 1)


async def test_a_need_that_nothing_can_help_is_told_and_its_decision_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        with capture_logs() as logs:
            for _ in range(3):
                await it.report(gap(), stage.debt_heavy([], usdc=42_857))
        told = [line for line in logs if line["event"] == "need.unmet"]
        assert [line["reason"] for line in told] == [NO_CURE]
        (decision,) = it.keeper.decisions.values()
        assert decision.chosen is None
        assert decision.need.kind is MandateKind.NATIVE


async def test_an_included_action_holds_up_its_own_need_only(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        executor = it.executor(v.DEAR)
        executor.terms = replace(executor.terms, confirmations=16)
        await it.report(*low(swapped=True))
        assert it.sent() == (0, 1)
        await it.report(gap(), endangered())
        assert it.sent() == (0, 1), "it lies in no block yet"
        await it.dispatcher.follow(it.dear.fake.mine())
        await it.report(*low(swapped=True))
        assert it.sent() == (0, 1), "the same need waits for the confirmations"
        await it.report(gap(), endangered())
        assert it.sent() == (0, 2)


async def test_nothing_is_planned_on_a_reorg_that_was_not_followed_yet(tmp_path: Path) -> None:
    async with house(tmp_path, cooldown_s=0) as it:
        await it.report(*low())
        for _ in range(4):
            await it.dispatcher.follow(it.cheap.fake.mine())
        assert len(it.cheap.fake.effects) == 1
        head = it.cheap.fake.reorg(4, keep=False)
        async with asyncio.TaskGroup() as group:
            group.create_task(it.report(*low()))
            await asyncio.sleep(0.05)
            await it.dispatcher.follow(head)
        for _ in range(4):
            await it.dispatcher.follow(it.cheap.fake.mine())
        assert len(it.cheap.fake.effects) == 1
        assert it.sent()[1] == 0


async def test_a_block_that_is_never_followed_spends_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.fake.mine()
        await it.report(*low())
        assert it.sent() == (0, 0)
        await it.dispatcher.follow(it.cheap.fake.head())
        await it.report(*low())
        assert it.sent() == (1, 0)


async def test_a_need_on_another_chain_is_met_while_one_hangs(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.dear.submissions_hang = asyncio.Event()
        rich = [stage.fund(v.CHEAP, "USDC", 50_000)]
        here, there = endangered(), stage.endangered_on(v.CHEAP, rich)
        async with asyncio.TaskGroup() as group:
            group.create_task(it.report(gap(), here))
            await asyncio.sleep(0.05)
            await it.report(there, here)
            assert it.sent() == (1, 0)
            it.dear.submissions_hang.set()
        assert it.sent() == (1, 1)


async def test_what_publishing_costs_decides_with_the_gas(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.l1_fee_wei = 2 * 10**16
        await it.report(*low())
        assert it.sent() == (0, 1)
        decision = it.keeper.decisions[unified_key("alice")]
        costs = {r.offer.cure.position.account.chain: r for r in decision.rejected}
        offer = costs[v.CHEAP].offer
        assert isinstance(offer, Quoted)
        assert offer.quote.gas_cost > 40 * USD


async def test_a_key_that_cannot_pay_for_publishing_is_passed_over(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.l1_fee_wei = it.cheap.balance
        await it.report(*low())
        assert it.sent() == (0, 1)


async def test_a_publishing_fee_that_is_not_known_is_no_quote(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.cheap.l1_fee_wei = Unreachable(v.CHEAP, "no oracle")
        await it.report(*low())
        assert it.sent() == (0, 1)
