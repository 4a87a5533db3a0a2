"""What counts as the effect a transaction was sent for."""

from dataclasses import replace

import orjson
import pytest
from eth_abi.abi import encode

from chains.evm.decode import Log
from chains.evm.liquidator import LIQUIDATED_TOPIC
from chains.evm.rescue import RESCUED_TOPIC
from chains.model.ids import Address
from chains.model.units import WAD
from daemon.keeper.effects import judge_effect
from daemon.keeper.intent import Attempt, Intent, IntentState, Purpose
from tests.daemon.keeper.fakes import KEY, FakeChain, FakeLane, draft
from tests.support import values as v

OWNER = draft(1).action.account.evm_address


def intent(purpose: Purpose) -> Intent:
    found = replace(draft(1), purpose=purpose)
    lane = FakeLane(FakeChain())
    signed = lane.sign(found.action.call, nonce=0, gas_limit=1, fees=lane.plan_fees(1))
    return Intent(
        id=1,
        draft=found,
        sender=KEY,
        nonce=0,
        state=IntentState.CONFIRMED,
        attempts=(Attempt(signed=signed, height=1, signed_at=v.NOW),),
        created_at=v.NOW,
        updated_at=v.NOW,
    )


def word(address: Address) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def event(topics: tuple[bytes, ...], types: list[str], values: list[object]) -> Log:
    return Log(
        address=v.address(0x7E5C),
        topics=topics,
        data=encode(types, values),
        height=1,
        block_hash=bytes(32),
        tx_hash=bytes(32),
        index=0,
    )


def rescued(before: int, after: int, *, units: int = 5, owner: Address = OWNER) -> Log:
    topics = RESCUED_TOPIC, word(owner), bytes(32), bytes(32)
    return event(topics, ["uint8"] + ["uint256"] * 4, [1, units, before, after, 2])


def liquidated(user: Address = OWNER) -> Log:
    topics = LIQUIDATED_TOPIC, bytes(32), word(user), bytes(32)
    return event(topics, ["address", "uint256", "uint256"], [v.address(3), 70, 9])


def test_a_native_rescue_must_lift_the_markets_health() -> None:
    native = intent(Purpose.NATIVE)
    found = judge_effect(native, [rescued(WAD, WAD + 1)])
    assert found is not None
    assert orjson.loads(found) == {
        "units": "5",
        "health_before": str(WAD),
        "health_after": str(WAD + 1),
        "refund_units": "2",
    }
    assert judge_effect(native, [rescued(WAD, WAD)]) is None
    assert judge_effect(native, [rescued(WAD, WAD - 1)]) is None


def test_a_unified_rescue_must_move_something_and_lower_no_health() -> None:
    unified = intent(Purpose.UNIFIED)
    assert judge_effect(unified, [rescued(2**256 - 1, 2**256 - 1)]) is not None
    assert judge_effect(unified, [rescued(WAD, WAD, units=0)]) is None
    assert judge_effect(unified, [rescued(WAD, WAD - 1)]) is None


def test_a_liquidation_must_be_of_its_borrower() -> None:
    hunt = intent(Purpose.LIQUIDATION)
    found = judge_effect(hunt, [liquidated()])
    assert found is not None
    assert orjson.loads(found) == {"units": "70", "profit_units": "9"}
    assert judge_effect(hunt, [liquidated(KEY)]) is None
    assert judge_effect(hunt, [rescued(WAD, 2 * WAD)]) is None


@pytest.mark.parametrize("purpose", list(Purpose))
def test_no_event_or_one_about_somebody_else_is_no_effect(purpose: Purpose) -> None:
    assert judge_effect(intent(purpose), []) is None
    assert judge_effect(intent(purpose), [rescued(WAD, 2 * WAD, owner=KEY)]) is None


@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.VAULT])
def test_logs_that_are_not_ours_or_cannot_be_read_prove_nothing(purpose: Purpose) -> None:
    good = liquidated() if purpose is Purpose.LIQUIDATION else rescued(WAD, 2 * WAD)
    odd = [
        replace(good, topics=()),
        replace(good, topics=good.topics[:2]),
        replace(good, data=good.data[:40]),
        replace(good, address=v.address(0xBAD)),
    ]
    assert judge_effect(intent(purpose), odd) is None
    assert judge_effect(intent(purpose), [*odd, good]) is not None
