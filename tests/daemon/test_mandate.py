"""What an owner signs: refused where the contract would refuse it, and taken by the contract."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.rescue import MandateTerms, Token, calculate_mandate_id
from chains.model.action import Instrument
from chains.model.ids import Address
from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Bps, Wad
from daemon.mandate import (
    OwnerTransaction,
    check_terms,
    plan_mandate,
    plan_pause,
    plan_revocation,
)
from daemon.mandate_rules import BadMandate
from tests.support.devnet import Devnet
from tests.support.rescue import OWNER, open_stage
from tests.support.values import address

NOW = 1_800_000_000
DAY = 86_400
RESCUE = address(0x5AFE)
USDC = Token(symbol="USDC", decimals=6)
NATIVE = MandateTerms(
    kind=MandateKind.NATIVE,
    pool=address(0xAA7E),
    asset=address(0xD0),
    instruments=frozenset({Instrument.REPAY}),
    keeper=address(0xB0),
    trigger=Wad(11 * WAD // 10),
    target=Wad(12 * WAD // 10),
    per_action=2_500_500_000,
    per_day=5_000_000_000,
    deadline=NOW + DAY,
)
UNIFIED = replace(
    NATIVE,
    kind=MandateKind.UNIFIED,
    account_set_root=b"\x01" * 32,
    verifier=address(0xC0),
    max_age_s=60,
    slack_bps=Bps(500),
)
BAD = [
    (NATIVE, {"instruments": frozenset()}, "instruments"),
    (NATIVE, {"instruments": frozenset({Instrument.LIQUIDATE})}, "instruments"),
    (NATIVE, {"keeper": address(0)}, "keeper"),
    (NATIVE, {"trigger": 0}, "trigger"),
    (NATIVE, {"trigger": 12 * WAD // 10}, "trigger"),
    (NATIVE, {"target": 100 * WAD + 1}, "target"),
    (NATIVE, {"refund_cap": -1}, "refund_cap"),
    (NATIVE, {"refund_cap": 2_500_500_000}, "refund_cap"),
    (NATIVE, {"min_action": 2_500_500_001}, "min_action"),
    (NATIVE, {"min_action": -1}, "min_action"),
    (NATIVE, {"min_action": 2_500_500_000, "refund_cap": 1}, "min_action"),
    (NATIVE, {"per_day": 2_500_499_999}, "per_day"),
    (NATIVE, {"per_day": 2**256}, "per_day"),
    (NATIVE, {"max_loss_bps": 10_001}, "max_loss_bps"),
    (NATIVE, {"cooldown_s": 365 * DAY + 1}, "cooldown_s"),
    (NATIVE, {"deadline": NOW}, "deadline"),
    (NATIVE, {"slack_bps": 1}, "account_set_root, verifier"),
    (UNIFIED, {"account_set_root": bytes(32)}, "account_set_root"),
    (UNIFIED, {"account_set_root": b"\x01"}, "account_set_root"),
    (UNIFIED, {"verifier": address(0)}, "verifier"),
    (UNIFIED, {"max_age_s": 0}, "max_age_s"),
    (UNIFIED, {"max_age_s": DAY + 1}, "max_age_s"),
    (UNIFIED, {"slack_bps": 10_001}, "slack_bps"),
]


@pytest.mark.parametrize(("terms", "changes", "field"), BAD)
def test_bad_terms_are_refused_by_name(
    terms: MandateTerms, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadMandate, match=f"^{field}"):
        check_terms(replace(terms, **changes), now=NOW)


@pytest.mark.parametrize("terms", [NATIVE, UNIFIED])
def test_good_terms_are_taken(terms: MandateTerms) -> None:
    check_terms(terms, now=NOW)


def selectors(steps: tuple[OwnerTransaction, ...]) -> list[tuple[Address, str]]:
    return [(step.call.target, step.call.data[:4].hex()) for step in steps]


def test_a_mandate_is_set_and_the_token_allowed_for_a_day() -> None:
    steps = plan_mandate(RESCUE, NATIVE, USDC, now=NOW)
    assert [target for target, _ in selectors(steps)] == [RESCUE, NATIVE.asset]
    assert steps[1].call.data[4:] == bytes(12) + bytes.fromhex(RESCUE[2:]) + (
        NATIVE.per_day.to_bytes(32, "big")
    )
    words = steps[0].describe()
    assert "may repay USDC up to health 1.2" in words["description"]
    assert "at most 2500.5 USDC at once and 5000 USDC a UTC day" in words["description"]
    assert (words["to"].lower(), words["value"]) == (RESCUE, "0")
    assert "up to 5000 USDC in all" in steps[1].description


def test_a_token_allowed_enough_is_not_approved_again() -> None:
    assert len(plan_mandate(RESCUE, NATIVE, USDC, now=NOW, allowed=NATIVE.per_day)) == 1


def test_an_allowance_that_is_not_zero_is_first_set_to_zero() -> None:
    steps = plan_mandate(RESCUE, NATIVE, USDC, now=NOW, allowed=1, allowance=2**256 - 1)
    assert [step.call.data[-32:] for step in steps[1:]] == [bytes(32), b"\xff" * 32]
    assert "any amount of USDC" in steps[2].description


@pytest.mark.parametrize("allowance", [-1, 2**256])
def test_an_allowance_out_of_range_is_refused(allowance: int) -> None:
    with pytest.raises(BadMandate, match=r"^allowance"):
        plan_mandate(RESCUE, NATIVE, USDC, now=NOW, allowance=allowance)


def test_a_mandate_ends_with_its_allowance() -> None:
    steps = plan_revocation(RESCUE, b"\x07" * 32, NATIVE.asset, USDC)
    assert [step.call.data[-32:] for step in steps] == [b"\x07" * 32, bytes(32)]
    with pytest.raises(BadMandate, match=r"^id"):
        plan_revocation(RESCUE, b"\x07", NATIVE.asset, USDC)


@given(units=st.integers(1, 2**200), decimals=st.integers(0, 24))
def test_amounts_are_said_to_the_last_unit(units: int, decimals: int) -> None:
    token = Token(symbol="T", decimals=decimals)
    terms = replace(NATIVE, per_action=units, per_day=units)
    said = plan_mandate(RESCUE, terms, token, now=NOW)[0].description
    amount = said.split("at most ")[1].split(" T at once")[0]
    whole, _, part = amount.partition(".")
    assert int(whole) * 10**decimals + int((part or "0").ljust(decimals, "0")[:decimals] or 0) == (
        units
    )


@pytest.mark.net
def test_the_planned_transactions_do_what_they_say(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    terms = replace(stage.unified_terms(), per_action=10**9, per_day=10**10, refund_cap=10**6)
    for step in plan_mandate(stage.rescue, terms, USDC, now=stage.now):
        stage.chain.send_call(step.call, sender=OWNER)
    funds = stage.owner_funds()
    assert [m.target for m in funds.mandates] == [terms.target]
    assert [h.allowance for h in funds.holdings] == [terms.per_day]
    (pause,) = plan_pause(stage.rescue, paused=True)
    stage.chain.send_call(pause.call, sender=OWNER)
    assert stage.owner_funds().paused
    mandate = calculate_mandate_id(OWNER, terms.pool, terms.kind, terms.asset)
    assert funds.mandates[0].id == mandate
    for step in plan_revocation(stage.rescue, mandate, terms.asset, USDC):
        stage.chain.send_call(step.call, sender=OWNER)
    assert stage.owner_funds().mandates == ()
