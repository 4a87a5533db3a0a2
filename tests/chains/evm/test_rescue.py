"""rescue.vy's native mandates on real Aave v3.6 and v3.0: amounts, limits, refusals."""

from dataclasses import replace
from typing import Any

import pytest

from chains.evm.rescue import (
    MANDATE_VIEW,
    build_native_rescue,
    build_revoke,
    build_set_mandate,
    build_set_paused,
)
from chains.model.action import Call, Instrument
from chains.model.units import WAD
from tests.support.devnet import Devnet
from tests.support.rescue import (
    KEEPER,
    OWNER,
    STRANGER,
    TARGET,
    TRIGGER,
    Stage,
    open_stage,
    refused,
)

pytestmark = pytest.mark.net

DOLLAR = 10**6
DAY = 86_400
REPAY = Instrument.REPAY
SUPPLY = Instrument.SUPPLY


@pytest.fixture(params=["cheap", "dear"])
def stage(devnet: Devnet, request: pytest.FixtureRequest) -> Stage:
    return open_stage(getattr(devnet, request.param))


@pytest.fixture
def endangered(stage: Stage) -> Stage:
    """The owner owes 12 000 USDC against 10 WETH at 1550 (HF 1.066) and holds 62 000 USDC."""
    stage.borrow_against_weth()
    stage.fund("USDC", 50_000 * DOLLAR)
    stage.chain.set_price("WETH", 1550, protocol_only=True)
    return stage


def refusal(stage: Stage, mandate: bytes, instrument: Instrument = REPAY) -> str:
    return refused(stage.rescue_native, mandate, instrument)


def test_a_repayment_lifts_health_just_to_the_target(endangered: Stage) -> None:
    before = endangered.health()
    assert before < TRIGGER
    mandate = endangered.set_mandate(endangered.native_terms())
    done = endangered.rescue_native(mandate, REPAY)
    assert done.health_before == pytest.approx(before, rel=1e-6)
    assert done.health_after == endangered.health()
    assert TARGET <= done.health_after < TARGET + 10**10
    assert done.units == pytest.approx(1_343.75 * DOLLAR, rel=1e-4)
    assert endangered.chain.balance("USDC", OWNER) == 62_000 * DOLLAR - done.units
    assert endangered.chain.balance("USDC", endangered.rescue) == 0


@pytest.mark.parametrize(("symbol", "held"), [("WETH", 10**19), ("USDC", 10**11), ("WBTC", 10**8)])
def test_a_supply_lifts_health_to_the_target(endangered: Stage, symbol: str, held: int) -> None:
    endangered.fund(symbol, held)
    mandate = endangered.set_mandate(endangered.native_terms(symbol))
    done = endangered.rescue_native(mandate, SUPPLY)
    assert TARGET <= done.health_after == endangered.health() < TARGET + 3 * 10**14
    assert endangered.chain.balance(symbol, endangered.rescue) == 0


def test_a_rescue_stops_at_the_limit_of_one_action(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms(per_action=500 * DOLLAR))
    done = endangered.rescue_native(mandate, REPAY)
    assert done.units == 500 * DOLLAR
    assert done.health_before < done.health_after < TARGET


def test_a_day_allows_so_much_and_the_next_day_again(endangered: Stage) -> None:
    terms = endangered.native_terms(per_action=400 * DOLLAR, per_day=1_000 * DOLLAR)
    mandate = endangered.set_mandate(terms)
    endangered.chain.set_price("WETH", 1400, protocol_only=True)
    into_the_day = endangered.now % DAY
    endangered.chain.advance(DAY - into_the_day + 60)
    endangered.chain.refresh_feeds()
    for expected in (400, 400, 200):
        assert endangered.rescue_native(mandate, REPAY).units == expected * DOLLAR
    assert refusal(endangered, mandate) == "funds"
    endangered.set_mandate(terms)
    assert refusal(endangered, mandate) == "funds"
    endangered.chain.advance(DAY)
    assert endangered.rescue_native(mandate, REPAY).units == 400 * DOLLAR


