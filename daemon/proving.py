"""Attestations with their evidence: gathered beside the looks at accounts, never before an act.

Whoever is about to act on an attestation gets it at once, as read; the fresh one that is made every
few seconds waits for its proofs, in a loop of its own. Measured on the devnet: 0.1 s and 35 ms of
this process for two chains, so an act would lose more by waiting than anybody gains.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

import structlog

from daemon.attest import Attestor, Record
from daemon.board import Attested, Board
from daemon.evidence import Contradicted, Gatherer
from daemon.margin.report import MarginReport
from daemon.progress import Pulse
from daemon.storage.errors import StorageError
from proofs.evidence.bundle import BlockEvidence, decode_bundle, encode_bundle
from proofs.evidence.check import mark_proved
from proofs.evidence.flaws import EvidenceRefused
from proofs.refusal import Refusal, Refused
from proofs.statement import Statement

KEPT: Final = 64
"""For how many statements evidence is held until they are attested."""
Write = Callable[[Attested, tuple[BlockEvidence, ...]], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Shelf:
    """Evidence by the digest of what it proves, until that is attested; the oldest goes first."""

    _held: OrderedDict[bytes, tuple[BlockEvidence, ...]] = field(default_factory=OrderedDict)

    def put(self, digest: bytes, evidence: tuple[BlockEvidence, ...]) -> None:
        """Hold evidence."""
        if evidence:
            self._held[digest] = evidence
        while len(self._held) > KEPT:
            self._held.popitem(last=False)

    def take(self, digest: bytes) -> tuple[BlockEvidence, ...]:
        """Give what is held for a digest, and let it go."""
        return self._held.pop(digest, ())


def record_with(record: Record, shelf: Shelf, write: Write) -> Record:
    """Give what records an attestation and then its evidence, which may be missing but not late."""

    async def both(attested: Attested) -> None:
        await record(attested)
        evidence = shelf.take(attested.digest)
        try:
            await write(attested, evidence)
        except StorageError as error:
            log.warning("evidence.unrecorded", account=attested.account, reason=str(error))

    return both


@dataclass(slots=True, kw_only=True)
class Prover:
    """A member's evidence: of what it proposes, and of what others do; held until attested."""

    gatherer: Gatherer
    shelf: Shelf
    most_bytes: int

    async def prove(self, statement: Statement) -> tuple[Statement, bytes]:
        """Give a statement to propose with its file of evidence, empty where there is none.

        Contradicted where the evidence is not what was read.
        """
        proven = await self.gatherer.prove(statement)
        raw = encode_bundle(proven.evidence) if proven.evidence else b""
        if not 0 < len(raw) <= self.most_bytes:
            return statement, b""
        self.shelf.put(proven.statement.digest, proven.evidence)
        return proven.statement, raw

    async def follow(self, own: Statement, raw: bytes) -> Statement:
        """Give one's own statement, marked by the evidence of whoever proposes; Refused if bad.

        In a thread: others choose what there is to decode.
        """
        if len(raw) > self.most_bytes:
            raise Refused(Refusal.EVIDENCE, f"{len(raw)} bytes, {self.most_bytes} at most")
        marked, blocks = await asyncio.to_thread(_follow, own, raw)
        self.shelf.put(marked.digest, blocks)
        return marked


def _follow(own: Statement, raw: bytes) -> tuple[Statement, tuple[BlockEvidence, ...]]:
    try:
        blocks = decode_bundle(raw)
    except EvidenceRefused as error:
        raise Refused(Refusal.EVIDENCE, error.detail) from error
    return mark_proved(own, blocks), blocks


@dataclass(slots=True, kw_only=True)
class ProvingAttestor:
    """A lone keeper's attestor whose fresh attestations are proved; an `Attesting`.

    `published` is told of an account whose proved attestation is on the board.
    """

    attestor: Attestor
    gatherer: Gatherer
    shelf: Shelf
    board: Board
    published: Callable[[str], None]
    pulse: Pulse = field(default_factory=Pulse)
    _waiting: dict[str, MarginReport] = field(default_factory=dict)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def attest(self, report: MarginReport, *, needed: bool) -> Attested | None:
        """Give what is needed at once; have anything else that is due proved first."""
        if needed:
            return await self.attestor.attest(report, needed=True)
        if self.attestor.is_due(report, needed=False):
            self._waiting[report.account] = report
            self._came.set()
        return None

    async def run(self) -> NoReturn:
        """Prove and sign what waits, one account after the other, for ever."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                account = next(iter(self._waiting))
                with self.pulse.working():
                    await self._prove(self._waiting.pop(account))

    async def _prove(self, report: MarginReport) -> None:
        """Attest a report with its evidence, unless it was overtaken or lost a chain meanwhile."""
        statement = self.attestor.state(report, needed=False)
        if statement is None:
            return
        try:
            proven = await self.gatherer.prove(statement)
        except Contradicted as error:
            log.error("attestation.contradicted", account=report.account, reason=str(error))  # noqa: TRY400 - expected
            return
        if not self.attestor.is_next(report.account, proven.statement):
            return
        if gap := self.board.find_gap(anchor.chain for anchor in report.anchors):
            log.warning("attestation.chain_lost", account=report.account, chain=str(gap.chain))
            return
        self.shelf.put(proven.statement.digest, proven.evidence)
        attested = await self.attestor.release(report.account, proven.statement)
        if attested is not None:
            self.board.attestations[report.account] = attested
            self.published(report.account)
