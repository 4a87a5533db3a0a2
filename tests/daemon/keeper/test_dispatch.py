"""Drafts within limits, halts that last, lanes that close, effects that must be there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest
from eth_abi.abi import encode
from structlog.testing import capture_logs

from chains.errors import Unreachable
from chains.evm.decode import Log
from chains.evm.receipts import FullReceipt
from chains.evm.rescue import RESCUED_TOPIC
from chains.model.anchor import Head
from chains.model.ids import Address
from chains.model.snapshot import ChainFees
from chains.model.units import USD, Usd
from daemon.keeper.calls import build_cure
from daemon.keeper.dispatch import RETELL_S, Dispatcher, DispatchTerms, LaneParts
from daemon.keeper.effects import ReceiptEffects
from daemon.keeper.execute import Executor
from daemon.keeper.halts import HUNT, KEEPER, MEND_S
from daemon.keeper.intent import IntentState, Purpose
from daemon.keeper.journal import Journal
from daemon.keeper.limits import Breaker, Limits
from daemon.keeper.memory import FAILURE_REST_S, Work
from daemon.storage.database import Database, open_database
from daemon.storage.store import Store
from tests.daemon.keeper.fakes import KEY, FakeChain, FakeLane, draft, gas
from tests.daemon.keeper.lanes import TERMS
from tests.support import values as v

PRICED = gas(native_usd=2_000 * USD)
LIMITS = Limits(per_transaction=Usd(USD), per_hour=Usd(USD), per_day=Usd(USD))


@dataclass(slots=True)
class Events:
    """The receipts of a chain: an event of our contract for every effect, unless `silent`.

    `lost` has no receipt at all; `elsewhere` says that another endpoint has the events.
    """

    fake: FakeChain
    silent: bool = False
    lost: bool = False
    elsewhere: bool = False
    down: bool = False

    async def read(self, tx_hash: bytes) -> FullReceipt | None:
        if self.down:
            raise Unreachable(self.fake.chain, "no answer")
        receipt = None if self.lost else self.fake.receipt(tx_hash)
        if receipt is None:
            return None
        logs = () if self.silent else self._logs(tx_hash)
        return FullReceipt(receipt=receipt, logs=logs)

    async def read_everywhere(self, tx_hashes: Sequence[bytes]) -> tuple[FullReceipt, ...]:
        found = ((self.fake.receipt(tx_hash), self._logs(tx_hash)) for tx_hash in tx_hashes)
        return tuple(
            FullReceipt(receipt=receipt, logs=logs if self.elsewhere else ())
            for receipt, logs in found
            if receipt is not None
        )

    def _logs(self, tx_hash: bytes) -> tuple[Log, ...]:
        return tuple(
            Log(
                address=tx.call.target,
                topics=(RESCUED_TOPIC, _word(owner_of(tx.call.data)), bytes(32), bytes(32)),
                data=encode(["uint8"] + ["uint256"] * 4, [1, 500, 10**18, 2 * 10**18, 3]),
                height=block.height,
                block_hash=block.hash,
                tx_hash=tx.tx_hash,
                index=0,
            )
            for block in self.fake.blocks
            for tx in block.transactions
            if tx.call.data and tx.tx_hash == tx_hash
        )


def lane_parts(executor: Executor, receipts: Events) -> LaneParts:
    """Give a lane whose effects are in these receipts."""
    effects = ReceiptEffects(receipts)
    return LaneParts(executor=executor, effects=effects, build_cure=build_cure)


def owner_of(data: bytes) -> Address:
    """Give the account a draft of that calldata is for."""
    number = int.from_bytes(data.removeprefix(b"cure"), "big")
    return draft(number).action.account.evm_address


def _word(address: Address) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


@dataclass(slots=True)
class Desk:
    """A dispatcher over one chain in memory."""

    fake: FakeChain
    lane: FakeLane
    events: Events
    journal: Journal
    store: Store
    dispatcher: Dispatcher
    now: list[int] = field(default_factory=lambda: [v.NOW])
    fees: ChainFees = field(default_factory=gas)

    async def submit(self, number: int) -> IntentState | None:
        """Submit a draft; gives its state, None when it was not sent."""
        found = draft(number)
        intent = await self.dispatcher.submit(found, self.fees, now=self.now[0])
        return intent.state if intent else None

    async def follow(self, *heads: Head) -> None:
        """Follow heads."""
        for head in heads:
            await self.dispatcher.follow(head)

    async def mine(self, blocks: int = 2) -> None:
        """Mine blocks and follow each."""
        for _ in range(blocks):
            await self.follow(self.fake.mine())

    def closed(self, account: str | None = "alice") -> str | None:
        """Say why an account's rescues, or (None) liquidations, take nothing new."""
        return self.dispatcher.why_closed(Work(v.CHEAP, account), self.now[0])


