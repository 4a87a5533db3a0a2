"""rescue.vy's unified mandates, triggered through the real verifier on real Aave."""

from dataclasses import astuple, replace
from typing import Any

import pytest
from eth_hash.auto import keccak

from chains.evm.rescue import build_set_mandate, build_unified_rescue
from chains.model.action import Call, Instrument
from chains.model.units import WAD, Bps
from daemon.devnet.vyper_build import VERIFIERS, compile_vyper
from proofs.committee import Committee
from proofs.contract import build_constructor
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import NO_DEBT_FACTOR, HealthAttestation
from proofs.typed import digest_struct, hash_text
from tests.support.devnet import Devnet
from tests.support.rescue import (
    DEPLOYMENT,
    KEEPER,
    OWNER,
    ROOT_OF_ACCOUNTS,
    SIGNER,
    STRANGER,
    UNIFIED_TRIGGER,
    Stage,
    compile_helper,
    open_stage,
    refused,
)

pytestmark = pytest.mark.net

DOLLAR = 10**6
USD = 10**8
REPAY = Instrument.REPAY
SUPPLY = Instrument.SUPPLY
NEEDED = 2_500 * DOLLAR
"""What R = 20 000 at HF 1.40 must fall by for HF 1.60."""


@pytest.fixture(params=["cheap", "dear"])
def stage(devnet: Devnet, request: pytest.FixtureRequest) -> Stage:
    """The owner owes 12 000 USDC against 10 WETH at 2000 (native HF 1.375), and has idle USDC."""
    stage = open_stage(getattr(devnet, request.param))
    stage.borrow_against_weth()
    stage.fund("USDC", 50_000 * DOLLAR)
    return stage


def refusal(
    stage: Stage,
    mandate: bytes,
    header: HealthAttestation | None = None,
    units: int = NEEDED,
    instrument: Instrument = REPAY,
) -> str:
    return refused(stage.rescue_unified, mandate, instrument, units, header)


def test_an_attested_fall_lets_the_keeper_repay_the_stated_amount(stage: Stage) -> None:
    before = stage.health()
    mandate = stage.set_mandate(stage.unified_terms())
    done = stage.rescue_unified(mandate, REPAY, NEEDED)
    assert done.units == NEEDED
    assert done.instrument is REPAY
    assert before - 10**12 < done.health_before < done.health_after == stage.health()
    assert stage.chain.balance("USDC", OWNER) == 62_000 * DOLLAR - NEEDED
    assert stage.chain.balance("USDC", stage.rescue) == 0


