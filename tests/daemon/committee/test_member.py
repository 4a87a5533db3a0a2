"""What one member answers to a proposal, an attestation, a stranger."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.book.document import parse_book
from daemon.committee.client import PATH, Silent
from daemon.committee.frauds import FOLDER
from daemon.committee.messages import (
    HEADER_BYTES,
    MAX_BODY,
    Kind,
    decode_reason,
    join_parts,
    split_parts,
)
from daemon.committee.server import BODIES_OF_ONE, READ_S
from proofs.evidence.bundle import MAGIC
from proofs.fraud import decode_fraud, verify_fraud
from proofs.guard import Guard
from proofs.statement import Statement
from proofs.verify import CLOCK_TOLERANCE_S
from tests.support import books as b
from tests.support.council import (
    SIGNERS,
    SPARES,
    SPEED,
    Unsteady,
    clock,
    found_committee,
    halve_debt,
    sitting,
)
from tests.support.envoy import Envoy, encode_proposal, sent, sign, turn_of

pytestmark = pytest.mark.net

PERIOD_S = 120
"""Half a minute of the wall's time, so that a turn outlasts a test."""
LONGEST_S = 24


@pytest.fixture
async def envoy(tmp_path: Path) -> AsyncIterator[Envoy]:
    """The proposer of this turn before the next member, who is alone in the house."""
    async with sitting(tmp_path, period_s=PERIOD_S) as council:
        if (left := PERIOD_S - clock() % PERIOD_S) < LONGEST_S:
            await asyncio.sleep(left / SPEED)
        turn = turn_of(council)
        seat = council.seats[(turn + 1) % 4]
        await council.start(seat.place)
        async with sent(council, seat, SIGNERS[turn]) as envoy:
            yield envoy


def move_on(envoy: Envoy) -> Statement:
    """Give another true statement of the same sequence, a block later."""
    envoy.council.world.mine()
    return envoy.state()


async def test_what_is_true_is_signed_and_again_when_asked_again(envoy: Envoy) -> None:
    statement = envoy.state()
    assert await envoy.propose(statement) == "signed"
    assert await envoy.propose(statement) == "signed"


async def test_a_book_is_signed_by_members_who_have_the_same(envoy: Envoy) -> None:
    board = envoy.seat.board
    board.book_accounts = {b.ACCOUNT: "alice"}
    published_at = int(clock())

    def take(margin: str) -> None:
        """Give the member a book with its own cash, the same losses."""
        held = b.document(b.part(margin, perps=[b.perp()]), time=published_at)
        board.books[b.ACCOUNT] = parse_book(b.encode(held), b.terms(max_age_s=9_999)).book

    take("1")
    statement = envoy.state()
    assert [leaf.evidence for leaf in statement.leaves.positions].count(4) == 1
    take("2")
    assert "evidenceHash is 0x" in await envoy.propose(statement)
    board.book_accounts = {}
    assert await envoy.propose(statement) != "signed"
    board.book_accounts = {b.ACCOUNT: "alice"}
    board.books.clear()
    assert "venue:deribit:12345: not read yet" in await envoy.propose(statement)
    take("1")
    assert await envoy.propose(statement) == "signed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"health_factor_e18": 7}, "header.healthFactorE18 is 7, I have "),
        ({"prev_digest": b"\x07" * 32}, "header.prevDigest is 0x0707"),
        ({"expires_at": 2_000_000_000}, "header.expiresAt is 2000000000, I have "),
        ({"audience": b"\x07" * 32}, "header.audience is 0x0707"),
        ({"issued_at": 5}, "header.issuedAt is 5, not from "),
        ({"sequence": 5}, "sequence 5 is not now"),
        ({"account_set_root": b"\x07" * 32}, "the account set is none of mine"),
    ],
)
async def test_a_changed_header_is_refused_by_the_fields_name(
    envoy: Envoy, changes: dict[str, Any], reason: str
) -> None:
    assert (await envoy.propose(envoy.state(**changes))).startswith(reason)
    assert [r[: len(reason)] for r in envoy.seat.reasons] == [reason]


async def test_blocks_that_do_not_exist_here_are_refused(envoy: Envoy) -> None:
    statement = envoy.state()
    first = replace(statement.leaves.blocks[0], block_hash=b"\x07" * 32)
    leaves = replace(statement.leaves, blocks=(first, *statement.leaves.blocks[1:]))
    told = await envoy.propose(replace(statement, leaves=leaves))
    assert told == "eip155:31337: no such block"


