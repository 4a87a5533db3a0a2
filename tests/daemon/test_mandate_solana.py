"""What an owner signs on Solana: refused where the program would refuse it, and taken by it."""

from dataclasses import replace
from typing import Any

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.evm.rescue import Token
from chains.model.ids import Address
from chains.model.snapshot import MandateKind
from chains.model.units import WAD
from chains.solana.committees import build_committee
from chains.solana.rescue import (
    MandateTerms,
    build_approve,
    build_set_mandate,
    derive_delegate,
    derive_mandate,
)
from chains.solana.tokens import derive_token_account
from chains.solana.transactions import MAX_TRANSACTION
from daemon.mandate_rules import BadMandate
from daemon.mandate_solana import (
    OwnerPlan,
    Source,
    build_unsigned,
    check_committee,
    check_terms,
    decode_source,
    find_threshold,
    plan_committee,
    plan_mandate,
    plan_pause,
    plan_revocation,
)
from tests.chains.solana.programs.rescue_scene import (
    RESCUE,
    RescueScene,
    open_scene,
    refusal,
)
from tests.chains.solana.protocols.save.building import CHAIN

USDC = Token(symbol="USDC", decimals=6)
DAY = 86_400
NATIVE, UNIFIED = MandateKind.NATIVE, MandateKind.UNIFIED
OTHER = Pubkey(b"other" + bytes(27))
BAD: list[tuple[MandateKind, dict[str, Any], str, str]] = [
    (NATIVE, {"keeper": Pubkey.default()}, "keeper", "BAD_KEEPER"),
    (NATIVE, {"trigger": 0}, "trigger", "BAD_TARGET"),
    (NATIVE, {"trigger": 12 * WAD // 10}, "trigger", "BAD_TARGET"),
    (NATIVE, {"target": 100 * WAD + 1}, "target", "BAD_TARGET"),
    (NATIVE, {"per_action": 0}, "per_action", "BAD_LIMITS"),
    (NATIVE, {"min_action": 20_000_000_001}, "min_action", "BAD_LIMITS"),
    (NATIVE, {"per_day": 19_999_999_999}, "per_day", "BAD_LIMITS"),
    (NATIVE, {"cooldown_s": 365 * DAY + 1}, "cooldown_s", "BAD_COOLDOWN"),
    (NATIVE, {"deadline": 0}, "deadline", "BAD_DEADLINE"),
    (NATIVE, {"slack_bps": 1}, "account_set_root, committee", "NOT_UNIFIED"),
    (NATIVE, {"account_set_root": b"\x01" * 32}, "account_set_root, committee", "NOT_UNIFIED"),
    (UNIFIED, {"account_set_root": bytes(32)}, "account_set_root", "BAD_ROOT"),
    (UNIFIED, {"committee": None}, "committee", "MISSING_ACCOUNT"),
    (UNIFIED, {"max_age_s": 0}, "max_age_s", "BAD_AGE"),
    (UNIFIED, {"max_age_s": DAY + 1}, "max_age_s", "BAD_AGE"),
    (UNIFIED, {"slack_bps": 10_001}, "slack_bps", "BAD_SLACK"),
]
UNWRITABLE: list[tuple[MandateKind, dict[str, Any], str]] = [
    (NATIVE, {"min_action": -1}, "min_action"),
    (NATIVE, {"per_day": 2**64}, "per_day"),
    (NATIVE, {"deadline": 2**64}, "deadline"),
    (NATIVE, {"cooldown_s": -1}, "cooldown_s"),
    (UNIFIED, {"account_set_root": b"\x01"}, "account_set_root"),
    (UNIFIED, {"slack_bps": -1}, "slack_bps"),
]
BAD_COMMITTEES: list[tuple[dict[str, Any], str, str]] = [
    ({"members": ()}, "members", "BAD_THRESHOLD"),
    ({"members": tuple(Address(f"0x{i:040x}") for i in range(1, 21))}, "members", "BAD_MEMBERS"),
    ({"members": (Address(f"0x{0:040x}"),)}, "members", "BAD_MEMBERS"),
    (
        {"members": tuple(Address(f"0x{i:040x}") for i in (2, 1)), "threshold": 2},
        "members",
        "BAD_MEMBERS",
    ),
    ({"threshold": 0}, "threshold", "BAD_THRESHOLD"),
    ({"threshold": 2}, "threshold", "BAD_THRESHOLD"),
    ({"max_ttl_s": 0}, "max_ttl_s", "BAD_MAX_TTL"),
]


@pytest.fixture(scope="module")
def shared() -> RescueScene:
    """A scene that refusals leave as it was."""
    return open_scene()


@pytest.fixture
def scene() -> RescueScene:
    return open_scene()


def sign(scene: RescueScene, plan: OwnerPlan, by: Keypair | None = None) -> None:
    """Do as the owner's wallet would."""
    scene.lab.send(*(step.instruction for step in plan.steps), by=(by or scene.owner.key,))


def source_of(scene: RescueScene) -> Source:
    found = scene.lab.find(scene.source)
    return decode_source(CHAIN, scene.source, found, owner=scene.wallet)


def give(scene: RescueScene, terms: MandateTerms, source: Source) -> OwnerPlan:
    return plan_mandate(RESCUE, scene.debt, terms, USDC, source, now=scene.now)


@pytest.mark.parametrize(("kind", "changes", "field", "code"), BAD)
def test_what_the_program_refuses_is_refused_by_name_before(
    shared: RescueScene, kind: MandateKind, changes: dict[str, Any], field: str, code: str
) -> None:
    terms = replace(shared.terms(kind), **changes)
    with pytest.raises(BadMandate, match=f"^{field}"):
        check_terms(terms, now=shared.now)
    instruction = build_set_mandate(RESCUE, shared.debt, terms)
    assert refusal(shared.lab, instruction, by=(shared.owner.key,)) == code


@pytest.mark.parametrize(("kind", "changes", "field"), UNWRITABLE)
def test_figures_that_the_program_has_no_room_for_are_refused_by_name(
    shared: RescueScene, kind: MandateKind, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadMandate, match=f"^{field}"):
        check_terms(replace(shared.terms(kind), **changes), now=shared.now)


@pytest.mark.parametrize("kind", [NATIVE, UNIFIED])
def test_a_signed_mandate_is_what_the_daemon_reads(scene: RescueScene, kind: MandateKind) -> None:
    terms = scene.terms(kind, cooldown_s=30)
    plan = give(scene, terms, Source(key=scene.source, exists=True))
    assert [step.instruction.program_id == RESCUE for step in plan.steps] == [True, False]
    sign(scene, plan)
    mandate = scene.read_mandate(kind)
    assert (mandate.trigger, mandate.target) == (terms.trigger, terms.target)
    assert (mandate.per_action, mandate.available) == (terms.per_action, terms.per_action)
    assert source_of(scene).delegated == terms.per_day
    raw = bytes(build_unsigned(scene.wallet, plan, Hash.default()))
    assert len(raw) <= MAX_TRANSACTION


def test_a_mandate_is_said_in_words_with_its_amounts(shared: RescueScene) -> None:
    plan = give(shared, shared.terms(), Source(key=shared.source, exists=True))
    first, second = (step.describe() for step in plan.steps)
    said = first["description"]
    assert f"native mandate: under health 1.1, keeper {shared.keeper.pubkey()} may repay" in said
    assert f"USDC of obligation {shared.owner.obligation} up to health 1.2" in said
    assert f"20000 USDC at once and 30000 USDC a UTC day, until {shared.now + 10 * DAY}" in said
    delegate = derive_delegate(RESCUE, shared.wallet)
    assert f"let {delegate}, for which only {RESCUE} signs" in second["description"]
    assert "up to 30000 USDC in all" in second["description"]
    owner = {"address": str(shared.wallet), "signer": True, "writable": True}
    assert (first["program"], first["accounts"][0]) == (str(RESCUE), owner)
    assert bytes.fromhex(second["data"])[1:] == shared.terms().per_day.to_bytes(8, "little")


def test_a_delegate_that_may_take_enough_is_not_approved_again(scene: RescueScene) -> None:
    terms = scene.terms()
    assert source_of(scene).delegated > terms.per_day
    assert len(give(scene, terms, source_of(scene)).steps) == 1
    scene.lab.send(
        build_approve(RESCUE, scene.wallet, scene.usdc.mint, terms.per_day - 1),
        by=(scene.owner.key,),
    )
    plan = give(scene, terms, source_of(scene))
    assert (len(plan.steps), plan.warnings) == (2, ())


def test_another_delegate_is_told_of_before_it_loses_its_place(scene: RescueScene) -> None:
    other = derive_delegate(OTHER, scene.wallet)
    scene.lab.send(
        build_approve(OTHER, scene.wallet, scene.usdc.mint, 70_500_000), by=(scene.owner.key,)
    )
    plan = give(scene, scene.terms(), source_of(scene))
    assert plan.warnings == (
        (
            f"{scene.source} has another delegate, {other}, who may take 70.5 USDC;"
            " an account has one, so this ends that"
        ),
    )
    sign(scene, plan)
    assert source_of(scene).delegate == derive_delegate(RESCUE, scene.wallet)


def test_an_account_of_the_token_is_made_where_there_is_none(scene: RescueScene) -> None:
    debt = replace(scene.debt, mint=scene.sol.mint, reserve=scene.sol.reserve)
    token, key = Token(symbol="SOL", decimals=9), derive_token_account(scene.wallet, scene.sol.mint)
    absent = decode_source(CHAIN, key, scene.lab.find(key), owner=scene.wallet)
    assert absent == Source(key=key)
    plan = plan_mandate(RESCUE, debt, scene.terms(), token, absent, now=scene.now)
    assert [step.description[:4] for step in plan.steps] == ["nati", "make", "let "]
    sign(scene, plan)
    made = decode_source(CHAIN, key, scene.lab.find(key), owner=scene.wallet)
    assert (made.exists, made.delegated) == (True, scene.terms().per_day)


def test_an_account_that_is_frozen_or_anothers_cannot_be_a_source(shared: RescueScene) -> None:
    found = shared.lab.find(shared.source)
    assert found is not None
    frozen = replace(found, data=found.data[:108] + b"\x02" + found.data[109:])
    with pytest.raises(DecodeError, match="is frozen"):
        decode_source(CHAIN, shared.source, frozen, owner=shared.wallet)
    with pytest.raises(DecodeError, match="belongs to another wallet"):
        decode_source(CHAIN, shared.source, found, owner=OTHER)


def test_a_mandate_ends_with_its_allowance_unless_that_is_anothers(scene: RescueScene) -> None:
    scene.set_mandate(scene.terms())
    mandate = derive_mandate(RESCUE, scene.wallet, scene.owner.obligation, scene.usdc.mint, NATIVE)
    others = replace(source_of(scene), delegate=OTHER)
    assert len(plan_revocation(RESCUE, scene.wallet, mandate, others, USDC).steps) == 1
    ours = source_of(scene)
    kept = plan_revocation(RESCUE, scene.wallet, mandate, ours, USDC, [OTHER])
    assert len(kept.steps) == 1
    (warning,) = kept.warnings
    assert "keeps its delegate" in warning
    assert str(OTHER) in warning
    unknown = plan_revocation(RESCUE, scene.wallet, mandate, ours, USDC, None)
    assert len(unknown.steps) == len(unknown.warnings) + 1 == 2
    sign(scene, plan_revocation(RESCUE, scene.wallet, mandate, ours, USDC))
    assert source_of(scene).delegate is None
    assert not (found := scene.lab.find(mandate)) or not found.data


def test_a_pause_stops_what_could_be_taken(scene: RescueScene) -> None:
    scene.set_mandate(scene.terms())
    for paused in (True, False):
        sign(scene, plan_pause(RESCUE, scene.wallet, paused=paused))
        assert (scene.read_mandate().available == 0) is paused


@pytest.mark.parametrize(("changes", "field", "code"), BAD_COMMITTEES)
def test_a_committee_that_the_program_refuses_is_refused_by_name_before(
    shared: RescueScene, changes: dict[str, Any], field: str, code: str
) -> None:
    terms = replace(shared.committee_terms, **changes)
    with pytest.raises(BadMandate, match=f"^{field}"):
        check_committee(terms)
    payer = shared.lab.payer
    instruction = build_committee(RESCUE, payer.pubkey(), terms)
    assert refusal(shared.lab, instruction, by=()) == code


@pytest.mark.parametrize("members", [2, 3, 4, 7, 19])
def test_just_over_two_thirds_of_a_committee_are_enough(scene: RescueScene, members: int) -> None:
    keys = tuple(Address(f"0x{i:040x}") for i in range(1, members + 1))
    terms = replace(
        scene.committee_terms, members=keys, threshold=find_threshold(keys), max_ttl_s=7
    )
    payer = scene.lab.payer.pubkey()
    plan = plan_committee(RESCUE, payer, terms)
    assert len(bytes(build_unsigned(payer, plan, Hash.default()))) <= MAX_TRANSACTION
    scene.lab.send(plan.steps[0].instruction)
    with pytest.raises(BadMandate, match=r"^threshold"):
        check_committee(replace(terms, threshold=find_threshold(keys) - 1))
