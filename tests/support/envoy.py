"""Somebody who speaks to one member of a council: as a member, a stranger, or worse."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from chains.model.ids import Address
from daemon.committee.client import PATH, Peers
from daemon.committee.membership import Membership
from daemon.committee.messages import Kind, Message, decode_reason, join_parts, split_parts
from daemon.committee.post import Post
from proofs.document import Document, encode_document
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import Statement
from proofs.succession import CommitteeChain
from proofs.typed import ZERO
from tests.support.council import DEPLOYMENT, SIGNERS, Council, Seat, clock, found_committee

Status = tuple[int, str]


@dataclass(slots=True, kw_only=True)
class Envoy:
    """Speaks with a key to a seat."""

    council: Council
    seat: Seat
    signer: Secp256k1Signer
    peers: Peers

    @property
    def address(self) -> Address:
        """Whom it speaks to."""
        return self.seat.signer.address

    async def ask(self, kind: Kind, parts: Sequence[bytes]) -> Message:
        """Send a message that members send."""
        return await self.peers.ask(self.address, kind, join_parts(parts))

    async def propose(self, statement: Statement, signer: Secp256k1Signer | None = None) -> str:
        """Propose a statement; gives "signed" or the reason not to."""
        return _read(
            await self.ask(Kind.PROPOSAL, [encode_proposal(statement, signer or self.signer)])
        )

    async def show(self, document: Document) -> str:
        """Show an attestation; gives "taken" or the reason not to."""
        return _read(await self.ask(Kind.ATTESTATION, [encode_document(document)]))

    def state(self, *, prev_digest: bytes = ZERO, **header: Any) -> Statement:  # noqa: ANN401 - any field
        """State what is true now, with these fields of the header changed."""
        rounds = self.seat.parts.rounds
        self.seat.look()
        report = rounds.look("alice", int(clock()))
        made = rounds.stating.state(report, found_committee(), prev_digest=prev_digest)
        return replace(made, header=replace(made.header, **header)) if header else made

    async def post(self, raw: bytes) -> Status:
        """Post any bytes; gives the status and what is said."""
        url = f"http://127.0.0.1:{self.seat.port}{PATH}"
        async with aiohttp.ClientSession() as session, session.post(url, data=raw) as reply:
            return reply.status, (await reply.read()).decode("ascii", "replace")

    def seal(self, kind: Kind, body: bytes) -> bytes:
        """Give a message's bytes."""
        return self.peers.post.seal(kind, self.address, body)[0]


def encode_proposal(statement: Statement, *signers: Secp256k1Signer) -> bytes:
    """Give a proposal's document, signed by these."""
    return encode_document(sign(statement, *signers))


def sign(statement: Statement, *signers: Secp256k1Signer) -> Document:
    """Sign a statement."""
    members = statement.committee.members
    signatures = sorted((members.index(s.address), s.sign(statement.digest)) for s in signers)
    return Document(statement=statement, signatures=tuple(signatures))


@asynccontextmanager
async def sent(
    council: Council, seat: Seat, signer: Secp256k1Signer, *, late_s: float = 0.0
) -> AsyncIterator[Envoy]:
    """Send somebody to a seat; his clock is `late_s` behind."""
    membership = Membership(
        me=signer.address,
        chain=CommitteeChain(deployment=DEPLOYMENT, root=found_committee()),
        urls={seat.signer.address: f"http://127.0.0.1:{seat.port}"},
        state_dir=council.folder,
    )
    post = Post(membership=membership, signer=signer, clock=lambda: clock() - late_s)
    async with Peers(post=post, reply_s=1.5) as peers:
        yield Envoy(council=council, seat=seat, signer=signer, peers=peers)


def turn_of(council: Council) -> int:
    """Give whose turn it is."""
    return int(clock()) // council.period_s % len(SIGNERS)


def _read(reply: Message) -> str:
    match reply.header.kind:
        case Kind.VOTE:
            return "signed"
        case Kind.TAKEN:
            return "taken"
        case _:
            return decode_reason(split_parts(reply.body)[0])
