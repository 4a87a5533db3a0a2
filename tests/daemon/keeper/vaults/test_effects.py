"""A vault step is proved by its own contract's event about its account, and by no other."""

from dataclasses import replace

from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.decode import Log
from chains.evm.protocols.plimsoll_vault.events import TOPIC_OF
from chains.model.action import Instrument
from chains.model.ids import Address
from daemon.keeper.effects import judge_effect
from daemon.keeper.intent import Intent, Purpose
from daemon.keeper.vaults.effects import APPROVAL
from tests.daemon.keeper.test_effects import intent
from tests.support import values as v

ACCOUNT, OTHER, ORDER = b"\x0a" * 32, b"\x0b" * 32, b"\x0c" * 32


def step(instrument: Instrument) -> Intent:
    found = intent(Purpose.VAULT)
    action = replace(found.draft.action, instrument=instrument)
    draft = replace(found.draft, action=action, subject=f"0x{ACCOUNT.hex()}")
    return replace(found, draft=draft)


def claimed(address: Address, account: bytes = ACCOUNT) -> Log:
    return Log(
        address=address,
        topics=(TOPIC_OF["Claimed"], account, ORDER),
        data=encode(["uint32", "address", "uint256", "uint256"], (2, v.address(1), 70, 5)),
        height=1,
        block_hash=bytes(32),
        tx_hash=bytes(32),
        index=0,
    )


def test_a_claim_is_proved_by_its_event() -> None:
    mine = step(Instrument.CLAIM)
    found = judge_effect(mine, [claimed(mine.draft.action.call.target)])
    assert found is not None
    assert '"event":"Claimed"' in found
    assert '"units":"70"' in found
    assert f'"id":"0x{ORDER.hex()}"' in found


def test_an_event_of_another_account_contract_or_step_proves_nothing() -> None:
    mine = step(Instrument.CLAIM)
    target = mine.draft.action.call.target
    assert judge_effect(mine, [claimed(target, OTHER)]) is None
    assert judge_effect(mine, [claimed(v.address(0xBAD))]) is None
    assert judge_effect(step(Instrument.FILL), [claimed(target)]) is None
    assert judge_effect(mine, [replace(claimed(target), data=b"\x01")]) is None


def test_an_approval_is_proved_by_the_token() -> None:
    mine = step(Instrument.APPROVE)
    log = replace(claimed(mine.draft.action.call.target), topics=(APPROVAL, bytes(32), bytes(32)))
    assert judge_effect(mine, [log]) == '{"event":"Approval"}'
    assert judge_effect(step(Instrument.LOCK), [log]) is None


@given(st.binary(max_size=200), st.lists(st.binary(min_size=32, max_size=32), max_size=4))
def test_whatever_a_log_holds_it_is_read_or_passed_over(data: bytes, topics: list[bytes]) -> None:
    mine = step(Instrument.CLAIM)
    log = replace(
        claimed(mine.draft.action.call.target),
        data=data,
        topics=(TOPIC_OF["Claimed"], ACCOUNT, *topics),
    )
    judge_effect(mine, [log])