@asynccontextmanager
async def desk(
    directory: Path,
    fake: FakeChain | None = None,
    *,
    live: bool = True,
    limits: Limits = LIMITS,
    doubt_s: int = 0,
    cooldown_s: int = 30,
) -> AsyncIterator[Desk]:
    """Open a dispatcher on a state directory, reconciled with its chain."""
    async with open_database(directory, live=live) as database:
        yield await _build(
            database,
            fake or FakeChain(),
            live=live,
            limits=limits,
            doubt_s=doubt_s,
            cooldown_s=cooldown_s,
        )


async def _build(
    database: Database,
    fake: FakeChain,
    *,
    live: bool = True,
    limits: Limits = LIMITS,
    doubt_s: int = 0,
    cooldown_s: int = 30,
) -> Desk:
    journal, store, events, now = Journal(database), Store(database), Events(fake), [v.NOW]
    lane = FakeLane(fake, await journal.read_held_nonces(fake.chain, KEY))
    executor = Executor(lane, journal, TERMS)
    dispatcher = Dispatcher(
        lanes={fake.chain: lane_parts(executor, events)},
        journal=journal,
        store=store,
        terms=DispatchTerms(
            live=live,
            limits=limits,
            breaker=Breaker(failures=2, window_s=60, rest_s=100),
            doubt_s=doubt_s,
        ),
        cooldown_s=lambda _: cooldown_s,
        clock=lambda: now[0],
    )
    found = Desk(fake, lane, events, journal, store, await dispatcher.load(), now)
    await found.follow(fake.head())
    return found


