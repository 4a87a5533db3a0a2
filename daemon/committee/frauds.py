"""Members who contradict themselves: seen, proved in a file that anybody can check, banned."""

from collections import OrderedDict
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

FOLDER: Final = "frauds"
REMEMBERED: Final = 4_096
"""Of how many attestations it is remembered who signed which digest."""
log = structlog.get_logger(__name__)

_Subject = tuple[bytes, int]


@dataclass(slots=True, kw_only=True)
class FraudWatch:
    """What each member was seen to sign; proofs lie in `state_dir`/frauds, one file each."""

    membership: Membership
    state_dir: Path
    _seen: OrderedDict[_Subject, dict[Address, Vote]] = field(default_factory=OrderedDict)

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

        What is not well signed is nobody's word and passes over.
        """
        if self.membership.chain.find(document.statement.committee.id) is None:
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
        try:
            signers = check_signers(statement.committee, scheme, statement.digest, signatures)
        except Refused:
            return
        vote = Vote(
            committee=statement.committee,
            said=statement.header,
            signatures=signatures,
            scheme=scheme,
        )
        for signer in signers:
            self._compare(signer, vote, statement.header.account_set_root)

    def _compare(self, signer: Address, vote: Vote, root: bytes) -> None:
        claim = vote.claim(self.membership.salt)
        votes = self._seen.setdefault((root, claim.sequence), {})
        self._seen.move_to_end((root, claim.sequence))
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        known = votes.setdefault(signer, vote)
        if known.claim(self.membership.salt).digest != claim.digest:
            self._convict(known, vote)

    def _convict(self, one: Vote, other: Vote) -> None:
        proof = build_fraud(self.membership.deployment, one, other)
        conviction = verify_fraud(proof, self._trusted)
        if all(member in self.membership.banned for member in conviction.accused):
            return
        first = conviction.claims[0]
        path = self.folder / f"{first.sequence}-{first.digest.hex()[:16]}.json"
        write_durably(path, encode_fraud(proof))
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
