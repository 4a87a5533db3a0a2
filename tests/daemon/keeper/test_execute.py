"""One lane: sent once, followed to the end, through what chains and processes do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chains.errors import FeeTooHigh, InvariantError, SimulationReverted, Unreachable
from chains.evm.fees import Fees
from chains.evm.receipts import FullReceipt
from chains.evm.transactions import SignedTransaction
from chains.evm.watch import TransactionWatch
from chains.model.action import Call
from daemon.keeper.execute import EMPTY_GAS, Executor
from daemon.keeper.intent import IntentState
from daemon.storage.errors import Conflict
from tests.daemon.keeper.fakes import CAP, KEY, Crash, FakeChain, FakeLane, Fault, draft, gas
from tests.daemon.keeper.lanes import TERMS, living
from tests.support import values as v


async def test_what_is_sent_is_confirmed_at_its_depth(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        intent = await process.do(draft(1))
        assert intent.state is IntentState.SENT
        assert await process.mine() == ()
        (included,) = process.executor.in_flight
        assert included.state is IntentState.INCLUDED
        (settled,) = await process.mine()
        assert settled.state is IntentState.CONFIRMED
        assert process.waiting() == 0
        assert await process.mine(5) == ()


async def test_the_bytes_are_in_the_journal_before_anything_is_sent(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        process.lane.fault = Fault.CRASH_BEFORE
        with pytest.raises(Crash):
            await process.do(draft(1))
        (intent,) = await process.journal.read_recent(limit=9)
        assert intent.state is IntentState.SIGNED
        assert process.fake.submitted == []
    async with living(tmp_path, process.fake) as reborn:
        assert reborn.fake.submitted == [intent.last.signed.raw]
        assert [i.state for i in await reborn.mine(2)] == [IntentState.CONFIRMED]


async def test_a_kill_after_sending_sends_nothing_new(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        process.lane.fault = Fault.CRASH_AFTER
        with pytest.raises(Crash):
            await process.do(draft(1))
        process.fake.mine()
    async with living(tmp_path, process.fake) as reborn:
        assert len(reborn.fake.submitted) == 1
        assert [i.state for i in await reborn.mine()] == [IntentState.CONFIRMED]
        assert reborn.fake.effects == [draft(1).action.call.data]


async def test_past_its_deadline_the_nonce_is_filled_with_nothing(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        process.lane.fault = Fault.CRASH_BEFORE
        with pytest.raises(Crash):
            await process.do(draft(1, deadline=v.NOW + 10))
    async with living(tmp_path, process.fake, now=v.NOW + 11) as reborn:
        (settled,) = await reborn.mine(2)
        assert settled.state is IntentState.SUPERSEDED
        assert settled.reason == "its deadline passed"
        assert reborn.fake.effects == []
        assert reborn.fake.nonce == 1
        assert (await reborn.do(draft(2))).nonce == 1


async def test_an_unanswered_submission_is_repeated_with_the_same_bytes(tmp_path: Path) -> None:
    for fault in (Fault.UNREACHABLE_BEFORE, Fault.UNREACHABLE_AFTER):
        directory = tmp_path / fault.name
        async with living(directory, FakeChain()) as process:
            process.lane.fault = fault
            assert (await process.do(draft(1))).state is IntentState.SIGNED
            settled = await process.mine(3)
            assert [i.state for i in settled] == [IntentState.CONFIRMED]
            assert len(set(process.fake.submitted)) == 1


async def test_what_is_stuck_is_replaced_at_an_eighth_more_under_the_same_nonce(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, FakeChain()) as process:
        intent = await process.do(draft(1))
        process.fake.base_fee_wei *= 20
        await process.mine(TERMS.stuck_blocks)
        assert [len(i.attempts) for i in process.executor.in_flight] == [1]
        await process.mine(1)
        (replaced,) = process.executor.in_flight
        first, second = (attempt.evm for attempt in replaced.attempts)
        assert (first.nonce, first.call) == (second.nonce, second.call)
        assert second.fees.max_fee_wei * 8 >= first.fees.max_fee_wei * 9
        assert second.fees.priority_fee_wei * 8 >= first.fees.priority_fee_wei * 9
        assert [i.state for i in await process.mine(2)] == [IntentState.CONFIRMED]
        assert intent.nonce == second.nonce
        assert process.fake.effects == [draft(1).action.call.data]


async def test_the_ladder_ends_at_the_cap(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        process.fake.base_fee_wei = CAP * 2
        await process.mine(20 * TERMS.stuck_blocks)
        (waiting,) = process.executor.in_flight
        assert all(a.evm.fees.max_fee_wei <= CAP for a in waiting.attempts)
        with pytest.raises(FeeTooHigh):
            process.lane.plan_fees(process.fake.base_fee_wei)


async def test_a_reorg_that_drops_it_has_the_same_bytes_sent_again(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        await process.mine()
        assert await process.see(process.fake.reorg(1, keep=False)) == ()
        assert [i.state for i in process.executor.in_flight] == [IntentState.SENT]
        assert [i.state for i in await process.mine(2)] == [IntentState.CONFIRMED]
        assert len(set(process.fake.submitted)) == 1
        assert process.fake.effects == [draft(1).action.call.data]


@pytest.mark.parametrize("told", [True, False])
async def test_a_reorg_below_what_was_confirmed_is_seen_and_redone_once(
    tmp_path: Path, *, told: bool
) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        await process.mine(3)
        assert process.waiting() == 0
        head = process.fake.reorg(3, keep=False)
        await process.see(head if told else process.fake.mine())
        assert process.fake.effects == []
        (again,) = process.executor.in_flight
        assert again.state is IntentState.SENT
        assert [i.state for i in await process.mine(2)] == [IntentState.CONFIRMED]
        assert len(set(process.fake.submitted)) == 1
        assert (await process.do(draft(2))).nonce == 1


@pytest.mark.parametrize("passed_over", [0, 1, 5])
async def test_a_reorg_told_by_a_later_head_reopens_all_that_it_replaced(
    tmp_path: Path, passed_over: int
) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        await process.mine(3)
        head = process.fake.reorg(3, keep=False)
        for _ in range(passed_over):
            head = replace(process.fake.mine(take=0), reorg_depth=head.reorg_depth)
        assert await process.see(head) == ()
        assert [i.state for i in process.executor.in_flight] == [IntentState.SENT]


async def test_a_revert_on_chain_is_a_failure(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        process.fake.reverting.add(draft(1).action.call.data)
        (settled,) = await process.mine(2)
        assert (settled.state, settled.reason) == (IntentState.FAILED, "it reverted on chain")


async def test_a_foreign_transaction_on_the_nonce_stops_the_lane(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        intent = await process.do(draft(1))
        fees = Fees(max_fee_wei=CAP, priority_fee_wei=CAP)
        call = Call(target=v.address(0xBAD), data=b"foreign")
        process.fake.mempool[0] = process.lane.sign(call, nonce=0, gas_limit=21_000, fees=fees)
        settled = await process.mine(TERMS.confirmations + 1)
        assert [(i.id, i.state) for i in settled] == [(intent.id, IntentState.LOST)]
        assert process.executor.stopped == "nonce 0 was used by a transaction that is not ours"


async def test_a_lane_is_not_ready_while_a_nonces_fate_is_open(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        process.lane.fault = Fault.CRASH_BEFORE
        with pytest.raises(Crash):
            await process.do(draft(1))
    fees = Fees(max_fee_wei=CAP, priority_fee_wei=1)
    call = Call(target=v.address(0xBAD), data=b"foreign")
    fake = process.fake
    fake.mempool[0] = process.lane.sign(call, nonce=0, gas_limit=21_000, fees=fees)
    fake.mine()
    async with living(tmp_path, fake) as reborn:
        ready = [reborn.executor.ready]
        await reborn.mine(TERMS.confirmations)
        ready.append(reborn.executor.ready)
        assert ready == [False, True]
        assert reborn.executor.stopped is not None


async def test_two_drafts_at_once_get_nonces_without_a_gap(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(process.do(draft(n))) for n in range(5)]
        assert sorted(task.result().nonce for task in tasks) == list(range(5))
        settled = await process.mine(2)
        assert {i.state for i in settled} == {IntentState.CONFIRMED}
        assert len(process.fake.effects) == 5


async def test_a_signature_that_fails_gives_its_nonce_back(tmp_path: Path) -> None:
    class Wrong(FakeLane):
        def sign(self, call: Call, *, nonce: int, gas_limit: int, fees: Fees) -> SignedTransaction:
            if call.data == draft(1).action.call.data:
                raise InvariantError("another address signed")
            return super().sign(call, nonce=nonce, gas_limit=gas_limit, fees=fees)

    async with living(tmp_path, FakeChain()) as process:
        executor = Executor(Wrong(process.fake), process.journal, TERMS)
        await executor.on_head(process.fake.head(), now=v.NOW)
        with pytest.raises(InvariantError):
            await executor.execute(draft(1), gas(1), now=v.NOW)
        assert (await executor.execute(draft(2), gas(1), now=v.NOW)).nonce == 0


async def test_a_nonce_in_the_journal_is_never_signed_again(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        process.fake.mempool.clear()
        forgetful = Executor(FakeLane(process.fake), process.journal, TERMS)
        with pytest.raises(Conflict):
            await forgetful.execute(draft(2), gas(1), now=v.NOW)
        assert len(process.fake.submitted) == 1


async def test_the_deadline_of_a_replaced_transaction_still_counts(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1, deadline=v.NOW + 5))
        process.fake.base_fee_wei *= 20
        await process.mine(TERMS.stuck_blocks + 1, take=0)
        process.now += 6
        await process.mine(1, take=0)
        (emptied,) = process.executor.in_flight
        assert [a.cancels for a in emptied.attempts] == [False, False, True]
        assert emptied.last.evm.call == Call(target=KEY, data=b"")
        assert [i.state for i in await process.mine(2)] == [IntentState.SUPERSEDED]


async def test_a_question_that_fails_after_a_reorg_leaves_the_intent_in_hand(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1, deadline=v.NOW + 5))
        await process.mine()
        process.now += 6
        process.lane.gas[b""] = Unreachable(v.CHEAP, "no answer")
        with pytest.raises(Unreachable):
            await process.see(process.fake.reorg(1, keep=False))
        process.lane.gas.clear()
        assert [i.state for i in process.executor.in_flight] == [IntentState.SENT]
        assert [i.state for i in await process.mine(3)] == [IntentState.SUPERSEDED]


async def test_the_journal_knows_every_hash_that_ever_left(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1))
        process.fake.base_fee_wei *= 20
        await process.mine(12, take=0)
        (intent,) = await process.journal.read_recent(limit=1)
        known = {attempt.signed.raw for attempt in intent.attempts}
        assert set(process.fake.submitted) <= known
        assert len(known) > 2
        assert replace(intent, updated_at=0) == replace(process.executor.in_flight[0], updated_at=0)


class Elsewhere:
    """An endpoint beside the lane's own that does, or does not, have the receipts."""

    def __init__(self, fake: FakeChain) -> None:
        self.fake: FakeChain | None = fake

    async def read(self, tx_hash: bytes) -> FullReceipt | None:
        raise AssertionError(tx_hash)

    async def read_everywhere(self, tx_hashes: Sequence[bytes]) -> tuple[FullReceipt, ...]:
        if self.fake is None:
            return ()
        found = (self.fake.receipt(tx_hash) for tx_hash in tx_hashes)
        return tuple(FullReceipt(receipt=one, logs=()) for one in found if one is not None)


