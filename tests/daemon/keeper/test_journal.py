"""The journal alone: what is written comes back, and moves only along the drawn paths."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chains.evm.fees import Fees
from chains.model.action import Receipt
from chains.model.units import Usd
from daemon.keeper.intent import Attempt, Draft, Intent, IntentState
from daemon.keeper.journal import Journal
from daemon.keeper.memory import Work
from daemon.keeper.rows import empty_call
from daemon.storage.database import open_database
from daemon.storage.errors import Conflict
from tests.daemon.keeper.fakes import KEY, FakeChain, FakeLane, draft
from tests.support import values as v

FEES = Fees(max_fee_wei=2**70, priority_fee_wei=1)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with open_database(tmp_path, live=True) as database:
        yield Journal(database)


def attempt(found: Draft, nonce: int, *, cancels: bool = False, extra: int = 0) -> Attempt:
    fees = Fees(max_fee_wei=FEES.max_fee_wei + extra, priority_fee_wei=1 + extra)
    call = empty_call(KEY) if cancels else found.action.call
    lane = FakeLane(FakeChain(found.chain))
    signed = lane.sign(call, nonce=nonce, gas_limit=125_000, fees=fees)
    return Attempt(signed=signed, height=7, signed_at=v.NOW, cancels=cancels)


async def sign(journal: Journal, number: int, *, nonce: int) -> Intent:
    found = draft(number)
    return await journal.record_signed(found, attempt(found, nonce), nonce=nonce, now=v.NOW)


def receipt(intent: Intent, *, height: int = 9) -> Receipt:
    return Receipt(
        chain=v.CHEAP,
        tx_hash=intent.last.tx_hash,
        block_hash=b"\x01" * 32,
        height=height,
        success=True,
        gas_used=90_000,
        gas_price_wei=2**65,
    )


async def unsettled(journal: Journal, chain_nonce: int = 10**6) -> tuple[Intent, ...]:
    return await journal.read_unsettled(v.CHEAP, KEY, chain_nonce=chain_nonce)


async def test_a_signed_intent_comes_back_with_all_its_bytes(journal: Journal) -> None:
    intent = await sign(journal, 1, nonce=5)
    replaced = await journal.record_attempt(intent, attempt(intent.draft, 5, extra=9), now=v.NOW)
    emptied = await journal.record_attempt(
        replaced, attempt(intent.draft, 5, cancels=True, extra=99), now=v.NOW
    )
    assert await unsettled(journal) == (replace(emptied, updated_at=v.NOW),)
    assert len(emptied.attempts) == 3
    assert [a.cancels for a in emptied.attempts] == [False, False, True]


async def test_a_nonce_is_never_journalled_twice(journal: Journal) -> None:
    await sign(journal, 1, nonce=5)
    with pytest.raises(Conflict):
        await sign(journal, 2, nonce=5)
    assert [i.draft.need for i in await unsettled(journal)] == [draft(1).need]
    assert len(await journal.read_spends(since=0)) == 1


async def test_the_same_nonce_on_another_chain_is_another(journal: Journal) -> None:
    await sign(journal, 1, nonce=5)
    other = draft(2, chain=v.DEAR)
    await journal.record_signed(other, attempt(other, 5), nonce=5, now=v.NOW)
    assert len(await unsettled(journal)) == 1


async def test_a_state_moves_only_along_its_paths(journal: Journal) -> None:
    intent = await sign(journal, 1, nonce=5)
    for impossible in (IntentState.PLANNED, IntentState.CONFIRMED, IntentState.FAILED):
        with pytest.raises(Conflict, match="cannot become"):
            await journal.record_state(intent, impossible, now=v.NOW)
    sent = await journal.record_state(intent, IntentState.SENT, now=v.NOW + 1)
    with pytest.raises(Conflict, match="is not signed any more"):
        await journal.record_state(intent, IntentState.SENT, now=v.NOW + 1)
    included = await journal.record_state(
        sent, IntentState.INCLUDED, now=v.NOW + 2, receipt=receipt(sent)
    )
    assert await unsettled(journal) == (included,)
    assert included.included == included.attempts[0]
    await journal.record_state(
        included, IntentState.CONFIRMED, now=v.NOW + 3, receipt=receipt(sent), gas=Usd(7)
    )
    assert await unsettled(journal) == ()
    assert [s.gas for s in (await journal.read_spends(since=0)).values()] == [7]


async def test_what_settled_at_a_nonce_that_is_free_again_is_unsettled(journal: Journal) -> None:
    intent = await sign(journal, 1, nonce=5)
    included = await journal.record_state(
        intent, IntentState.INCLUDED, now=v.NOW, receipt=receipt(intent)
    )
    done = await journal.record_state(
        included, IntentState.CONFIRMED, now=v.NOW, receipt=receipt(intent)
    )
    assert await unsettled(journal, chain_nonce=6) == ()
    assert await unsettled(journal, chain_nonce=5) == (done,)
    assert await journal.read_settled_since(v.CHEAP, KEY, height=10) == ()
    assert await journal.read_settled_since(v.CHEAP, KEY, height=9) == (done,)


async def test_a_failure_moves_no_value_and_is_counted(journal: Journal) -> None:
    intent = await sign(journal, 1, nonce=5)
    included = await journal.record_state(
        intent, IntentState.INCLUDED, now=v.NOW, receipt=receipt(intent)
    )
    await journal.record_state(
        included, IntentState.FAILED, now=v.NOW + 4, receipt=receipt(intent), reason="reverted"
    )
    (spend,) = (await journal.read_spends(since=0)).values()
    assert (spend.gas, spend.moved) == (intent.draft.cost, 0)
    assert await journal.read_failures(v.CHEAP, since=0) == ((Work(v.CHEAP, "alice"), v.NOW + 4),)
    assert await journal.read_failures(v.CHEAP, since=v.NOW + 4) == ()
    assert await journal.read_failures(v.DEAR, since=0) == ()


async def test_a_dry_run_takes_no_nonce_and_spends_nothing(journal: Journal) -> None:
    await journal.record_planned(draft(1), now=v.NOW)
    await journal.record_planned(draft(2), now=v.NOW)
    assert [d.need for d in await journal.read_planned(limit=9)] == [draft(2).need, draft(1).need]
    assert await journal.read_planned(limit=1) == (draft(2),)
    assert await journal.read_recent(limit=9) == ()
    assert await journal.read_spends(since=0) == {}


async def test_held_nonces_and_recent_intents_are_the_newest(journal: Journal) -> None:
    for nonce in (5, 6, 7):
        await sign(journal, nonce, nonce=nonce)
    assert await journal.read_held_nonces(v.CHEAP, KEY) == {5, 6, 7}
    assert await journal.read_held_nonces(v.DEAR, KEY) == frozenset()
    assert [i.nonce for i in await journal.read_recent(limit=2)] == [7, 6]


async def test_an_effect_is_kept_with_its_intent(journal: Journal) -> None:
    intent = await sign(journal, 1, nonce=5)
    known = await journal.record_effect(intent, '{"units":"1"}')
    assert await unsettled(journal) == (known,)
