"""Unified mandates: attestations in their short form, checked by the program itself."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from eth_hash.auto import keccak
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.snapshot import MandateKind
from chains.model.units import USD, WAD, Bps, Wad
from chains.solana.programs.instructions import OraclePrice
from chains.solana.protocols.save.decimals import whole
from chains.solana.protocols.save.layout import PROGRAM as LENDING
from chains.solana.rescue import NO_DEBT_HEALTH, build_set_paused, derive_owner_state
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.programs.rescue_scene import (
    MAX_TTL_S,
    RESCUE,
    SIGNERS,
    SOL,
    USDC,
    RescueScene,
    exchanged,
    open_unified,
    sign,
    unsigned,
)

STATE, COMMITTEE = 2, 11
NEEDED = 2_500 * USDC
"""What R = 20,000 at HF 1.40 must fall by for HF 1.60."""
UNIFIED = MandateKind.UNIFIED
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def refusal(scene: RescueScene, units: int = NEEDED, **changes: Any) -> str:  # noqa: ANN401 -- any field of the header
    return scene.refusal(scene.unified(units, scene.attest(**changes)))


def let_pass(scene: RescueScene) -> None:
    """Let a few seconds pass, prices with them."""
    scene.lab.advance(20)
    scene.market.republish()


# What it does


@pytest.mark.parametrize(("members", "threshold"), [(1, 1), (4, 3), (7, 5)])
def test_an_attested_fall_lets_the_keeper_repay_the_stated_amount(
    members: int, threshold: int
) -> None:
    scene = open_unified(members, threshold)
    before = scene.market.obligation(scene.owner).borrows[0].amount
    done = scene.rescue(scene.unified(NEEDED))
    assert done.units == NEEDED
    assert scene.lab.amount(scene.source) == 50_000 * USDC - NEEDED
    assert before - scene.market.obligation(scene.owner).borrows[0].amount == whole(NEEDED)
    assert done.health_before == 120 * WAD // 100
    assert done.health_after == scene.health() == 160 * WAD // 100


def test_more_than_the_debt_ends_it() -> None:
    scene = open_unified(slack_bps=Bps(10_000))
    header = scene.attest(health_factor_e18=WAD // 2, net_equity_e8=-10_000 * USD)
    done = scene.rescue(scene.unified(13_000 * USDC, header))
    assert done.units == 10_000 * USDC
    assert done.health_after == NO_DEBT_HEALTH


def test_the_amount_is_bounded_by_what_the_figures_need() -> None:
    scene = open_unified()
    assert refusal(scene, NEEDED + 100) == "ABOVE_NEED"
    scene.set_mandate(scene.terms(UNIFIED, slack_bps=Bps(500)))
    assert refusal(scene, NEEDED * 105 // 100 + 100) == "ABOVE_NEED"
    assert scene.rescue(scene.unified(NEEDED * 105 // 100)).units == NEEDED * 105 // 100


@pytest.mark.parametrize(
    ("health", "equity", "need"),
    [
        (140 * WAD // 100, 8_000, 2_500),
        (90 * WAD // 100, -2_000, 8_750),
        (WAD // 2, -10_000, 13_750),
        (0, -20_000, 20_000),
    ],
)
@pytest.mark.parametrize("price", [1, 4])
def test_the_bound_holds_above_and_below_one(
    health: int, equity: int, need: int, price: int
) -> None:
    scene = open_unified(per_action=25_000 * USDC, per_day=25_000 * USDC)
    scene.market.deposit(scene.owner, scene.sol, 1_000 * SOL)
    scene.market.borrow(scene.owner, scene.usdc, 15_000 * USDC)
    scene.market.publish(scene.usdc, OraclePrice(price=price * USD, published_at=scene.now))
    header = scene.attest(health_factor_e18=health, net_equity_e8=equity * USD)
    units = need * USDC // price
    assert scene.refusal(scene.unified(units + 100, header)) == "ABOVE_NEED"
    assert scene.rescue(scene.unified(units, header)).units == units


@pytest.mark.parametrize(("health", "equity"), [(WAD, 0), (WAD, 5), (WAD - 1, -1)])
def test_where_the_figures_cannot_tell_the_limits_bound_the_amount(
    health: int, equity: int
) -> None:
    scene = open_unified(per_action=900 * USDC)
    header = scene.attest(health_factor_e18=health, net_equity_e8=equity)
    assert scene.refusal(scene.unified(901 * USDC, header)) == "NO_FUNDS"
    assert scene.rescue(scene.unified(900 * USDC, header)).units == 900 * USDC


@pytest.mark.parametrize(
    ("health", "equity"), [(14 * WAD // 10, -1), (14 * WAD // 10, 0), (WAD // 2, 1), (WAD - 2, 0)]
)
def test_figures_that_contradict_each_other_are_refused(health: int, equity: int) -> None:
    assert (
        refusal(open_unified(), 1, health_factor_e18=health, net_equity_e8=equity) == "BAD_FIGURES"
    )


def test_figures_too_large_to_reckon_with_are_refused() -> None:
    changes = {"health_factor_e18": WAD + 1, "net_equity_e8": 2**120}
    assert refusal(open_unified(), 1, **changes) == "MATH_FAILED"


# Attestations


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"health_factor_e18": 150 * WAD // 100}, "HEALTHY"),
        ({"sequence": 0}, "SEQUENCE_USED"),
    ],
)
def test_a_header_is_refused(changes: Mapping[str, int], reason: str) -> None:
    assert refusal(open_unified(), **changes) == reason


@pytest.mark.parametrize(
    ("issued", "expires", "reason"),
    [
        (-30, -1, "EXPIRED"),
        (16, 40, "FUTURE"),
        (0, MAX_TTL_S + 1, "TTL_TOO_LONG"),
        (10, 5, "TTL_TOO_LONG"),
        (-61, 10, "TOO_OLD"),
        (-60, 0, None),
        (15, 15, None),
        (0, MAX_TTL_S, None),
    ],
)
def test_an_attestation_has_its_time(issued: int, expires: int, reason: str | None) -> None:
    scene = open_unified()
    header = scene.attest(issued_at=scene.now + issued, expires_at=scene.now + expires)
    if reason:
        assert scene.refusal(scene.unified(NEEDED, header)) == reason
    else:
        assert scene.rescue(scene.unified(NEEDED, header)).units == NEEDED


def test_an_attestation_serves_once() -> None:
    scene = open_unified()
    scene.rescue(scene.unified(100 * USDC))
    assert scene.read_mandate(UNIFIED).last_sequence == 7
    assert refusal(scene) == "SEQUENCE_USED"
    assert refusal(scene, sequence=6) == "SEQUENCE_USED"
    scene.set_mandate(scene.terms(UNIFIED))
    assert refusal(scene) == "SEQUENCE_USED"
    let_pass(scene)
    assert scene.rescue(scene.unified(100 * USDC, scene.attest(sequence=8))).units == 100 * USDC


def test_what_was_attested_before_an_action_serves_no_other() -> None:
    scene = open_unified()
    early, late = scene.attest(sequence=8), scene.attest(sequence=9)
    scene.rescue(scene.unified(100 * USDC))
    acted = scene.read_mandate(UNIFIED).acted_at
    assert acted == scene.now
    let_pass(scene)
    for header in (early, late):
        assert scene.refusal(scene.unified(NEEDED, header)) == "BEFORE_ACTION"
    assert refusal(scene, sequence=10, issued_at=acted) == "BEFORE_ACTION"
    fresh = scene.attest(sequence=10, issued_at=acted + 1)
    assert scene.rescue(scene.unified(100 * USDC, fresh)).units == 100 * USDC


def test_another_account_set_does_not_bring_back_what_was_attested_before_an_action() -> None:
    scene = open_unified()
    other = keccak(b"another set")
    early = scene.attest(account_set_root=other)
    scene.rescue(scene.unified(100 * USDC))
    scene.set_mandate(scene.terms(UNIFIED, account_set_root=other))
    let_pass(scene)
    assert scene.refusal(scene.unified(NEEDED, early)) == "BEFORE_ACTION"


def test_eight_account_sets_are_remembered_for_a_day() -> None:
    scene = open_unified()
    roots = [keccak(bytes([i])) for i in range(9)]
    for root in roots:
        let_pass(scene)
        scene.set_mandate(scene.terms(UNIFIED, account_set_root=root))
        rescue = scene.unified(USDC, scene.attest(account_set_root=root))
        if root != roots[-1]:
            scene.rescue(rescue)
    assert scene.refusal(rescue) == "TOO_MANY_SETS"
    scene.lab.advance(2 * (86_400 + 16))
    scene.market.republish()
    assert scene.rescue(scene.unified(USDC, scene.attest(account_set_root=roots[-1]))).units == USDC
    kept = scene.terms(UNIFIED, account_set_root=roots[0])
    scene.set_mandate(kept)
    assert scene.read_mandate(UNIFIED).last_sequence in {0, 7}


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": 2},
        {"audience": keccak(b"a contract")},
        {"account_set_root": keccak(b"another set")},
        {"committee_id": keccak(b"another committee")},
        {"epoch": 1},
        {"status": 1},
        {"health_factor_e18": WAD},
        {"sequence": 8},
        {"prices_root": keccak(b"other prices")},
    ],
)
def test_a_signature_of_another_header_is_refused(changes: Mapping[str, object]) -> None:
    scene = open_unified()
    proof = sign(scene.attest(**changes), scene.signers)
    assert scene.refusal(scene.unified(NEEDED, proof=proof)) == "WRONG_SIGNER"


def test_a_quorum_must_have_signed() -> None:
    scene = open_unified(4, 3)
    assert scene.refusal(scene.unified(NEEDED, who=[0, 1])) == "NO_QUORUM"
    assert scene.rescue(scene.unified(NEEDED, who=[0, 1, 2, 3])).units == NEEDED


def test_any_quorum_will_do() -> None:
    scene = open_unified(4, 3)
    assert scene.rescue(scene.unified(NEEDED, who=[0, 2, 3])).units == NEEDED


@pytest.mark.parametrize(
    ("who", "bitmap", "reason"),
    [
        ([0, 0, 0], 0b0111, "WRONG_SIGNER"),
        ([0, 0, 1], 0b0011, "WRONG_SIGNER"),
        ([0, 1, 1], 0b0011, "BAD_BITMAP"),
        ([2, 1, 0], 0b0111, "WRONG_SIGNER"),
        ([0, 1, 3], 0b0111, "WRONG_SIGNER"),
        ([0, 1, 2], 0b0011, "BAD_BITMAP"),
        ([0, 1, 2], 0b1111, "BAD_BITMAP"),
        ([0, 1, 2], 0b10111, "BAD_BITMAP"),
        ([0, 1, 2], 0, "BAD_BITMAP"),
    ],
)
def test_each_member_counts_once_and_in_order(who: list[int], bitmap: int, reason: str) -> None:
    scene = open_unified(4, 3)
    assert scene.refusal(scene.unified(NEEDED, who=who, bitmap=bitmap)) == reason


def test_strangers_signatures_are_refused() -> None:
    scene = open_unified()
    proof = sign(scene.attest(), [SIGNERS[5]])
    assert scene.refusal(scene.unified(NEEDED, proof=proof)) == "WRONG_SIGNER"


def high_s(proof: bytes) -> bytes:
    s = ORDER - int.from_bytes(proof[32:64], "big")
    return proof[:32] + s.to_bytes(32, "big") + bytes([55 - proof[64]])


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (high_s, "HIGH_S"),
        (lambda p: p[:64] + bytes([p[64] - 27]), "BAD_V"),
        (lambda p: p[:64] + b"\x1d", "BAD_V"),
        (lambda p: p[:64] + bytes([55 - p[64]]), "WRONG_SIGNER"),
        (lambda p: bytes(64) + p[64:], "WRONG_SIGNER"),
        (lambda p: p[:-1], "BAD_PROOF"),
        (lambda p: p + b"\0", "BAD_PROOF"),
        (lambda p: p[:0], "NO_QUORUM"),
        (lambda p: p + p, "BAD_BITMAP"),
    ],
)
def test_a_changed_signature_is_refused(forge: Callable[[bytes], bytes], reason: str) -> None:
    scene = open_unified()
    proof = forge(sign(scene.attest(), scene.signers))
    assert scene.refusal(scene.unified(NEEDED, proof=proof)) == reason


# What surrounds it


@pytest.mark.parametrize(
    ("terms", "units", "reason"),
    [
        ({}, 0, "TOO_SMALL"),
        ({"min_action": NEEDED}, NEEDED - 1, "TOO_SMALL"),
        ({"per_action": 999 * USDC}, 1_000 * USDC, "NO_FUNDS"),
        ({"per_action": 999 * USDC, "per_day": 999 * USDC}, 1_000 * USDC, "NO_FUNDS"),
        ({"trigger": Wad(14 * WAD // 10)}, NEEDED, "HEALTHY"),
    ],
)
def test_the_terms_bound_a_unified_rescue(
    terms: Mapping[str, Any], units: int, reason: str
) -> None:
    assert refusal(open_unified(**terms), units) == reason


def test_a_native_mandate_takes_no_attestation() -> None:
    scene = open_unified()
    scene.set_mandate(scene.terms())
    native = Pubkey.from_bytes(scene.read_mandate().id)
    assert scene.refusal(exchanged(scene.unified(NEEDED), 1, native)) == "WRONG_KIND"


def test_the_keeper_must_sign() -> None:
    scene = open_unified()
    stranger = Keypair.from_seed(b"s" * 32)
    taken = exchanged(scene.unified(NEEDED), 0, stranger.pubkey())
    assert scene.refusal(taken, by=stranger) == "WRONG_KEEPER"
    with pytest.raises(Refused, match="0x66"):
        scene.lab.send(*scene.refreshes(), unsigned(scene.unified(NEEDED), 0))


def test_another_committee_is_refused_whoever_wrote_its_account() -> None:
    scene = open_unified()
    right, raw = scene.committee, scene.lab.raw(scene.committee).data
    scene.use_committee(3, 3)
    signed = exchanged(scene.unified(NEEDED), COMMITTEE, scene.committee)
    assert scene.refusal(signed) == "WRONG_COMMITTEE"
    copied = scene.lab.put(LENDING, raw)
    assert scene.refusal(exchanged(signed, COMMITTEE, copied)) == "WRONG_COMMITTEE"
    assert right != scene.committee


def test_another_owner_s_state_is_refused() -> None:
    scene = open_unified()
    whale = scene.whale.key
    scene.lab.svm.airdrop(whale.pubkey(), SOL)
    scene.lab.send(build_set_paused(RESCUE, whale.pubkey(), paused=False), by=(whale,))
    other = derive_owner_state(RESCUE, whale.pubkey())
    assert scene.refusal(exchanged(scene.unified(NEEDED), STATE, other)) == "WRONG_STATE"


def test_an_obligation_that_was_not_refreshed_is_refused() -> None:
    scene = open_unified()
    scene.lab.advance(1)
    with pytest.raises(Refused, match="0x85"):
        scene.lab.send(scene.unified(NEEDED), by=(scene.keeper,))


def test_two_mandates_share_an_owner_s_attestations() -> None:
    scene = open_unified()
    scene.rescue(scene.unified(USDC))
    second = scene.market.owner_of(scene.owner.key)
    scene.market.deposit(second, scene.sol, 100 * SOL)
    scene.market.borrow(second, scene.usdc, 1_000 * USDC)
    scene.owner = second
    scene.set_mandate(scene.terms(UNIFIED))
    assert refusal(scene) == "SEQUENCE_USED"
    assert refusal(scene, sequence=8) == "BEFORE_ACTION"
    assert scene.read_mandate(UNIFIED).acted_at == scene.now
    let_pass(scene)
    assert scene.rescue(scene.unified(USDC, scene.attest(sequence=8))).units == USDC
