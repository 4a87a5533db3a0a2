"""Committees that hand over: the new one signs from its first second, late members follow."""

from dataclasses import replace
from pathlib import Path

import pytest

from chains.model.ids import Address
from daemon.committee.membership import CHAIN_FILE
from proofs.committee import NO_END
from proofs.refusal import Refusal, Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.succession import CommitteeChain, Succession, decode_chain
from proofs.typed import hash_text
from tests.support.council import (
    DEPLOYMENT,
    KEYS,
    SIGNERS,
    Council,
    clock,
    found_committee,
    sitting,
)

pytestmark = pytest.mark.net

FIVE = tuple(Secp256k1Signer(key) for key in KEYS[:5])
HANDOVER_S = 8


def hand_over(valid_from: int, *, signers: int = 3, until: int = NO_END) -> CommitteeChain:
    """Give the chain from the four to the five, four of whom must sign."""
    first = found_committee()
    after = first.build_next([s.address for s in FIVE], 4, valid_from=valid_from, valid_until=until)
    digest = after.digest(hash_text(DEPLOYMENT))
    signatures = tuple((i, SIGNERS[i].sign(digest)) for i in range(signers))
    succession = Succession(committee=after, signatures=signatures)
    return CommitteeChain(deployment=DEPLOYMENT, root=first, successors=(succession,))


async def test_the_next_committee_signs_once_it_starts_and_a_late_member_follows(
    tmp_path: Path,
) -> None:
    chain = hand_over(int(clock()) + HANDOVER_S)
    new = chain.committees[-1]
    async with sitting(tmp_path, FIVE) as council:
        late = council.seats[0]
        for seat in council.seats[1:]:
            seat.chain = chain
        await council.start()
        await council.until_attested(1)
        first = council.seats[1].served
        assert first is not None
        assert first.statement.committee.id == found_committee().id
        await council.until(
            lambda: all(
                seat.served is not None and seat.served.statement.committee.id == new.id
                for seat in council.seats
            ),
            "the five attest",
            12.0,
        )
        assert late.parts.membership.chain == chain
        kept = decode_chain((late.folder / CHAIN_FILE).read_bytes())
        assert kept == chain
        await council.until_attested(by={0, 1, 2, 3, 4})

        await council.stop(0)
        await council.start(0)
        assert late.parts.membership.chain == chain, "it remembers"


def test_a_handover_without_a_quorum_is_not_followed(tmp_path: Path) -> None:
    council = Council(tmp_path, SIGNERS)
    membership = council.seats[0].build_membership()
    with pytest.raises(Refused) as refused:
        membership.follow(hand_over(1_000, signers=2), 1_000)
    assert refused.value.refusal is Refusal.QUORUM
    assert membership.current(2_000) == found_committee()


def test_nobody_signs_while_no_committee_may(tmp_path: Path) -> None:
    council = Council(tmp_path, SIGNERS)
    membership = council.seats[0].build_membership()
    assert membership.follow(hand_over(1_000, until=2_000), 2_000) is True
    assert membership.follow(hand_over(1_000, until=2_000), 2_001) is False
    assert membership.current(999) == found_committee()
    current = membership.current(1_000)
    assert current is not None
    assert current.members == tuple(s.address for s in FIVE)
    assert membership.is_member(FIVE[4].address, 0), "who is to sign is listened to"
    assert membership.current(2_001) is None
    assert not membership.is_member(Address("0x" + "11" * 20), 0)


def test_a_handover_is_not_followed_after_the_end_but_remembered(tmp_path: Path) -> None:
    council = Council(tmp_path, SIGNERS)
    membership = council.seats[0].build_membership()
    chain = hand_over(1_000, until=2_000)
    with pytest.raises(Refused) as refused:
        membership.follow(chain, 2_001)
    assert refused.value.refusal is Refusal.COMMITTEE_PERIOD
    assert membership.follow(chain, 2_000)

    last = chain.committees[-1]
    after = last.build_next([s.address for s in SIGNERS], 3, valid_from=1_500)
    digest = after.digest(hash_text(DEPLOYMENT))
    signatures = tuple((i, FIVE[i].sign(digest)) for i in range(4))
    late = replace(
        chain,
        successors=(*chain.successors, Succession(committee=after, signatures=signatures)),
    )
    with pytest.raises(Refused) as refused:
        membership.follow(late, 2_001)
    assert refused.value.refusal is Refusal.COMMITTEE_PERIOD
    assert membership.chain == chain

    again = council.seats[0].build_membership()
    again.recall()
    assert again.chain == chain, "what was followed in time is not forgotten"
