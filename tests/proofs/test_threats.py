"""The threats against signatures and committees, each mounted on a whole file, in every scheme.

The rows are those of docs/attestations.md; what they rest on is tried one by one in test_quorum,
test_succession, test_fraud and test_guard.
"""

from dataclasses import replace

import pytest

from chains.model.ids import Address
from proofs.committee import Committee, InvalidCommittee
from proofs.document import Document, encode_document
from proofs.fraud import Vote, build_fraud, verify_fraud
from proofs.guard import Claim, DoubleSign, check_claim
from proofs.quorum import join_signatures
from proofs.recover import ORDER
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme
from proofs.signing.bls import BlsSigner
from proofs.typed import hash_text
from proofs.verify import Expected, Verdict, verify_file
from tests.proofs import keys, samples, test_ed25519
from tests.proofs.bls.points import subtract_key
from tests.proofs.conftest import audience_of
from tests.proofs.samples import DEPLOYMENT, NOW
from tests.proofs.test_succession import chain, expected

COMMITTEE = keys.committee()
TRUST = Expected(deployment=DEPLOYMENT, committee_id=COMMITTEE.id)
CONSUMER = audience_of(31337, "0x" + "0c" * 20)
schemes = pytest.mark.parametrize("scheme", list(Scheme), ids=[s.label for s in Scheme])


def judge(document: Document, trust: Expected = TRUST, now: int = NOW) -> Verdict:
    return verify_file(encode_document(document), trust, now=now)


def refusal(document: Document, trust: Expected = TRUST, now: int = NOW) -> Refusal:
    with pytest.raises(Refused) as caught:
        judge(document, trust, now)
    return caught.value.refusal


def stated(scheme: Scheme, of: Committee = COMMITTEE, **header: object) -> Document:
    made = keys.statement(of, **header)
    signed = keys.sign(scheme, made.digest)
    return Document(statement=made, signatures=signed, scheme=scheme)


@schemes
def test_replay_in_another_deployment(scheme: Scheme) -> None:
    document = stated(scheme)
    moved = replace(document, statement=replace(document.statement, deployment="another"))
    assert refusal(moved) is Refusal.DEPLOYMENT
    assert refusal(moved, Expected(committee_id=COMMITTEE.id)) is Refusal.SIGNATURE
    there = Committee.first("another", [m.keys for m in keys.members(4)], 3)
    assert there.id != COMMITTEE.id


@schemes
def test_replay_at_another_consumer(scheme: Scheme) -> None:
    document = stated(scheme, audience=CONSUMER)
    assert judge(document, replace(TRUST, audience=CONSUMER)).pinned
    assert refusal(document) is Refusal.AUDIENCE
    freed = replace(
        document,
        statement=replace(
            document.statement,
            header=samples.alter(document.statement.header, {"audience": bytes(32)}),
        ),
    )
    assert refusal(freed) is Refusal.SIGNATURE


@schemes
def test_a_signer_that_grants_itself_a_year(scheme: Scheme) -> None:
    assert refusal(stated(scheme, expires_at=NOW + 365 * 86_400)) is Refusal.TTL
    assert refusal(stated(scheme), now=NOW + 61) is Refusal.EXPIRED


def test_a_rogue_key() -> None:
    attacker = BlsSigner(b"\x11" * 32)
    victims = [member.bls.public for member in keys.members(4)]
    rogue = subtract_key(attacker.public, victims[0])
    rigged = replace(
        COMMITTEE,
        bls_keys=(*victims[:3], rogue),
        bls_proofs=(*COMMITTEE.bls_proofs[:3], attacker.prove_possession()),
    )
    made = keys.statement(rigged)
    forged = attacker.sign(made.digest)
    others = {i: keys.members(4)[i].bls.sign(made.digest) for i in (1, 2)}
    (_, joined), *_ = join_signatures(Scheme.BLS12_381, {**others, 0: forged})
    document = Document(
        statement=made,
        signatures=tuple((i, joined) for i in range(4)),
        scheme=Scheme.BLS12_381,
    )
    assert refusal(document, Expected()) is Refusal.MEMBER_KEY
    assert refusal(document, replace(TRUST, committee_id=rigged.id)) is Refusal.MEMBER_KEY