def test_an_attested_fall_lets_the_keeper_supply(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    done = stage.rescue_unified(mandate, SUPPLY, 5_000 * DOLLAR)
    assert done.units == 5_000 * DOLLAR
    assert done.health_after > done.health_before


def test_supplying_needs_no_debt_in_that_market(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    stage.fund("WETH", 10**19)
    mandate = stage.set_mandate(stage.unified_terms("WETH"))
    done = stage.rescue_unified(mandate, SUPPLY, 10**18)
    assert done.health_before == done.health_after == NO_DEBT_FACTOR


def test_the_amount_is_bounded_by_what_the_figures_need(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    assert refusal(stage, mandate, units=NEEDED + 100) == "need"
    supply = 20_000 * (160 - 140) * DOLLAR * 100 // 8_000
    assert refusal(stage, mandate, units=supply + 100, instrument=SUPPLY) == "need"
    stage.set_mandate(stage.unified_terms(slack_bps=Bps(500)))
    assert refusal(stage, mandate, units=NEEDED * 105 // 100 + 100) == "need"
    assert stage.rescue_unified(mandate, REPAY, NEEDED * 105 // 100).units == NEEDED * 105 // 100


@pytest.mark.parametrize(
    ("health", "equity", "need"),
    [
        (140 * WAD // 100, 8_000, 2_500),
        (90 * WAD // 100, -2_000, 8_750),
        (WAD // 2, -10_000, 13_750),
        (0, -20_000, 20_000),
    ],
)
def test_the_bound_holds_above_and_below_one(
    stage: Stage, health: int, equity: int, need: int
) -> None:
    stage.chain.supply("WETH", OWNER, 100 * 10**18)
    stage.chain.borrow("USDC", OWNER, 20_000 * DOLLAR)
    mandate = stage.set_mandate(stage.unified_terms())
    header = stage.attest(health_factor_e18=health, net_equity_e8=equity * USD)
    assert refusal(stage, mandate, header, need * DOLLAR + 100) == "need"
    assert stage.rescue_unified(mandate, REPAY, need * DOLLAR, header).units == need * DOLLAR


@pytest.mark.parametrize(("health", "equity"), [(WAD, 0), (WAD, 5), (WAD - 1, -1)])
def test_where_the_figures_cannot_tell_the_limits_bound_the_amount(
    stage: Stage, health: int, equity: int
) -> None:
    mandate = stage.set_mandate(stage.unified_terms(per_action=900 * DOLLAR))
    header = stage.attest(health_factor_e18=health, net_equity_e8=equity)
    assert refusal(stage, mandate, header, 901 * DOLLAR) == "funds"
    assert stage.rescue_unified(mandate, REPAY, 900 * DOLLAR, header).units == 900 * DOLLAR


@pytest.mark.parametrize(
    ("health", "equity"), [(14 * WAD // 10, -1), (14 * WAD // 10, 0), (WAD // 2, 1), (WAD - 2, 0)]
)
def test_figures_that_contradict_each_other_are_refused(
    stage: Stage, health: int, equity: int
) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    header = stage.attest(health_factor_e18=health, net_equity_e8=equity)
    assert refusal(stage, mandate, header, 1) == "figures"


def test_an_attestation_serves_once(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    other = stage.set_mandate(stage.unified_terms("WETH"))
    stage.fund("WETH", 10**18)
    stage.rescue_unified(mandate, REPAY, 100 * DOLLAR)
    assert refusal(stage, mandate) == "sequence"
    assert refusal(stage, mandate, stage.attest(sequence=6)) == "sequence"
    assert refusal(stage, other, units=10**17, instrument=SUPPLY) == "sequence"
    stage.set_mandate(stage.unified_terms())
    assert refusal(stage, mandate) == "sequence"
    assert all(found.last_sequence == 7 for found in stage.owner_funds().mandates)
    stage.chain.advance(1)
    assert stage.rescue_unified(mandate, REPAY, 100 * DOLLAR, stage.attest(sequence=8)).units


def test_what_was_attested_before_an_action_serves_no_other(stage: Stage) -> None:
    terms = stage.unified_terms(cooldown_s=2)
    mandate = stage.set_mandate(terms)
    early, late = stage.attest(sequence=8), stage.attest(sequence=9)
    stage.rescue_unified(mandate, REPAY, 100 * DOLLAR)
    (found,) = stage.owner_funds().mandates
    assert found.acted_at == stage.now
    stage.chain.advance(10)
    for header in (early, late, stage.attest(sequence=10, issued_at=found.acted_at)):
        assert refusal(stage, mandate, header) == "acted"
    fresh = stage.attest(sequence=10, issued_at=found.acted_at + 1)
    assert stage.rescue_unified(mandate, REPAY, 100 * DOLLAR, fresh).units == 100 * DOLLAR


def test_a_refused_action_does_not_use_the_attestation_up(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    assert refusal(stage, mandate, units=NEEDED * 2) == "need"
    assert stage.rescue_unified(mandate, REPAY, NEEDED).units == NEEDED


def test_an_attestation_of_other_accounts_is_refused(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    foreign = stage.attest(account_set_root=bytes(keccak(b"somebody else's")))
    assert refusal(stage, mandate, foreign) == "root"


@pytest.mark.parametrize("health", [UNIFIED_TRIGGER, UNIFIED_TRIGGER + 1, 3 * WAD])
def test_an_attested_health_not_under_the_trigger_is_refused(stage: Stage, health: int) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    assert refusal(stage, mandate, stage.attest(health_factor_e18=health)) == "health"


def test_an_attestation_without_debt_is_refused(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    assert refusal(stage, mandate, stage.attest(status=1)) == "status"


def test_an_old_attestation_is_refused_before_it_expires(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms(max_age_s=20))
    header = stage.attest(issued_at=stage.now - 50)
    assert refusal(stage, mandate, header) == "old"


def test_what_the_verifier_refuses_is_refused(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    past = stage.now - 1
    assert refusal(stage, mandate, stage.attest(expires_at=past, issued_at=past)) == "expired"
    assert refusal(stage, mandate, stage.attest(audience=bytes(keccak(b"x")))) == "audience"
    stranger = Secp256k1Signer(bytes(keccak(b"a stranger")))
    assert refused(stage.rescue_unified, mandate, REPAY, NEEDED, signer=stranger) == "signer"


def test_a_lone_keepers_own_signature_does_not_let_it_act(stage: Stage) -> None:
    stage.chain.set_balance(SIGNER.address, WAD)
    mandate = stage.set_mandate(stage.unified_terms(keeper=SIGNER.address))
    call = stage.build_unified(mandate, REPAY, NEEDED)
    assert refused(stage.send, call, SIGNER.address) == "excluded"
    mandate = stage.set_mandate(stage.unified_terms(keeper=KEEPER))
    assert stage.send(stage.build_unified(mandate, REPAY, NEEDED), KEEPER).units == NEEDED


def test_a_quorum_counts_without_the_member_that_acts(stage: Stage) -> None:
    seeds = (bytes(keccak(f"member {i}".encode())) for i in range(4))
    signers = sorted(map(Secp256k1Signer, seeds), key=lambda s: int(s.address, 16))
    committee = Committee.first(DEPLOYMENT, [signer.address for signer in signers], 3)
    arguments = build_constructor(DEPLOYMENT, committee, 3_600)
    verifier = stage.chain.deploy(compile_vyper(VERIFIERS / "verifier.vy"), *arguments)
    actor = signers[1].address
    stage.chain.set_balance(actor, WAD)
    mandate = stage.set_mandate(stage.unified_terms(verifier=verifier, keeper=actor))
    header = stage.attest(committee_id=committee.id)
    digest = digest_struct(header, hash_text(DEPLOYMENT))

    def sign(*indices: int) -> Call:
        return build_unified_rescue(
            stage.rescue,
            owner=OWNER,
            mandate_id=mandate,
            instrument=REPAY,
            units=NEEDED,
            attestation_fields=astuple(header),
            bitmap=sum(1 << index for index in indices),
            proof=b"".join(signers[index].sign(digest) for index in indices),
        )

    assert refused(stage.send, sign(0, 2), actor) == "quorum"
    assert refused(stage.send, sign(0, 1, 2), actor) == "excluded"
    assert stage.send(sign(0, 1, 2, 3), actor).units == NEEDED
    stage.chain.advance(1)
    header = replace(header, sequence=header.sequence + 1, issued_at=stage.now)
    digest = digest_struct(header, hash_text(DEPLOYMENT))
    assert refused(stage.send, sign(0, 1, 3), actor) == "excluded"
    assert stage.send(sign(0, 2, 3), actor).units == NEEDED


def test_a_verifier_that_answers_nothing_is_not_believed(stage: Stage) -> None:
    verifier = stage.chain.deploy(compile_helper("empty_verifier"))
    mandate = stage.set_mandate(stage.unified_terms(verifier=verifier))
    assert refusal(stage, mandate) == "digest"


def test_without_a_price_nothing_is_done(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    provider = stage.chain.deployment.aave.provider
    stage.chain.send(provider, "setPriceOracle(address)", stage.fake_pool())
    header = stage.attest(health_factor_e18=WAD, net_equity_e8=0)
    assert refusal(stage, mandate, header) == "price"


def test_a_token_that_is_no_collateral_is_not_supplied(stage: Stage) -> None:
    stage.forbid_as_collateral("WBTC")
    stage.fund("WBTC", 10**8)
    mandate = stage.set_mandate(stage.unified_terms("WBTC"))
    assert refusal(stage, mandate, units=10**6, instrument=SUPPLY) == "threshold"
    stage.chain.set_price("WETH", 1550, protocol_only=True)
    native = stage.set_mandate(stage.native_terms("WBTC"))
    assert refused(stage.rescue_native, native, SUPPLY) == "threshold"


def test_the_refund_covers_the_longer_call_too(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms(refund_cap=9_000 * DOLLAR))
    stage.rescue_unified(mandate, REPAY, 100 * DOLLAR)
    stage.chain.advance(1)
    done = stage.rescue_unified(mandate, REPAY, 100 * DOLLAR, stage.attest(sequence=8))
    paid = stage.gas[-1].fee_wei * 2_000 * DOLLAR // WAD
    assert paid * 99 // 100 <= done.refund <= paid * 102 // 100


def test_an_attestation_for_this_contract_alone_is_accepted(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    number = stage.chain.deployment.number
    words = number.to_bytes(32, "big") + bytes(12) + bytes.fromhex(stage.rescue[2:])
    header = stage.attest(audience=bytes(keccak(words)))
    assert stage.rescue_unified(mandate, REPAY, NEEDED, header).units == NEEDED


def test_one_flipped_byte_is_refused(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    header = stage.attest()
    signed = replace(header, net_equity_e8=header.net_equity_e8 + 1)
    assert refused(stage.rescue_unified, mandate, REPAY, NEEDED, header, signed=signed) == "signer"


def test_only_the_named_keeper_may_act(stage: Stage) -> None:
    mandate = stage.set_mandate(stage.unified_terms())
    assert refused(stage.rescue_unified, mandate, REPAY, NEEDED, sender=STRANGER) == "keeper"


def test_a_native_mandate_does_not_run_on_an_attestation(stage: Stage) -> None:
    assert refusal(stage, stage.set_mandate(stage.native_terms())) == "kind"


def test_limits_bind_the_stated_amount(stage: Stage) -> None:
    terms = stage.unified_terms(per_action=1_000 * DOLLAR, per_day=1_500 * DOLLAR, min_action=10)
    mandate = stage.set_mandate(terms)
    assert refusal(stage, mandate, units=1_000 * DOLLAR + 1) == "funds"
    assert refusal(stage, mandate, units=9) == "small"
    assert refusal(stage, mandate, units=0) == "small"
    stage.rescue_unified(mandate, REPAY, 1_000 * DOLLAR)
    stage.chain.advance(1)
    later = stage.attest(sequence=8)
    assert refusal(stage, mandate, later, 500 * DOLLAR + 1) == "funds"
    assert stage.rescue_unified(mandate, REPAY, 500 * DOLLAR, later).units == 500 * DOLLAR


def test_more_than_the_debt_ends_it_and_the_rest_stays_with_the_owner(stage: Stage) -> None:
    stage.chain.supply("WETH", OWNER, 10**18)
    stage.repay_for_owner("USDC", 10_000 * DOLLAR)
    mandate = stage.set_mandate(stage.unified_terms())
    held = stage.chain.balance("USDC", OWNER)
    done = stage.rescue_unified(mandate, REPAY, NEEDED)
    assert 2_000 * DOLLAR <= done.units < 2_001 * DOLLAR
    assert stage.chain.balance("USDC", OWNER) == held - done.units
    assert stage.chain.balance("USDC", stage.rescue) == 0
    spent = (stage.token("USDC"), "allowance(address,address)", stage.rescue, stage.pool)
    assert stage.chain.call(*spent, returns="(uint256)") == (0,)
    assert done.health_after == NO_DEBT_FACTOR
    (found,) = stage.owner_funds().mandates
    assert found.left_today == 10**31 - done.units


def test_repaying_where_nothing_is_owed_is_refused(stage: Stage) -> None:
    stage.fund("WETH", 10**18)
    mandate = stage.set_mandate(stage.unified_terms("WETH"))
    assert refusal(stage, mandate, units=10**17) in ("39", "NoDebtOfSelectedType()")


def test_a_supply_that_would_lower_the_native_health_is_refused(devnet: Devnet) -> None:
    """v3.0 rounds the average threshold down: a grain of lower threshold costs a basis point."""
    stage = open_stage(devnet.dear)
    stage.borrow_against_weth()
    stage.fund("USDC", 10 * DOLLAR)
    mandate = stage.set_mandate(stage.unified_terms())
    assert refusal(stage, mandate, units=DOLLAR // 100, instrument=SUPPLY) == "native"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"account_set_root": bytes(32)}, "root"),
        ({"verifier": STRANGER}, "verifier"),
        ({"max_age_s": 0}, "age"),
        ({"max_age_s": 86_401}, "age"),
        ({"slack_bps": 10_001}, "slack"),
    ],
)
def test_a_unified_mandate_that_makes_no_sense_is_refused(
    devnet: Devnet, changes: dict[str, Any], reason: str
) -> None:
    stage = open_stage(devnet.cheap)
    call = build_set_mandate(stage.rescue, stage.unified_terms(**changes))
    assert refused(stage.chain.send_call, call, sender=OWNER) == reason


def test_the_owner_reads_what_he_set(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    stage.fund("USDC", 300 * DOLLAR, allowance=200 * DOLLAR)
    terms = stage.unified_terms(per_action=250 * DOLLAR, refund_cap=5 * DOLLAR, cooldown_s=60)
    mandate = stage.set_mandate(terms)
    funds = stage.owner_funds()
    (found,) = funds.mandates
    assert (found.id, found.kind, found.account_set_root) == (mandate, terms.kind, ROOT_OF_ACCOUNTS)
    assert (found.trigger, found.target) == (terms.trigger, terms.target)
    assert found.available == 195 * DOLLAR
    assert found.ready_at == 0
    (holding,) = funds.holdings
    assert (holding.balance, holding.allowance) == (300 * DOLLAR, 200 * DOLLAR)
    assert found.verifier == stage.verifier
    assert (found.instruments, found.max_age_s) == (terms.instruments, terms.max_age_s)
