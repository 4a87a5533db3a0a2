"""From a complete report to a signed attestation: what is stated, how often, and once only."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from chains.model.price import Price
from daemon.board import Attested
from daemon.margin.report import MarginLeg, MarginReport
from daemon.margin.risk import RiskTable
from daemon.storage.errors import StorageError
from proofs.build import StatedLeg, StatementError, Terms, build_statement
from proofs.committee import Committee
from proofs.document import Document, view_document
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import Statement
from proofs.typed import ZERO, hash_text
from proofs.verify import CLOCK_TOLERANCE_S

Record = Callable[[Attested], Awaitable[None]]

log = structlog.get_logger(__name__)


def default_salt(deployment: str, account: str) -> bytes:
    """Give the blinding salt of an account that declares none: keccak(deployment/account).

    It can be recomputed by anybody who guesses both names: an owner who wants his members
    hidden sets a secret `salt` in the configuration.
    """
    return hash_text(f"{deployment}/{account}")


@dataclass(slots=True, kw_only=True)
class Attestor:
    """States and signs the health of margin accounts with one member's key.

    `sequence` is the reference time divided by `period_s`; one digest is signed per account and
    sequence, and `record` makes it durable before it is given away. A fresh attestation is made
    every `refresh_s`, or at once where one is needed to act.
    """

    deployment: str
    signer: Secp256k1Signer
    committee: Committee
    risk: RiskTable
    salts: Mapping[str, bytes]
    period_s: int
    refresh_s: int
    ttl_s: int
    max_skew_s: int
    record: Record
    last: dict[str, Attested] = field(default_factory=dict)

    async def attest(self, report: MarginReport, *, needed: bool) -> Attested | None:
        """Give a new attestation of a complete report, None where none is due or possible.

        A report that cannot be stated is logged and stays unattested; a signature that could
        not be recorded is not given away, and its sequence is not signed again.
        """
        if not report.complete or not report.legs or not self._due(report, needed=needed):
            return None
        try:
            statement = self._state(report)
        except StatementError as error:
            log.warning("attestation.refused", account=report.account, reason=str(error))
            return None
        attested = self._sign(report.account, statement)
        self.last[report.account] = attested
        try:
            await self.record(attested)
        except StorageError as error:
            log.critical("attestation.unrecorded", account=report.account, reason=str(error))
            return None
        return attested

    def _due(self, report: MarginReport, *, needed: bool) -> bool:
        last = self.last.get(report.account)
        if last is None:
            return True
        passed = report.taken_at // self.period_s - last.sequence
        return passed > 0 and (needed or passed * self.period_s >= self.refresh_s)

    def _state(self, report: MarginReport) -> Statement:
        last = self.last.get(report.account)
        legs = [leg for leg in report.legs if leg.counts]
        prices, index = _number_prices(legs)
        terms = Terms(
            deployment=self.deployment,
            committee=self.committee,
            sequence=report.taken_at // self.period_s,
            issued_at=_issue_time(report),
            ttl_s=self.ttl_s,
            max_skew_s=self.max_skew_s,
            prev_digest=last.digest if last else ZERO,
        )
        statement = build_statement(
            terms,
            members=report.members,
            salt=self.salts[report.account],
            anchors=report.anchors,
            legs=[self._state_leg(leg, index) for leg in legs],
            prices=prices,
        )
        if statement.header.expires_at <= report.taken_at:
            raise StatementError("it would have expired already")
        return statement

    def _state_leg(self, leg: MarginLeg, index: Mapping[Price, int]) -> StatedLeg:
        underlying = self.risk.underlying_of(leg.leg.asset)
        return StatedLeg(
            position=leg.position,
            leg=leg.leg,
            price=index[leg.price],
            haircut=underlying.haircut,
            debt_weight=underlying.debt_weight,
        )

    def _sign(self, account: str, statement: Statement) -> Attested:
        digest = statement.digest
        member = statement.committee.members.index(self.signer.address)
        document = Document(statement=statement, signatures=((member, self.signer.sign(digest)),))
        return Attested(
            account=account,
            sequence=statement.header.sequence,
            digest=digest,
            envelope=document.envelope,
            document=view_document(document),
        )


def _issue_time(report: MarginReport) -> int:
    """Give the time of issue: now, but not one that a chain read would call its future.

    A contract is asked at its chain's newest block, whose time may lie far back. Where the chains
    are too far apart for that, the newest block decides: no verifier takes one that is newer.
    """
    times = [anchor.time for anchor in report.anchors]
    bound = max(min(times) + CLOCK_TOLERANCE_S, max(times) - CLOCK_TOLERANCE_S)
    return min(report.taken_at, bound)


def _number_prices(legs: Sequence[MarginLeg]) -> tuple[tuple[Price, ...], Mapping[Price, int]]:
    """Give each price used once, by asset and feed, and where it stands."""
    prices = tuple(sorted({leg.price for leg in legs}, key=lambda p: (p.asset, p.feed, p.usd)))
    return prices, {price: i for i, price in enumerate(prices)}