@schemes
def test_equivocation_of_a_quorum(scheme: Scheme) -> None:
    first, second = stated(scheme), stated(scheme, health_factor_e18=9 * 10**18)
    votes = [
        Vote(
            committee=COMMITTEE,
            said=document.statement.header,
            signatures=keys.sign(scheme, document.statement.digest, signers),
            scheme=scheme,
        )
        for document, signers in ((first, (0, 1, 2)), (second, (1, 2, 3)))
    ]
    conviction = verify_fraud(build_fraud(DEPLOYMENT, *votes), {COMMITTEE.id})
    assert conviction.accused == COMMITTEE.members[1:3]
    claims = [vote.claim(hash_text(DEPLOYMENT)) for vote in votes]
    with pytest.raises(DoubleSign):
        check_claim((claims[0].sequence, claims[0].digest), claims[1])


@pytest.mark.parametrize("size", range(1, 33))
def test_two_quorums_always_share_a_third_of_the_members(size: int) -> None:
    members = [Address(f"0x{i:040x}") for i in range(1, size + 1)]
    accepted = []
    for threshold in range(size + 2):
        try:
            Committee.first(DEPLOYMENT, members, threshold)
        except InvalidCommittee:
            continue
        accepted.append(threshold)
    assert accepted == [k for k in range(1, size + 1) if 3 * k > 2 * size]
    assert all(3 * (2 * k - size) > size for k in accepted)


@schemes
def test_old_keys_long_after(scheme: Scheme) -> None:
    old = chain().committees[1]
    trust = expected(chain())
    assert refusal(stated(scheme, old), trust) is Refusal.COMMITTEE_SUPERSEDED
    handover = chain().committees[2].valid_from
    backdated = stated(scheme, old, issued_at=handover - 1, expires_at=handover + 60)
    assert refusal(backdated, trust) is Refusal.EXPIRED
    backdated = stated(scheme, old, issued_at=handover - 1, expires_at=NOW + 60)
    assert refusal(backdated, trust) is Refusal.TTL


def test_a_signature_rewritten_in_its_other_form() -> None:
    document = stated(Scheme.SECP256K1)
    (index, raw), *rest = document.signatures
    s = (ORDER - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big")
    other = raw[:32] + s + bytes([55 - raw[64]])
    rewritten = replace(document, signatures=((index, other), *rest))
    assert refusal(rewritten) is Refusal.HIGH_S
    document = stated(Scheme.ED25519)
    (index, raw), *rest = document.signatures
    s = (int.from_bytes(raw[32:], "little") + test_ed25519.ORDER).to_bytes(32, "little")
    rewritten = replace(document, signatures=((index, raw[:32] + s), *rest))
    assert refusal(rewritten) is Refusal.SIGNATURE


@schemes
def test_the_digest_is_the_replay_key_whoever_signed(scheme: Scheme) -> None:
    made = keys.statement(COMMITTEE)
    verdicts = [
        judge(
            Document(
                statement=made, signatures=keys.sign(scheme, made.digest, indices), scheme=scheme
            )
        )
        for indices in ((0, 1, 2), (1, 2, 3), (0, 1, 2, 3))
    ]
    assert {verdict.digest for verdict in verdicts} == {made.digest}
    claim = Claim(salt=bytes(32), subject=bytes(32), sequence=1, digest=made.digest)
    assert not check_claim((1, made.digest), claim)


@schemes
def test_a_file_of_a_committee_nobody_trusts(scheme: Scheme) -> None:
    strangers = keys.committee(4, 3, "stranger")
    made = keys.statement(strangers)
    signed = {
        i: member.signer(scheme).sign(made.digest)
        for i, member in enumerate(keys.members(4, "stranger")[:3])
    }
    document = Document(statement=made, signatures=join_signatures(scheme, signed), scheme=scheme)
    assert not judge(document, Expected()).pinned
    assert refusal(document) is Refusal.COMMITTEE
    named = Expected(members=frozenset(COMMITTEE.members))
    assert refusal(document, named) is Refusal.COMMITTEE
