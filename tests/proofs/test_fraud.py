"""Fraud proofs: they convict who contradicted himself, and nobody can make one about another."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.committee import Committee, MemberKeys
from proofs.fraud import (
    MAX_BYTES,
    FraudProof,
    Innocence,
    NotFraud,
    Vote,
    build_fraud,
    decode_fraud,
    encode_fraud,
    verify_fraud,
)
from proofs.quorum import join_signatures
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme
from proofs.signing.bls import BlsSigner
from proofs.signing.ed25519 import Ed25519Signer
from proofs.statement import HealthAttestation
from proofs.typed import digest_struct, hash_text
from tests.proofs import keys
from tests.proofs.bls.points import subtract_key
from tests.proofs.samples import DEPLOYMENT, NOW

SALT = hash_text(DEPLOYMENT)
COMMITTEE = keys.committee()
TRUSTED = {COMMITTEE.id}
schemes = pytest.mark.parametrize("scheme", list(Scheme), ids=[s.label for s in Scheme])
pairs = pytest.mark.parametrize(
    ("one", "other"), [(one, other) for one in Scheme for other in Scheme]
)


@lru_cache
def header(of: Committee = COMMITTEE, **changes: object) -> HealthAttestation:
    return keys.statement(of, **changes).header


def vote(
    said: HealthAttestation,
    signers: tuple[int, ...],
    scheme: Scheme = Scheme.SECP256K1,
    of: Committee = COMMITTEE,
) -> Vote:
    digest = digest_struct(said, SALT)
    signed = keys.sign(scheme, digest, signers, len(of.members))
    return Vote(committee=of, said=said, signatures=signed, scheme=scheme)


def successor_vote(made: Committee, signers: tuple[int, ...]) -> Vote:
    signed = keys.sign(Scheme.SECP256K1, made.digest(SALT), signers)
    return Vote(committee=COMMITTEE, said=made, signatures=signed)


def rosier(of: Committee = COMMITTEE) -> HealthAttestation:
    return header(of, health_factor_e18=9 * 10**18)


@lru_cache
def proof(one: Scheme = Scheme.SECP256K1, other: Scheme = Scheme.SECP256K1) -> FraudProof:
    """Members 0 and 2 said one thing, members 2 and 3 another."""
    return build_fraud(DEPLOYMENT, vote(header(), (0, 2), one), vote(rosier(), (2, 3), other))


@pairs
def test_who_signed_both_is_accused_and_nobody_else(one: Scheme, other: Scheme) -> None:
    raw = encode_fraud(proof(one, other))
    conviction = verify_fraud(decode_fraud(raw), TRUSTED)
    assert conviction.accused == (COMMITTEE.members[2],)
    assert conviction.pinned
    assert conviction.claims[0].digest < conviction.claims[1].digest
    assert {claim.sequence for claim in conviction.claims} == {header().sequence}


def test_the_order_in_which_votes_were_found_does_not_matter() -> None:
    one, other = proof().votes
    assert build_fraud(DEPLOYMENT, one, other) == build_fraud(DEPLOYMENT, other, one)


def test_addresses_convict_by_themselves_but_other_keys_need_a_trusted_record() -> None:
    assert verify_fraud(proof(), None).accused == (COMMITTEE.members[2],)
    assert not verify_fraud(proof(), None).pinned
    for scheme in (Scheme.ED25519, Scheme.BLS12_381):
        for made in (proof(scheme, scheme), proof(Scheme.SECP256K1, scheme)):
            assert refused(made, None) is Refusal.COMMITTEE


def test_two_quorums_for_one_sequence_share_those_who_lied() -> None:
    made = build_fraud(
        DEPLOYMENT,
        vote(header(), (0, 1, 2), Scheme.BLS12_381),
        vote(rosier(), (1, 2, 3), Scheme.BLS12_381),
    )
    assert verify_fraud(made, TRUSTED).accused == COMMITTEE.members[1:3]


def test_signing_anew_after_a_handover_is_no_way_out() -> None:
    listed = [member.keys for member in keys.members(4)]
    later = COMMITTEE.build_next(listed, 3, valid_from=NOW)
    made = build_fraud(DEPLOYMENT, vote(header(), (0,)), vote(header(later), (0,), of=later))
    assert verify_fraud(made, {COMMITTEE.id, later.id}).accused == COMMITTEE.members[:1]
    assert refused(made, TRUSTED) is Refusal.COMMITTEE


def test_two_successors_convict_who_named_both() -> None:
    listed = [member.keys for member in keys.members(4)]
    one, other = (COMMITTEE.build_next(listed, 3, valid_from=NOW + i) for i in (0, 1))
    votes = successor_vote(one, (0, 1, 2)), successor_vote(other, (2, 3))
    made = build_fraud(DEPLOYMENT, *votes)
    assert decode_fraud(encode_fraud(made)) == made
    assert verify_fraud(made, None).accused == (COMMITTEE.members[2],)


def innocent(one: Vote, other: Vote) -> Innocence:
    with pytest.raises(NotFraud) as caught:
        build_fraud(DEPLOYMENT, one, other)
    return caught.value.innocence


@schemes
def test_repeating_oneself_is_no_fraud(scheme: Scheme) -> None:
    again = vote(header(), (0, 1, 2), scheme)
    assert innocent(again, again) is Innocence.SAME_DIGEST
    assert innocent(again, vote(header(), (1, 2), scheme)) is Innocence.SAME_DIGEST


@pytest.mark.parametrize("changes", [{"sequence": 8}, {"account_set_root": b"\x01" * 32}])
def test_another_sequence_or_account_set_is_another_thing(changes: dict[str, object]) -> None:
    other = vote(header(**changes), (0, 1, 2))
    assert innocent(vote(header(), (0, 1, 2)), other) is Innocence.OTHER_SUBJECT


def test_an_attestation_and_a_successor_are_two_things() -> None:
    made = COMMITTEE.build_next(COMMITTEE.members, 3, valid_from=NOW)
    other = successor_vote(made, (0, 1, 2))
    assert innocent(vote(header(), (0, 1, 2)), other) is Innocence.OTHER_SUBJECT


@pairs
def test_members_who_disagree_accuse_nobody(one: Scheme, other: Scheme) -> None:
    votes = vote(header(), (0, 1), one), vote(rosier(), (2, 3), other)
    assert innocent(*votes) is Innocence.NO_COMMON_SIGNER


def refused(made: FraudProof, trusted: set[bytes] | None) -> Refusal:
    with pytest.raises(Refused) as caught:
        verify_fraud(made, trusted)
    return caught.value.refusal


def with_vote(made: FraudProof, **changes: Any) -> FraudProof:  # noqa: ANN401 -- any member of a vote
    one, other = made.votes
    return replace(made, votes=(replace(one, **changes), other))


@schemes
def test_a_signature_cannot_be_put_into_anothers_mouth(scheme: Scheme) -> None:
    made = proof(scheme, scheme)
    signed = made.votes[0].signatures
    moved = tuple((index + 1, raw) for index, raw in signed)
    assert refused(with_vote(made, signatures=moved), TRUSTED) is Refusal.SIGNATURE
    more = tuple((index, signed[0][1]) for index in range(4))
    assert refused(with_vote(made, signatures=more), TRUSTED) is Refusal.SIGNATURE
    assert refused(with_vote(made, signatures=()), TRUSTED) is Refusal.QUORUM


def test_a_sum_made_with_a_victims_key_frames_nobody() -> None:
    victim, attacker = keys.members(4)[0], BlsSigner(b"\x11" * 32)
    rogue = subtract_key(attacker.public, victim.bls.public)
    framed = replace(
        COMMITTEE,
        bls_keys=(*COMMITTEE.bls_keys[:3], rogue),
        bls_proofs=(*COMMITTEE.bls_proofs[:3], attacker.prove_possession()),
    )
    votes = []
    for said in (header(framed), rosier(framed)):
        forged = attacker.sign(digest_struct(said, SALT))
        signed = ((0, forged), (3, forged))
        votes.append(Vote(committee=framed, said=said, signatures=signed, scheme=Scheme.BLS12_381))
    made = FraudProof(deployment=DEPLOYMENT, votes=(votes[0], votes[1]))
    assert refused(made, {framed.id}) is Refusal.MEMBER_KEY


def test_a_made_up_record_with_a_victims_address_frames_nobody() -> None:
    seed = b"\x11" * 32
    own = MemberKeys(
        address=keys.members(4)[0].secp256k1.address, ed25519=Ed25519Signer(seed).public
    )
    framed = Committee.first(DEPLOYMENT, [own], 1)
    votes = [
        Vote(
            committee=framed,
            said=said,
            signatures=join_signatures(
                Scheme.ED25519, {0: Ed25519Signer(seed).sign(digest_struct(said, SALT))}
            ),
            scheme=Scheme.ED25519,
        )
        for said in (header(framed), rosier(framed))
    ]
    made = FraudProof(deployment=DEPLOYMENT, votes=(votes[0], votes[1]))
    assert refused(made, None) is Refusal.COMMITTEE
    assert refused(made, TRUSTED) is Refusal.COMMITTEE


def test_a_vote_names_its_own_committee_and_deployment() -> None:
    other = keys.committee(4, 4)
    assert refused(with_vote(proof(), committee=other), None) is Refusal.COMMITTEE_ID
    later = replace(proof().votes[0].said, epoch=1)
    assert refused(with_vote(proof(), said=later), None) is Refusal.COMMITTEE_ID
    assert refused(replace(proof(), deployment="another"), None) is Refusal.SIGNATURE
    skipped = replace(COMMITTEE.build_next(COMMITTEE.members, 3, valid_from=NOW), epoch=2)
    made = with_vote(proof(), said=skipped)
    assert refused(made, None) is Refusal.COMMITTEE_ID


View = dict[str, Any]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v.update(format="plimsoll/fraud-proof/2"), Refusal.SCHEMA),
        (lambda v: v.update(verdict="guilty"), Refusal.UNKNOWN_FIELD),
        (lambda v: v.pop("deployment"), Refusal.MISSING_FIELD),
        (lambda v: v["votes"].pop(), Refusal.BAD_TYPE),
        (lambda v: v["votes"].append(v["votes"][0]), Refusal.BAD_TYPE),
        (lambda v: v["votes"].reverse(), Refusal.NOT_CANONICAL),
        (lambda v: v["votes"][0].pop("header"), Refusal.MISSING_FIELD),
        (lambda v: v["votes"][0].update(header=None), Refusal.MISSING_FIELD),
        (
            lambda v: v["votes"][0].update(successor=v["votes"][0]["committee"]),
            Refusal.MISSING_FIELD,
        ),
        (lambda v: v["votes"][0].update(scheme="bls"), Refusal.SCHEME),
        (lambda v: v["votes"][0].update(scheme="bls12-381"), Refusal.SIGNER_ORDER),
        (lambda v: v["votes"][0]["header"].update(epoch="-1"), Refusal.BAD_TYPE),
        (lambda v: v["votes"][0]["signatures"][0].update(member="32"), Refusal.SIGNER_UNKNOWN),
    ],
)
def test_a_proofs_file_is_read_strictly(change: Callable[[View], object], reason: Refusal) -> None:
    view: View = json.loads(encode_fraud(proof()))
    change(view)
    with pytest.raises(Refused) as caught:
        decode_fraud(json.dumps(view, sort_keys=True, separators=(",", ":")).encode())
    assert caught.value.refusal is reason


@given(
    scheme=st.sampled_from(Scheme),
    place=st.integers(0, 10**6),
    byte=st.binary(min_size=1, max_size=1),
)
def test_no_changed_byte_convicts(scheme: Scheme, place: int, byte: bytes) -> None:
    raw = encode_fraud(proof(scheme, scheme))
    place %= len(raw)
    changed = raw[:place] + byte + raw[place + 1 :]
    if changed == raw:
        return
    with pytest.raises((Refused, NotFraud)):
        verify_fraud(decode_fraud(changed), TRUSTED)


@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_are_a_proof(raw: bytes) -> None:
    with pytest.raises(Refused):
        decode_fraud(raw)


def test_a_file_that_is_too_large_is_malformed() -> None:
    with pytest.raises(Refused) as caught:
        decode_fraud(b" " * (MAX_BYTES + 1))
    assert caught.value.refusal is Refusal.MALFORMED
