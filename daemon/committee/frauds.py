"""Members who contradict themselves: seen, proved in a file that anybody can check, banned."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from chains.model.ids import Address
from daemon.committee.files import write_durably
from daemon.committee.membership import Membership
from proofs.document import Document
from proofs.fraud import (
    Conviction,
    NotFraud,
    Vote,
    build_fraud,
    decode_fraud,
    encode_fraud,
    verify_fraud,
)
from proofs.quorum import check_signers
from proofs.refusal import Refused
from proofs.scheme import Scheme, Signatures
from proofs.verify import CLOCK_TOLERANCE_S

FOLDER: Final = "frauds"
REMEMBERED: Final = 4_096
"""Of how many attestations it is remembered who signed which digest, shared by our accounts."""
LEAST_REMEMBERED: Final = 64
"""Of how many of one account, however many accounts there are."""
log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class FraudWatch:
    """What each member was seen to sign; proofs lie in `state_dir`/frauds, one file each.

    Only votes about our account sets, `roots`, near now are remembered, each account's apart: what
    a member makes up about anything else drives no other vote out.
    """

    membership: Membership
    state_dir: Path
    roots: Collection[bytes]
    period_s: int
    clock: Callable[[], float] = time.time
    _seen: dict[bytes, dict[int, dict[Address, Vote]]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the proofs lie."""
        return self.state_dir / FOLDER

    def recall(self) -> None:
        """Ban whom the proofs of earlier lives convict."""
        for path in sorted(self.folder.glob("*.json")):
            try:
                proof = decode_fraud(path.read_bytes())
                self._ban(verify_fraud(proof, self._trusted))
            except (Refused, NotFraud, OSError) as error:
                log.warning("committee.fraud_ignored", file=str(path), reason=str(error))

    def witness(self, document: Document) -> None:
        """Remember who signed a document, one by one; whoever did sign another is convicted.

        What is not well signed, or not by the committee it names, is nobody's word and passes over.
        """
        committee, header = document.statement.committee, document.statement.header
        if self.membership.chain.find(committee.id) is None:
            return
        if (header.committee_id, header.epoch) != (committee.id, committee.epoch):
            return
        if header.account_set_root not in self.roots or not self._is_near(header.sequence):
            return
        scheme = document.scheme
        groups: list[Signatures] = (
            [document.signatures]
            if scheme.aggregates
            else [(each,) for each in document.signatures]
        )
        for signatures in groups:
            self._witness(document, signatures, scheme)

    def _witness(self, document: Document, signatures: Signatures, scheme: Scheme) -> None:
        statement = document.statement
        vote = Vote(
            committee=statement.committee,
            said=statement.header,
            signatures=signatures,
            scheme=scheme,
        )
        digest = vote.claim(self.membership.salt).digest
        try:
            signers = check_signers(statement.committee, scheme, digest, signatures)
        except Refused:
            return
        for signer in signers:
            self._compare(signer, vote, statement.header.account_set_root)

    def _compare(self, signer: Address, vote: Vote, root: bytes) -> None:
        claim = vote.claim(self.membership.salt)
        seen = self._seen.setdefault(root, {})
        if claim.sequence not in seen:
            for sequence in [known for known in seen if not self._is_near(known)]:
                del seen[sequence]
        known = seen.setdefault(claim.sequence, {}).setdefault(signer, vote)
        if known.claim(self.membership.salt).digest != claim.digest:
            self._convict(known, vote)

    def _is_near(self, sequence: int) -> bool:
        """Say whether a sequence may be attested now, or was a short while ago."""
        now = self.clock()
        reach = max(LEAST_REMEMBERED, REMEMBERED // max(1, len(self.roots)))
        oldest = now // self.period_s - reach
        return oldest <= sequence <= (now + CLOCK_TOLERANCE_S) // self.period_s

    def _convict(self, one: Vote, other: Vote) -> None:
        """Ban whoever signed both; a proof that cannot be kept convicts until the next start."""
        try:
            proof = build_fraud(self.membership.deployment, one, other)
            conviction = verify_fraud(proof, self._trusted)
        except (Refused, NotFraud) as error:
            log.warning("committee.no_fraud", reason=str(error))
            return
        if all(member in self.membership.banned for member in conviction.accused):
            return
        first = conviction.claims[0]
        path = self.folder / f"{first.sequence}-{first.digest.hex()[:16]}.json"
        try:
            write_durably(path, encode_fraud(proof))
        except OSError as error:
            log.critical("committee.fraud_unrecorded", file=str(path), reason=str(error))
        log.critical(
            "committee.fraud",
            accused=list(conviction.accused),
            sequence=first.sequence,
            digests=["0x" + claim.digest.hex() for claim in conviction.claims],
            proof=str(path),
        )
        self._ban(conviction)

    def _ban(self, conviction: Conviction) -> None:
        what = f"two digests were signed for sequence {conviction.claims[0].sequence}"
        for member in conviction.accused:
            self.membership.banned.setdefault(member, what)

    @property
    def _trusted(self) -> set[bytes]:
        return {committee.id for committee in self.membership.chain.committees}
