"""Quorums in all three schemes: who signed is found, and what is no quorum is refused by name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.bls.arkworks import Arkworks
from proofs.committee import Committee, InvalidCommittee
from proofs.quorum import check_keys, check_quorum, check_signers, join_signatures
from proofs.recover import ORDER
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures
from proofs.signing.bls import BlsSigner
from tests.proofs import keys, samples
from tests.proofs.bls.points import bad_keys, bad_signatures, negate_signature, subtract_key
from tests.proofs.test_ed25519 import WEAK

DIGEST = b"\x55" * 32
OTHER = b"\x66" * 32
COMMITTEE = keys.committee()
schemes = pytest.mark.parametrize("scheme", list(Scheme), ids=[s.label for s in Scheme])


def refusal(scheme: Scheme, signatures: Signatures, committee: Committee = COMMITTEE) -> Refusal:
    with pytest.raises(Refused) as caught:
        check_quorum(committee, scheme, DIGEST, signatures)
    return caught.value.refusal


@schemes
@pytest.mark.parametrize("indices", [(0, 1, 2), (0, 2, 3), (0, 1, 2, 3)])
def test_a_quorum_of_any_members_is_taken(scheme: Scheme, indices: tuple[int, ...]) -> None:
    signed = keys.sign(scheme, DIGEST, indices)
    found = check_quorum(COMMITTEE, scheme, DIGEST, signed)
    assert found == tuple(COMMITTEE.members[i] for i in indices)


@schemes
@pytest.mark.parametrize("size", [1, 13, 32])
def test_committees_of_every_size_sign(scheme: Scheme, size: int) -> None:
    threshold = 2 * size // 3 + 1
    signed = keys.sign(scheme, DIGEST, range(threshold), size)
    found = check_quorum(keys.committee(size, threshold), scheme, DIGEST, signed)
    assert len(found) == threshold


@schemes
def test_too_few_are_no_quorum_but_they_did_sign(scheme: Scheme) -> None:
    signed = keys.sign(scheme, DIGEST, (1, 3))
    assert refusal(scheme, signed) is Refusal.QUORUM
    found = check_signers(COMMITTEE, scheme, DIGEST, signed)
    assert found == (COMMITTEE.members[1], COMMITTEE.members[3])
    assert refusal(scheme, ()) is Refusal.QUORUM
    with pytest.raises(Refused):
        check_signers(COMMITTEE, scheme, DIGEST, ())


@schemes
def test_one_member_never_counts_twice(scheme: Scheme) -> None:
    signed = keys.sign(scheme, DIGEST, (0, 1))
    assert refusal(scheme, (*signed, signed[1])) is Refusal.SIGNER_ORDER
    assert refusal(scheme, (signed[1], signed[0], signed[0])) is Refusal.SIGNER_ORDER


@schemes
def test_a_stranger_never_counts(scheme: Scheme) -> None:
    signed = keys.sign(scheme, DIGEST)
    for index in (4, 31, 2**32):
        assert refusal(scheme, (*signed, (index, signed[0][1]))) is Refusal.SIGNER_UNKNOWN


@schemes
def test_a_signature_by_another_member_or_for_another_digest_is_refused(scheme: Scheme) -> None:
    first, second, third = keys.sign(scheme, DIGEST)
    assert refusal(scheme, (first, second, (3, third[1]))) is Refusal.SIGNATURE
    assert refusal(scheme, keys.sign(scheme, OTHER)) is Refusal.SIGNATURE
    mixed = (first, second, keys.sign(scheme, OTHER)[2])
    assert refusal(scheme, mixed) is Refusal.SIGNATURE


@schemes
def test_one_bad_signature_spoils_the_quorum(scheme: Scheme) -> None:
    digests = (DIGEST, DIGEST, OTHER)
    members = keys.members(4)
    signed = {i: members[i].signer(scheme).sign(digest) for i, digest in enumerate(digests)}
    assert refusal(scheme, join_signatures(scheme, signed)) is Refusal.SIGNATURE


@schemes
def test_a_claimed_signer_who_did_not_sign_is_found(scheme: Scheme) -> None:
    signed = keys.sign(scheme, DIGEST)
    claimed = (*signed, (3, signed[0][1]))
    assert refusal(scheme, claimed) is Refusal.SIGNATURE


@pytest.mark.parametrize("used", list(Scheme))
@pytest.mark.parametrize("claimed", list(Scheme))
def test_a_signature_is_of_its_own_scheme(used: Scheme, claimed: Scheme) -> None:
    if used is not claimed:
        assert refusal(claimed, keys.sign(used, DIGEST)) is Refusal.SIGNATURE


@pytest.mark.parametrize("scheme", [Scheme.ED25519, Scheme.BLS12_381])
def test_members_without_keys_of_a_scheme_do_not_sign_in_it(scheme: Scheme) -> None:
    plain = Committee.first(samples.DEPLOYMENT, COMMITTEE.members, 3)
    assert plain.schemes == (Scheme.SECP256K1,)
    assert refusal(scheme, keys.sign(scheme, DIGEST), plain) is Refusal.SCHEME


def test_the_high_s_of_a_signature_is_refused_for_what_it_is() -> None:
    (index, raw), *rest = keys.sign(Scheme.SECP256K1, DIGEST)
    s = ORDER - int.from_bytes(raw[32:64], "big")
    high = raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])
    assert refusal(Scheme.SECP256K1, ((index, high), *rest)) is Refusal.HIGH_S


def with_key(key: bytes, proof: bytes) -> Committee:
    """Give the committee whose last member registers this BLS key."""
    return replace(
        COMMITTEE,
        bls_keys=(*COMMITTEE.bls_keys[:3], key),
        bls_proofs=(*COMMITTEE.bls_proofs[:3], proof),
    )


def unregistered(committee: Committee) -> str:
    with pytest.raises(Refused) as caught:
        check_keys(committee)
    assert caught.value.refusal is Refusal.MEMBER_KEY
    return caught.value.detail


def test_a_key_made_of_a_victims_cannot_be_registered() -> None:
    victim, attacker = keys.members(4)[0].bls.public, BlsSigner(b"\x11" * 32)
    rogue = subtract_key(attacker.public, victim)
    forged = attacker.sign(DIGEST)
    fooled = Arkworks().verify_aggregate([victim, rogue], DIGEST, forged)
    assert fooled, "a sum alone proves nothing: the attacker signed for both"
    registered = with_key(rogue, attacker.prove_possession())
    assert "member 3" in unregistered(registered)
    signed = ((0, forged), (1, forged), (3, forged))
    assert refusal(Scheme.BLS12_381, signed, registered) is Refusal.MEMBER_KEY


def test_a_proof_is_not_taken_from_another_member() -> None:
    with pytest.raises(InvalidCommittee, match="BLS proof stands twice"):
        with_key(BlsSigner(b"\x11" * 32).public, COMMITTEE.bls_proofs[0])


@pytest.mark.parametrize("key", [key for key in bad_keys().values() if len(key) == 48])
def test_a_bad_bls_key_is_not_registered_and_spoils_the_committee(key: bytes) -> None:
    registered = with_key(key, COMMITTEE.bls_proofs[3])
    unregistered(registered)
    for scheme in Scheme:
        signed = keys.sign(scheme, DIGEST)
        assert refusal(scheme, signed, registered) is Refusal.MEMBER_KEY


@schemes
def test_a_proof_that_nothing_hashes_is_checked_in_every_scheme(scheme: Scheme) -> None:
    first, second, *rest = COMMITTEE.bls_proofs
    swapped = replace(COMMITTEE, bls_proofs=(second, first, *rest))
    assert swapped.id == COMMITTEE.id
    assert refusal(scheme, keys.sign(scheme, DIGEST), swapped) is Refusal.MEMBER_KEY


@pytest.mark.parametrize("key", [key for key in WEAK.values() if len(key) == 32])
def test_a_weak_ed25519_key_is_not_registered(key: bytes) -> None:
    registered = replace(COMMITTEE, ed25519_keys=(*COMMITTEE.ed25519_keys[:3], key))
    assert "ed25519 key of member 3" in unregistered(registered)


@pytest.mark.parametrize("raw", bad_signatures().values(), ids=bad_signatures().keys())
def test_a_bad_point_is_no_sum(raw: bytes) -> None:
    signed = tuple((index, raw) for index in range(3))
    assert refusal(Scheme.BLS12_381, signed) is Refusal.SIGNATURE


def test_signers_of_one_sum_have_one_signature() -> None:
    first, second, third = keys.sign(Scheme.BLS12_381, DIGEST)
    other = keys.sign(Scheme.BLS12_381, DIGEST, (0, 1))[0][1]
    assert refusal(Scheme.BLS12_381, (first, second, (2, other))) is Refusal.SIGNATURE
    assert first[1] == second[1] == third[1]


def test_what_cannot_be_added_up_is_refused() -> None:
    signature = keys.members(4)[0].bls.sign(DIGEST)
    for signed in ({}, {0: signature, 1: negate_signature(signature)}, {0: b""}):
        with pytest.raises(Refused):
            join_signatures(Scheme.BLS12_381, signed)


def test_registered_keys_are_all_good() -> None:
    check_keys(COMMITTEE)
    assert COMMITTEE.schemes == tuple(Scheme)


@given(
    scheme=st.sampled_from(Scheme),
    signed=st.lists(st.tuples(st.integers(-1, 40), st.binary(max_size=100)), max_size=6),
)
def test_no_signatures_made_up_are_a_quorum(
    scheme: Scheme, signed: list[tuple[int, bytes]]
) -> None:
    with pytest.raises(Refused):
        check_quorum(COMMITTEE, scheme, DIGEST, tuple(signed))