def test_a_rescue_stops_at_the_owners_balance(endangered: Stage) -> None:
    endangered.chain.send(
        endangered.token("USDC"), "transfer(address,uint256)", STRANGER, 61_900 * DOLLAR,
        sender=OWNER,
    )  # fmt: skip
    mandate = endangered.set_mandate(endangered.native_terms())
    assert endangered.rescue_native(mandate, REPAY).units == 100 * DOLLAR
    assert refusal(endangered, mandate) == "funds"


def test_a_rescue_stops_at_the_allowance(endangered: Stage) -> None:
    endangered.fund("USDC", 0, allowance=70 * DOLLAR)
    mandate = endangered.set_mandate(endangered.native_terms())
    assert endangered.rescue_native(mandate, REPAY).units == 70 * DOLLAR
    assert refusal(endangered, mandate) == "funds"


def test_a_repayment_never_exceeds_the_debt_in_that_token(stage: Stage) -> None:
    stage.borrow_against_weth(usdc=1_000)
    stage.chain.borrow("WBTC", OWNER, 2 * 10**7)
    stage.fund("USDC", 50_000 * DOLLAR)
    stage.chain.set_price("WETH", 1550, protocol_only=True)
    mandate = stage.set_mandate(stage.native_terms())
    done = stage.rescue_native(mandate, REPAY)
    assert 1_000 * DOLLAR <= done.units <= 1_000 * DOLLAR + 10
    assert done.health_before < done.health_after < TARGET
    assert refusal(stage, mandate) == "debt"


def test_less_than_the_least_action_is_refused_unless_it_is_enough(endangered: Stage) -> None:
    terms = endangered.native_terms(per_action=500 * DOLLAR, min_action=300 * DOLLAR)
    endangered.fund("USDC", 0, allowance=299 * DOLLAR)
    mandate = endangered.set_mandate(terms)
    assert refusal(endangered, mandate) == "small"
    endangered.fund("USDC", 0)
    endangered.chain.set_price("WETH", 1595, protocol_only=True)
    enough = endangered.native_terms(
        per_action=9_000 * DOLLAR, min_action=8_000 * DOLLAR, target=111 * WAD // 100
    )
    endangered.set_mandate(enough)
    assert endangered.rescue_native(mandate, REPAY).units < 8_000 * DOLLAR


