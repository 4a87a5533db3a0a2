"""What one member answers about vaults to other members who lie, err or are late."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.committee.messages import Kind, decode_reason, join_parts, split_parts
from daemon.committee.vault_messages import (
    Tip,
    VaultProposal,
    VaultVote,
    decode_votes,
    encode_cursor,
    encode_proposal,
)
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.vault_document import VaultDocument, decode_vault_document, encode_vault_document
from proofs.vaults import ChainQuantities, FactKey, FactKind, VaultFact, VaultQuantities
from tests.support.council import DEPLOYMENT, SIGNERS, clock, found_committee, sitting
from tests.support.envoy import Envoy, sent
from tests.support.vault_council import (
    ACCOUNT,
    DEPTH,
    FAR,
    NEAR,
    TERMS,
    VAULT,
    WAD,
    VaultCouncil,
)

pytestmark = pytest.mark.net
KEY = FactKey(kind=FactKind.RAISED, subject=ACCOUNT, numbers=(NEAR, FAR, 0))
FINAL = DEPTH + 1


class Visit:
    """Envoys of every member before the last one, who is alone in the house."""

    def __init__(self, vaults: VaultCouncil, envoys: list[Envoy]) -> None:
        self.vaults = vaults
        self.envoys = envoys

    @staticmethod
    def newest_turn(*places: int) -> int:
        """Give the newest turn of these members."""
        turn = int(clock() // TERMS.turn_s)
        return next(t for t in range(turn, turn - 4, -1) if t % 4 in places)

    async def propose(
        self, *documents: VaultDocument, tips: tuple[Tip, ...] = (), turn: int | None = None
    ) -> Any:  # noqa: ANN401 - votes, or a reason
        """Propose in another's turn; gives the votes, or the reason not to look."""
        turn = self.newest_turn(0, 1, 2) if turn is None else turn
        return await self.propose_as(turn % 4, turn, *documents, tips=tips)

    async def propose_as(
        self, sender: int, turn: int, *documents: VaultDocument, tips: tuple[Tip, ...] = ()
    ) -> Any:  # noqa: ANN401 - votes, or a reason
        proposal = VaultProposal(turn=turn, documents=documents, tips=tips)
        envoy = self.envoys[sender]
        reply = await envoy.peers.ask(envoy.address, Kind.VAULT_PROPOSAL, encode_proposal(proposal))
        parts = split_parts(reply.body)
        if reply.header.kind is Kind.REFUSAL:
            return decode_reason(parts[0])
        return decode_votes(parts, len(documents))

    async def vote(self, document: VaultDocument, *tips: Tip, turn: int | None = None) -> VaultVote:
        if turn is None and isinstance(document.said, VaultQuantities):
            turn = document.said.sequence
        votes = await self.propose(document, tips=tips, turn=turn)
        assert not isinstance(votes, str), votes
        vote: VaultVote = votes[0]
        return vote

    async def hand_in(self, *documents: VaultDocument) -> str:
        body = join_parts([encode_vault_document(document) for document in documents])
        envoy = self.envoys[0]
        reply = await envoy.peers.ask(envoy.address, Kind.VAULT_STATEMENTS, body)
        if reply.header.kind is Kind.TAKEN:
            return "taken"
        return decode_reason(split_parts(reply.body)[0])

    async def ask(self, kind: Kind, *parts: bytes) -> str:
        envoy = self.envoys[0]
        reply = await envoy.peers.ask(envoy.address, kind, join_parts(parts))
        assert reply.header.kind is Kind.REFUSAL
        return decode_reason(split_parts(reply.body)[0])

    def quantities(self, **changes: Any) -> tuple[VaultDocument, Tip]:  # noqa: ANN401 - any field of the chain's
        """State the account's collateral on the near chain as it is, or changed."""
        near = self.vaults.near
        final, tip = near.final.anchor, near.blocks[-1].anchor
        none = (0, 0)
        turn = self.newest_turn(0, 1, 2)
        chain = ChainQuantities(
            chain_id=NEAR,
            height=final.height,
            time=final.time,
            collateral=(5 * WAD, 0),
            debt=none,
            locked=none,
            added=none,
            repaid=none,
            ordered_e8=0,
            lines_in=none,
        )
        said = VaultQuantities(
            committee_id=found_committee().id,
            account=ACCOUNT,
            sequence=turn,
            issued_at=int(turn * TERMS.turn_s),
            chains=(replace(chain, **changes),),
        )
        document = VaultDocument(deployment=DEPLOYMENT, committee=found_committee(), said=said)
        return document, Tip(chain=NEAR, height=tip.height, hash=tip.hash)


def state(**changes: Any) -> VaultDocument:  # noqa: ANN401 - any field
    """State the line as it is, or changed."""
    fields: dict[str, Any] = {
        "committee_id": found_committee().id,
        "chain_id": NEAR,
        "source": VAULT,
        "key": KEY.hash,
        "value": 5 * WAD,
        "height": 2 + FINAL - 1,
    }
    said = VaultFact(**(fields | changes))
    return VaultDocument(deployment=DEPLOYMENT, committee=found_committee(), said=said, key=KEY)


def sign(document: VaultDocument, *signers: Secp256k1Signer) -> VaultDocument:
    """Sign with members."""
    members = document.committee.members
    signed = sorted((members.index(s.address), s.sign(document.digest)) for s in signers)
    return replace(document, signatures=tuple(signed))


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    async with sitting(tmp_path) as council, _visiting(VaultCouncil(council)) as opened:
        yield opened


