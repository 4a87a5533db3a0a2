"""rescue.vy with tokens as they really are: silent, strict, taking fees, or hostile."""

import pytest

from chains.evm.calldata import encode_call
from chains.evm.rescue import (
    build_native_rescue,
    build_revoke,
    build_set_mandate,
    build_set_paused,
    calculate_mandate_id,
)
from chains.model.action import Call, Instrument
from chains.model.snapshot import MandateKind
from chains.model.units import Bps
from tests.support.devnet import DevChain, Devnet
from tests.support.rescue import KEEPER, OWNER, TARGET, Stage, open_stage, refused

pytestmark = pytest.mark.net

DOLLAR = 10**6
REPAY = Instrument.REPAY
SUPPLY = Instrument.SUPPLY


@pytest.fixture(params=["cheap", "dear"])
def stage(devnet: Devnet, request: pytest.FixtureRequest) -> Stage:
    return endanger(getattr(devnet, request.param))


def endanger(chain: DevChain) -> Stage:
    """Let the owner be endangered (HF 1.066) and hold 50 000 of a USDC that has become odd."""
    stage = open_stage(chain)
    stage.borrow_against_weth()
    stage.chain.set_price("WETH", 1550, protocol_only=True)
    stage.make_odd("USDC", holdings=50_000 * DOLLAR)
    return stage


def make(stage: Stage, signature: str, *args: object) -> None:
    stage.chain.send(stage.token("USDC"), signature, *args)


def count(stage: Stage, name: str) -> int:
    (number,) = stage.chain.call(stage.token("USDC"), f"{name}()", returns="(uint256)")
    return int(number)


@pytest.mark.parametrize("instrument", [REPAY, SUPPLY])
def test_a_token_that_returns_nothing_serves(stage: Stage, instrument: Instrument) -> None:
    make(stage, "be_silent()")
    mandate = stage.set_mandate(stage.native_terms(refund_cap=9 * DOLLAR))
    done = stage.rescue_native(mandate, instrument)
    assert done.health_after >= TARGET
    assert stage.chain.balance("USDC", KEEPER) == done.refund > 0


def test_a_token_that_wants_allowances_used_up_serves_again_and_again(stage: Stage) -> None:
    make(stage, "be_strict()")
    mandate = stage.set_mandate(stage.native_terms(per_action=100 * DOLLAR))
    for _ in range(2):
        assert stage.rescue_native(mandate, REPAY).units == 100 * DOLLAR


def test_of_a_token_that_takes_a_fee_only_what_arrived_is_credited(stage: Stage) -> None:
    make(stage, "take_fee(uint256)", 100)
    mandate = stage.set_mandate(stage.native_terms(max_loss_bps=Bps(100)))
    held = stage.chain.balance("USDC", OWNER)
    done = stage.rescue_native(mandate, REPAY)
    paid = held - stage.chain.balance("USDC", OWNER)
    assert done.units == paid - paid // 100
    assert done.health_before < done.health_after < TARGET
    (found,) = stage.owner_funds().mandates
    assert found.left_today == 10**31 - paid


def test_a_fee_above_the_greatest_loss_is_refused(stage: Stage) -> None:
    make(stage, "take_fee(uint256)", 100)
    for most in (0, 90):
        mandate = stage.set_mandate(stage.native_terms(max_loss_bps=Bps(most)))
        assert refused(stage.rescue_native, mandate, REPAY) == "loss"


def test_of_a_token_that_takes_a_fee_a_stated_amount_cannot_arrive(stage: Stage) -> None:
    make(stage, "take_fee(uint256)", 100)
    mandate = stage.set_mandate(stage.unified_terms(max_loss_bps=Bps(200)))
    assert refused(stage.rescue_unified, mandate, REPAY, 100 * DOLLAR) == "amount"


def test_of_a_token_that_takes_a_fee_less_is_not_supplied_than_stated(stage: Stage) -> None:
    stage.make_odd("WETH", holdings=10**18)
    stage.chain.send(stage.token("WETH"), "take_fee(uint256)", 100)
    mandate = stage.set_mandate(stage.unified_terms("WETH", max_loss_bps=Bps(200)))
    assert refused(stage.rescue_unified, mandate, SUPPLY, 10**17) == "amount"


