"""What counts as the effect a Solana transaction was sent for."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.model.action import Action, Instrument, Receipt
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.units import WAD
from chains.rpc.endpoint import Json
from chains.solana.decode import Landing, RecentBlockhash, TokenChange, decode_object
from chains.solana.fees import Budget
from chains.solana.landings import LandingReader
from chains.solana.orders import build_call
from chains.solana.rescue import NO_DEBT_HEALTH
from chains.solana.transactions import Order, SignedTransaction
from daemon.keeper.intent import Attempt, Intent, IntentState, Purpose
from daemon.keeper.ports import Reading
from daemon.keeper.solana.effects import NO_DEBT, LandingEffects, judge_landing, read_landing
from tests.daemon.keeper.fakes import draft
from tests.daemon.keeper.solana.lanes import twist
from tests.support import values as v
from tests.support.solnode import make_key, make_ledger, make_wallet, pay, serving, sign

CHAIN = ChainId("solana", "1" * 32)
RESCUE, OWNER, KEEPER, DEBT = make_key(1), make_key(2), make_key(3), make_key(4)
MARKET_AUTHORITY, OBLIGATION = make_key(5), make_key(6)


def intent(purpose: Purpose) -> Intent:
    order = Order(instructions=())
    action = Action(
        chain=CHAIN,
        instrument=Instrument.REPAY,
        market=AccountId(CHAIN, str(make_key(7))),
        account=AccountId(CHAIN, str(OWNER)),
        asset=AssetId.spl(CHAIN, Address(str(DEBT))),
        units=500,
        call=build_call(RESCUE, order),
    )
    signed = SignedTransaction(
        chain=CHAIN,
        sender=KEEPER,
        order=order,
        budget=Budget(unit_limit=1, unit_price=1),
        fee=5_001,
        blockhash=RecentBlockhash(hash=Hash.default(), last_valid_height=9, slot=1),
        raw=b"",
        signature=Signature.default(),
    )
    return Intent(
        id=1,
        draft=replace(draft(1), action=action, purpose=purpose),
        sender=Address(str(KEEPER)),
        nonce=0,
        state=IntentState.CONFIRMED,
        attempts=(Attempt(signed=signed, height=1, signed_at=v.NOW),),
        created_at=v.NOW,
        updated_at=v.NOW,
    )


def landing(logs: Sequence[str] = (), tokens: Sequence[TokenChange] = ()) -> Landing:
    return Landing(
        signature=Signature.default(),
        slot=1,
        error=None,
        fee=5_001,
        units=1,
        logs=tuple(logs),
        tokens=tuple(tokens),
    )


def rescued(
    before: int, after: int, *, units: int = 5, owner: Pubkey = OWNER, program: Pubkey = RESCUE
) -> Landing:
    keys = [bytes(key) for key in (owner, make_key(8), OBLIGATION, DEBT)]
    figures = [number.to_bytes(16, "little") for number in (before, after)]
    event = struct.pack("<8s32s32s32s32sBQ16s16s", b"rescued\0", *keys, 1, units, *figures)
    data = base64.b64encode(event).decode()
    return landing(
        [f"Program {program} invoke [1]", f"Program data: {data}", f"Program {program} success"]
    )


def liquidated(ours: int, theirs: int, *, mint: Pubkey = DEBT) -> Landing:
    changes = [
        TokenChange(owner=KEEPER, mint=mint, units=ours),
        TokenChange(owner=MARKET_AUTHORITY, mint=mint, units=theirs),
        TokenChange(owner=make_key(9), mint=mint, units=-ours - theirs),
    ]
    return landing(tokens=changes)


def test_a_rescue_proves_itself_by_the_program_s_own_event() -> None:
    found = judge_landing(intent(Purpose.NATIVE), rescued(WAD, WAD + 1))
    assert found is not None
    assert orjson.loads(found) == {
        "units": "5",
        "health_before": str(WAD),
        "health_after": str(WAD + 1),
        "refund_units": "0",
    }


def test_an_owner_who_owes_nothing_any_more_is_told_as_on_every_chain() -> None:
    found = judge_landing(intent(Purpose.UNIFIED), rescued(WAD, NO_DEBT_HEALTH))
    assert found is not None
    assert orjson.loads(found)["health_after"] == str(NO_DEBT)


def test_a_native_health_must_rise_and_a_unified_one_may_not_fall() -> None:
    assert judge_landing(intent(Purpose.NATIVE), rescued(WAD, WAD)) is None
    assert judge_landing(intent(Purpose.NATIVE), rescued(WAD, WAD - 1)) is None
    assert judge_landing(intent(Purpose.UNIFIED), rescued(WAD, WAD)) is not None
    assert judge_landing(intent(Purpose.UNIFIED), rescued(WAD, WAD - 1)) is None
    assert judge_landing(intent(Purpose.UNIFIED), rescued(WAD, WAD, units=0)) is None


def test_events_of_other_programs_or_for_other_owners_prove_nothing() -> None:
    native = intent(Purpose.NATIVE)
    assert judge_landing(native, rescued(WAD, 2 * WAD, program=make_key(10))) is None
    assert judge_landing(native, rescued(WAD, 2 * WAD, owner=make_key(10))) is None
    assert judge_landing(native, landing(["Program log: nothing", "Program data: !"])) is None


def test_a_liquidation_is_what_the_market_took_in_and_we_gained() -> None:
    found = judge_landing(intent(Purpose.LIQUIDATION), liquidated(7, 500))
    assert found is not None
    assert orjson.loads(found) == {"units": "500", "profit_units": "7"}


@pytest.mark.parametrize(
    "nothing",
    [liquidated(0, 500), liquidated(-3, 500), liquidated(7, -7), liquidated(7, 500, mint=OWNER)],
)
def test_a_liquidation_without_gain_or_in_another_token_proves_nothing(nothing: Landing) -> None:
    assert judge_landing(intent(Purpose.LIQUIDATION), nothing) is None


def test_a_rescue_s_event_proves_no_liquidation() -> None:
    assert judge_landing(intent(Purpose.LIQUIDATION), rescued(WAD, 2 * WAD)) is None


CUT = [f"Program {RESCUE} invoke [1]", "Log truncated"]


@pytest.mark.parametrize("logs", [[], CUT])
def test_without_all_logs_nothing_is_known_of_a_rescue(logs: Sequence[str]) -> None:
    native = intent(Purpose.NATIVE)
    assert read_landing(native, landing(logs)) is None
    assert read_landing(native, landing(CUT[:1])) == Reading(effect=None)
    whole = rescued(WAD, WAD + 1)
    proven = read_landing(native, replace(whole, logs=(*whole.logs, "Log truncated")))
    assert proven == Reading(effect=judge_landing(native, whole))
    hunted = intent(Purpose.LIQUIDATION)
    assert read_landing(hunted, landing(logs)) == Reading(effect=None), "its tokens tell"


@pytest.mark.net
async def test_another_endpoint_is_asked_where_the_first_keeps_no_logs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger)
    ledger.tick()
    sent = sign(ledger, wallet, [pay(wallet, OWNER)])
    ledger.send(sent)
    for _ in range(3):
        ledger.tick()

    def forget(found: dict[str, Json]) -> Json:
        return {**found, "meta": {**decode_object(found["meta"]), "logMessages": None}}

    async with serving(ledger, ledger) as (client, [first, second]):
        effects = LandingEffects(LandingReader(client, [first.url, second.url]))
        receipt = Receipt(
            chain=client.chain,
            tx_hash=bytes(sent.signatures[0]),
            block_hash=b"",
            height=1,
            success=True,
            gas_used=1,
            gas_price_wei=1,
        )
        done = replace(intent(Purpose.NATIVE), receipt=receipt)
        twist(monkeypatch, "getTransaction", forget, at=first)
        assert await effects.read(done) == Reading(effect=None)
        assert await effects.read_everywhere(done) == (Reading(effect=None),)
        twist(monkeypatch, "getTransaction", forget)
        assert await effects.read(done) is None
        assert await effects.read_everywhere(done) == ()
