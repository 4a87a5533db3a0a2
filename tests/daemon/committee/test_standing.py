"""What a member takes up: newer attestations of their own time, once they are on the disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.evm.signer import LocalSigner
from config.errors import ConfigError
from config.load import load
from daemon.attest import put_up
from daemon.attesting import check_sequences, open_attesting
from daemon.board import Attested, Board
from daemon.committee.membership import Membership
from daemon.committee.standing import Standing
from daemon.compose import Key, build_board
from daemon.storage.database import open_database
from daemon.storage.errors import StorageError
from daemon.storage.evidence import EvidenceStore
from daemon.storage.store import Store
from proofs.committee import Committee
from proofs.document import Document
from proofs.refusal import Refusal, Refused
from proofs.succession import CommitteeChain, Succession
from proofs.typed import hash_text
from tests.config.samples import GOOD, write
from tests.daemon.committee.test_proposal import state
from tests.support import values as v
from tests.support.council import DEPLOYMENT, SIGNERS, found_committee
from tests.support.envoy import sign

LATE = v.NOW + 1_000
TTL_S = 60


class Ground:
    """A member that stands alone; `full` is his disk."""

    def __init__(self, folder: Path, *starts: int) -> None:
        self.full = False
        self.recorded: list[Attested] = []
        chain = CommitteeChain(deployment=DEPLOYMENT, root=found_committee())
        for start in starts:
            chain = hand_over(chain, start)
        members = {v.account(chain_id): "alice" for chain_id in (v.CHEAP, v.DEAR)}
        root = state().header.account_set_root
        self.standing = Standing(
            board=Board(labels={}, members=members, accounts=("alice",), stale_after_s={}),
            membership=Membership(me=SIGNERS[0].address, chain=chain, urls={}, state_dir=folder),
            stating=v.stating(DEPLOYMENT, ttl_s=TTL_S),
            record=self.record,
            changed=lambda _: None,
            roots={root: "alice"},
        )

    @property
    def committees(self) -> tuple[Committee, ...]:
        return self.standing.membership.chain.committees

    async def record(self, attested: Attested) -> None:
        if self.full:
            raise StorageError("the disk is full")
        self.recorded.append(attested)

    async def refused(self, document: Document, now: int) -> Refusal:
        with pytest.raises(Refused) as caught:
            await self.standing.adopt(document, now)
        assert self.recorded == []
        assert self.standing.newest_sequence("alice") == -1
        return caught.value.refusal


def hand_over(chain: CommitteeChain, start: int) -> CommitteeChain:
    """Let the same members go on as the next committee."""
    last = chain.committees[-1]
    after = last.build_next(last.members, last.threshold, valid_from=start)
    digest = after.digest(hash_text(DEPLOYMENT))
    signatures = tuple((i, SIGNERS[i].sign(digest)) for i in range(3))
    heir = Succession(committee=after, signatures=signatures)
    return replace(chain, successors=(*chain.successors, heir))


def attest(committee: Committee | None = None, **header: Any) -> Document:  # noqa: ANN401 - any field
    """Attest what was true at NOW, with these fields of the header changed."""
    made = state()
    of = committee or found_committee()
    named = {"committee_id": of.id, "epoch": of.epoch, **header}
    changed = replace(made, committee=of, header=replace(made.header, **named))
    return sign(changed, *SIGNERS[:3])


async def test_a_sequence_ahead_of_the_clock_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    for ahead in (v.NOW + 16, 2**62, 2**63, 2**64 - 1):
        assert await ground.refused(attest(sequence=ahead), v.NOW) is Refusal.FUTURE
    assert await ground.standing.adopt(attest(sequence=v.NOW + 15), v.NOW)


async def test_the_time_of_issue_must_be_that_of_the_sequence(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    for sequence in (v.NOW - 17, v.NOW + TTL_S + 17):
        assert await ground.refused(attest(sequence=sequence), LATE) is Refusal.FUTURE
    assert await ground.standing.adopt(attest(sequence=v.NOW), LATE)


async def test_what_ran_out_is_taken_of_this_committee_and_the_one_before(tmp_path: Path) -> None:
    ground = Ground(tmp_path, v.NOW + 10, v.NOW + 20)
    first = ground.committees[0]
    assert await ground.refused(attest(first), LATE) is Refusal.COMMITTEE_SUPERSEDED
    assert await ground.standing.adopt(attest(first), v.NOW + 5)

    before = Ground(tmp_path, v.NOW + 10, LATE + 1)
    assert await before.standing.adopt(attest(before.committees[0]), LATE)
    assert before.standing.board.attestations == {}


async def test_what_cannot_be_recorded_is_not_taken_up(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    ground.full = True
    assert not await ground.standing.adopt(attest(), v.NOW)
    assert ground.standing.newest_sequence("alice") == -1
    assert ground.standing.board.attestations == {}
    ground.full = False
    assert await ground.standing.adopt(attest(), v.NOW)
    assert [a.sequence for a in ground.recorded] == [v.NOW]


async def test_sequences_that_fall_with_a_longer_period_stop_the_start(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    await ground.standing.adopt(attest(), v.NOW)
    check_sequences(ground.recorded, 1, v.NOW)
    with pytest.raises(ConfigError, match=r"attestation\.period_s: with 2 .* alice has"):
        check_sequences(ground.recorded, 2, v.NOW)


async def test_a_store_whose_sequences_are_ahead_is_not_gone_on_from(tmp_path: Path) -> None:
    settings = load([write(tmp_path, f'state_dir = "{tmp_path}"\n{GOOD}')], {})
    key = Key(transactions=LocalSigner(bytes([1] * 32)), attestations=SIGNERS[0])
    async with open_database(tmp_path, live=False) as database:
        store = Store(database)
        await store.write_attestation(put_up(settings.accounts[0].id, attest(sequence=2**40)))
        with pytest.raises(ConfigError, match=r"attestation\.period_s"):
            async with open_attesting(
                settings, key, {}, build_board(settings), store, EvidenceStore(database), {}
            ):
                pass
