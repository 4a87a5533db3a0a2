"""What is remembered of votes, and that nothing made up about them does harm."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.committee.frauds import FOLDER, REMEMBERED, FraudWatch
from daemon.committee.membership import Membership
from daemon.committee.refusals import Refusals
from proofs.document import Document
from proofs.scheme import Scheme
from proofs.succession import CommitteeChain
from tests.proofs import keys
from tests.proofs.samples import DEPLOYMENT

COMMITTEE = keys.committee()
HEADER = keys.statement(COMMITTEE).header
NOW = 20_000
LIAR = 1
LOW, HIGH = 10**18, 2 * 10**18


@pytest.fixture
def watch(tmp_path: Path) -> FraudWatch:
    membership = Membership(
        me=COMMITTEE.members[0],
        chain=CommitteeChain(deployment=DEPLOYMENT, root=COMMITTEE),
        urls={},
        state_dir=tmp_path,
    )
    return FraudWatch(
        membership=membership,
        state_dir=tmp_path,
        roots={HEADER.account_set_root},
        period_s=1,
        clock=lambda: float(NOW),
    )


def vote(**header: object) -> Document:
    made = keys.statement(COMMITTEE, **{"sequence": NOW, **header})
    signed = keys.sign(Scheme.SECP256K1, made.digest, (LIAR,))
    return Document(statement=made, signatures=signed)


def test_two_digests_of_one_sequence_convict(watch: FraudWatch) -> None:
    watch.witness(vote(health_factor_e18=LOW))
    watch.witness(vote(health_factor_e18=HIGH))
    assert set(watch.membership.banned) == {COMMITTEE.members[LIAR]}
    assert len(list(watch.folder.iterdir())) == 1


@pytest.mark.parametrize("wrong", [{"committee_id": b"\x09" * 32}, {"epoch": 7}])
def test_a_vote_that_names_another_committee_is_no_vote_and_hides_none(
    watch: FraudWatch, wrong: dict[str, object]
) -> None:
    watch.witness(vote(**wrong))
    watch.witness(vote(health_factor_e18=LOW))
    assert watch.membership.banned == {}
    watch.witness(vote(health_factor_e18=HIGH))
    assert set(watch.membership.banned) == {COMMITTEE.members[LIAR]}


def test_a_vote_of_another_deployment_is_no_vote(watch: FraudWatch) -> None:
    made = replace(keys.statement(COMMITTEE, sequence=NOW), deployment="another")
    signed = keys.sign(Scheme.SECP256K1, made.digest, (LIAR,))
    watch.witness(Document(statement=made, signatures=signed))
    watch.witness(vote(health_factor_e18=LOW))
    assert watch.membership.banned == {}


def test_what_is_made_up_drives_no_vote_out(watch: FraudWatch) -> None:
    watch.witness(vote(health_factor_e18=LOW))
    watch.witness(vote(account_set_root=b"\x09" * 32))
    for sequence in (0, NOW - 2 * REMEMBERED, NOW + 60, 2**64 - 1):
        watch.witness(vote(sequence=sequence))
    assert {root: set(seen) for root, seen in watch._seen.items()} == {
        HEADER.account_set_root: {NOW}
    }


def test_what_is_long_ago_is_forgotten(watch: FraudWatch) -> None:
    watch.witness(vote())
    watch.clock = lambda: float(NOW + 2 * REMEMBERED)
    watch.witness(vote(sequence=NOW + 2 * REMEMBERED))
    assert set(watch._seen[HEADER.account_set_root]) == {NOW + 2 * REMEMBERED}


def test_a_proof_that_cannot_be_kept_still_convicts(watch: FraudWatch) -> None:
    (watch.state_dir / FOLDER).write_text("no folder")
    watch.witness(vote(health_factor_e18=LOW))
    watch.witness(vote(health_factor_e18=HIGH))
    assert set(watch.membership.banned) == {COMMITTEE.members[LIAR]}


def test_a_reason_on_record_is_no_longer_than_a_message_carries() -> None:
    refusals = Refusals()
    me = COMMITTEE.members[0]
    refusals.note(account="alice", sequence=1, member=me, proposer=me, reason="x" * 10_000)
    assert len(refusals.newest[0].reason) == 400
