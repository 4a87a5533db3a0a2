"""Proposing when it is this member's turn, gathering signatures, and telling loudly of no quorum.

A round goes on beside the looks at the accounts. Its sequence is the reference time divided by the
period; a sequence whose proposer is silent is skipped, and the next one's goes on. While another's
proposal is under way here nothing is proposed for that account, for a while.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

import structlog

from chains.model.ids import Address, ChainId
from daemon.attest import claim_of
from daemon.board import Attested
from daemon.committee.catchup import CatchUp
from daemon.committee.client import Peers, Silent
from daemon.committee.frauds import FraudWatch
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
from daemon.committee.slots import encode_accounts
from daemon.committee.standing import Standing
from daemon.committee.tally import Tally
from daemon.committee.views import View
from daemon.evidence import Contradicted
from daemon.margin.report import MarginReport
from daemon.progress import Pulse
from daemon.proving import Prover
from daemon.stating import Stating
from daemon.storage.errors import StorageError
from proofs.build import StatementError
from proofs.committee import Committee
from proofs.document import Document, encode_document
from proofs.guard import DoubleSign, Guard
from proofs.recover import BadSignatureError, recover_address
from proofs.refusal import Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import BlockKind, Statement

ROUND_S: Final = 4.0
"""How long a round may take, and for how long another's holds back one's own."""
GRACE_S: Final = 0.5
"""How long the last members are waited for once there is a quorum."""
TICK_S: Final = 1.0
_END_OF_TURN: Final = 0.4
_END_OF_TURN_S: Final = 0.5
FAILED_ROUNDS: Final = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTerms:
    """Seconds: when a new attestation is due, how long a round takes, and waits for the last."""

    refresh_s: int
    round_s: float = ROUND_S
    grace_s: float = GRACE_S


@dataclass(slots=True)
class _Watch:
    """What is known of one account between rounds."""

    needed: bool = False
    complete_since: float | None = None
    tried: int = -1
    running: bool = False
    held_until: float = 0.0
    held_for: int = -1
    holder: Address | None = None
    unkept: set[Address] = field(default_factory=set)
    failures: int = 0
    failed_after: int = -1
    failure: str = "nobody proposed, or nobody was heard"


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The proposer; `look` evaluates an account now. An `Attesting` for the accounts' loops."""

    membership: Membership
    signer: Secp256k1Signer
    guard: Guard
    stating: Stating
    standing: Standing
    peers: Peers
    catch_up: CatchUp
    frauds: FraudWatch
    refusals: Refusals
    views: Mapping[ChainId, View]
    look: Callable[[str, int], MarginReport]
    prover: Prover
    terms: RoundTerms
    clock: Callable[[], float] = time.time
    pulse: Pulse = field(default_factory=Pulse)
    round_times: list[float] = field(default_factory=list)
    _watches: dict[str, _Watch] = field(default_factory=dict)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def attest(self, report: MarginReport, *, needed: bool) -> Attested | None:
        """Note how an account is; what comes of it reaches the board, and the account is woken."""
        watch = self._watch(report.account)
        watch.needed = needed
        if not report.complete or not report.legs:
            watch.complete_since = None
        elif watch.complete_since is None:
            watch.complete_since = self.clock()
        self._came.set()
        return None

    def hold(self, account: str, sequence: int, proposer: Address) -> None:
        """Propose nothing for an account while another's proposal is under way.

        Whoever let his last one come to nothing is waited for no more until one comes to an end:
        nobody can silence a committee by proposing and never publishing.
        """
        watch = self._watch(account)
        if watch.holder is not None and watch.held_for > self.standing.newest_sequence(account):
            watch.unkept.add(watch.holder)
        watch.holder, watch.held_for = proposer, sequence
        waits = proposer not in watch.unkept
        watch.held_until = self.clock() + self.terms.round_s if waits else 0.0

    def release(self, account: str, sequence: int) -> None:
        """Go on with an account once that proposal, or one before it, is over."""
        watch = self._watch(account)
        if watch.held_for > sequence:
            return
        if watch.holder is not None and self.standing.newest_sequence(account) == watch.held_for:
            watch.unkept.discard(watch.holder)
        watch.holder, watch.held_until = None, 0.0

    async def run(self) -> NoReturn:
        """Propose for ever, after asking the others what was missed."""
        async with asyncio.TaskGroup() as group:
            await self.catch_up.ask_all()
            while True:
                now = self.clock()
                for account in self.standing.board.accounts:
                    if (committee := self._find_due(account, now)) is not None:
                        sequence = self.stating.sequence_at(int(now))
                        watch = self._watch(account)
                        watch.tried, watch.running = sequence, True
                        group.create_task(self._try(group, account, sequence, committee))
                    self._judge_quorum(account, now)
                self.standing.drop_expired(int(now))
                self.pulse.step()
                await self._wait(now)

    async def _wait(self, now: float) -> None:
        """Wait for news of an account, or for the next turn."""
        to_turn = self.stating.period_s - now % self.stating.period_s
        with suppress(TimeoutError):
            async with asyncio.timeout(min(TICK_S, to_turn + 0.001)):
                await self._came.wait()
        self._came.clear()

    def _watch(self, account: str) -> _Watch:
        return self._watches.setdefault(account, _Watch())

    def _find_due(self, account: str, now: float) -> Committee | None:
        """Give the committee if this member is to propose an account now."""
        watch, period_s = self._watch(account), self.stating.period_s
        sequence = self.stating.sequence_at(int(now))
        passed = sequence - self.standing.newest_sequence(account)
        late = period_s - now % period_s < min(_END_OF_TURN_S, _END_OF_TURN * period_s)
        due = passed > 0 and (watch.needed or passed * period_s >= self.terms.refresh_s)
        if not due or late or watch.complete_since is None:
            return None
        if watch.running or watch.tried >= sequence or watch.held_until > now:
            return None
        committee = self.membership.current(sequence * period_s)
        if committee is None or self.membership.me in self.membership.banned:
            return None
        return committee if self.membership.is_my_turn(committee, sequence) else None

    async def _try(
        self, group: asyncio.TaskGroup, account: str, sequence: int, committee: Committee
    ) -> None:
        """Go a round; one at a time for an account."""
        try:
            await self._go_round(group, account, sequence, committee)
        finally:
            self._watch(account).running = False

    async def _go_round(
        self, group: asyncio.TaskGroup, account: str, sequence: int, committee: Committee
    ) -> None:
        """Propose a sequence, and publish what a quorum signed."""
        started = time.monotonic()
        stated = self._state(account, sequence, committee)
        proven = await self._prove(account, stated) if stated else None
        if proven is None:
            return
        statement, evidence = proven
        if (signature := await self._claim(account, statement)) is None:
            return
        place = committee.members.index(self.membership.me)
        body = self._encode_proposal(statement, place, signature, evidence)
        if body is None:
            return
        tally = await self._gather(account, statement, {place: signature}, body)
        signed = [committee.members[index] for index in sorted(tally.votes)]
        if not tally.enough:
            await self._fail(account, sequence, committee, tally)
            return
        document = Document(statement=statement, signatures=tuple(sorted(tally.votes.items())))
        try:
            await self.standing.adopt(document, int(self.clock()))
        except Refused as error:
            log.error("committee.unusable", account=account, reason=str(error))  # noqa: TRY400 - expected
            return
        took = time.monotonic() - started
        self._note_time(took)
        log.info(
            "committee.attested",
            account=account,
            sequence=sequence,
            signed=signed,
            missing=dict(tally.reasons),
            seconds=round(took, 4),
        )
        self._publish(group, document)

    def _state(self, account: str, sequence: int, committee: Committee) -> Statement | None:
        now = int(self.clock())
        if self.stating.sequence_at(now) != sequence:
            return None
        report = self.look(account, now)
        if not report.complete or not report.legs:
            return None
        try:
            return self.stating.state(
                report, committee, prev_digest=self.standing.newest_digest(account)
            )
        except StatementError as error:
            self._watch(account).failure = str(error)
            log.warning("attestation.refused", account=account, reason=str(error))
            return None

    async def _prove(self, account: str, statement: Statement) -> tuple[Statement, bytes] | None:
        """Give a statement with its evidence, as read where it is needed at once; None if false."""
        if self._watch(account).needed:
            return statement, b""
        try:
            return await self.prover.prove(statement)
        except Contradicted as error:
            self._watch(account).failure = str(error)
            log.error("attestation.contradicted", account=account, reason=str(error))  # noqa: TRY400 - expected
            return None

    async def _claim(self, account: str, statement: Statement) -> bytes | None:
        """Sign one's own proposal once the claim is durable."""
        try:
            await self.guard.claim(claim_of(statement))
        except (DoubleSign, StorageError) as error:
            log.critical("attestation.unrecorded", account=account, reason=str(error))
            return None
        return self.signer.sign(statement.digest)

    def _encode_proposal(
        self, statement: Statement, place: int, signature: bytes, evidence: bytes
    ) -> bytes | None:
        """Give the proposal with its evidence and the raw accounts of Solana's slots.

        None where those are gone.
        """
        document = Document(statement=statement, signatures=((place, signature),))
        parts = [encode_document(document), *([evidence] if evidence else [])]
        for block in statement.leaves.blocks:
            if block.kind == BlockKind.SOLANA:
                view = self.views[ChainId.parse(block.caip2)]
                given = view.find_given(block.block_hash)
                if given is None:
                    return None
                parts.append(bytes([block.index]) + encode_accounts(given))
        return join_parts(parts)

    async def _gather(
        self, account: str, statement: Statement, votes: dict[int, bytes], body: bytes
    ) -> Tally:
        committee = statement.committee
        asked = self.membership.others(committee)
        tally = Tally(needed=committee.threshold, asked=asked, votes=votes)
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(self._ask(account, statement, member, body, tally))
                for member in asked
            ]
            await tally.settle(grace_s=self.terms.grace_s, limit_s=self.terms.round_s)
            for task in asking:
                task.cancel()
        tally.close()
        return tally

    async def _ask(
        self, account: str, statement: Statement, member: Address, body: bytes, tally: Tally
    ) -> None:
        try:
            reply = await self.peers.ask(member, Kind.PROPOSAL, body)
            signature = _read_vote(statement, member, reply)
        except Silent as error:
            tally.refuse(member, str(error))
        except BadMessage as error:
            tally.refuse(member, str(error))
            self.refusals.note(
                account=account,
                sequence=statement.header.sequence,
                member=member,
                proposer=self.membership.me,
                reason=str(error),
            )
        else:
            place = statement.committee.members.index(member)
            self.frauds.witness(Document(statement=statement, signatures=((place, signature),)))
            tally.vote(member, place, signature)

    async def _fail(self, account: str, sequence: int, committee: Committee, tally: Tally) -> None:
        """Tell that a round came to nothing; the others may know what this member missed."""
        watch = self._watch(account)
        newest = self.standing.newest_sequence(account)
        watch.failures = watch.failures + 1 if watch.failed_after == newest else 1
        watch.failed_after = newest
        told = "; ".join(f"{member}: {reason}" for member, reason in tally.reasons.items())
        found = f"{len(tally.votes)} of the {committee.threshold} signatures needed"
        watch.failure = f"sequence {sequence} had {found} ({told})"
        log.warning(
            "committee.round_failed",
            account=account,
            sequence=sequence,
            signed=[committee.members[index] for index in sorted(tally.votes)],
            needed=committee.threshold,
            missing=dict(tally.reasons),
        )
        await self.catch_up.ask_all()

    def _publish(self, group: asyncio.TaskGroup, document: Document) -> None:
        """Send the attestation to everybody, beside what goes on."""
        body = join_parts([encode_document(document)])
        for member in self.membership.others(document.statement.committee):
            group.create_task(self._send(member, body))

    async def _send(self, member: Address, body: bytes) -> None:
        with suppress(Silent):
            await self.peers.ask(member, Kind.ATTESTATION, body)

    def _judge_quorum(self, account: str, now: float) -> None:
        """Be loud while an account that could be attested is not."""
        watch = self._watch(account)
        if watch.complete_since is None:
            return
        last = self.standing.last.get(account)
        since = max(watch.complete_since, last.envelope.header.issued_at if last else 0.0)
        members = len(self.membership.chain.committees[-1].members)
        allowed = self.terms.refresh_s + (members + 1) * self.stating.period_s
        overdue = now - since > allowed + self.terms.round_s
        failing = watch.failed_after == (last.sequence if last else -1)
        if overdue or (failing and watch.failures >= FAILED_ROUNDS):
            self.standing.lose(account, f"no quorum for {now - since:.0f} s: {watch.failure}")

    def _note_time(self, seconds: float) -> None:
        self.round_times.append(seconds)
        del self.round_times[:-1_000]


def _read_vote(statement: Statement, member: Address, reply: Message) -> bytes:
    """Give a member's signature; BadMessage with his reason, or ours not to take it."""
    parts: Sequence[bytes] = split_parts(reply.body)
    if reply.header.kind is Kind.REFUSAL and len(parts) == 1:
        raise BadMessage(decode_reason(parts[0]))
    if reply.header.kind is not Kind.VOTE or len(parts) != 2:  # noqa: PLR2004 - digest, signature
        raise BadMessage("the answer is no vote")
    digest, signature = parts
    if digest != statement.digest:
        raise BadMessage(f"the vote is for 0x{digest[:32].hex()}")
    try:
        signer = recover_address(digest, signature)
    except BadSignatureError as error:
        raise BadMessage(f"the vote's signature: {error}") from error
    if signer != member:
        raise BadMessage("the vote is not by the member")
    return signature
