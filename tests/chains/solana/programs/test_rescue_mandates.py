"""What owners may set, change and end, and the committees that anybody may make."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from chains.model.action import Instrument
from chains.model.ids import AccountId, Address, AssetId
from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Bps, Wad
from chains.solana.committees import CommitteeTerms, build_committee, derive_committee
from chains.solana.protocols.save.layout import PROGRAM as LENDING
from chains.solana.rescue import (
    build_revoke,
    build_set_mandate,
    build_set_paused,
    derive_mandate,
    derive_owner_state,
)
from proofs.committee import Committee
from proofs.typed import domain_separator
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.programs.rescue_scene import (
    DEPLOYMENT,
    RESCUE,
    ROOT,
    SALT,
    SIGNERS,
    USDC,
    RescueScene,
    exchanged,
    open_scene,
    refusal,
    unsigned,
)
from tests.chains.solana.protocols.save.building import CHAIN

OWNER, MANDATE, STATE, OBLIGATION, RESERVE, MARKET, PROGRAM, _, COMMITTEE = range(9)
NATIVE, UNIFIED = MandateKind
YEAR_S = 365 * 86_400
NONE, LOWEST = (Address("0x" + digits.rjust(40, "0")) for digits in ("0", "1"))
TWENTY = (LOWEST, *(signer.address for signer in SIGNERS))


def setting(scene: RescueScene, kind: MandateKind = NATIVE, **terms: Any) -> Instruction:  # noqa: ANN401 -- any field of the terms
    return build_set_mandate(RESCUE, scene.debt, scene.terms(kind, **terms))


def refused(scene: RescueScene, instruction: Instruction) -> str:
    return refusal(scene.lab, instruction, by=(scene.owner.key,))


def mandate_of(scene: RescueScene, kind: MandateKind = NATIVE) -> Pubkey:
    return derive_mandate(RESCUE, scene.wallet, scene.owner.obligation, scene.usdc.mint, kind)


@pytest.mark.parametrize("kind", [NATIVE, UNIFIED])
def test_a_mandate_reads_as_it_was_set(kind: MandateKind) -> None:
    scene = open_scene()
    terms = scene.terms(kind, cooldown_s=30, min_action=5)
    if kind is UNIFIED:
        terms = replace(terms, slack_bps=Bps(77))
    scene.set_mandate(terms)
    read = scene.read_mandate(kind)
    assert (read.kind, read.trigger, read.target) == (kind, terms.trigger, terms.target)
    assert (read.per_action, read.left_today) == (terms.per_action, terms.per_day)
    assert (read.min_action, read.deadline) == (5, terms.deadline)
    assert (read.id, read.keeper) == (bytes(mandate_of(scene, kind)), str(terms.keeper))
    assert read.contract == AccountId(CHAIN, str(RESCUE))
    assert read.owner == AccountId(CHAIN, str(scene.wallet))
    assert read.market == AccountId(CHAIN, str(scene.debt.market))
    assert read.asset == AssetId.spl(CHAIN, Address(str(scene.usdc.mint)))
    assert read.obligation == str(scene.owner.obligation)
    assert read.instruments == {Instrument.REPAY}
    assert read.available == terms.per_action
    if kind is UNIFIED:
        assert (read.account_set_root, read.verifier) == (ROOT, str(scene.committee))
        assert (read.max_age_s, read.slack_bps) == (60, 77)


@pytest.mark.parametrize(
    ("kind", "terms", "reason"),
    [
        (NATIVE, {"keeper": Pubkey.default()}, "BAD_KEEPER"),
        (NATIVE, {"trigger": Wad(0)}, "BAD_TARGET"),
        (NATIVE, {"trigger": Wad(2 * WAD), "target": Wad(2 * WAD)}, "BAD_TARGET"),
        (NATIVE, {"target": Wad(100 * WAD + 1)}, "BAD_TARGET"),
        (NATIVE, {"per_action": 0}, "BAD_LIMITS"),
        (NATIVE, {"per_action": 10, "min_action": 11}, "BAD_LIMITS"),
        (NATIVE, {"per_action": 11, "per_day": 10}, "BAD_LIMITS"),
        (NATIVE, {"cooldown_s": YEAR_S + 1}, "BAD_COOLDOWN"),
        (NATIVE, {"deadline": 1_700_000_000}, "BAD_DEADLINE"),
        (NATIVE, {"account_set_root": ROOT}, "NOT_UNIFIED"),
        (NATIVE, {"max_age_s": 1}, "NOT_UNIFIED"),
        (NATIVE, {"slack_bps": Bps(1)}, "NOT_UNIFIED"),
        (UNIFIED, {"account_set_root": bytes(32)}, "BAD_ROOT"),
        (UNIFIED, {"max_age_s": 0}, "BAD_AGE"),
        (UNIFIED, {"max_age_s": 86_401}, "BAD_AGE"),
        (UNIFIED, {"slack_bps": Bps(10_001)}, "BAD_SLACK"),
        (UNIFIED, {"committee": None}, "MISSING_ACCOUNT"),
        (UNIFIED, {"committee": Pubkey.default()}, "WRONG_COMMITTEE"),
    ],
)
def test_terms_that_mean_nothing_are_refused(
    kind: MandateKind, terms: Mapping[str, Any], reason: str
) -> None:
    scene = open_scene()
    assert refused(scene, setting(scene, kind, **terms)) == reason


@pytest.mark.parametrize(
    "terms",
    [
        {"target": Wad(100 * WAD)},
        {"cooldown_s": YEAR_S},
        {"min_action": 20_000 * USDC, "per_day": 20_000 * USDC},
    ],
)
def test_terms_at_their_bounds_are_taken(terms: Mapping[str, Any]) -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms(**terms))
    assert scene.read_mandate().left_today > 0


def test_a_committee_that_another_program_wrote_is_refused() -> None:
    scene = open_scene()
    copied = scene.lab.put(LENDING, scene.lab.raw(scene.committee).data)
    assert refused(scene, setting(scene, UNIFIED, committee=copied)) == "WRONG_COMMITTEE"


def test_a_mandate_is_for_the_owner_s_own_debt_in_one_market() -> None:
    scene = open_scene()
    lab, raw = scene.lab, scene.lab.raw
    market = lab.put(LENDING, raw(scene.debt.market).data)
    elsewhere = bytearray(raw(scene.usdc.reserve).data)
    elsewhere[10:42] = bytes(market)
    moved = bytearray(raw(scene.owner.obligation).data)
    moved[10:42] = bytes(market)
    cases = [
        (OBLIGATION, scene.whale.obligation, "WRONG_OBLIGATION"),
        (OBLIGATION, lab.put(LENDING, bytes(moved)), "WRONG_OBLIGATION"),
        (OBLIGATION, lab.put(RESCUE, raw(scene.owner.obligation).data), "WRONG_OBLIGATION"),
        (OBLIGATION, scene.usdc.reserve, "WRONG_OBLIGATION"),
        (RESERVE, lab.put(LENDING, bytes(elsewhere)), "WRONG_RESERVE"),
        (RESERVE, lab.put(RESCUE, raw(scene.usdc.reserve).data), "WRONG_RESERVE"),
        (RESERVE, scene.owner.obligation, "WRONG_RESERVE"),
        (MARKET, market, "WRONG_RESERVE"),
        (MARKET, scene.usdc.reserve, "WRONG_MARKET"),
        (PROGRAM, scene.wallet, "WRONG_LENDING"),
        (PROGRAM, RESCUE, "WRONG_MARKET"),
        (MANDATE, mandate_of(scene, UNIFIED), "WRONG_ADDRESS"),
        (STATE, derive_owner_state(RESCUE, scene.whale.key.pubkey()), "WRONG_ADDRESS"),
    ]
    for index, key, reason in cases:
        assert refused(scene, exchanged(setting(scene), index, key)) == reason, index


def test_only_the_owner_sets_ends_and_pauses() -> None:
    scene = open_scene()
    stranger = scene.keeper
    debt = replace(scene.debt, owner=stranger.pubkey())
    theirs = build_set_mandate(RESCUE, debt, scene.terms())
    assert refusal(scene.lab, theirs, by=(stranger,)) == "WRONG_OBLIGATION"
    assert refusal(scene.lab, unsigned(setting(scene), OWNER), by=()) == "MISSING_SIGNATURE"
    scene.set_mandate(scene.terms())
    ending = build_revoke(RESCUE, scene.wallet, mandate_of(scene))
    assert refusal(scene.lab, unsigned(ending, 0), by=()) == "MISSING_SIGNATURE"
    taken = build_revoke(RESCUE, stranger.pubkey(), mandate_of(scene))
    assert refusal(scene.lab, taken, by=(stranger,)) == "NO_MANDATE"
    pausing = build_set_paused(RESCUE, scene.wallet, paused=True)
    assert refusal(scene.lab, unsigned(pausing, 0), by=()) == "MISSING_SIGNATURE"
    foreign = exchanged(
        build_set_paused(RESCUE, stranger.pubkey(), paused=True),
        1,
        derive_owner_state(RESCUE, scene.wallet),
    )
    assert refusal(scene.lab, foreign, by=(stranger,)) == "WRONG_ADDRESS"


def test_lamports_sent_ahead_do_not_prevent_a_mandate() -> None:
    scene = open_scene()
    for key in (mandate_of(scene), derive_owner_state(RESCUE, scene.wallet)):
        scene.lab.svm.airdrop(key, 1_000_000)
    before = scene.lab.raw(scene.wallet).lamports
    scene.set_mandate(scene.terms())
    rent = scene.lab.svm.minimum_balance_for_rent_exemption(472)
    state = scene.lab.svm.minimum_balance_for_rent_exemption(424)
    assert scene.lab.raw(mandate_of(scene)).lamports == rent
    assert scene.lab.raw(scene.wallet).lamports == before - rent - state + 2_000_000


def test_a_mandate_can_be_revoked_and_set_anew_in_one_transaction() -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms())
    ending = build_revoke(RESCUE, scene.wallet, mandate_of(scene))
    again = setting(scene, per_action=3 * USDC)
    scene.lab.send(ending, again, by=(scene.owner.key,))
    assert scene.read_mandate().per_action == 3 * USDC


def test_a_mandate_is_revoked_once() -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms())
    ending = build_revoke(RESCUE, scene.wallet, mandate_of(scene))
    assert refused_last(scene, ending, ending) == "NO_MANDATE"


def refused_last(scene: RescueScene, *instructions: Instruction) -> str:
    return refusal(scene.lab, *instructions, by=(scene.owner.key,))


@pytest.mark.parametrize(
    "data", [b"\0", b"\1\0", b"\2", b"\2\2", b"\3", b"\3" * 41, bytes(155), b"\6"]
)
def test_other_data_is_refused(data: bytes) -> None:
    scene = open_scene()
    metas = list(setting(scene).accounts)
    assert refused(scene, Instruction(RESCUE, data, metas)) == "BAD_DATA"


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_too_few_accounts_are_refused(number: int) -> None:
    scene = open_scene()
    payer = scene.lab.payer.pubkey()
    whole = [
        setting(scene),
        build_revoke(RESCUE, scene.wallet, mandate_of(scene)),
        build_set_paused(RESCUE, scene.wallet, paused=True),
        build_committee(RESCUE, payer, terms_of(4, 3)),
    ][number]
    short = Instruction(RESCUE, bytes(whole.data), list(whole.accounts)[:-1])
    by = () if number == 3 else (scene.owner.key,)
    assert refusal(scene.lab, short, by=by) == "MISSING_ACCOUNT"


def test_only_mandates_of_the_program_are_revoked() -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms())
    copied = scene.lab.put(LENDING, scene.lab.raw(mandate_of(scene)).data)
    state = derive_owner_state(RESCUE, scene.wallet)
    for key in (copied, state):
        assert refused(scene, build_revoke(RESCUE, scene.wallet, key)) == "NO_MANDATE"


def test_a_kind_that_does_not_exist_is_refused() -> None:
    scene = open_scene()
    good = setting(scene)
    data = b"\x00\x02" + bytes(good.data)[2:]
    assert refused(scene, Instruction(RESCUE, data, list(good.accounts))) == "BAD_KIND"


def test_only_the_right_system_program_makes_accounts() -> None:
    scene = open_scene()
    with pytest.raises(Refused):
        scene.lab.send(exchanged(setting(scene), 7, LENDING), by=(scene.owner.key,))
    assert scene.lab.find(mandate_of(scene)) is None
    assert setting(scene).accounts[7].pubkey == SYSTEM_PROGRAM


# Committees


def terms_of(members: int, threshold: int) -> CommitteeTerms:
    return CommitteeTerms(
        salt=SALT,
        members=tuple(signer.address for signer in SIGNERS[:members]),
        threshold=threshold,
        max_ttl_s=60,
    )


@pytest.mark.parametrize(
    ("members", "threshold"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (7, 5), (16, 11), (19, 13)]
)
def test_a_committee_has_the_id_and_domain_of_the_evm_verifier(
    members: int, threshold: int
) -> None:
    scene = open_scene()
    terms = terms_of(members, threshold)
    scene.lab.send(build_committee(RESCUE, scene.lab.payer.pubkey(), terms))
    data = scene.lab.raw(derive_committee(RESCUE, terms)).data
    assert data[80:112] == Committee.first(DEPLOYMENT, terms.members, threshold).id
    assert data[48:80] == domain_separator(SALT)
    assert data[16:48] == SALT
    assert int.from_bytes(data[8:16], "little") == 60
    assert list(data[:3]) == [3, members, threshold]


def swapped(terms: CommitteeTerms) -> CommitteeTerms:
    first, second, *rest = terms.members
    return replace(terms, members=(second, first, *rest))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: replace(t, threshold=2), "BAD_THRESHOLD"),
        (lambda t: replace(t, threshold=5), "BAD_THRESHOLD"),
        (lambda t: replace(t, threshold=0, members=()), "BAD_THRESHOLD"),
        (lambda t: replace(t, max_ttl_s=0), "BAD_MAX_TTL"),
        (lambda t: replace(t, salt=bytes(32)), "BAD_SALT"),
        (swapped, "BAD_MEMBERS"),
        (lambda t: replace(t, members=t.members[:1] * 4), "BAD_MEMBERS"),
        (lambda t: replace(t, members=(NONE, *t.members[:3])), "BAD_MEMBERS"),
        (lambda _: replace(terms_of(19, 13), members=TWENTY, threshold=20), "BAD_MEMBERS"),
    ],
)  # fmt: skip
def test_a_committee_that_could_not_serve_is_refused(
    change: Callable[[CommitteeTerms], CommitteeTerms], reason: str
) -> None:
    scene = open_scene()
    making = build_committee(RESCUE, scene.lab.payer.pubkey(), change(terms_of(4, 3)))
    assert refusal(scene.lab, making, by=()) == reason


def test_a_committee_is_made_once_and_at_its_own_address_only() -> None:
    scene = open_scene()
    payer = scene.lab.payer.pubkey()
    making = build_committee(RESCUE, payer, terms_of(4, 3))
    scene.lab.send(making)
    assert refusal(scene.lab, making, by=()) == "ALREADY_THERE"
    other = build_committee(RESCUE, payer, terms_of(5, 4))
    wrong = exchanged(other, 1, derive_committee(RESCUE, terms_of(7, 5)))
    assert refusal(scene.lab, wrong, by=()) == "WRONG_ADDRESS"
    torn = Instruction(RESCUE, bytes(other.data)[:-1], list(other.accounts))
    assert refusal(scene.lab, torn, by=()) == "BAD_DATA"


def test_each_owner_obligation_mint_and_kind_has_a_mandate_of_its_own() -> None:
    one, other = Pubkey(b"1" * 32), Pubkey(b"2" * 32)
    keys = {
        derive_mandate(RESCUE, owner, obligation, mint, kind)
        for owner in (one, other)
        for obligation in (one, other)
        for mint in (one, other)
        for kind in MandateKind
    }
    assert len(keys) == 16