async def test_old_blocks_are_refused(envoy: Envoy) -> None:
    statement = envoy.state()
    blocks = tuple(replace(block, time=block.time - 90) for block in statement.leaves.blocks)
    leaves = replace(statement.leaves, blocks=blocks)
    header = replace(statement.header, issued_at=blocks[0].time + CLOCK_TOLERANCE_S)
    told = await envoy.propose(replace(statement, leaves=leaves, header=header))
    assert "s old by my clock, 30 s are allowed" in told


async def test_a_committee_of_others_is_refused(envoy: Envoy) -> None:
    statement = envoy.state()
    other = replace(found_committee(), threshold=4)
    header = replace(statement.header, committee_id=other.id)
    told = await envoy.propose(replace(statement, committee=other, header=header))
    assert told.endswith("is not the committee now")


async def test_only_the_turns_member_proposes_and_in_his_own_name(envoy: Envoy) -> None:
    statement, turn = envoy.state(), turn_of(envoy.council)
    impostor = SIGNERS[(turn + 2) % 4]
    expected = f"is proposed by {SIGNERS[turn].address}"
    assert (await envoy.propose(statement, impostor)).endswith(expected)
    async with sent(envoy.council, envoy.seat, impostor) as other:
        assert (await other.propose(statement)).endswith(expected)
        assert (await other.propose(statement, SIGNERS[turn])).endswith(expected)


async def test_a_figure_that_the_proposer_alone_was_told_is_refused(envoy: Envoy) -> None:
    envoy.seat.lie(halve_debt)
    statement = envoy.state()
    envoy.seat.lie(None)
    envoy.seat.look()
    assert "amountRaw" in await envoy.propose(statement)


async def test_evidence_of_what_is_not_true_here_is_not_looked_at(envoy: Envoy) -> None:
    statement = envoy.state(health_factor_e18=7)
    parts = [encode_proposal(statement, envoy.signer), MAGIC + b"damaged"]
    reply = await envoy.ask(Kind.PROPOSAL, parts)
    assert "header.healthFactorE18 is 7" in decode_reason(split_parts(reply.body)[0])


async def test_what_is_no_proposal_is_refused_in_words(envoy: Envoy) -> None:
    for parts in ([], [b""], [b"{}"], [encode_proposal(envoy.state(), envoy.signer), b""]):
        reply = await envoy.ask(Kind.PROPOSAL, parts)
        assert reply.header.kind is Kind.REFUSAL


async def test_a_proposer_of_two_digests_is_convicted_and_heard_no_more(envoy: Envoy) -> None:
    seat = envoy.seat
    assert await envoy.propose(envoy.state()) == "signed"
    told = await envoy.propose(move_on(envoy))
    assert told.startswith("two digests were signed for sequence")
    [file] = (seat.folder / FOLDER).iterdir()
    conviction = verify_fraud(decode_fraud(file.read_bytes()), {found_committee().id})
    assert conviction.accused == (envoy.signer.address,)
    with pytest.raises(Silent, match="is banned"):
        await envoy.propose(envoy.state())
    assert envoy.signer.address not in seat.parts.membership.others(found_committee())

    await envoy.council.stop(seat.place)
    await envoy.council.start(seat.place)
    crime = f"two digests were signed for sequence {conviction.claims[0].sequence}"
    assert seat.parts.membership.banned == {envoy.signer.address: crime}


async def test_a_voter_of_two_digests_is_convicted_by_an_attestation(envoy: Envoy) -> None:
    turn = turn_of(envoy.council)
    voter = SIGNERS[(turn + 2) % 4]
    for statement in (envoy.state(), move_on(envoy)):
        told = await envoy.show(sign(statement, voter))
        assert told.startswith("1 of the 3 signatures needed")
    assert set(envoy.seat.parts.membership.banned) == {voter.address}


async def test_a_kill_between_claim_and_signature_leaves_one_digest_to_sign(
    envoy: Envoy,
) -> None:
    council, seat = envoy.council, envoy.seat
    await council.stop(seat.place)
    dark: list[Unsteady] = []

    def shake(guard: Guard) -> Guard:
        dark.append(Unsteady(guard, failing=not dark))
        return dark[-1]

    seat.guard_of = shake
    await council.start(seat.place)
    first = envoy.state()
    with pytest.raises(Silent, match="no answer"):
        await envoy.propose(first)
    assert [claim.digest for claim in dark[0].claims] == [first.digest]
    await council.stop(seat.place)
    await council.start(seat.place)
    envoy.peers.lines.clear()
    assert "another digest was signed already" in await envoy.propose(move_on(envoy))
    seat.parts.rounds.frauds._seen.clear()
    assert await envoy.propose(first) == "signed"


