"""A member's answers about vaults: votes on what others propose, statements taken and shown."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from chains.model.ids import Address
from daemon.committee.catchup import CatchUp
from daemon.committee.messages import (
    MAX_STATEMENTS_BYTES,
    BadMessage,
    Kind,
    Message,
    encode_reason,
    join_parts,
    split_parts,
)
from daemon.committee.proposal import Disagreement
from daemon.committee.refusals import Refusals
from daemon.committee.vault_gather import list_refusals, name_document
from daemon.committee.vault_judge import VaultJudge
from daemon.committee.vault_messages import (
    BATCH,
    VaultProposal,
    VaultVote,
    decode_cursor,
    decode_proposal,
    encode_cursor,
    encode_votes,
)
from daemon.committee.vault_rounds import VaultRounds
from daemon.committee.vault_standing import VaultStanding
from daemon.storage.errors import StorageError
from proofs.refusal import Refused
from proofs.typed import WORD
from proofs.vault_document import VaultDocument, decode_vault_document


@dataclass(slots=True, kw_only=True)
class VaultMember:
    """Answers the other members' requests about vaults."""

    judge: VaultJudge
    standing: VaultStanding
    rounds: VaultRounds
    catch_up: CatchUp
    refusals: Refusals
    _judging: set[Address] = field(default_factory=set)

    async def answer(self, message: Message) -> tuple[Kind, bytes]:
        """Give the kind and the body of the reply; what cannot be read is refused too."""
        sender = message.header.sender
        try:
            parts = split_parts(message.body)
            match message.header.kind:
                case Kind.VAULT_PROPOSAL:
                    return await self._answer_proposal(sender, parts)
                case Kind.VAULT_STATEMENTS:
                    return await self._take(sender, parts)
                case _:
                    return await self._show(parts)
        except (BadMessage, Refused, Disagreement, StorageError) as error:
            return Kind.REFUSAL, join_parts([encode_reason(str(error))])

    async def _answer_proposal(self, sender: Address, parts: Sequence[bytes]) -> tuple[Kind, bytes]:
        if sender in self._judging:
            raise Disagreement("another proposal of yours is being looked at")
        self._judging.add(sender)
        try:
            proposal = await asyncio.to_thread(decode_proposal, parts)
            await self._know(sender, proposal.documents)
            votes = await self._vote(sender, proposal)
        finally:
            self._judging.discard(sender)
        return Kind.VAULT_VOTES, encode_votes(votes)

    async def _vote(self, sender: Address, proposal: VaultProposal) -> Sequence[VaultVote]:
        try:
            votes = await self.judge.judge(sender, proposal)
        except Disagreement as error:
            self._note(sender, proposal, proposal.documents[0], str(error))
            raise
        for document, vote in zip(proposal.documents, votes, strict=True):
            if vote.signature is not None:
                self.rounds.wants.hold(name_document(document), self.rounds.clock())
        for document, reason in list_refusals(proposal.documents, votes):
            self._note(sender, proposal, document, reason)
        return votes

    def _note(
        self, sender: Address, proposal: VaultProposal, document: VaultDocument, reason: str
    ) -> None:
        self.refusals.note(
            account=name_document(document),
            sequence=proposal.turn,
            member=self.judge.signer.address,
            proposer=sender,
            reason=reason,
        )

    async def _know(self, sender: Address, documents: Sequence[VaultDocument]) -> None:
        """Ask the sender for the committees that led to one not heard of."""
        chain = self.judge.acting.membership.chain
        if any(chain.find(document.committee.id) is None for document in documents):
            await self.catch_up.ask(sender)

    async def _take(self, sender: Address, parts: Sequence[bytes]) -> tuple[Kind, bytes]:
        """Keep a quorum's statements."""
        if len(parts) > BATCH:
            raise BadMessage(f"more than {BATCH} statements")
        documents = await asyncio.to_thread(lambda: list(map(decode_vault_document, parts)))
        await self._know(sender, documents)
        if await self.standing.adopt(documents):
            self.rounds.note_signed(documents)
        return Kind.TAKEN, b""

    async def _show(self, parts: Sequence[bytes]) -> tuple[Kind, bytes]:
        """Show statements that were kept after a place in this member's store."""
        if len(parts) != 1:
            raise BadMessage("not a place to start at")
        last, size = decode_cursor(parts[0]), 0
        shown: list[bytes] = []
        for id_, document in await self.standing.store.read_page(last):
            size += len(document)
            if shown and size > MAX_STATEMENTS_BYTES - BATCH * WORD:
                break
            last = id_
            shown.append(document)
        return Kind.VAULT_RECORDS, join_parts([encode_cursor(last), *shown])
