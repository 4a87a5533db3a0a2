"""One Solana lane with its journal on our node: lost, late, expired, dropped, forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from solders.transaction import VersionedTransaction
from structlog.testing import capture_logs

from chains.errors import ChainError, FeeTooHigh, Unreachable
from chains.model.action import Receipt
from chains.model.units import USD, Usd
from chains.rpc.endpoint import Json
from chains.solana.decode import Simulation, decode_count
from chains.solana.rpc import Commitment
from daemon.devnet.solana.blocks import BLOCKHASH_LIFE
from daemon.devnet.solana.ledger import Ledger
from daemon.keeper.intent import Intent, IntentState
from daemon.keeper.limits import Breaker, Limits
from daemon.keeper.memory import Memory
from daemon.keeper.solana.blockhashes import FRESH_SLOTS
from tests.daemon.keeper.fakes import Crash, Fault
from tests.daemon.keeper.solana.lanes import FEE, FEES, TERMS, TO, Scene, funded, living, twist
from tests.support.solnode import SOL, balance, make_key, make_ledger, make_wallet, pay, sign

pytestmark = pytest.mark.net
ELSEWHERE = make_key(2)


@pytest.fixture
def ledger() -> Ledger:
    return funded(make_ledger())


@pytest.fixture
async def scene(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Scene]:
    async with living(tmp_path, ledger) as started:
        yield started


def memory(per_transaction: Usd) -> Memory:
    limits = Limits(per_transaction=per_transaction, per_hour=Usd(USD), per_day=Usd(USD))
    return Memory(limits=limits, breaker=Breaker())


async def expire(scene: Scene) -> tuple[Intent, ...]:
    """Let every blockhash handed out so far serve no more."""
    return await scene.tick(BLOCKHASH_LIFE + 4)


async def test_a_payment_is_confirmed_and_its_fee_known(scene: Scene) -> None:
    intent = await scene.do()
    assert intent.state is IntentState.SENT
    [settled] = await scene.tick(2)
    assert settled.state is IntentState.CONFIRMED
    assert settled.receipt == Receipt(
        chain=scene.client.chain,
        tx_hash=intent.last.tx_hash,
        block_hash=b"",
        height=1_003,
        success=True,
        gas_used=FEE,
        gas_price_wei=1,
    )
    assert scene.paid == 1
    assert scene.executor.in_flight == ()


async def test_a_block_that_is_not_confirmed_includes_it_only(scene: Scene) -> None:
    await scene.do()
    assert await scene.see() == ()
    [included] = scene.executor.in_flight
    assert included.state is IntentState.INCLUDED
    assert included.receipt is not None
    assert included.receipt.gas_used == FEE


async def test_what_is_only_confirmed_is_not_settled_where_finality_is_asked_for(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.tick()
    async with living(tmp_path, ledger, commitment=Commitment.FINALIZED) as scene:
        for _ in range(40):
            ledger.tick()
        await scene.do()
        assert await scene.tick(3) == ()
        assert [i.state for i in scene.executor.in_flight] == [IntentState.INCLUDED]
        [settled] = await scene.tick(40)
        assert settled.state is IntentState.CONFIRMED


async def test_a_transaction_lost_on_its_way_is_sent_again_as_it_is(scene: Scene) -> None:
    scene.node.faults.dropped_transactions = 2
    intent = await scene.do()
    assert await scene.tick() == ()
    assert await scene.tick() == ()
    [settled] = await scene.tick(2)
    assert settled.attempts == intent.attempts
    assert scene.paid == 1


async def test_what_one_endpoint_swallows_is_sent_to_all_the_next_time(
    ledger: Ledger, tmp_path: Path
) -> None:
    async with living(tmp_path, ledger, ledger) as scene:
        first, second = scene.nodes
        first.faults.dropped_transactions = 10**6
        intent = await scene.do()
        assert second.counts.get("sendTransaction", 0) == 0
        await scene.tick()
        [settled] = await scene.tick(2)
        assert (first.counts["sendTransaction"], second.counts["sendTransaction"]) == (2, 1)
        assert settled.attempts == intent.attempts
        assert scene.paid == 1


async def test_one_that_expired_is_signed_anew_dearer_and_happens_once(scene: Scene) -> None:
    scene.node.faults.dropped_transactions = 10**6
    intent = await scene.do()
    await expire(scene)
    [renewed] = scene.executor.in_flight
    assert [a.solana.budget.unit_price for a in renewed.attempts] == [1_000_000, 1_500_000]
    assert renewed.nonce == intent.nonce
    scene.node.faults.heal()
    await scene.tick()
    [settled] = await scene.tick(2)
    assert settled.state is IntentState.CONFIRMED
    assert settled.included == settled.last
    assert scene.paid == 1
    assert (await scene.journal.read_recent(limit=9))[0] == settled


async def test_one_that_may_still_land_is_never_signed_anew(scene: Scene) -> None:
    scene.node.faults.late_slots = BLOCKHASH_LIFE - 10
    await scene.do()
    scene.node.faults.dropped_transactions = 10**6
    for _ in range(14):
        await scene.tick(10)
        assert all(len(intent.attempts) == 1 for intent in scene.executor.in_flight)
    await scene.tick(10)
    assert scene.executor.in_flight == ()
    assert scene.paid == 1


async def test_a_dropped_block_takes_it_back_and_it_is_sent_again(scene: Scene) -> None:
    intent = await scene.do()
    await scene.see()
    scene.ledger.drop()
    await scene.see()
    assert [i.state for i in scene.executor.in_flight] == [IntentState.SENT]
    [settled] = await scene.tick(2)
    assert settled.attempts == intent.attempts
    assert scene.paid == 1


async def test_a_program_that_fails_is_paid_for_and_told(scene: Scene) -> None:
    draft = scene.draft(lamports=8 * SOL)
    wallet = make_wallet(scene.ledger, lamports=0)
    scene.ledger.send(sign(scene.ledger, wallet, [pay(wallet, wallet.pubkey(), 1)]))
    scene.ledger.send(sign(scene.ledger, wallet, [pay(wallet, ELSEWHERE, 5 * SOL)]))
    await scene.do(draft)
    [settled] = await scene.tick(2)
    assert settled.state is IntentState.FAILED
    assert "failed with error 1" in (settled.reason or "")
    assert settled.receipt is not None
    assert settled.receipt.gas_used == FEE
    assert scene.paid == 0


async def test_past_its_deadline_one_that_expired_is_given_up_and_costs_nothing(
    scene: Scene,
) -> None:
    scene.node.faults.dropped_transactions = 10**6
    await scene.do(scene.draft(deadline_s=5))
    scene.now += 6
    sent = scene.node.counts["sendTransaction"]
    await scene.tick()
    assert scene.node.counts["sendTransaction"] == sent, "it is not wanted any more"
    [settled] = await expire(scene)
    assert settled.state is IntentState.SUPERSEDED
    assert len(settled.attempts) == 1
    assert (await scene.journal.read_spends(since=0))[settled.id].gas == 0


async def test_what_would_fail_by_now_is_not_signed_anew(scene: Scene) -> None:
    scene.node.faults.dropped_transactions = 1
    await scene.do(scene.draft(lamports=8 * SOL))
    wallet = make_wallet(scene.ledger, lamports=0)
    scene.ledger.send(sign(scene.ledger, wallet, [pay(wallet, ELSEWHERE, 5 * SOL)]))
    [settled] = await expire(scene)
    assert settled.state is IntentState.SUPERSEDED
    assert "it would fail now" in (settled.reason or "")


async def test_a_blockhash_read_with_a_quote_is_signed_with_once(scene: Scene) -> None:
    reads = scene.node.counts
    await scene.executor.quote([], await scene.read())
    asked = reads["getLatestBlockhash"]
    same = scene.draft()
    first = await scene.do(same)
    assert reads["getLatestBlockhash"] == asked
    scene.ledger.tick()
    second = await scene.do(replace(same, need="another"))
    assert reads["getLatestBlockhash"] == asked + 1
    assert first.last.tx_hash != second.last.tx_hash


@pytest.mark.parametrize(("slots", "read_anew"), [(FRESH_SLOTS, 0), (FRESH_SLOTS + 1, 1)])
async def test_a_blockhash_that_grew_old_is_not_signed_with(
    scene: Scene, slots: int, read_anew: int
) -> None:
    await scene.executor.quote([], await scene.read())
    asked = scene.node.counts["getLatestBlockhash"]
    await scene.tick(slots)
    await scene.do()
    assert scene.node.counts["getLatestBlockhash"] == asked + read_anew


async def test_a_fee_above_the_cap_is_never_offered(scene: Scene) -> None:
    dear = scene.draft(price=95_000_000)
    assert scene.executor.find_most(dear, FEES, now=scene.now) == 1_500_000
    with pytest.raises(FeeTooHigh, match="100001 lamports, 100000 allowed"):
        await scene.do(scene.draft(price=95_001_000))
    assert await scene.journal.read_recent(limit=9) == ()
    scene.node.faults.dropped_transactions = 10**6
    await scene.do(dear)
    await expire(scene)
    [renewed] = scene.executor.in_flight
    assert [a.most for a in renewed.attempts] == [100_000, 100_000]


async def test_limits_hold_a_higher_price_back_and_not_the_next_signature(scene: Scene) -> None:
    draft, counted = scene.draft(), memory(Usd(91_000))
    scene.executor.budget = counted
    scene.node.faults.dropped_transactions = 10**6
    most = scene.executor.find_most(draft, FEES, now=scene.now)
    counted.reserve(draft, most, scene.now)
    counted.signed(await scene.do(draft))
    counted.release(draft)
    with capture_logs() as logs:
        await expire(scene)
    assert any("limit per transaction" in line.get("reason", "") for line in logs)
    [renewed] = scene.executor.in_flight
    assert [a.most for a in renewed.attempts] == [FEE, FEE]
    assert (await scene.journal.read_spends(since=0))[renewed.id].gas == most == 90_000


async def test_the_account_s_policy_holds_a_higher_price_back(
    ledger: Ledger, tmp_path: Path
) -> None:
    terms = replace(TERMS, max_costs={"alice": Usd(91_000)})
    async with living(tmp_path, ledger, terms=terms) as scene:
        scene.executor.budget = counted = memory(Usd(USD))
        scene.node.faults.dropped_transactions = 10**6
        for draft in (scene.draft(), replace(scene.draft(2), subject="another")):
            counted.reserve(draft, scene.executor.find_most(draft, FEES, now=scene.now), scene.now)
            counted.signed(await scene.do(draft))
        with capture_logs() as logs:
            await expire(scene)
        reasons = [line["reason"] for line in logs if line["event"] == "transaction.not_raised"]
        assert reasons == ["it would cost $0.0010, at most $0.0009 allowed"]
        bound, free = scene.executor.in_flight
        assert [a.most for a in bound.attempts] == [FEE, FEE]
        assert free.last.most > FEE


async def test_where_limits_allow_nothing_it_waits_for_its_deadline(scene: Scene) -> None:
    draft, counted = scene.draft(deadline_s=100), memory(Usd(90_000))
    scene.executor.budget = counted
    scene.node.faults.dropped_transactions = 10**6
    counted.reserve(draft, Usd(90_000), scene.now)
    counted.signed(await scene.do(draft))
    counted.limits = Limits(per_transaction=Usd(1), per_hour=Usd(1), per_day=Usd(1))
    await expire(scene)
    await scene.tick()
    assert [len(i.attempts) for i in scene.executor.in_flight] == [1]
    scene.now += 101
    [settled] = await scene.tick()
    assert settled.state is IntentState.SUPERSEDED


async def test_requests_that_are_limited_only_take_longer(scene: Scene) -> None:
    intent = await scene.do()
    for _ in range(4):
        scene.node.faults.rate_limited = 3
        with suppress(ChainError):
            await scene.tick()
    scene.node.faults.heal()
    await scene.client.check_endpoints()
    await scene.tick(2)
    [settled] = await scene.journal.read_recent(limit=9)
    assert settled.state is IntentState.CONFIRMED
    assert settled.attempts == intent.attempts
    assert scene.paid == 1


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
async def test_a_restart_follows_the_journal_s_bytes(
    ledger: Ledger, tmp_path: Path, fault: Fault
) -> None:
    async with living(tmp_path, ledger) as scene:
        scene.lane.fault = fault
        with pytest.raises(Crash):
            await scene.do()
    async with living(tmp_path, ledger) as reborn:
        [intent] = reborn.executor.in_flight
        assert len(intent.attempts) == 1
        [settled] = await reborn.tick(3) or await reborn.tick(3)
        assert settled.state is IntentState.CONFIRMED
        assert settled.attempts == intent.attempts
        assert reborn.paid == 1
        assert (await reborn.do(reborn.draft(2))).nonce == 1


async def test_a_restart_signs_anew_what_was_meant_before(ledger: Ledger, tmp_path: Path) -> None:
    async with living(tmp_path, ledger) as scene:
        scene.lane.fault = Fault.CRASH_BEFORE
        with pytest.raises(Crash):
            await scene.do()
    for _ in range(BLOCKHASH_LIFE + 4):
        ledger.tick()
    async with living(tmp_path, ledger) as reborn:
        [renewed] = reborn.executor.in_flight
        assert len(renewed.attempts) == 2
        [settled] = await reborn.tick(2)
        assert settled.included == settled.last
        assert reborn.paid == 1


async def test_a_node_that_does_not_see_it_is_not_believed_alone(tmp_path: Path) -> None:
    blind, sighted = funded(make_ledger()), funded(make_ledger())
    async with living(tmp_path, blind, sighted) as scene:
        scene.node.faults.dropped_transactions = 10**6
        intent = await scene.do()
        sighted.send(VersionedTransaction.from_bytes(intent.last.signed.raw))
        assert await expire(scene) == ()
        assert [i.state for i in scene.executor.in_flight] == [IntentState.INCLUDED]
        await scene.tick()
        assert [len(i.attempts) for i in scene.executor.in_flight] == [1]
        assert balance(sighted, TO) // SOL == 1


async def test_an_endpoint_that_runs_ahead_is_not_believed_alone(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(tmp_path, ledger, ledger) as scene:
        ahead, honest = scene.nodes

        def add(point: dict[str, Json]) -> dict[str, Json]:
            return {**point, "blockHeight": decode_count(point["blockHeight"]) + 1_000}

        twist(monkeypatch, "getEpochInfo", add, at=ahead)
        ahead.faults.late_slots = 5
        await scene.do()
        await scene.tick(3)
        assert [len(i.attempts) for i in scene.executor.in_flight] == [1]
        await scene.tick(4)
        await scene.tick(2)
        assert not scene.executor.in_flight
        assert scene.paid == 1
        ahead.faults.dropped_transactions = honest.faults.dropped_transactions = 10**6
        await scene.do(scene.draft(2))
        await expire(scene)
        assert [len(i.attempts) for i in scene.executor.in_flight] == [2], "both saw it expire"


async def test_what_nobody_remembers_stops_the_lane(ledger: Ledger, tmp_path: Path) -> None:
    async with living(tmp_path, ledger) as scene:
        scene.lane.fault = Fault.CRASH_BEFORE
        with pytest.raises(Crash):
            await scene.do()
    for _ in range(1_600):
        ledger.tick()
    async with living(tmp_path, ledger) as reborn:
        [lost] = await reborn.journal.read_recent(limit=9)
        assert lost.state is IntentState.LOST
        assert "no node remembers" in (reborn.executor.stopped or "")
        assert reborn.executor.in_flight == ()


async def test_what_no_node_can_tell_of_is_settled_by_its_status(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    twist(monkeypatch, "getTransaction", lambda found: {**found, "meta": None})
    draft = scene.draft()
    scene.executor.budget = counted = memory(Usd(USD))
    counted.reserve(draft, Usd(900_000), scene.now)
    counted.signed(await scene.do(draft))
    with capture_logs() as logs:
        [settled] = await scene.tick(2)
    assert [line["event"] for line in logs].count("transaction.not_read") == 1
    assert settled.state is IntentState.CONFIRMED
    assert settled.receipt is not None
    assert (settled.receipt.height, settled.receipt.gas_used) == (1_003, FEE)
    assert counted.spends[settled.id].gas == 900_000, "what it cost is not known: count the most"
    wallet = make_wallet(scene.ledger, lamports=0)
    scene.ledger.send(sign(scene.ledger, wallet, [pay(wallet, ELSEWHERE, 6 * SOL)]))
    await scene.do(scene.draft(2, lamports=8 * SOL))
    [settled] = await scene.tick(2)
    assert settled.state is IntentState.FAILED
    assert "failed with error 1" in (settled.reason or "")


async def test_one_that_cannot_be_asked_about_holds_up_nothing_else(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(tmp_path, ledger) as scene:
        bad = await scene.do()
        await scene.see()
        assert [i.state for i in scene.executor.in_flight] == [IntentState.INCLUDED]
        signature = str(bad.last.solana.signature)
        twist(monkeypatch, "getSignatureStatuses", lambda _: {"context": {}}, about=signature)
        other = await scene.do(scene.draft(2))
        head = (await scene.head()).anchor
        with capture_logs() as logs:
            assert [i.id for i in (*await scene.tick(), *await scene.tick())] == [other.id]
        assert [line["event"] for line in logs].count("transaction.not_followed") == 1
        [left] = scene.executor.in_flight
        assert (left.id, left.state) == (bad.id, IntentState.SENT), "its place stays closed"
        async with asyncio.timeout(1):
            await scene.executor.wait_followed(head, looks=scene.executor.looks)
    async with living(tmp_path, ledger) as reborn:
        assert reborn.executor.ready
        assert [i.id for i in reborn.executor.in_flight] == [bad.id]
        monkeypatch.undo()
        [settled] = await reborn.tick()
        assert (settled.id, settled.state) == (bad.id, IntentState.CONFIRMED)
        assert reborn.paid == 2


async def test_only_what_may_be_undone_is_waited_for(scene: Scene) -> None:
    anchor = (await scene.head()).anchor
    ahead = replace(anchor, height=anchor.height + 5)
    async with asyncio.timeout(1):
        await scene.executor.wait_followed(ahead, looks=scene.executor.looks)
    await scene.do()
    await scene.see()
    looks = scene.executor.looks
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await scene.executor.wait_followed(ahead, looks=looks)
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        group.create_task(scene.executor.wait_followed(ahead, looks=looks))
        await scene.tick()


async def test_a_question_that_fails_after_a_drop_leaves_the_intent_in_hand(scene: Scene) -> None:
    await scene.do()
    await scene.see()
    scene.ledger.drop()
    scene.node.faults.dropped_transactions = 10**6
    for _ in range(BLOCKHASH_LIFE + 4):
        scene.ledger.tick()

    async def fail(*_: object, **__: object) -> Simulation:
        raise Unreachable(scene.client.chain, "no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.lane, "simulate", fail)
        await scene.see()
    assert [i.state for i in scene.executor.in_flight] == [IntentState.SENT]
    scene.node.faults.heal()
    await scene.tick()
    [settled] = await scene.tick(2)
    assert settled.state is IntentState.CONFIRMED
    assert scene.paid == 1
