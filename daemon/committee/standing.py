"""Where the committee stands with each margin account: its newest quorum attestation, or why none.

Whoever signed it, this member serves an attestation that verifies: a quorum's word is above his own
refusal. What has run out is no longer served.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from daemon.attest import Record, put_up
from daemon.board import Attested, Board
from daemon.committee.membership import Membership
from daemon.stating import Stating
from daemon.storage.errors import StorageError
from proofs.document import Document
from proofs.refusal import Refusal, Refused
from proofs.statement import AccountLeaf, HealthAttestation, calculate_leaves_root
from proofs.strict import encode_view
from proofs.typed import ZERO
from proofs.verify import CLOCK_TOLERANCE_S, Expected, verify_document

log = structlog.get_logger(__name__)


def list_roots(board: Board, salts: Mapping[str, bytes]) -> dict[bytes, str]:
    """Give the margin accounts by the root of their members' leaves, as attestations name them."""
    roots: dict[bytes, str] = {}
    for account in board.accounts:
        members = [member for member, owner in board.members.items() if owner == account]
        leaves = [
            AccountLeaf(index=i, caip10=str(member), salt=salts[account])
            for i, member in enumerate(members)
        ]
        roots[calculate_leaves_root(leaves)] = account
    return roots


@dataclass(slots=True, kw_only=True)
class Standing:
    """The newest attestation of every account, on the board while it lives.

    `record` keeps it; `changed` is told of the account. `lost` says since when and why an account
    has no quorum.
    """

    board: Board
    membership: Membership
    stating: Stating
    record: Record
    changed: Callable[[str], None]
    roots: Mapping[bytes, str]
    last: dict[str, Attested] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    def account_of(self, root: bytes) -> str | None:
        """Give the margin account of an account set, None where it is none of ours."""
        return self.roots.get(root)

    def newest_digest(self, account: str) -> bytes:
        """Give what a new attestation names as the one before it."""
        last = self.last.get(account)
        return last.digest if last else ZERO

    def newest_sequence(self, account: str) -> int:
        """Give the sequence of the newest attestation, −1 before there is one."""
        last = self.last.get(account)
        return last.sequence if last else -1

    def documents(self, roots: Sequence[bytes]) -> list[bytes]:
        """Give the newest attestations' files of these account sets."""
        accounts = [self.roots[root] for root in roots if root in self.roots]
        return [encode_view(self.last[name].document) for name in accounts if name in self.last]

    async def adopt(self, document: Document, now: int) -> bool:
        """Take up a newer attestation by a quorum; False where it is not newer, Refused if bad.

        One that has run out is a predecessor to name, but not to be served. One that cannot be
        recorded is not taken up: False.
        """
        header = document.statement.header
        account = self.account_of(header.account_set_root)
        if account is None or header.sequence <= self.newest_sequence(account):
            return False
        self._check_sequence(header, now)
        verify_document(document, self._expected, now=min(now, header.expires_at))
        if now > header.expires_at:
            self._check_recent(header, now)
        attested = put_up(account, document)
        try:
            await self.record(attested)
        except StorageError as error:
            log.critical("attestation.unrecorded", account=account, reason=str(error))
            return False
        if header.sequence <= self.newest_sequence(account):
            return False
        self.last[account] = attested
        if now <= header.expires_at:
            self.board.attestations[account] = attested
            self._find_again(account, header.sequence)
            self.changed(account)
        return True

    def recall(self, found: Sequence[Attested], now: int) -> None:
        """Go on from what was attested in an earlier life by one of the committees."""
        for attested in found:
            header = attested.envelope.header
            if self.membership.chain.find(header.committee_id) is None:
                continue
            self.last[attested.account] = attested
            if now <= header.expires_at:
                self.board.attestations[attested.account] = attested

    def drop_expired(self, now: int) -> None:
        """Serve nothing that has run out."""
        for account, attested in tuple(self.board.attestations.items()):
            if attested.envelope.header.expires_at < now:
                del self.board.attestations[account]
                log.warning("attestation.expired", account=account, sequence=attested.sequence)

    def lose(self, account: str, reason: str) -> None:
        """Say that an account has no quorum: loudly once, then keep the newest reason."""
        if account not in self.lost:
            log.error("committee.quorum_lost", account=account, reason=reason)
        self.lost[account] = reason

    def _find_again(self, account: str, sequence: int) -> None:
        if self.lost.pop(account, None) is not None:
            log.info("committee.quorum_back", account=account, sequence=sequence)

    def _check_sequence(self, header: HealthAttestation, now: int) -> None:
        """Refuse a sequence ahead of the clock or apart from issuedAt: it would end all others."""
        sequence, period_s = header.sequence, self.stating.period_s
        newest = self.stating.sequence_at(now + CLOCK_TOLERANCE_S)
        if sequence > newest:
            raise Refused(Refusal.FUTURE, f"sequence {sequence} is ahead of {newest}, which is now")
        starts = sequence * period_s
        first = starts - self.stating.ttl_s - CLOCK_TOLERANCE_S
        last = starts + period_s + CLOCK_TOLERANCE_S
        if not first <= header.issued_at <= last:
            detail = f"issuedAt is {header.issued_at}, which is not the time of sequence {sequence}"
            raise Refused(Refusal.FUTURE, detail)

    def _check_recent(self, header: HealthAttestation, now: int) -> None:
        """Refuse what ran out unless the committee now, or the one before it, signed it."""
        committees = self.membership.chain.committees
        started = [committee.id for committee in committees if committee.valid_from <= now]
        if header.committee_id not in started[-2:]:
            detail = f"it ran out, and epoch {header.epoch} is long over"
            raise Refused(Refusal.COMMITTEE_SUPERSEDED, detail)

    @property
    def _expected(self) -> Expected:
        chain = self.membership.chain
        return Expected(
            deployment=chain.deployment,
            committee_id=chain.root.id,
            chain=chain,
            max_ttl_s=self.stating.ttl_s,
            max_skew_s=self.stating.max_skew_s,
        )