def test_stray_tokens_are_nobodys(stage: Stage) -> None:
    stage.chain.mint("USDC", stage.rescue, 77 * DOLLAR)
    mandate = stage.set_mandate(stage.native_terms(per_action=100 * DOLLAR))
    held = stage.chain.balance("USDC", OWNER)
    stage.rescue_native(mandate, REPAY)
    assert stage.chain.balance("USDC", OWNER) == held - 100 * DOLLAR
    assert stage.chain.balance("USDC", stage.rescue) == 77 * DOLLAR


def attack(stage: Stage, payload: bytes) -> None:
    make(stage, "attack(address,bytes)", stage.rescue, payload)


def inner_rescue(stage: Stage, kind: MandateKind) -> Call:
    """Build a rescue in WETH that the token itself is the keeper of."""
    token = stage.token("USDC")
    stage.fund("WETH", 10**18)
    if kind is MandateKind.UNIFIED:
        mandate = stage.set_mandate(stage.unified_terms("WETH", keeper=token))
        return stage.build_unified(mandate, SUPPLY, 10**16)
    mandate = stage.set_mandate(stage.native_terms("WETH", keeper=token, per_action=10**16))
    return build_native_rescue(stage.rescue, owner=OWNER, mandate_id=mandate, instrument=SUPPLY)


def outer_rescue(stage: Stage, kind: MandateKind) -> int:
    terms = {MandateKind.NATIVE: stage.native_terms, MandateKind.UNIFIED: stage.unified_terms}
    mandate = stage.set_mandate(terms[kind](per_action=100 * DOLLAR))
    if kind is MandateKind.NATIVE:
        return stage.rescue_native(mandate, REPAY).units
    return stage.rescue_unified(mandate, REPAY, 100 * DOLLAR, stage.attest(sequence=5)).units


@pytest.mark.parametrize("inner", MandateKind)
@pytest.mark.parametrize("outer", MandateKind)
def test_a_token_cannot_run_a_second_rescue_inside_the_first(
    devnet: Devnet, outer: MandateKind, inner: MandateKind
) -> None:
    stage = endanger(devnet.cheap)
    payload = inner_rescue(stage, inner)
    attack(stage, payload.data)
    assert outer_rescue(stage, outer) == 100 * DOLLAR
    assert (count(stage, "attempts"), count(stage, "entered")) == (1, 0)
    assert stage.chain.balance("WETH", OWNER) == 10**18
    assert stage.send(payload, stage.token("USDC")).units == 10**16


@pytest.mark.parametrize("name", ["set", "revoke", "pause"])
def test_nobody_changes_mandates_inside_a_rescue(devnet: Devnet, name: str) -> None:
    """The token is an owner as well, whose own changes are refused while the lock is held."""
    stage = endanger(devnet.cheap)
    token = stage.token("USDC")
    mandate = stage.set_mandate(stage.native_terms(per_action=100 * DOLLAR))
    stage.chain.send_call(build_set_mandate(stage.rescue, stage.native_terms()), sender=token)
    own = calculate_mandate_id(token, stage.pool, MandateKind.NATIVE, token)
    payload = {
        "set": build_set_mandate(stage.rescue, stage.native_terms("WETH")),
        "revoke": build_revoke(stage.rescue, own),
        "pause": build_set_paused(stage.rescue, paused=True),
    }[name]
    attack(stage, payload.data)
    stage.rescue_native(mandate, REPAY)
    assert (count(stage, "attempts"), count(stage, "entered")) == (1, 0)
    stage.chain.send_call(payload, sender=token)


def lowers_the_threshold(stage: Stage) -> None:
    """Let the token lower WETH's threshold while the rescue runs."""
    aave = stage.chain.deployment.aave
    stage.chain.send(aave.acl, "addRiskAdmin(address)", stage.token("USDC"))
    types = ["address", "uint256", "uint256", "uint256"]
    values = (stage.token("WETH"), 6_500, 7_000, 10_500)
    payload = encode_call("configureReserveAsCollateral", types, values)
    make(stage, "attack(address,bytes)", aave.configurator, payload)


def test_a_target_that_is_missed_in_the_end_undoes_the_rescue(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.native_terms())
    lowers_the_threshold(stage)
    assert refused(stage.rescue_native, mandate, REPAY) == "target"


def test_a_native_health_that_is_lower_in_the_end_undoes_the_rescue(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    lowers_the_threshold(stage)
    assert refused(stage.rescue_unified, mandate, REPAY, 100 * DOLLAR) == "native"
