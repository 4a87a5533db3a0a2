"""A committee at work: who signs, who refuses and why, and what it is loud about."""

from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from daemon.board import Attested
from daemon.committee.turns import ROUND_S, RoundTerms
from daemon.evidence import Gatherer, Proven
from daemon.storage.errors import StorageError
from proofs.guard import Guard
from proofs.statement import Statement
from proofs.verify import Expected, verify_document
from tests.support import values as v
from tests.support.council import (
    DEPLOYMENT,
    Council,
    Seat,
    Twist,
    Unsteady,
    clock,
    double_price,
    found_committee,
    halve_debt,
)

pytestmark = pytest.mark.net

ALL = {0, 1, 2, 3}


async def test_all_sign_and_everybody_serves_what_verifies(council: Council) -> None:
    await council.start()
    await council.until_attested(by=ALL)
    document = council.seats[2].served
    assert document is not None
    expected = Expected(deployment=DEPLOYMENT, committee_id=found_committee().id)
    verdict = verify_document(document, expected, now=int(clock()))
    assert len(verdict.signers) == 4
    assert all(seat.woken for seat in council.seats)


async def test_proposers_take_turns_and_name_the_attestation_before_theirs(
    council: Council,
) -> None:
    await council.start()
    await council.until_attested()
    turns, last = set(), council.seats[0].served
    for _ in range(6):
        await council.until_attested(0)
        newest = council.seats[0].served
        assert last is not None
        assert newest is not None
        assert newest.statement.header.prev_digest == last.statement.digest
        turns.add(newest.statement.header.sequence % 4)
        last = newest
    assert len(turns) >= 3


async def test_one_down_three_sign_and_it_catches_up_before_it_signs(council: Council) -> None:
    await council.start()
    await council.until_attested(by=ALL)
    await council.stop(3)
    await council.until_attested(0, 1, 2, by={0, 1, 2})
    for seat in council.seats[:3]:
        seat.parts.rounds.turns.terms = RoundTerms(refresh_s=3_600)
    newest = council.seats[0].sequence
    await council.start(3)
    await council.until(lambda: council.seats[3].sequence >= newest, "it caught up")
    for seat in council.seats[:3]:
        seat.parts.rounds.turns.terms = RoundTerms(refresh_s=1)
    await council.until_attested(by=ALL)


@pytest.mark.parametrize(("twist", "named"), [(double_price, "priceE8"), (halve_debt, "amountRaw")])
async def test_a_member_that_is_lied_to_refuses_by_field_and_three_sign(
    council: Council, twist: Twist, named: str
) -> None:
    await council.start()
    await council.until_attested(by=ALL)
    council.seats[3].lie(twist)
    await council.until(lambda: any(named in r for r in council.seats[3].reasons), "it refused")
    await council.until_attested(by={0, 1, 2})
    told = [
        record.reason
        for seat in council.seats[:3]
        for record in seat.parts.refusals.newest
        if record.member == council.seats[3].signer.address
    ]
    assert any(named in reason for reason in told), "the proposer has the reason on record"


async def test_what_one_member_alone_was_told_is_refused_by_all(council: Council) -> None:
    await council.start()
    await council.until_attested()
    council.seats[1].lie(halve_debt)
    liar = council.seats[1].signer.address

    def refused() -> bool:
        honest = [seat for seat in council.seats if seat.place != 1]
        return all(
            any(r.proposer == liar and r.member == seat.signer.address
                for r in seat.parts.refusals.newest)
            for seat in honest
        )  # fmt: skip

    await council.until(refused, "everybody refused the liar's proposal")
    await council.until_attested(0, 2, 3)
    for seat in council.seats:
        assert seat.served is not None
        assert {1} - seat.signers, "no figure of the liar's was signed"


async def test_without_a_quorum_nothing_is_served_and_all_say_so_until_healed(
    council: Council,
) -> None:
    await council.start()
    await council.until_attested(by=ALL)
    council.seats[3].lie(double_price)
    await council.stop(2)
    honest = council.seats[0]
    await council.until(lambda: bool(honest.parts.standing.lost), "it is loud", 2 * ROUND_S)
    assert "of the 3 signatures needed" in honest.parts.standing.lost["alice"]
    await council.until(lambda: honest.served is None, "what ran out is not served", 2 * ROUND_S)
    assert all(account.lost for account in honest.parts.view().accounts)
    council.seats[3].lie(None)
    await council.start(2)
    await council.until_attested(by=ALL)
    assert honest.parts.standing.lost == {}


async def test_halves_that_do_not_hear_each_other_attest_nothing(council: Council) -> None:
    await council.start()
    await council.until_attested(by=ALL)
    council.split({0, 1}, {2, 3})
    seats = council.seats
    await council.until(
        lambda: all(seat.parts.standing.lost for seat in seats), "all are loud", 2 * ROUND_S
    )
    assert all(len(seat.signers) == 4 for seat in seats if seat.served)
    council.mend()
    await council.until_attested()
    assert not any(seat.parts.standing.lost for seat in seats)


async def test_a_slow_member_holds_nobody_up_and_serves_what_the_others_signed(
    council: Council,
) -> None:
    for node in council.seats[3].nodes.values():
        node.delay_s = 1.0
    await council.start()
    await council.until_attested(by={0, 1, 2})
    took = [seconds for seat in council.seats[:3] for seconds in seat.parts.rounds.round_times]
    assert min(took) < 1.0


@dataclass(slots=True, kw_only=True)
class LosesChain(Gatherer):
    """Loses a member's chain while it proves: the last moment before the claim."""

    seat: Seat
    asked: int = 0

    async def prove(self, statement: Statement) -> Proven:
        self.asked += 1
        self.seat.board.put_gap(v.CHEAP, "lost", v.NOW)
        return Proven(statement=statement)


async def test_what_lost_a_chain_while_it_was_proved_is_neither_claimed_nor_proposed(
    council: Council,
) -> None:
    guards: list[Unsteady] = []

    def watched(guard: Guard) -> Guard:
        guards.append(Unsteady(guard))
        return guards[-1]

    losers = [LosesChain(clients={}, seat=seat) for seat in council.seats]
    for seat, loser in zip(council.seats, losers, strict=True):
        seat.guard_of, seat.gatherer = watched, loser
    await council.start()
    await council.until(lambda: all(loser.asked > 1 for loser in losers), "everybody proved twice")
    assert len(guards) == len(losers)
    assert not any(guard.claims for guard in guards)
    for seat in council.seats:
        seat.parts.rounds.prover.gatherer = Gatherer(clients={})
    await council.until_attested()


async def test_a_round_is_not_told_as_attested_where_it_could_not_be_recorded_but_is_published(
    council: Council,
) -> None:
    await council.start()
    await council.until_attested(by=ALL)
    proposer, *others = council.seats
    unrecorded: list[int] = []

    async def fail(attested: Attested) -> None:
        unrecorded.append(attested.sequence)
        raise StorageError("the disk is full")

    for seat in others:
        seat.parts.rounds.turns.terms = RoundTerms(refresh_s=3_600)
    with capture_logs() as logs:
        proposer.parts.standing.record = fail
        await council.until(
            lambda: bool(unrecorded) and all(s.sequence >= unrecorded[-1] for s in others),
            "the others serve what the proposer could not keep",
        )
    told = {log["sequence"] for log in logs if log["event"] == "committee.attested"}
    assert not told & set(unrecorded)
    assert proposer.sequence < unrecorded[-1]