@asynccontextmanager
async def _visiting(vaults: VaultCouncil) -> AsyncIterator[Visit]:
    council = vaults.council
    vaults.raise_line(5 * WAD)
    vaults.near.hold(collateral=5 * WAD)
    vaults.near.mine(FINAL)
    await council.start(3)
    await vaults.parts(3).chains.wait_known()
    async with (
        sent(council, council.seats[3], SIGNERS[0]) as first,
        sent(council, council.seats[3], SIGNERS[1]) as second,
        sent(council, council.seats[3], SIGNERS[2]) as third,
    ):
        yield Visit(vaults, [first, second, third])


async def test_a_true_fact_is_signed_and_everything_else_refused_by_name(visit: Visit) -> None:
    height = visit.vaults.near.final.anchor.height
    assert (await visit.vote(state(height=height))).signature is not None
    for changes, reason in (
        ({"value": 6 * WAD}, "fact.value is 6000000000000000000, I have 5"),
        ({"height": 2}, "nothing is said of"),
        ({"chain_id": 1}, "chain 1 has no vault that I know"),
        ({"committee_id": bytes(32)}, "the committee named is another"),
    ):
        vote = await visit.vote(state(**({"height": height} | changes)))
        assert vote.signature is None
        assert reason in vote.reason
    vote = await visit.vote(state(height=height + 2))
    assert "is not final here" in vote.reason
    assert vote.unread == (NEAR,)
    assert len(visit.vaults.reasons(3)) == 5, "each refusal is on record"


async def test_proposals_out_of_turn_or_of_others_are_not_looked_at(visit: Visit) -> None:
    turn = visit.newest_turn(3)
    assert f"turn {turn} is 0x" in await visit.propose_as(0, turn, state())
    assert await visit.propose_as(0, turn + 41, state()) == f"turn {turn + 41} is not now"
    foreign = replace(state(), deployment="another")
    assert "the deployment is not" in await visit.propose(foreign)
    unknown = replace(state(), committee=replace(found_committee(), threshold=4))
    assert "I do not know 0x" in await visit.propose(unknown)
    assert "cannot be read" in await visit.ask(
        Kind.VAULT_PROPOSAL, b"", encode_vault_document(state())
    )
    assert "not 1 to 32 statements" in await visit.ask(Kind.VAULT_PROPOSAL, b"")
    signed = encode_vault_document(sign(state(), SIGNERS[0]))
    assert "signed already" in await visit.ask(Kind.VAULT_PROPOSAL, bytes(8), signed)
    assert "not a place" in await visit.ask(Kind.VAULT_NEWEST, b"1")


async def test_quantities_are_signed_as_they_are_read_and_refused_by_the_first_difference(
    visit: Visit,
) -> None:
    document, tip = visit.quantities()
    assert (await visit.vote(document, tip)).signature is not None
    for changes, reason in (
        ({"collateral": (6 * WAD, 0)}, "collateral is"),
        ({"added": (1, 0)}, "added is"),
        ({"ordered_e8": 1}, "orderedE8 is 1, I have 0"),
        ({"time": 1}, "time is 1"),
    ):
        document, tip = visit.quantities(**changes)
        assert reason in (await visit.vote(document, tip)).reason
    document, tip = visit.quantities()
    assert "no block of top-ups" in (await visit.vote(document)).reason
    assert "not as said" in (await visit.vote(document, replace(tip, height=tip.height - 1))).reason
    said = document.said
    assert isinstance(said, VaultQuantities)
    late = replace(document, said=replace(said, sequence=said.sequence + 9))
    assert "is not of turn" in (await visit.vote(late, tip, turn=said.sequence)).reason
    none = replace(document, said=replace(said, chains=()))
    assert "no chain is in it" in (await visit.vote(none)).reason


async def test_a_chain_that_can_be_read_is_not_left_out_at_once(visit: Visit) -> None:
    for age, reason in ((8, None), (2, f"chain {FAR} is left out, which I can read")):
        document, tip = visit.quantities()
        said = document.said
        assert isinstance(said, VaultQuantities)
        (near,) = said.chains
        both = replace(
            said,
            sequence=said.sequence - age,
            issued_at=said.issued_at - age,
            chains=(near, replace(near, chain_id=FAR)),
        )
        assert await visit.hand_in(sign(replace(document, said=both), *SIGNERS[:3])) == "taken"
        vote = await visit.vote(document, tip)
        assert (vote.signature is None) == (reason is not None)
        assert vote.reason == (reason or "")


async def test_only_what_a_quorum_signed_of_the_vaults_watched_is_kept(visit: Visit) -> None:
    height = visit.vaults.near.final.anchor.height
    fact = state(height=height)
    assert "2 of the 3 signatures" in await visit.hand_in(sign(fact, *SIGNERS[:2]))
    foreign = state(height=height, source="0x" + "66" * 20)
    assert "is no vault of mine" in await visit.hand_in(sign(foreign, *SIGNERS[:3]))
    ahead, _ = visit.quantities()
    assert isinstance(ahead.said, VaultQuantities)
    ahead = replace(ahead, said=replace(ahead.said, sequence=2**40))
    assert "ahead of the clock" in await visit.hand_in(sign(ahead, *SIGNERS[:3]))
    assert await visit.vaults.fact(3, KEY) is None

    whole = sign(fact, *SIGNERS[:3])
    assert await visit.hand_in(whole) == "taken"
    assert await visit.vaults.fact(3, KEY) == whole
    older = sign(state(height=height - 1), *SIGNERS[:3])
    assert await visit.hand_in(older) == "taken"
    assert await visit.vaults.fact(3, KEY) == whole, "the newest is kept"

    envoy = visit.envoys[0]
    body = join_parts([encode_cursor(0)])
    reply = await envoy.peers.ask(envoy.address, Kind.VAULT_NEWEST, body)
    assert reply.header.kind is Kind.VAULT_RECORDS
    shown = [decode_vault_document(raw) for raw in split_parts(reply.body)[1:]]
    assert whole in shown