async def test_an_action_is_sent_followed_and_its_effect_recorded(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert await it.submit(1) is IntentState.SENT
        assert it.dispatcher.activity.places == {draft(1).place}
        await it.mine()
        assert it.dispatcher.activity.places == frozenset()
        (intent,) = await it.journal.read_recent(limit=9)
        assert intent.state is IntentState.CONFIRMED
        assert intent.effect is not None
        assert orjson.loads(intent.effect)["units"] == "500"
        assert it.dispatcher.halted is None


async def test_nothing_goes_out_before_journal_and_chain_are_reconciled(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        fake = FakeChain()
        executor = Executor(FakeLane(fake), Journal(database), TERMS)
        dispatcher = Dispatcher(
            lanes={fake.chain: lane_parts(executor, Events(fake))},
            journal=Journal(database),
            store=Store(database),
            terms=DispatchTerms(live=True, limits=LIMITS),
            cooldown_s=lambda _: 0,
        )
        assert "not reconciled" in (dispatcher.why_closed(Work(v.CHEAP, None), v.NOW) or "")
        await dispatcher.follow(fake.head())
        assert dispatcher.why_closed(Work(v.CHEAP, None), v.NOW) is None
        assert "no lane" in (dispatcher.why_closed(Work(v.DEAR, None), v.NOW) or "")


async def test_a_dry_run_records_what_it_would_do_and_sends_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, live=False) as it:
        assert await it.submit(1) is None
        assert it.fake.submitted == []
        assert await it.journal.read_planned(limit=9) == (draft(1),)
        assert it.dispatcher.activity.rests(draft(1).need, v.NOW + 29)
        assert not it.dispatcher.activity.rests(draft(1).need, v.NOW + 30)


async def test_a_spent_limit_blocks_also_after_a_restart(tmp_path: Path) -> None:
    cost = draft(1).cost
    tight = Limits(per_transaction=cost, per_hour=Usd(2 * cost), per_day=Usd(2 * cost))
    fake = FakeChain()
    async with desk(tmp_path, fake, limits=tight) as it:
        states = [await it.submit(number) for number in (1, 2, 3)]
        assert states == [IntentState.SENT, IntentState.SENT, None]
    async with desk(tmp_path, fake, limits=tight) as it:
        assert await it.submit(4) is None
        assert len(set(it.fake.submitted)) == 2


async def test_a_cooldown_survives_a_restart(tmp_path: Path) -> None:
    fake = FakeChain()
    async with desk(tmp_path, fake) as it:
        await it.submit(1)
        await it.mine()
    async with desk(tmp_path, fake) as it:
        assert it.dispatcher.activity.rests(draft(1).need, v.NOW + 29)
        assert not it.dispatcher.activity.rests(draft(1).need, v.NOW + 30)


async def test_a_success_without_effect_halts_the_keeper_for_good(tmp_path: Path) -> None:
    fake = FakeChain()
    async with desk(tmp_path, fake) as it:
        it.events.silent = True
        await it.submit(1)
        await it.mine(2)
        halts = [it.dispatcher.halted]
        await it.mine(1)
        halts.append(it.dispatcher.halted)
        assert halts[0] is None
        assert "without the effect" in (halts[1] or "")
        assert await it.submit(2) is None
    async with desk(tmp_path, fake) as it:
        assert "without the effect" in (it.dispatcher.halted or "")
        assert await it.submit(3) is None
        await it.store.write_halt(KEEPER, None)
    async with desk(tmp_path, fake) as it:
        assert await it.submit(4) is IntentState.SENT


async def test_an_effect_is_missing_for_a_while_before_the_keeper_halts(tmp_path: Path) -> None:
    async with desk(tmp_path, doubt_s=30) as it:
        it.events.silent = True
        await it.submit(1)
        await it.mine(9)
        halts = [it.dispatcher.halted]
        it.now[0] += 30
        await it.mine(1)
        halts.append(it.dispatcher.halted)
        assert halts[0] is None
        assert "without the effect" in (halts[1] or "")


async def test_an_endpoint_without_the_receipt_or_its_logs_proves_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.events.silent = it.events.elsewhere = True
        await it.submit(1)
        await it.mine(9)
        it.events.silent, it.events.lost = False, True
        await it.submit(2)
        await it.mine(9)
        assert it.dispatcher.halted is None
        second, first = await it.journal.read_recent(limit=9)
        assert first.effect is not None
        assert second.effect is None
        it.events.lost = False
        await it.mine(1)
        second, _ = await it.journal.read_recent(limit=9)
        assert second.effect is not None


async def test_a_liquidation_without_effect_stops_liquidations_only(tmp_path: Path) -> None:
    fake = FakeChain()
    prey = replace(draft(1), purpose=Purpose.LIQUIDATION)
    async with desk(tmp_path, fake) as it:
        await it.dispatcher.submit(prey, it.fees, now=it.now[0])
        await it.mine(4)
        assert set(it.dispatcher.halts) == {HUNT}
        assert "without the effect" in (it.closed(None) or "")
    async with desk(tmp_path, fake) as it:
        more = replace(draft(2), purpose=Purpose.LIQUIDATION)
        await it.dispatcher.submit(more, it.fees, now=it.now[0])
        assert len(set(it.fake.submitted)) == 1
        assert it.closed() is None
        assert await it.submit(3) is IntentState.SENT


async def test_an_effect_that_cannot_be_read_yet_is_judged_later(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.events.down = True
        await it.submit(1)
        await it.mine(5)
        assert it.dispatcher.halted is None
        it.events.down = False
        await it.mine(1)
        (intent,) = await it.journal.read_recent(limit=9)
        assert intent.effect is not None


async def test_an_effect_left_unjudged_by_a_kill_is_judged_after_the_restart(
    tmp_path: Path,
) -> None:
    fake = FakeChain()
    async with desk(tmp_path, fake) as it:
        it.events.down = True
        await it.submit(1)
        await it.mine(2)
    async with desk(tmp_path, fake) as it:
        (intent,) = await it.journal.read_recent(limit=9)
        assert intent.effect is not None


async def test_what_a_reorg_took_back_is_not_judged(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.events.down = True
        await it.submit(1)
        await it.mine(3)
        it.events.down, it.events.silent = False, True
        await it.follow(it.fake.reorg(3, keep=False))
        for _ in range(3):
            await it.follow(it.fake.mine(take=0))
        assert it.dispatcher.halted is None
        it.events.silent = False
        await it.mine(2)
        assert it.dispatcher.halted is None


async def test_failures_close_their_own_work_for_a_while(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        for number in (1, 2):
            it.fake.reverting.add(draft(number).action.call.data)
            await it.submit(number)
        await it.mine()
        assert "kept failing" in (it.closed() or "")
        assert it.closed("bob") is None
        assert it.closed(None) is None
        it.now[0] += 100
        assert it.closed() is None
        assert it.dispatcher.halted is None


async def test_liquidations_that_keep_failing_never_stop_a_rescue(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        for number in (1, 2):
            prey = replace(draft(number), purpose=Purpose.LIQUIDATION, subject=f"prey {number}")
            it.fake.reverting.add(prey.action.call.data)
            await it.dispatcher.submit(prey, it.fees, now=it.now[0])
        await it.mine()
        assert "kept failing" in (it.closed(None) or "")
        assert it.closed("alice") is None
    async with desk(tmp_path, it.fake) as again:
        assert "kept failing" in (again.closed(None) or "")
        assert again.closed("alice") is None


async def test_a_refusal_is_told_again_only_after_a_while(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        with capture_logs() as logs:
            for cost in ("1.00", "1.00", "1.01"):
                it.dispatcher.tell("need", "need.unmet", f"costs ${cost}")
            it.now[0] += int(RETELL_S)
            it.dispatcher.tell("need", "need.unmet", "costs $1.02")
            it.now[0] += int(RETELL_S)
            it.dispatcher.tell("need", "need.unmet", "costs $1.02")
        assert [line["reason"] for line in logs] == ["costs $1.00", "costs $1.02"]


async def test_a_key_used_elsewhere_stops_its_lane_for_good(tmp_path: Path) -> None:
    fake = FakeChain()
    async with desk(tmp_path, fake) as it:
        await it.submit(1)
        foreign = it.fake.mempool[0]
        fees = it.lane.plan_fees(10**10)
        call = draft(9).action.call
        it.fake.mempool[0] = it.lane.sign(call, nonce=0, gas_limit=1, fees=fees)
        assert it.fake.mempool[0] != foreign
        await it.mine(TERMS.confirmations + 1)
        assert "not ours" in (it.closed() or "")
        assert it.dispatcher.halted is None
    async with desk(tmp_path, fake) as it:
        assert "not ours" in (it.closed() or "")
        await it.store.write_halt(str(v.CHEAP), None)
    async with desk(tmp_path, fake) as it:
        assert it.closed() is None


async def test_a_state_that_cannot_be_written_stops_every_send(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        it = await _build(database, FakeChain(), live=True, limits=LIMITS)
        await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=1").close())
        for number in range(1, 200):
            it.now[0] += 90_000
            if await it.submit(number) is None:
                break
        assert "full" in (it.dispatcher.halted or "")
        sent = len(it.fake.submitted)
        assert await it.submit(900) is None
        assert len(it.fake.submitted) == sent
        assert len(await it.journal.read_recent(limit=999)) == sent


async def test_the_state_that_can_be_written_again_lifts_its_halt_by_itself(
    tmp_path: Path,
) -> None:
    async with open_database(tmp_path, live=True) as database:
        it = await _build(database, FakeChain())
        await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=1").close())
        for number in range(1, 200):
            it.now[0] += 90_000
            if await it.submit(number) is None:
                break
        await it.mine()
        halts = [it.dispatcher.halted]
        await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=9999").close())
        it.now[0] += int(MEND_S)
        await it.mine()
        halts.append(it.dispatcher.halted)
        assert "full" in (halts[0] or "")
        assert halts[1] is None
        assert await it.submit(900) is IntentState.SENT


async def test_liquidations_never_use_up_what_rescues_may_spend(tmp_path: Path) -> None:
    cost = draft(1).cost
    tight = Limits(per_transaction=cost, per_hour=Usd(2 * cost), per_day=Usd(2 * cost))
    fake = FakeChain()
    async with desk(tmp_path, fake, limits=tight) as it:
        for number in (1, 2):
            prey = replace(draft(number), purpose=Purpose.LIQUIDATION)
            assert await it.dispatcher.submit(prey, it.fees, now=v.NOW)
        assert await it.submit(3) is IntentState.SENT
    async with desk(tmp_path, fake, limits=tight) as it:
        assert await it.submit(4) is IntentState.SENT
        prey = replace(draft(5), purpose=Purpose.LIQUIDATION)
        assert await it.dispatcher.submit(prey, it.fees, now=v.NOW) is None


async def test_a_need_rests_only_a_little_after_an_action_that_did_nothing(
    tmp_path: Path,
) -> None:
    fake = FakeChain()
    late = draft(2, deadline=v.NOW + 5)
    async with desk(tmp_path, fake, cooldown_s=3_600) as it:
        fake.reverting.add(draft(1).action.call.data)
        await it.submit(1)
        await it.mine()
        await it.dispatcher.submit(late, it.fees, now=v.NOW)
        fake.mempool.clear()
        it.now[0] = v.NOW + 6
        await it.mine(5)
        await it.submit(3)
        await it.mine()
    async with desk(tmp_path, fake, cooldown_s=3_600) as again:
        for found in (it, again):
            activity = found.dispatcher.activity
            assert activity.rests(draft(1).need, v.NOW + FAILURE_REST_S - 1)
            assert not activity.rests(draft(1).need, v.NOW + FAILURE_REST_S)
            assert activity.rests(late.need, v.NOW + 6 + FAILURE_REST_S - 1)
            assert not activity.rests(late.need, v.NOW + 6 + FAILURE_REST_S)
            assert activity.rests(draft(3).need, v.NOW + 3_600)


async def test_what_is_under_way_already_is_not_submitted_again(tmp_path: Path) -> None:
    async with desk(tmp_path, cooldown_s=0) as it:
        assert await it.submit(1) is IntentState.SENT
        assert await it.submit(1) is None
        elsewhere = replace(draft(1), need="another need of that place")
        assert await it.dispatcher.submit(elsewhere, it.fees, now=v.NOW) is None
        await it.mine()
        assert await it.submit(1) is IntentState.SENT


async def test_replacements_end_where_the_limits_do(tmp_path: Path) -> None:
    cost = draft(1).cost
    tight = Limits(per_transaction=Usd(3 * cost), per_hour=Usd(5 * cost), per_day=Usd(5 * cost))
    fake = FakeChain()
    async with desk(tmp_path, fake, limits=tight) as it:
        await it.submit(1)
        fake.base_fee_wei = 22 * 10**8
        for _ in range(6):
            await it.follow(fake.mine(take=0))
        fake.base_fee_wei = 10**11
        await it.mine(30)
        (raised,) = await it.journal.read_recent(limit=9)
        first, last = raised.attempts[0].evm, raised.last.evm
        assert first.most_wei < last.most_wei <= 3 * first.most_wei
    async with desk(tmp_path, fake, limits=tight) as it:
        dear = replace(draft(2), cost=Usd(3 * cost))
        assert await it.dispatcher.submit(dear, it.fees, now=v.NOW) is None
        await it.mine(30)
        (again,) = await it.journal.read_recent(limit=9)
        assert again.last.evm.most_wei <= 3 * first.most_wei


async def test_the_most_a_transaction_may_take_counts_until_what_it_took_is_known(
    tmp_path: Path,
) -> None:
    limits = Limits(per_transaction=Usd(USD), per_hour=Usd(13 * USD // 10), per_day=Usd(9 * USD))
    async with desk(tmp_path, limits=limits) as it:
        it.fees = PRICED
        assert await it.submit(1) is IntentState.SENT
        assert (await it.journal.read_spends(since=0))[1].gas == 52_500_000
        assert await it.submit(2) is IntentState.SENT
        assert await it.submit(3) is None
        await it.mine()
        assert (await it.journal.read_spends(since=0))[1].gas == 20_000_000
        assert await it.submit(4) is IntentState.SENT
        assert await it.submit(5) is IntentState.SENT


async def test_a_limit_below_the_usual_headroom_lowers_the_fee_that_is_offered(
    tmp_path: Path,
) -> None:
    limits = replace(LIMITS, per_transaction=Usd(USD * 4 // 10))
    async with desk(tmp_path, limits=limits) as it:
        it.fees = PRICED
        assert await it.submit(1) is IntentState.SENT
        (intent,) = await it.journal.read_recent(limit=9)
        assert intent.last.evm.most_wei * 2_000 == 4 * 10**17
        assert (await it.journal.read_spends(since=0))[1].gas == USD * 4 // 10


async def test_a_transaction_that_may_take_more_than_its_limit_is_not_sent(
    tmp_path: Path,
) -> None:
    limits = replace(LIMITS, per_transaction=Usd(USD // 5))
    async with desk(tmp_path, limits=limits) as it:
        it.fees = PRICED
        assert await it.submit(1) is None
        assert it.fake.submitted == []


async def test_what_a_receipt_does_not_tell_of_stays_counted(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.fees = PRICED
        executor = it.dispatcher.lanes[v.CHEAP].executor
        assert isinstance(executor, Executor)
        executor.terms = replace(executor.terms, l1_fees=True)
        await it.submit(1)
        counted = (await it.journal.read_spends(since=0))[1].gas
        assert counted == draft(1).cost + 52_500_000
        await it.mine()
        assert (await it.journal.read_spends(since=0))[1].gas == counted


async def test_a_receipt_of_another_transaction_halts_instead_of_ending_the_process(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.submit(1)
        it.fake.mine()
        receipt = it.fake.receipt(it.fake.blocks[-1].transactions[0].tx_hash)
        assert receipt is not None
        foreign = replace(receipt, tx_hash=b"\7" * 32)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(it.fake, "receipt", lambda _hash: foreign)
            await it.mine(3)
        assert "without a receipt of its own" in (it.dispatcher.halted or "")