def test_a_healthy_account_is_left_alone(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    endangered.chain.set_price("WETH", 1601, protocol_only=True)
    assert refusal(endangered, mandate) == "health"


def test_after_a_rescue_the_trigger_no_longer_fires(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    endangered.rescue_native(mandate, REPAY)
    assert refusal(endangered, mandate) == "health"


def test_only_the_named_keeper_may_act(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    for sender in (STRANGER, OWNER):
        assert refused(endangered.rescue_native, mandate, REPAY, sender=sender) == "keeper"


def test_the_cooldown_holds_the_next_action_back(endangered: Stage) -> None:
    terms = endangered.native_terms(per_action=100 * DOLLAR, cooldown_s=600)
    mandate = endangered.set_mandate(terms)
    endangered.rescue_native(mandate, REPAY)
    assert refusal(endangered, mandate) == "cooldown"
    endangered.set_mandate(terms)
    assert refusal(endangered, mandate) == "cooldown"
    endangered.chain.advance(600)
    endangered.rescue_native(mandate, REPAY)


def test_a_mandate_ends_at_its_deadline(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms(deadline=endangered.now + 100))
    assert endangered.owner_funds().mandates[0].available > 0
    endangered.chain.advance(101)
    assert refusal(endangered, mandate) == "deadline"
    assert endangered.owner_funds().mandates[0].available == 0


@pytest.mark.parametrize(("allowed", "asked"), [(SUPPLY, REPAY), (REPAY, SUPPLY)])
def test_an_instrument_that_is_not_allowed_is_refused(
    endangered: Stage, allowed: Instrument, asked: Instrument
) -> None:
    terms = endangered.native_terms(instruments=frozenset({allowed}))
    assert refusal(endangered, endangered.set_mandate(terms), asked) == "instrument"


def test_a_revoked_mandate_is_gone(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    other = endangered.set_mandate(endangered.native_terms("WETH"))
    revoke = build_revoke(endangered.rescue, mandate)
    assert refused(endangered.chain.send_call, revoke, sender=STRANGER) == "mandate"
    endangered.chain.send_call(revoke, sender=OWNER)
    assert refusal(endangered, mandate) == "mandate"
    assert refused(endangered.chain.send_call, revoke, sender=OWNER) == "mandate"
    (left,) = endangered.chain.call(
        endangered.rescue, "mandate_ids(address)", OWNER, returns="(bytes32[])"
    )
    assert left == (other,)


def test_the_owner_can_pause_and_go_on(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    for sender, on in ((STRANGER, True), (OWNER, True)):
        pause = build_set_paused(endangered.rescue, paused=on)
        endangered.chain.send_call(pause, sender=sender)
    assert refusal(endangered, mandate) == "paused"
    assert endangered.owner_funds().mandates[0].available == 0
    endangered.chain.send_call(build_set_paused(endangered.rescue, paused=False), sender=OWNER)
    assert endangered.rescue_native(mandate, REPAY).health_after >= TARGET


def test_a_unified_mandate_does_not_run_on_the_native_trigger(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.unified_terms())
    assert refusal(endangered, mandate) == "kind"


def test_collateral_that_does_not_count_is_a_loss_and_refused(endangered: Stage) -> None:
    endangered.chain.supply("USDC", OWNER, 100 * DOLLAR)
    off = (endangered.token("USDC"), False)
    signature = "setUserUseReserveAsCollateral(address,bool)"
    endangered.chain.send(endangered.pool, signature, *off, sender=OWNER)
    mandate = endangered.set_mandate(endangered.native_terms())
    assert refusal(endangered, mandate, SUPPLY) == "loss"


def test_the_refund_is_what_the_gas_cost_up_to_the_cap(endangered: Stage) -> None:
    endangered.chain.set_price("WETH", 1590, protocol_only=True)
    cap = 1_000 * DOLLAR
    mandate = endangered.set_mandate(endangered.native_terms(refund_cap=cap))
    done = endangered.rescue_native(mandate, REPAY)
    assert 0 < done.refund < cap
    assert endangered.chain.balance("USDC", KEEPER) == done.refund
    assert endangered.chain.balance("USDC", OWNER) == 62_000 * DOLLAR - done.units - done.refund
    endangered.chain.set_price("WETH", 1450, protocol_only=True)
    endangered.set_mandate(endangered.native_terms(refund_cap=7))
    assert endangered.rescue_native(mandate, REPAY).refund == 7


def test_the_refund_covers_the_gas_but_not_twice(endangered: Stage) -> None:
    terms = endangered.native_terms(refund_cap=5_000 * DOLLAR, per_action=9_000 * DOLLAR)
    mandate = endangered.set_mandate(terms)
    done = endangered.rescue_native(mandate, REPAY)
    paid = endangered.gas[-1].fee_wei * 1550 * DOLLAR // WAD
    assert paid * 95 // 100 <= done.refund <= paid * 102 // 100


def test_limits_count_the_refund(endangered: Stage) -> None:
    cap = 400 * DOLLAR
    terms = endangered.native_terms(per_action=500 * DOLLAR, per_day=1_000 * DOLLAR, refund_cap=cap)
    mandate = endangered.set_mandate(terms)
    done = endangered.rescue_native(mandate, REPAY)
    assert done.units == 100 * DOLLAR
    (found,) = endangered.owner_funds().mandates
    assert found.left_today == 1_000 * DOLLAR - done.units - done.refund


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keeper": "0x" + "00" * 20}, "keeper"),
        ({"instruments": frozenset()}, "instruments"),
        ({"target": TRIGGER}, "target"),
        ({"target": 101 * WAD}, "target"),
        ({"trigger": 0}, "target"),
        ({"per_day": 10**29}, "limits"),
        ({"min_action": 10**30, "refund_cap": 1}, "limits"),
        ({"refund_cap": 10**30}, "refund"),
        ({"max_loss_bps": 10_001}, "loss"),
        ({"cooldown_s": 366 * DAY}, "cooldown"),
        ({"deadline": 1}, "deadline"),
        ({"pool": STRANGER}, "pool"),
        ({"asset": STRANGER}, "asset"),
        ({"max_age_s": 1}, "unified"),
    ],
)
def test_a_mandate_that_makes_no_sense_is_refused(
    devnet: Devnet, changes: dict[str, Any], reason: str
) -> None:
    stage = open_stage(devnet.cheap)
    call = build_set_mandate(stage.rescue, stage.native_terms(**changes))
    assert refused(stage.chain.send_call, call, sender=OWNER) == reason


def test_an_owner_has_sixteen_mandates_at_most(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    pools = [stage.fake_pool() for _ in range(6)]
    terms = [
        stage.native_terms(symbol, pool=pool)
        for pool in pools
        for symbol in ("WETH", "USDC", "WBTC")
    ]
    for one in terms[:16]:
        stage.set_mandate(one)
    assert refused(stage.set_mandate, terms[16]) == "full"
    stage.set_mandate(terms[3])
    assert len(stage.owner_funds().mandates) == 16


def test_a_pool_that_its_registry_does_not_know_is_refused(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    pool = stage.fake_pool(registered=False)
    assert refused(stage.set_mandate, stage.native_terms(pool=pool)) == "pool"


def test_a_market_not_in_dollars_takes_no_unified_mandate(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    terms = stage.unified_terms(pool=stage.fake_pool())
    assert refused(stage.set_mandate, terms) == "currency"
    assert stage.set_mandate(stage.native_terms(pool=terms.pool))


def with_word(call: Call, index: int, number: int) -> Call:
    """Give the call with another argument word."""
    start = 4 + 32 * index
    return replace(
        call, data=call.data[:start] + number.to_bytes(32, "big") + call.data[start + 32 :]
    )


def test_an_unknown_kind_is_refused(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    call = with_word(build_set_mandate(stage.rescue, stage.native_terms()), 2, 2)
    assert refused(stage.chain.send_call, call, sender=OWNER) == "kind"


@pytest.mark.parametrize("number", [0, 3, 4, 255])
def test_an_unknown_instrument_is_refused(endangered: Stage, number: int) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    call = build_native_rescue(endangered.rescue, owner=OWNER, mandate_id=mandate, instrument=REPAY)
    wrong = with_word(call, 2, number)
    assert refused(endangered.chain.send_call, wrong, sender=KEEPER) == "instrument"


def test_single_views_agree_with_the_whole(endangered: Stage) -> None:
    mandate = endangered.set_mandate(endangered.native_terms())
    view = endangered.chain.call
    (known,) = view(
        endangered.rescue, "available(address,bytes32)", OWNER, mandate, returns="(uint256)"
    )
    assert known == endangered.owner_funds().mandates[0].available == 62_000 * DOLLAR
    (one,) = view(
        endangered.rescue, "mandate(address,bytes32)", OWNER, mandate, returns=f"({MANDATE_VIEW})"
    )
    assert (one[0], one[7]) == (mandate, known)
    nobodys = (endangered.rescue, "available(address,bytes32)", STRANGER, mandate)
    assert view(*nobodys, returns="(uint256)") == (0,)
    unknown = (endangered.rescue, "mandate(address,bytes32)", STRANGER, mandate)
    assert refused(endangered.chain.send, *unknown) == "mandate"
    key = (OWNER, endangered.pool, 0, endangered.token("USDC"))
    signature = "mandate_id(address,address,uint8,address)"
    assert view(endangered.rescue, signature, *key, returns="(bytes32)") == (mandate,)
