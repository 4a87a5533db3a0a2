"""rescue.vy with tokens as they really are: silent, strict, taking fees, or hostile."""

import pytest

from chains.evm.calldata import encode_call
from chains.evm.rescue import build_native_rescue, build_revoke
from chains.model.action import Instrument
from chains.model.ids import Address
from chains.model.units import Bps
from tests.support.devnet import Devnet
from tests.support.rescue import KEEPER, OWNER, STRANGER, TARGET, Stage, open_stage, refused

pytestmark = pytest.mark.net

DOLLAR = 10**6
REPAY = Instrument.REPAY
SUPPLY = Instrument.SUPPLY


@pytest.fixture(params=["cheap", "dear"])
def stage(devnet: Devnet, request: pytest.FixtureRequest) -> Stage:
    """The owner is endangered (HF 1.066) and holds 50 000 of a USDC that has become odd."""
    stage = open_stage(getattr(devnet, request.param))
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


def test_stray_tokens_are_nobodys(stage: Stage) -> None:
    stage.chain.mint("USDC", stage.rescue, 77 * DOLLAR)
    mandate = stage.set_mandate(stage.native_terms(per_action=100 * DOLLAR))
    held = stage.chain.balance("USDC", OWNER)
    stage.rescue_native(mandate, REPAY)
    assert stage.chain.balance("USDC", OWNER) == held - 100 * DOLLAR
    assert stage.chain.balance("USDC", stage.rescue) == 77 * DOLLAR


def attack(stage: Stage, payload: bytes) -> None:
    make(stage, "attack(address,bytes)", stage.rescue, payload)


def test_a_token_cannot_run_a_second_rescue_inside_the_first(stage: Stage) -> None:
    token = stage.token("USDC")
    inner = stage.set_mandate(stage.native_terms("WETH", keeper=token))
    stage.fund("WETH", 10**18)
    mandate = stage.set_mandate(stage.native_terms(per_action=100 * DOLLAR))
    attack(
        stage,
        build_native_rescue(stage.rescue, owner=OWNER, mandate_id=inner, instrument=SUPPLY).data,
    )
    assert stage.rescue_native(mandate, REPAY).units == 100 * DOLLAR
    assert (count(stage, "attempts"), count(stage, "entered")) == (1, 0)
    assert stage.chain.balance("WETH", OWNER) == 10**18


def test_the_same_call_of_the_token_is_taken_outside_of_a_rescue(stage: Stage) -> None:
    """Shows that it is the lock that stopped the attack above."""
    token = stage.token("USDC")
    stage.set_mandate(stage.native_terms("WETH", keeper=token, per_action=10**16))
    stage.fund("WETH", 10**18)
    (inner,) = (found.id for found in stage.owner_funds().mandates)
    attack(
        stage,
        build_native_rescue(stage.rescue, owner=OWNER, mandate_id=inner, instrument=SUPPLY).data,
    )
    anybody = Address("0x" + "0d" * 20)
    stage.chain.mint("USDC", anybody, 1)
    stage.chain.send(token, "approve(address,uint256)", STRANGER, 1, sender=anybody)
    stage.chain.send(
        token, "transferFrom(address,address,uint256)", anybody, STRANGER, 1, sender=STRANGER
    )
    assert (count(stage, "attempts"), count(stage, "entered")) == (1, 1)


def test_a_token_cannot_change_mandates_inside_a_rescue(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.native_terms(per_action=100 * DOLLAR))
    attack(stage, build_revoke(stage.rescue, mandate).data)
    stage.rescue_native(mandate, REPAY)
    assert (count(stage, "attempts"), count(stage, "entered")) == (1, 0)


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