class Forgetful(FakeLane):
    """A lane whose endpoint counts nonces but has no receipts."""

    async def step(self, watch: TransactionWatch, *, height: int) -> TransactionWatch:
        return watch.advance(height=height, mined_nonce=self.fake.nonce, receipt=None)


async def test_a_nonce_without_a_receipt_is_lost_only_after_a_while(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        elsewhere = Elsewhere(process.fake)
        elsewhere.fake = None
        terms = replace(TERMS, lost_after_s=60)
        lane = Forgetful(process.fake)
        executor = Executor(lane, process.journal, terms, elsewhere)
        await executor.on_head(process.fake.head(), now=v.NOW)
        await executor.execute(draft(1), gas(1), now=v.NOW)
        for _ in range(9):
            assert await executor.on_head(process.fake.mine(), now=v.NOW) == ()
        assert executor.stopped is None
        (settled,) = await executor.on_head(process.fake.mine(), now=v.NOW + 60)
        assert settled.state is IntentState.LOST
        assert executor.stopped is not None


async def test_a_receipt_that_any_endpoint_has_is_proof_enough(tmp_path: Path) -> None:
    async with living(tmp_path, FakeChain()) as process:
        lane = Forgetful(process.fake)
        executor = Executor(lane, process.journal, TERMS, Elsewhere(process.fake))
        await executor.on_head(process.fake.head(), now=v.NOW)
        await executor.execute(draft(1), gas(10**9), now=v.NOW)
        settled = [await executor.on_head(process.fake.mine(), now=v.NOW) for _ in range(5)]
        assert [i.state for found in settled for i in found] == [IntentState.CONFIRMED]
        assert executor.stopped is None


async def test_a_key_whose_empty_transaction_would_revert_still_fills_its_nonce(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1, deadline=v.NOW + 10))
        process.fake.mempool.clear()
        process.now += 11
        process.lane.gas[b""] = SimulationReverted(v.CHEAP, "the key has code")
        process.fake.reverting.add(b"")
        (settled,) = await process.mine(3)
        assert settled.state is IntentState.SUPERSEDED
        assert settled.last.evm.gas_limit >= EMPTY_GAS
        assert process.fake.effects == []


async def test_past_its_deadline_it_is_not_sent_again_where_the_cap_forbids_to_empty_it(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, FakeChain()) as process:
        await process.do(draft(1, deadline=v.NOW + 10))
        process.fake.mempool.clear()
        sent = len(process.fake.submitted)
        process.now += 11
        process.fake.base_fee_wei = CAP * 2
        await process.mine(3)
        assert len(process.fake.submitted) == sent
        process.fake.base_fee_wei = 10**9
        (settled,) = await process.mine(3)
        assert settled.state is IntentState.SUPERSEDED
