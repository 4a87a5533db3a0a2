"""A member's answers: sign what it would state itself, refuse the rest by name, take up the newest.

Before a signature leaves the claim is durable, so that no crash makes a member sign two digests.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chains.model.ids import Address
from daemon.attest import claim_of
from daemon.committee.catchup import CatchUp
from daemon.committee.frauds import FraudWatch
from daemon.committee.membership import Membership
from daemon.committee.messages import (
    NEWEST_AT_ONCE,
    VAULT_REQUESTS,
    BadMessage,
    Kind,
    Message,
    encode_reason,
    join_parts,
    split_parts,
)
from daemon.committee.proposal import Disagreement, find_difference, find_proposer
from daemon.committee.recompute import Recomputer
from daemon.committee.refusals import Refusals
from daemon.committee.slots import Accounts, decode_accounts
from daemon.committee.standing import Standing
from daemon.committee.turns import Turns
from daemon.committee.vault_member import VaultMember
from daemon.proving import Prover
from daemon.storage.errors import StorageError
from proofs.committee import Committee
from proofs.document import Document, decode_document
from proofs.evidence.bundle import MAGIC
from proofs.evidence.check import unlabel
from proofs.guard import DoubleSign, Guard
from proofs.quorum import check_signers
from proofs.refusal import Refused
from proofs.scheme import Scheme
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import Statement
from proofs.succession import encode_chain
from proofs.typed import WORD

SLACK_S: Final = 5
"""How long after its period, by this member's clock, a sequence may still be proposed."""
EARLY_S: Final = 1.0
"""How long before it at most, and never more than a quarter of a period: clocks differ a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What comes with a proposal: its file of evidence, empty for none, and Solana's accounts."""

    evidence: bytes
    accounts: Mapping[int, Accounts]


