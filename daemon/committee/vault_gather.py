"""Gathering a quorum's signatures on statements about vaults, and handing them to everybody."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from chains.model.ids import Address
from daemon.committee.client import Peers, Silent
from daemon.committee.membership import Membership
from daemon.committee.messages import (
    BadMessage,
    Kind,
    Message,
    decode_reason,
    join_parts,
    split_parts,
)
from daemon.committee.refusals import Refusals
from daemon.committee.vault_ballot import VaultBallot
from daemon.committee.vault_messages import (
    Tip,
    VaultProposal,
    VaultVote,
    decode_votes,
    encode_proposal,
)
from proofs.committee import Committee
from proofs.recover import BadSignatureError, recover_address
from proofs.refusal import Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.vault_document import VaultDocument, encode_vault_document
from proofs.vaults import VaultFact

QUANTITIES: Final = "quantities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What came of a proposal: the statements that a quorum signed, and why others were not.

    `unread` are chains that too many members cannot read for there to be a quorum.
    """

    signed: tuple[VaultDocument, ...]
    missing: str
    unread: Collection[int]


@dataclass(slots=True, kw_only=True)
class VaultGather:
    """Asks the other members; `round_s` and `grace_s` as for attestations."""

    membership: Membership
    signer: Secp256k1Signer
    peers: Peers
    refusals: Refusals
    round_s: float
    grace_s: float

    async def propose(self, committee: Committee, proposal: VaultProposal) -> Gathered:
        """Have statements signed that this member read itself."""
        documents = proposal.documents
        place = committee.members.index(self.membership.me)
        asked = self.membership.others(committee)
        ballot = VaultBallot(
            needed=committee.threshold,
            asked=asked,
            votes=[{place: self.signer.sign(document.digest)} for document in documents],
        )
        body = encode_proposal(proposal)
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(self._ask(committee, proposal, member, body, ballot))
                for member in asked
            ]
            await ballot.settle(grace_s=self.grace_s, limit_s=self.round_s)
            for task in asking:
                task.cancel()
        passed = [item for item in range(len(documents)) if ballot.passed(item)]
        spare = len(committee.members) - committee.threshold
        return Gathered(
            signed=tuple(
                replace(documents[item], signatures=tuple(sorted(ballot.votes[item].items())))
                for item in passed
            ),
            missing="; ".join(f"{member}: {why}" for member, why in ballot.reasons.items()),
            unread=[chain for chain, who in ballot.unread.items() if len(who) > spare],
        )

    async def publish(self, committee: Committee, documents: Sequence[VaultDocument]) -> None:
        """Hand statements to the others of a committee; who is silent catches up later."""
        body = join_parts([encode_vault_document(document) for document in documents])
        async with asyncio.TaskGroup() as group:
            for member in self.membership.others(committee):
                group.create_task(self._send(member, body))

    async def _send(self, member: Address, body: bytes) -> None:
        with suppress(Silent):
            await self.peers.ask(member, Kind.VAULT_STATEMENTS, body)

    async def _ask(
        self,
        committee: Committee,
        proposal: VaultProposal,
        member: Address,
        body: bytes,
        ballot: VaultBallot,
    ) -> None:
        try:
            reply = await self.peers.ask(member, Kind.VAULT_PROPOSAL, body)
            votes = read_votes(proposal.documents, member, reply)
        except Silent as error:
            ballot.refuse(member, str(error))
            return
        except (BadMessage, Refused) as error:
            self._note(proposal, proposal.documents[0], member, str(error))
            ballot.refuse(member, str(error))
            return
        for document, reason in list_refusals(proposal.documents, votes):
            self._note(proposal, document, member, reason)
        ballot.take(member, committee.members.index(member), votes)

    def _note(
        self, proposal: VaultProposal, document: VaultDocument, member: Address, reason: str
    ) -> None:
        self.refusals.note(
            account=name_document(document),
            sequence=proposal.turn,
            member=member,
            proposer=self.membership.me,
            reason=reason,
        )


def make_proposal(
    turn: int, documents: Sequence[VaultDocument], tips: Sequence[Tip] = ()
) -> VaultProposal:
    """Give a proposal with the blocks that its statements need."""
    return VaultProposal(turn=turn, documents=tuple(documents), tips=tuple(tips))


def name_document(document: VaultDocument) -> str:
    """Give what a statement is about in a few words, for records."""
    said = document.said
    if isinstance(said, VaultFact):
        kind = document.key.kind.value if document.key else "fact"
        return f"{kind} 0x{said.key.hex()}"
    return f"{QUANTITIES} 0x{said.account.hex()}"


def list_refusals(
    documents: Sequence[VaultDocument], votes: Sequence[VaultVote]
) -> Iterator[tuple[VaultDocument, str]]:
    """Give each reason not to sign once, with the first statement that it was given for."""
    told: set[str] = set()
    for document, vote in zip(documents, votes, strict=True):
        if vote.signature is None and vote.reason not in told:
            told.add(vote.reason)
            yield document, vote.reason


def read_votes(
    documents: Sequence[VaultDocument], member: Address, reply: Message
) -> tuple[VaultVote, ...]:
    """Give a member's votes with signatures checked; BadMessage with his reason, or ours."""
    parts = split_parts(reply.body)
    if reply.header.kind is Kind.REFUSAL and len(parts) == 1:
        raise BadMessage(decode_reason(parts[0]))
    if reply.header.kind is not Kind.VAULT_VOTES:
        raise BadMessage("the answer is no vote")
    votes = decode_votes(parts, len(documents))
    for document, vote in zip(documents, votes, strict=True):
        if vote.signature is None:
            continue
        try:
            signer = recover_address(document.digest, vote.signature)
        except BadSignatureError as error:
            raise BadMessage(f"the vote's signature: {error}") from error
        if signer != member:
            raise BadMessage("the vote is not by the member")
    return votes