async def test_strangers_and_what_is_forged_replayed_late_or_misaddressed_are_refused(
    envoy: Envoy,
) -> None:
    council, seat = envoy.council, envoy.seat
    good = envoy.seal(Kind.NEWEST, b"")
    assert (await envoy.post(good))[0] == 200
    assert await envoy.post(good) == (403, "it was taken before")
    assert (await envoy.post(b"hello"))[0] == 400
    assert (await envoy.post(bytes(HEADER_BYTES)))[0] == 403
    assert (await envoy.post(envoy.seal(Kind.NEWEST, b"")[:-1]))[0] in {400, 403}
    assert await envoy.post(envoy.seal(Kind.NEWEST, b"") + b"x") == (
        403,
        "bytes follow the message",
    )
    forged = bytearray(envoy.seal(Kind.NEWEST, join_parts([b"1" * 32])))
    forged[-1] ^= 1
    assert await envoy.post(bytes(forged)) == (403, "the body is not the one that was signed")
    assert "answers nothing" in (await envoy.post(envoy.seal(Kind.VOTE, b"")))[1]
    async with sent(council, seat, SPARES[0]) as stranger:
        told = await stranger.post(stranger.seal(Kind.NEWEST, b""))
        assert told == (403, f"{SPARES[0].address} is no other member")
    async with sent(council, seat, envoy.signer, late_s=60) as late:
        assert "it was sent 60 s from now" in (await late.post(late.seal(Kind.NEWEST, b"")))[1]
    other = council.seats[(seat.place + 1) % 4]
    misaddressed, _ = envoy.peers.post.seal(Kind.NEWEST, other.signer.address, b"")
    assert await envoy.post(misaddressed) == (403, f"it is for {other.signer.address}")
    assert seat.parts.refusals.messages >= 9


@asynccontextmanager
async def stalled(envoy: Envoy, head: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """Send a message's header, and nothing of the 99 bytes that are to follow."""
    reader, writer = await asyncio.open_connection("127.0.0.1", envoy.seat.port)
    length = len(head) + 99
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
    writer.write(head)
    try:
        yield reader
    finally:
        writer.close()


async def test_what_is_not_signed_is_refused_before_its_body_is_read(envoy: Envoy) -> None:
    head = bytearray(envoy.seal(Kind.PROPOSAL, bytes(99))[:HEADER_BYTES])
    head[-4 - 65 - 32] ^= 1
    async with asyncio.timeout(READ_S / 2), stalled(envoy, bytes(head)) as reader:
        assert b"403" in await reader.readline()


async def test_one_members_bodies_that_do_not_come_hold_up_nobody_else(envoy: Envoy) -> None:
    other = SIGNERS[(turn_of(envoy.council) + 2) % 4]
    async with AsyncExitStack() as stack:
        for _ in range(BODIES_OF_ONE):
            head = envoy.seal(Kind.PROPOSAL, bytes(99))[:HEADER_BYTES]
            await stack.enter_async_context(stalled(envoy, head))
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await envoy.post(envoy.seal(Kind.NEWEST, b""))
        async with sent(envoy.council, envoy.seat, other) as quick:
            assert (await quick.post(quick.seal(Kind.NEWEST, b"")))[0] == 200


async def test_what_is_too_large_is_refused_before_it_is_read(envoy: Envoy) -> None:
    raw = bytearray(envoy.seal(Kind.PROPOSAL, b""))
    raw[-4:] = (MAX_BODY[Kind.PROPOSAL] + 1).to_bytes(4, "big")
    status, told = await envoy.post(bytes(raw))
    assert status == 413
    assert "at most" in told


async def test_a_turn_cannot_be_taken_in_advance(envoy: Envoy) -> None:
    turn = turn_of(envoy.council)
    following = SIGNERS[(turn + 2) % 4]
    async with sent(envoy.council, envoy.seat, following) as other:
        sequence = int(clock()) // PERIOD_S + 2
        statement = other.state(sequence=sequence, issued_at=sequence * PERIOD_S)
        assert await other.propose(statement) == f"sequence {sequence} is not now"


async def test_who_proposes_and_never_publishes_is_not_waited_for_again(envoy: Envoy) -> None:
    turns = envoy.seat.parts.rounds.turns
    proposer, sequence = envoy.signer.address, envoy.state().header.sequence
    assert await envoy.propose(envoy.state()) == "signed"
    assert turns.is_held("alice"), "the first time it is waited for"
    turns.hold("alice", sequence + 4, proposer)
    assert not turns.is_held("alice")
    turns.hold("alice", sequence + 5, SIGNERS[turn_of(envoy.council) - 1].address)
    assert turns.is_held("alice"), "others are"
