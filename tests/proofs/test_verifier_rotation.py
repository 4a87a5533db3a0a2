"""verifier.vy when committees hand over: what the old quorum signs, and who counts at what time."""

from dataclasses import replace
from typing import Final

import pytest

from proofs.committee import NO_END, Committee
from proofs.contract import describe_members, describe_terms, encode_proof
from proofs.envelope import Envelope
from proofs.scheme import Scheme
from proofs.typed import hash_text
from tests.proofs import keys
from tests.proofs.conftest import Chain, Verifier, write_members
from tests.proofs.quorums import sign_envelope
from tests.proofs.samples import DEPLOYMENT

pytestmark = pytest.mark.net

SALT: Final = hash_text(DEPLOYMENT)
FIRST: Final = keys.committee(4, 3)


def follow(last: Committee, start: int, name: str = "next", end: int = NO_END) -> Committee:
    members = [member.keys for member in keys.members(4, name)]
    return last.build_next(members, 3, valid_from=start, valid_until=end)


def handover(
    committee: Committee,
    by: str = "member",
    indices: tuple[int, ...] = (0, 1, 2),
    scheme: Scheme = Scheme.SECP256K1,
    salt: bytes = SALT,
) -> tuple[object, ...]:
    """Give what `rotate` is called with: the record, signed by members of this name."""
    digest = committee.digest(salt)
    signed = keys.sign(scheme, digest, indices, 4, by)
    return (
        *(describe_terms(committee), write_members(describe_members(committee)), scheme),
        *(sum(1 << index for index in indices), encode_proof(scheme, signed)),
    )


def rotate(
    verifier: Verifier,
    committee: Committee,
    by: str = "member",
    indices: tuple[int, ...] = (0, 1, 2),
    *,
    salt: bytes = SALT,
    at: int | None = None,
) -> str:
    return verifier.attempt("rotate", *handover(committee, by, indices, salt=salt), at=at)


def attest(
    committee: Committee, issued: int, by: str, scheme: Scheme = Scheme.SECP256K1
) -> Envelope:
    signers = range(committee.threshold)
    return sign_envelope(scheme, committee, signers, now=issued, name=by)


def accepted(verifier: Verifier, envelope: Envelope, at: int) -> bool:
    return verifier.check(envelope, at=at) == "0x" + verifier.digest(envelope.header).hex()


@pytest.fixture
def verifier(chain: Chain) -> Verifier:
    return chain.deploy_for(FIRST)


def test_the_new_committee_takes_over_when_it_starts(verifier: Verifier) -> None:
    start = verifier.time + 100
    second = follow(FIRST, start)
    assert rotate(verifier, second) == "0x" + second.id.hex()
    verifier.send("rotate", *handover(second))
    assert bytes(verifier.caller.latest_committee_id()) == second.id
    assert bytes(verifier.caller.committee_id()) == FIRST.id
    assert accepted(verifier, attest(FIRST, start - 10, "member"), at=start - 5)
    new = attest(second, start, "next")
    assert verifier.check(new, at=start - 5) == "period"
    assert accepted(verifier, new, at=start)


def test_the_old_committee_counts_only_for_what_it_issued_before(verifier: Verifier) -> None:
    start = verifier.time + 100
    verifier.send("rotate", *handover(follow(FIRST, start)))
    before = attest(FIRST, start - 1, "member")
    assert accepted(verifier, before, at=start + 59)
    assert verifier.check(before, at=start + 60) == "expired"
    since = attest(FIRST, start, "member")
    assert verifier.check(since, at=start) == "superseded"


def test_nothing_older_than_the_committee_before_is_taken(verifier: Verifier) -> None:
    now = verifier.time
    second = follow(FIRST, now - 10)
    third = follow(second, now - 5, "third")
    verifier.send("rotate", *handover(second))
    backdated = attest(FIRST, now - 20, "member")
    assert accepted(verifier, backdated, at=now)
    verifier.send("rotate", *handover(third, "next"))
    assert verifier.check(backdated, at=now) == "committee"
    assert accepted(verifier, attest(second, now - 6, "next"), at=now)
    assert accepted(verifier, attest(third, now, "third"), at=now)


def test_views_tell_of_the_committee_whose_turn_it_is(verifier: Verifier) -> None:
    now = verifier.time
    second = replace(follow(FIRST, now), threshold=4)
    verifier.send("rotate", *handover(second))
    assert bytes(verifier.caller.committee_id()) == second.id
    assert [member.lower() for member in verifier.caller.members()] == list(second.members)
    assert verifier.caller.threshold() == 4


def test_a_record_that_no_quorum_signed_is_refused(verifier: Verifier) -> None:
    second = follow(FIRST, verifier.time + 100)
    assert rotate(verifier, second, indices=()) == "quorum"
    assert rotate(verifier, second, indices=(0, 1)) == "quorum"
    assert rotate(verifier, second, by="next") == "signer"
    assert rotate(verifier, second, salt=hash_text("elsewhere")) == "signer"