@dataclass(slots=True, kw_only=True)
class Member:
    """Answers the other members' requests."""

    membership: Membership
    signer: Secp256k1Signer
    guard: Guard
    standing: Standing
    recomputer: Recomputer
    catch_up: CatchUp
    frauds: FraudWatch
    refusals: Refusals
    turns: Turns
    prover: Prover
    vaults: VaultMember | None = None
    clock: Callable[[], float] = time.time
    _judging: set[tuple[Address, str]] = field(default_factory=set)
    _reading: defaultdict[Address, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def answer(self, message: Message) -> tuple[Kind, bytes]:
        """Give the kind and the body of the reply; what cannot be read is refused too."""
        if message.header.kind in VAULT_REQUESTS:
            if self.vaults is None:
                return Kind.REFUSAL, join_parts([encode_reason("I know of no vaults")])
            return await self.vaults.answer(message)
        try:
            parts = split_parts(message.body)
            match message.header.kind:
                case Kind.PROPOSAL:
                    return await self._answer_proposal(message.header.sender, parts)
                case Kind.ATTESTATION:
                    return await self._take(message.header.sender, parts)
                case _:
                    return self._show_newest(parts)
        except (BadMessage, Refused, Disagreement) as error:
            return Kind.REFUSAL, join_parts([encode_reason(str(error))])

    async def _answer_proposal(self, sender: Address, parts: Sequence[bytes]) -> tuple[Kind, bytes]:
        if not parts:
            raise BadMessage("there is no statement in it")
        document = await self._decode(sender, parts[0])
        statement = document.statement
        account = self.standing.account_of(statement.header.account_set_root)
        name = account or "0x" + statement.header.account_set_root.hex()
        try:
            signature = await self._judge(sender, account, document, _read_given(parts[1:]))
        except (BadMessage, Refused, Disagreement) as error:
            self.refusals.note(
                account=name,
                sequence=statement.header.sequence,
                member=self.membership.me,
                proposer=sender,
                reason=str(error),
            )
            raise
        return Kind.VOTE, join_parts([statement.digest, signature])

    async def _decode(self, sender: Address, raw: bytes) -> Document:
        """Decode a member's documents one at a time, beside what this member is busy with."""
        async with self._reading[sender]:
            return await asyncio.to_thread(decode_document, raw)

    async def _judge(
        self,
        sender: Address,
        account: str | None,
        document: Document,
        given: Given,
    ) -> bytes:
        """Give this member's signature of a proposal; Disagreement or Refused say why not."""
        await self._know_committee(sender, document)
        committee = self._check_turn(sender, document)
        self.frauds.witness(document)
        if sender in self.membership.banned:
            raise Disagreement(self.membership.banned[sender])
        if account is None:
            raise Disagreement("the account set is none of mine")
        if (sender, account) in self._judging:
            raise Disagreement("another proposal of yours is being looked at")
        sequence = document.statement.header.sequence
        self._judging.add((sender, account))
        self.turns.hold(account, sequence, sender)
        try:
            return await self._recompute_and_sign(sender, account, document, given, committee)
        except BaseException:  # whatever ends it, a hold must not outlast it
            self.turns.release(account, sequence)
            raise
        finally:
            self._judging.discard((sender, account))

    async def _recompute_and_sign(
        self,
        sender: Address,
        account: str,
        document: Document,
        given: Given,
        committee: Committee,
    ) -> bytes:
        proposed = document.statement
        await self._know_predecessor(sender, account, proposed)
        own = await self.recomputer.recompute(
            account,
            proposed,
            given.accounts,
            committee,
            prev_digest=self.standing.newest_digest(account),
            now=int(self.clock()),
        )
        if given.evidence:
            _compare(unlabel(proposed), own)
            own = await self.prover.follow(own, given.evidence)
        _compare(proposed, own)
        if own.digest != proposed.digest:
            raise Disagreement("the digest is another")
        return await self._sign(own)

    def _check_turn(self, sender: Address, document: Document) -> Committee:
        """Check that it is the sender's turn and his word; gives the committee that signs."""
        statement, period_s = document.statement, self.recomputer.stating.period_s
        sequence = statement.header.sequence
        starts, now = sequence * period_s, self.clock()
        early = min(EARLY_S, period_s / 4)  # or a member's turn could be taken by a later one
        if not starts - early <= now < starts + period_s + SLACK_S:
            raise Disagreement(f"sequence {sequence} is not now")
        committee = self.membership.current(starts)
        if committee is None or committee.id != statement.committee.id:
            raise Disagreement(f"0x{statement.committee.id.hex()} is not the committee now")
        if self.membership.place(committee) is None or self.membership.me in self.membership.banned:
            raise Disagreement("I do not sign")
        turn = find_proposer(committee, sequence)
        by = [index for index, _ in document.signatures]
        if committee.members[turn] != sender or by != [turn]:
            raise Disagreement(f"sequence {sequence} is proposed by {committee.members[turn]}")
        if document.scheme is not Scheme.SECP256K1:
            raise Disagreement(f"it is signed in {document.scheme.label}")
        check_signers(committee, document.scheme, statement.digest, document.signatures)
        return committee

    async def _know_committee(self, sender: Address, document: Document) -> None:
        """Ask the sender for the committees that led to one not heard of."""
        if self.membership.chain.find(document.statement.committee.id) is None:
            await self.catch_up.ask(sender)

    async def _know_predecessor(self, sender: Address, account: str, proposed: Statement) -> None:
        """Take up what the proposer knows more; Disagreement where he knows less."""
        header = proposed.header
        if header.prev_digest != self.standing.newest_digest(account):
            await self.catch_up.ask(sender)
        newest = self.standing.newest_sequence(account)
        if header.sequence <= newest:
            raise Disagreement(f"sequence {newest} is attested already")
        if header.prev_digest != self.standing.newest_digest(account):
            raise Disagreement(
                f"header.prevDigest is 0x{header.prev_digest.hex()}, the newest I know is "
                f"0x{self.standing.newest_digest(account).hex()} of sequence {newest}"
            )

    async def _sign(self, statement: Statement) -> bytes:
        """Sign once the claim is durable."""
        try:
            await self.guard.claim(claim_of(statement))
        except (DoubleSign, StorageError) as error:
            raise Disagreement(str(error)) from error
        return self.signer.sign(statement.digest)

    async def _take(self, sender: Address, parts: Sequence[bytes]) -> tuple[Kind, bytes]:
        """Take up a quorum's attestation."""
        if len(parts) != 1:
            raise BadMessage("there is not one attestation in it")
        document = await self._decode(sender, parts[0])
        self.frauds.witness(document)
        await self._know_committee(sender, document)
        await self.standing.adopt(document, int(self.clock()))
        header = document.statement.header
        account = self.standing.account_of(header.account_set_root)
        if account is not None:
            self.turns.release(account, header.sequence)
        return Kind.TAKEN, b""

    def _show_newest(self, roots: Sequence[bytes]) -> tuple[Kind, bytes]:
        """Show the committees, and the newest attestation of each account set asked for."""
        if len(roots) > NEWEST_AT_ONCE or any(len(root) != WORD for root in roots):
            raise BadMessage(f"not up to {NEWEST_AT_ONCE} roots of {WORD} bytes")
        shown = self.standing.documents(roots)
        return Kind.RECORDS, join_parts([encode_chain(self.membership.chain), *shown])


def _compare(proposed: Statement, own: Statement) -> None:
    if (difference := find_difference(proposed, own)) is not None:
        raise Disagreement(difference)


def _read_given(parts: Sequence[bytes]) -> Given:
    """Read the evidence, if there is any, and the raw accounts by the index of their block."""
    evidence = [part for part in parts if part.startswith(MAGIC)]
    accounts: dict[int, Accounts] = {}
    for part in parts:
        if part in evidence:
            continue
        if not part or part[0] in accounts:
            raise BadMessage("accounts without a block, or two sets for one")
        accounts[part[0]] = decode_accounts(part[1:])
    if len(evidence) > 1:
        raise BadMessage("there are two files of evidence in it")
    return Given(evidence=b"".join(evidence), accounts=accounts)
