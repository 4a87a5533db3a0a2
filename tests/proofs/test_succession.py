"""Handing over from committee to committee: what a late member or a verifier may follow."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.committee import Committee
from proofs.document import encode_document
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme
from proofs.succession import (
    MAX_BYTES,
    MAX_SUCCESSORS,
    CommitteeChain,
    Succession,
    decode_chain,
    encode_chain,
    extend_chain,
    verify_chain,
)
from proofs.typed import hash_text
from proofs.verify import Expected, verify_document, verify_file
from tests.proofs import keys
from tests.proofs.bls.points import stray_key
from tests.proofs.samples import DEPLOYMENT, NOW

SALT = hash_text(DEPLOYMENT)
HOUR = 3600
schemes = pytest.mark.parametrize("scheme", list(Scheme), ids=[s.label for s in Scheme])


def hand_over(
    old: Committee,
    *,
    start: int,
    threshold: int = 3,
    scheme: Scheme = Scheme.SECP256K1,
    signers: tuple[int, ...] = (0, 1, 2),
    **changes: Any,  # noqa: ANN401 -- any member of a record
) -> Succession:
    """Let members of the old committee sign the next one; the members stay who they are."""
    listed = [member.keys for member in keys.members(4)]
    made = replace(old.build_next(listed, threshold, valid_from=start), **changes)
    return signed(made, scheme, signers)


def signed(
    made: Committee,
    scheme: Scheme = Scheme.SECP256K1,
    signers: tuple[int, ...] = (0, 1, 2),
    salt: bytes = SALT,
) -> Succession:
    signatures = keys.sign(scheme, made.digest(salt), signers)
    return Succession(committee=made, signatures=signatures, scheme=scheme)


@lru_cache
def chain(length: int = 2) -> CommitteeChain:
    """Give a chain whose committees start an hour apart; the last one starts at NOW − 1 h."""
    made = CommitteeChain(deployment=DEPLOYMENT, root=keys.committee())
    for place in range(length):
        start = NOW - HOUR * (length - place)
        made = append(made, hand_over(made.committees[-1], start=start))
    return made


def append(made: CommitteeChain, *successions: Succession) -> CommitteeChain:
    return replace(made, successors=(*made.successors, *successions))


def refusal(made: CommitteeChain) -> Refusal:
    with pytest.raises(Refused) as caught:
        verify_chain(made)
    return caught.value.refusal


@schemes
def test_each_quorum_may_hand_over_in_any_scheme(scheme: Scheme) -> None:
    made = append(chain(), hand_over(chain().committees[-1], start=NOW, scheme=scheme))
    verify_chain(made)
    assert [each.epoch for each in made.committees] == [0, 1, 2, 3]
    assert decode_chain(encode_chain(made)) == made


def test_whose_turn_it_is_follows_from_the_time() -> None:
    made = chain()
    for now, epoch in ((0, 0), (NOW - 2 * HOUR, 1), (NOW - HOUR - 1, 1), (NOW, 2)):
        assert made.current(now).epoch == epoch
    ended = append(made, hand_over(made.committees[-1], start=NOW, valid_until=NOW + 9))
    assert ended.current(NOW + 9).epoch == 3
    with pytest.raises(Refused) as caught:
        ended.current(NOW + 10)
    assert caught.value.refusal is Refusal.COMMITTEE_PERIOD


def last() -> Committee:
    return chain().committees[-1]


@pytest.mark.parametrize(
    ("succession", "reason"),
    [
        (lambda: hand_over(last(), start=NOW, signers=(0, 1)), Refusal.QUORUM),
        (lambda: replace(hand_over(last(), start=NOW), signatures=()), Refusal.QUORUM),
        (lambda: hand_over(last(), start=NOW, epoch=4), Refusal.COMMITTEE_CHAIN),
        (lambda: hand_over(last(), start=NOW, epoch=2), Refusal.COMMITTEE_CHAIN),
        (lambda: hand_over(last(), start=NOW, prev=b"\x01" * 32), Refusal.COMMITTEE_CHAIN),
        (lambda: hand_over(last(), start=last().valid_from), Refusal.COMMITTEE_CHAIN),
        (lambda: hand_over(chain().committees[1], start=NOW), Refusal.COMMITTEE_FORK),
        (lambda: chain().successors[1], Refusal.COMMITTEE_FORK),
        (
            lambda: replace(hand_over(last(), start=NOW), scheme=Scheme.ED25519),
            Refusal.SIGNATURE,
        ),
        (
            lambda: replace(
                hand_over(last(), start=NOW), signatures=chain().successors[1].signatures
            ),
            Refusal.SIGNATURE,
        ),
        (
            lambda: signed(hand_over(last(), start=NOW).committee, salt=hash_text("another")),
            Refusal.SIGNATURE,
        ),
        (
            lambda: hand_over(last(), start=NOW, bls_keys=(stray_key(), *last().bls_keys[1:])),
            Refusal.MEMBER_KEY,
        ),
        (
            lambda: hand_over(
                last(), start=NOW, ed25519_keys=(bytes(32), *last().ed25519_keys[1:])
            ),
            Refusal.MEMBER_KEY,
        ),
    ],
)
def test_no_committee_takes_over_otherwise(
    succession: Callable[[], Succession], reason: Refusal
) -> None:
    assert refusal(append(chain(), succession())) is reason


def test_a_committee_that_has_ended_hands_over_to_nobody() -> None:
    ended = hand_over(last(), start=NOW, valid_until=NOW + 9)
    made = append(chain(), ended)
    assert refusal(append(made, hand_over(ended.committee, start=NOW + 10))) is (
        Refusal.COMMITTEE_CHAIN
    )
    verify_chain(append(made, hand_over(ended.committee, start=NOW + 9)))


def test_a_committee_that_nobody_appointed_is_no_link() -> None:
    stranger = hand_over(last(), start=NOW).committee
    forged = Succession(committee=stranger, signatures=keys.sign(Scheme.SECP256K1, b"\x01" * 32))
    assert refusal(append(chain(), forged)) is Refusal.SIGNATURE
    made = append(chain(), hand_over(last(), start=NOW))
    skipped = replace(made, successors=(made.successors[0], made.successors[2]))
    assert refusal(skipped) is Refusal.COMMITTEE_CHAIN


def test_the_first_committee_is_of_its_deployment() -> None:
    assert refusal(replace(chain(), deployment="another")) is Refusal.COMMITTEE_CHAIN
    tail = CommitteeChain(
        deployment=DEPLOYMENT, root=chain().committees[1], successors=chain().successors[1:]
    )
    verify_chain(tail)
    assert refusal(replace(tail, deployment="another")) is Refusal.SIGNATURE


def test_a_late_member_takes_up_what_he_missed() -> None:
    known = replace(chain(), successors=())
    assert extend_chain(known, chain()) == chain()
    assert extend_chain(chain(), known) == chain()
    assert extend_chain(chain(), chain()) == chain()
    tail = CommitteeChain(
        deployment=DEPLOYMENT, root=chain(3).committees[2], successors=chain(3).successors[2:]
    )
    known = replace(chain(3), successors=chain(3).successors[:2])
    assert extend_chain(known, tail) == chain(3)


def test_a_late_member_follows_no_fork_and_no_strangers() -> None:
    other = hand_over(chain().committees[1], start=NOW - HOUR, threshold=4)
    fork = replace(chain(), successors=(chain().successors[0], other))
    verify_chain(fork)
    stranger = CommitteeChain(deployment=DEPLOYMENT, root=keys.committee(name="stranger"))
    unsigned = append(chain(), replace(hand_over(last(), start=NOW), signatures=()))
    named = replace(chain(), deployment="another")
    for offered, reason in (
        (fork, Refusal.COMMITTEE_FORK),
        (stranger, Refusal.COMMITTEE_UNKNOWN),
        (unsigned, Refusal.QUORUM),
        (named, Refusal.DEPLOYMENT),
    ):
        with pytest.raises(Refused) as caught:
            extend_chain(chain(), offered)
        assert caught.value.refusal is reason


def expected(made: CommitteeChain, pinned: Committee | None = None) -> Expected:
    root = pinned or made.root
    return Expected(deployment=DEPLOYMENT, committee_id=root.id, chain=made)


@schemes
def test_a_later_committee_is_trusted_by_the_chain(scheme: Scheme) -> None:
    document = keys.document(scheme, of=last())
    verdict = verify_file(encode_document(document), expected(chain()), now=NOW)
    assert verdict.pinned
    assert verdict.scheme is scheme
    assert verdict.statement.header.epoch == 2


def judged(document_of: Committee, trust: Expected, **header: object) -> Refusal:
    made = keys.statement(document_of, **header)
    document = replace(
        keys.document(Scheme.SECP256K1),
        statement=made,
        signatures=keys.sign(Scheme.SECP256K1, made.digest),
    )
    with pytest.raises(Refused) as caught:
        verify_document(document, trust, now=NOW)
    return caught.value.refusal


def test_without_the_chain_a_later_committee_is_another() -> None:
    trust = replace(expected(chain()), chain=None)
    assert judged(last(), trust) is Refusal.COMMITTEE


def test_a_committee_that_the_chain_does_not_reach_is_refused() -> None:
    shorter = replace(chain(), successors=chain().successors[:1])
    assert judged(last(), expected(shorter)) is Refusal.COMMITTEE_UNKNOWN
    strange = keys.committee(name="stranger")
    assert judged(last(), expected(chain(), strange)) is Refusal.COMMITTEE_UNKNOWN


def test_keys_of_a_committee_that_handed_over_are_worth_nothing() -> None:
    for old in chain().committees[:-1]:
        assert judged(old, expected(chain())) is Refusal.COMMITTEE_SUPERSEDED
    backdated = {"issued_at": NOW - HOUR - 1, "expires_at": NOW + HOUR}
    assert judged(chain().committees[1], expected(chain()), **backdated) is Refusal.TTL


def test_what_was_issued_before_the_handover_is_good_until_it_expires() -> None:
    made = append(chain(), hand_over(last(), start=NOW + 1))
    document = keys.document(Scheme.SECP256K1, of=last())
    assert verify_document(document, expected(made), now=NOW + 5).pinned


def test_a_committee_older_than_the_pinned_one_is_refused() -> None:
    trust = expected(chain(), chain().committees[1])
    assert judged(chain().root, trust) is Refusal.COMMITTEE


def test_a_committee_that_has_not_started_or_has_ended_is_refused() -> None:
    ahead = append(chain(), hand_over(last(), start=NOW + 1))
    assert judged(ahead.committees[-1], expected(ahead)) is Refusal.COMMITTEE_PERIOD
    ended = append(chain(), hand_over(last(), start=NOW - 9, valid_until=NOW - 1))
    assert judged(ended.committees[-1], expected(ended)) is Refusal.COMMITTEE_PERIOD


def test_a_forked_or_foreign_chain_proves_nothing() -> None:
    fork = append(chain(), hand_over(chain().committees[1], start=NOW - 5))
    assert judged(fork.committees[-1], expected(fork)) is Refusal.COMMITTEE_FORK
    foreign = replace(chain(), deployment="another")
    assert judged(last(), expected(foreign)) is Refusal.DEPLOYMENT


def test_addresses_vouch_for_no_other_keys() -> None:
    members = frozenset(keys.committee().members)
    trust = Expected(deployment=DEPLOYMENT, members=members)
    verify_document(keys.document(Scheme.SECP256K1), trust, now=NOW)
    for scheme in (Scheme.ED25519, Scheme.BLS12_381):
        with pytest.raises(Refused) as caught:
            verify_document(keys.document(scheme), trust, now=NOW)
        assert caught.value.refusal is Refusal.COMMITTEE
        pinned = replace(trust, committee_id=keys.committee().id)
        assert verify_document(keys.document(scheme), pinned, now=NOW).scheme is scheme


View = dict[str, Any]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v.update(format="plimsoll/committee-chain/2"), Refusal.SCHEMA),
        (lambda v: v.update(note="x"), Refusal.UNKNOWN_FIELD),
        (lambda v: v.pop("root"), Refusal.MISSING_FIELD),
        (lambda v: v.update(successors={}), Refusal.BAD_TYPE),
        (lambda v: v["successors"][0].update(scheme="schnorr"), Refusal.SCHEME),
        (lambda v: v["successors"][0].update(scheme="secp256k1"), Refusal.NOT_CANONICAL),
        (lambda v: v["successors"][0].update(scheme="ed25519"), Refusal.BAD_TYPE),
        (lambda v: v["root"].update(ed25519Keys=[]), Refusal.NOT_CANONICAL),
        (lambda v: v["root"].pop("blsProofs"), Refusal.COMMITTEE_RULES),
        (lambda v: v["root"].update(blsKeys=["0x00"] * 4), Refusal.BAD_TYPE),
        (lambda v: v["root"]["members"].reverse(), Refusal.COMMITTEE_RULES),
    ],
)
def test_a_chains_file_is_read_strictly(change: Callable[[View], object], reason: Refusal) -> None:
    view: View = json.loads(encode_chain(chain()))
    change(view)
    with pytest.raises(Refused) as caught:
        decode_chain(json.dumps(view, sort_keys=True, separators=(",", ":")).encode())
    assert caught.value.refusal is reason


@given(place=st.integers(0, 10**6), byte=st.binary(min_size=1, max_size=1))
def test_no_changed_byte_of_a_chains_file_is_taken(place: int, byte: bytes) -> None:
    raw = encode_chain(chain())
    place %= len(raw)
    changed = raw[:place] + byte + raw[place + 1 :]
    if changed == raw:
        return
    with pytest.raises(Refused):
        verify_chain(decode_chain(changed))


@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_are_a_chain(raw: bytes) -> None:
    with pytest.raises(Refused):
        decode_chain(raw)


def test_a_file_that_is_too_large_is_malformed() -> None:
    with pytest.raises(Refused) as caught:
        decode_chain(b" " * (MAX_BYTES + 1))
    assert caught.value.refusal is Refusal.MALFORMED


def test_a_chain_of_too_many_committees_is_not_read() -> None:
    one = chain().successors[0]
    most = replace(chain(), successors=(one,) * MAX_SUCCESSORS)
    assert len(decode_chain(encode_chain(most)).successors) == MAX_SUCCESSORS
    with pytest.raises(Refused) as caught:
        decode_chain(encode_chain(append(most, one)))
    assert caught.value.refusal is Refusal.MALFORMED


def test_no_signature_is_looked_at_before_the_root_is_known() -> None:
    unsigned = replace(chain(3).successors[0], signatures=())
    stranger = CommitteeChain(
        deployment=DEPLOYMENT, root=keys.committee(name="stranger"), successors=(unsigned,)
    )
    with pytest.raises(Refused) as caught:
        extend_chain(chain(3), stranger)
    assert caught.value.refusal is Refusal.COMMITTEE_UNKNOWN


def test_what_is_known_is_not_verified_again_and_what_is_new_is() -> None:
    one, two, three = chain(3).successors
    known = replace(chain(3), successors=(one, two))
    unsigned = replace(two, signatures=())
    assert extend_chain(known, replace(known, successors=(one, unsigned, three))) == chain(3)
    rival = replace(hand_over(chain(3).committees[1], start=NOW - HOUR), signatures=())
    for offered in ((one, two, replace(three, signatures=())), (one, rival, three)):
        with pytest.raises(Refused) as caught:
            extend_chain(known, replace(known, successors=offered))
        assert caught.value.refusal is Refusal.QUORUM