def test_the_signatures_are_for_one_record_only(verifier: Verifier) -> None:
    now = verifier.time
    _, _, *signed = handover(follow(FIRST, now + 100))
    for other in (follow(FIRST, now + 101), follow(FIRST, now + 100, "third")):
        terms, members = describe_terms(other), write_members(describe_members(other))
        assert verifier.attempt("rotate", terms, members, *signed) == "signer"


def test_a_record_cannot_be_brought_twice_nor_a_rival_after_it(verifier: Verifier) -> None:
    now = verifier.time
    verifier.send("rotate", *handover(follow(FIRST, now)))
    assert rotate(verifier, follow(FIRST, now)) == "predecessor"
    assert rotate(verifier, follow(FIRST, now + 1, "third")) == "predecessor"


@pytest.mark.parametrize("epoch", [0, 2, 3])
def test_an_epoch_cannot_be_skipped_or_repeated(verifier: Verifier, epoch: int) -> None:
    second = replace(follow(FIRST, verifier.time + 100), epoch=epoch)
    assert rotate(verifier, second) == "epoch"


def test_a_committee_in_between_cannot_be_left_out(verifier: Verifier) -> None:
    second = follow(FIRST, verifier.time)
    third = follow(second, verifier.time + 100, "third")
    assert rotate(verifier, third, "next") == "predecessor"


def test_a_successor_starts_while_the_old_committee_may_sign(chain: Chain) -> None:
    now = chain.time
    short = replace(FIRST, epoch=5, valid_from=now - 50, valid_until=now + 50)
    verifier = chain.deploy_for(short)
    assert rotate(verifier, follow(short, now + 51)) == "start"
    assert rotate(verifier, follow(short, now - 50)) == "start"
    assert rotate(verifier, follow(short, now + 50)) != "start"


def test_an_expired_committee_hands_nothing_over_and_signs_nothing(chain: Chain) -> None:
    now = chain.time
    short = replace(FIRST, epoch=5, valid_from=now - 50, valid_until=now + 50)
    verifier = chain.deploy_for(short)
    second = follow(short, now + 40)
    assert rotate(verifier, second, at=now + 50) == "0x" + second.id.hex()
    assert rotate(verifier, second, at=now + 51) == "expired"
    over = follow(short, now - 20, end=now - 10)
    assert rotate(verifier, over) == "expired"
    issued = attest(short, now + 45, "member")
    assert accepted(verifier, issued, at=now + 50)
    assert verifier.check(issued, at=now + 51) == "period"


def test_a_committee_that_has_not_started_hands_nothing_over(verifier: Verifier) -> None:
    start = verifier.time + 100
    second = follow(FIRST, start)
    third = follow(second, start + 50, "third")
    verifier.send("rotate", *handover(second))
    assert rotate(verifier, third, "next") == "early"
    assert rotate(verifier, third, "next", at=start) == "0x" + third.id.hex()


def test_an_unsafe_successor_is_refused_even_if_signed(verifier: Verifier) -> None:
    terms, members, *signed = handover(follow(FIRST, verifier.time + 100))
    assert isinstance(terms, tuple)
    assert isinstance(members, list)
    few = (terms[0], 2, *terms[2:])
    assert verifier.attempt("rotate", few, members, *signed) == "threshold"
    ended = (*terms[:3], terms[2], terms[4])
    assert verifier.attempt("rotate", ended, members, *signed) == "validity"
    assert verifier.attempt("rotate", terms, members[::-1], *signed) == "members not ascending"
    for place in (1, 2):
        for key in (bytes(32), members[3][place]):
            odd = [*members[:1], replace_at(members[1], place, key), *members[2:]]
            assert verifier.attempt("rotate", terms, odd, *signed) == "keys"


def replace_at(member: tuple[object, ...], place: int, key: object) -> tuple[object, ...]:
    return (*member[:place], key, *member[place + 1 :])


def test_an_old_quorum_hands_over_by_bls_too(verifier: Verifier) -> None:
    second = follow(FIRST, verifier.time)
    by_sum = handover(second, scheme=Scheme.BLS12_381)
    assert verifier.attempt("rotate", *by_sum) == "unregistered"
    verifier.register(FIRST)
    wrong = handover(second, by="next", scheme=Scheme.BLS12_381)
    assert verifier.attempt("rotate", *wrong) == "signature"
    verifier.send("rotate", *by_sum)
    new = attest(second, verifier.time, "next", Scheme.BLS12_381)
    assert verifier.check(new) == "unregistered"
    verifier.register(second)
    assert accepted(verifier, new, at=verifier.time)


def test_a_verifier_can_be_pinned_to_a_later_committee(chain: Chain) -> None:
    second = follow(FIRST, chain.time)
    verifier = chain.deploy_for(second)
    assert bytes(verifier.caller.committee_id()) == second.id
    assert accepted(verifier, attest(second, chain.time, "next"), at=chain.time)
    third = follow(second, chain.time + 10, "third")
    assert rotate(verifier, third, "next") == "0x" + third.id.hex()
    assert verifier.check(attest(FIRST, chain.time, "member")) == "committee"
