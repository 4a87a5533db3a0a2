"""Proposing when it is this member's turn, gathering signatures, and telling loudly of no quorum.

A round goes on beside the looks at the accounts; daemon.committee.turns says when there is one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
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
from daemon.committee.turns import Turn, Turns
from daemon.committee.views import View
from daemon.evidence import Contradicted
from daemon.margin.report import MarginReport
from daemon.progress import Pulse
from daemon.proving import Prover
from daemon.stating import Stating
from daemon.storage.errors import StorageError
from proofs.build import StatementError
from proofs.document import Document, encode_document
from proofs.guard import DoubleSign, Guard
from proofs.recover import BadSignatureError, recover_address
from proofs.refusal import Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import BlockKind, Statement

TICK_S: Final = 1.0
_KEPT_TIMES: Final = 1_000

log = structlog.get_logger(__name__)


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
    turns: Turns
    clock: Callable[[], float] = time.time
    pulse: Pulse = field(default_factory=Pulse)
    round_times: list[float] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _asking_all: bool = False

    async def attest(self, report: MarginReport, *, needed: bool) -> Attested | None:
        """Note how an account is; what comes of it reaches the board, and the account is woken."""
        self.turns.note(report, needed=needed)
        self._came.set()
        return None

    async def run(self) -> NoReturn:
        """Propose for ever, after asking the others what was missed."""
        async with asyncio.TaskGroup() as group:
            await self._do_apart(self.catch_up.ask_all)
            while True:
                now = self.clock()
                for account in self.standing.board.accounts:
                    if (turn := self.turns.take(account, now)) is not None:
                        group.create_task(self._do_apart(partial(self._try, group, turn)))
                    self.turns.judge(account, now)
                self.standing.drop_expired(int(now))
                self.pulse.step()
                await self._wait(now)

    async def _wait(self, now: float) -> None:
        """Wait for news of an account, for the next turn, or a part of one: holds end meanwhile."""
        period_s = self.stating.period_s
        to_turn = period_s - now % period_s
        with suppress(TimeoutError):
            async with asyncio.timeout(min(TICK_S, period_s / 4, to_turn + 0.001)):
                await self._came.wait()
        self._came.clear()

    async def _do_apart(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work that may fail without ending the daemon: what others send decides its course.

        A keeper rescues without attestations too. So even a fault of ours costs a round only, and
        is told loudly here; that there is no quorum is told as well.
        """
        try:
            await work()
        except Exception:  # a defect costs a round; the keeper goes on
            log.exception("committee.broken")

    async def _try(self, group: asyncio.TaskGroup, turn: Turn) -> None:
        try:
            await self._go_round(group, turn)
        finally:
            self.turns.end(turn.account)

    async def _go_round(self, group: asyncio.TaskGroup, turn: Turn) -> None:
        """Propose a sequence, and publish what a quorum signed."""
        started = time.monotonic()
        account, committee = turn.account, turn.committee
        stated = self._state(turn)
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
        if not tally.enough:
            self._fail(turn, tally)
            if not self._asking_all:
                self._asking_all = True
                group.create_task(self._do_apart(self._ask_all))
            return
        document = Document(statement=statement, signatures=tuple(sorted(tally.votes.items())))
        try:
            adopted = await self.standing.adopt(document, int(self.clock()))
        except Refused as error:
            log.error("committee.unusable", account=account, reason=str(error))  # noqa: TRY400 - expected
            return
        if adopted:
            self._succeed(turn, tally, time.monotonic() - started)
        self._publish(group, document)

    def _state(self, turn: Turn) -> Statement | None:
        now, account = int(self.clock()), turn.account
        if self.stating.sequence_at(now) != turn.sequence:
            return None
        report = self.look(account, now)
        if not report.complete or not report.legs:
            return None
        try:
            return self.stating.state(
                report, turn.committee, prev_digest=self.standing.newest_digest(account)
            )
        except StatementError as error:
            self.turns.fail(account, str(error))
            log.warning("attestation.refused", account=account, reason=str(error))
            return None

    async def _prove(self, account: str, statement: Statement) -> tuple[Statement, bytes] | None:
        """Give a statement with its evidence, as read where it is needed at once; None if false."""
        if self.turns.is_needed(account):
            return statement, b""
        try:
            return await self.prover.prove(statement)
        except Contradicted as error:
            self.turns.fail(account, str(error))
            log.error("attestation.contradicted", account=account, reason=str(error))  # noqa: TRY400 - expected
            return None

    async def _claim(self, account: str, statement: Statement) -> bytes | None:
        """Sign one's own proposal once the claim is durable, unless a chain was lost meanwhile."""
        chains = (ChainId.parse(block.caip2) for block in statement.leaves.blocks)
        if gap := self.standing.board.find_gap(chains):
            log.warning("attestation.chain_lost", account=account, chain=str(gap.chain))
            return None
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

        None where those are gone, or too large to be sent.
        """
        document = Document(statement=statement, signatures=((place, signature),))
        parts = [encode_document(document), *([evidence] if evidence else [])]
        for block in statement.leaves.blocks:
            if block.kind == BlockKind.SOLANA:
                given = self.views[ChainId.parse(block.caip2)].find_given(block.block_hash)
                if given is None:
                    return None
                try:
                    parts.append(bytes([block.index]) + encode_accounts(given))
                except ValueError as error:
                    log.error("committee.unusable", chain=block.caip2, reason=str(error))  # noqa: TRY400 - expected
                    return None
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
            await tally.settle(grace_s=self.turns.terms.grace_s, limit_s=self.turns.terms.round_s)
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

    def _succeed(self, turn: Turn, tally: Tally, took_s: float) -> None:
        """Tell of a round whose attestation is taken up here, and how long it took."""
        self.round_times = [*self.round_times[1 - _KEPT_TIMES :], took_s]
        log.info(
            "committee.attested",
            account=turn.account,
            sequence=turn.sequence,
            signed=[turn.committee.members[index] for index in sorted(tally.votes)],
            missing=dict(tally.reasons),
            seconds=round(took_s, 4),
        )

    def _fail(self, turn: Turn, tally: Tally) -> None:
        """Tell that a round came to nothing."""
        told = "; ".join(f"{member}: {reason}" for member, reason in tally.reasons.items())
        found = f"{len(tally.votes)} of the {tally.needed} signatures needed"
        self.turns.fail(turn.account, f"sequence {turn.sequence} had {found} ({told})")
        log.warning(
            "committee.round_failed",
            account=turn.account,
            sequence=turn.sequence,
            signed=[turn.committee.members[index] for index in sorted(tally.votes)],
            needed=tally.needed,
            missing=dict(tally.reasons),
        )

    async def _ask_all(self) -> None:
        """Ask the others for what this member may have missed, beside the next round."""
        try:
            await self.catch_up.ask_all()
        finally:
            self._asking_all = False

    def _publish(self, group: asyncio.TaskGroup, document: Document) -> None:
        """Send the attestation to everybody, beside what goes on."""
        body = join_parts([encode_document(document)])
        for member in self.membership.others(document.statement.committee):
            group.create_task(self._do_apart(partial(self._send, member, body)))

    async def _send(self, member: Address, body: bytes) -> None:
        with suppress(Silent):
            await self.peers.ask(member, Kind.ATTESTATION, body)


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
