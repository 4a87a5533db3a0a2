"""From a complete report to an attestation signed by a lone keeper: how often, and once only."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from daemon.board import Attested
from daemon.margin.report import MarginReport
from daemon.stating import Stating
from daemon.storage.errors import StorageError
from proofs.build import StatementError
from proofs.committee import Committee
from proofs.document import Document, view_document
from proofs.guard import Claim, DoubleSign, Guard
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import Statement
from proofs.typed import ZERO

Record = Callable[[Attested], Awaitable[None]]

log = structlog.get_logger(__name__)


class Attesting(Protocol):
    """What has the health of margin accounts attested."""

    async def attest(self, report: MarginReport, *, needed: bool) -> Attested | None:
        """Give a new attestation where there is one at once; it never waits for others."""
        ...


@dataclass(slots=True, kw_only=True)
class Attestor:
    """States and signs the health of margin accounts with one member's key.

    One digest is signed per account and sequence: `guard` keeps it, and `record` the whole, before
    it is given away. A fresh attestation is made every `refresh_s`, or at once where one is needed
    to act.
    """

    signer: Secp256k1Signer
    committee: Committee
    stating: Stating
    refresh_s: int
    guard: Guard
    record: Record
    last: dict[str, Attested] = field(default_factory=dict)

    async def attest(self, report: MarginReport, *, needed: bool) -> Attested | None:
        """Give a new attestation of a complete report, None where none is due or possible.

        A report that cannot be stated is logged and stays unattested; a signature that could
        not be recorded is not given away, and its sequence is not signed again.
        """
        statement = self.state(report, needed=needed)
        return await self.release(report.account, statement) if statement else None

    def state(self, report: MarginReport, *, needed: bool) -> Statement | None:
        """State a report if an attestation of it is due, None where it is not or cannot be."""
        if not self.is_due(report, needed=needed):
            return None
        try:
            prev = self._find_last(report.account)
            return self.stating.state(report, self.committee, prev_digest=prev)
        except StatementError as error:
            log.warning("attestation.refused", account=report.account, reason=str(error))
            return None

    def is_next(self, account: str, statement: Statement) -> bool:
        """Say whether nothing was signed since a statement was made."""
        return self._find_last(account) == statement.header.prev_digest

    async def release(self, account: str, statement: Statement) -> Attested | None:
        """Sign a statement, once it is durable that it was; None where that cannot be."""
        attested = self._sign(account, statement)
        self.last[account] = attested
        try:
            await self.guard.claim(claim_of(statement))
            await self.record(attested)
        except (DoubleSign, StorageError) as error:
            log.critical("attestation.unrecorded", account=account, reason=str(error))
            return None
        return attested

    def _find_last(self, account: str) -> bytes:
        last = self.last.get(account)
        return last.digest if last else ZERO

    def is_due(self, report: MarginReport, *, needed: bool) -> bool:
        """Say whether a report can be attested and is to be."""
        if not report.complete or not report.legs:
            return False
        last = self.last.get(report.account)
        if last is None:
            return True
        passed = self.stating.sequence_at(report.taken_at) - last.sequence
        return passed > 0 and (needed or passed * self.stating.period_s >= self.refresh_s)

    def _sign(self, account: str, statement: Statement) -> Attested:
        digest = statement.digest
        member = statement.committee.members.index(self.signer.address)
        signatures = ((member, self.signer.sign(digest)),)
        return put_up(account, Document(statement=statement, signatures=signatures))


def claim_of(statement: Statement) -> Claim:
    """Give what signing a statement claims."""
    return Claim(
        salt=statement.salt,
        subject=statement.header.account_set_root,
        sequence=statement.header.sequence,
        digest=statement.digest,
    )


def put_up(account: str, document: Document) -> Attested:
    """Give a signed document as the board holds it."""
    return Attested(
        account=account,
        sequence=document.statement.header.sequence,
        digest=document.statement.digest,
        envelope=document.envelope,
        document=view_document(document),
    )
