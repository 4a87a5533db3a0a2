"""Proof that a member contradicted himself: two digests signed for one thing that has only one.

There is one attestation of an account set for each sequence, whichever committee signs it, and one
successor for each committee. Two votes for different ones, both signed by somebody, accuse those
who signed both; the file carries all that is needed to see it, and nobody can make one about a
member who did not. Only a secp256k1 signature names its signer by itself, as an address: where a
vote is in another scheme, the record that gives the address those keys must be a trusted one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from chains.model.ids import Address
from proofs.committee import Committee
from proofs.guard import Claim
from proofs.parts import (
    SCHEME,
    read_committee,
    read_scheme,
    read_signatures,
    view_committee,
    view_signatures,
)
from proofs.quorum import check_signers
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures
from proofs.statement import HealthAttestation
from proofs.strict import (
    check_canonical,
    encode_view,
    parse,
    read_fields,
    read_list,
    read_struct,
    read_text,
    view_struct,
)
from proofs.typed import digest_struct, hash_text

FORMAT: Final = "plimsoll/fraud-proof/1"
MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 6
VOTES: Final = 2
_FIELDS: Final = ("format", "deployment", "votes")
_VOTE_FIELDS: Final = ("committee", "signatures")
_HEADER: Final = "header"
_SUCCESSOR: Final = "successor"


class Innocence(StrEnum):
    """Why two votes accuse nobody."""

    SAME_DIGEST = "same_digest"
    """They say the same."""
    OTHER_SUBJECT = "other_subject"
    """They are about another account set, sequence or committee: both may be signed."""
    NO_COMMON_SIGNER = "no_common_signer"
    """Nobody signed both."""


class NotFraud(ValueError):
    """Two votes, each well signed, that accuse nobody."""

    def __init__(self, innocence: Innocence, detail: str) -> None:
        super().__init__(f"{detail}: nobody is accused")
        self.innocence: Final = innocence


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What members of a committee signed: an attestation's header, or their successor."""

    committee: Committee
    said: HealthAttestation | Committee
    signatures: Signatures
    scheme: Scheme = Scheme.SECP256K1

    def claim(self, salt: bytes) -> Claim:
        """Give what was signed, and for which thing."""
        if isinstance(self.said, Committee):
            return Claim.succeed(self.said, salt)
        return Claim(
            salt=salt,
            subject=self.said.account_set_root,
            sequence=self.said.sequence,
            digest=digest_struct(self.said, salt),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudProof:
    """Two votes in one deployment, by digest ascending."""

    deployment: str
    votes: tuple[Vote, Vote]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conviction:
    """A proof that holds: who signed both, and what about. `pinned`: by records you trust."""

    accused: tuple[Address, ...]
    claims: tuple[Claim, Claim]
    committee_ids: tuple[bytes, bytes]
    pinned: bool


def build_fraud(deployment: str, one: Vote, other: Vote) -> FraudProof:
    """Put two votes of one deployment together; NotFraud or Refused when they prove nothing."""
    salt = hash_text(deployment)
    low, high = sorted((one, other), key=lambda vote: vote.claim(salt).digest)
    proof = FraudProof(deployment=deployment, votes=(low, high))
    trusted = {vote.committee.id for vote in proof.votes}
    verify_fraud(proof, trusted)
    return proof


def verify_fraud(proof: FraudProof, trusted: Collection[bytes] | None) -> Conviction:
    """Check a proof: Refused when a vote is not well signed, NotFraud when nobody is accused.

    `trusted` are the ids of the committees whose records you know, None when you know none; then
    only votes in secp256k1 are taken.
    """
    salt = hash_text(proof.deployment)
    one, other = (_check_vote(vote, salt, trusted) for vote in proof.votes)
    claims = (proof.votes[0].claim(salt), proof.votes[1].claim(salt))
    _check_contradiction(*claims)
    accused = tuple(member for member in one if member in other)
    if not accused:
        raise NotFraud(Innocence.NO_COMMON_SIGNER, "no member signed both")
    return Conviction(
        accused=accused,
        claims=claims,
        committee_ids=(proof.votes[0].committee.id, proof.votes[1].committee.id),
        pinned=trusted is not None,
    )


def encode_fraud(proof: FraudProof) -> bytes:
    """Give the proof's file."""
    return encode_view(view_fraud(proof))


def view_fraud(proof: FraudProof) -> dict[str, Any]:
    """Give the proof's file as JSON values."""
    return {
        "format": FORMAT,
        "deployment": proof.deployment,
        "votes": [_view_vote(vote) for vote in proof.votes],
    }


def decode_fraud(raw: bytes) -> FraudProof:
    """Read a proof's file strictly; nothing is verified yet."""
    fields = read_fields(parse(raw, MAX_BYTES, MAX_DEPTH), "", _FIELDS)
    if fields["format"] != FORMAT:
        raise Refused(Refusal.SCHEMA, f"format is not {FORMAT!r}")
    deployment = read_text(fields["deployment"], "deployment")
    listed = read_list(fields["votes"], "votes")
    if len(listed) != VOTES:
        raise Refused(Refusal.BAD_TYPE, f"votes are {len(listed)} instead of {VOTES}")
    first, second = (_read_vote(item, f"votes[{i}]") for i, item in enumerate(listed))
    proof = FraudProof(deployment=deployment, votes=(first, second))
    check_canonical(raw, view_fraud(proof))
    salt = hash_text(deployment)
    if first.claim(salt).digest > second.claim(salt).digest:
        raise Refused(Refusal.NOT_CANONICAL, "the votes do not stand by digest ascending")
    return proof


def _check_vote(vote: Vote, salt: bytes, trusted: Collection[bytes] | None) -> tuple[Address, ...]:
    committee, said = vote.committee, vote.said
    named = said.prev if isinstance(said, Committee) else said.committee_id
    if named != committee.id or not _is_of_epoch(said, committee):
        detail = "a vote's committee is not the one that what was signed names"
        raise Refused(Refusal.COMMITTEE_ID, detail)
    if trusted is not None and committee.id not in trusted:
        raise Refused(Refusal.COMMITTEE, f"the committee 0x{committee.id.hex()} is not yours")
    if trusted is None and vote.scheme is not Scheme.SECP256K1:
        detail = f"whose {vote.scheme.label} keys signed is known from the committee's record only"
        raise Refused(Refusal.COMMITTEE, detail)
    return check_signers(committee, vote.scheme, vote.claim(salt).digest, vote.signatures)


def _is_of_epoch(said: HealthAttestation | Committee, committee: Committee) -> bool:
    after = isinstance(said, Committee)
    return said.epoch == committee.epoch + after


def _check_contradiction(one: Claim, other: Claim) -> None:
    if one.digest == other.digest:
        raise NotFraud(Innocence.SAME_DIGEST, "both votes say the same")
    if not one.excludes(other):
        raise NotFraud(Innocence.OTHER_SUBJECT, "the votes are about different things")


def _view_vote(vote: Vote) -> dict[str, Any]:
    if isinstance(vote.said, Committee):
        said = {_SUCCESSOR: view_committee(vote.said)}
    else:
        said = {_HEADER: view_struct(vote.said)}
    signed = view_signatures(vote.scheme, vote.signatures)
    return {"committee": view_committee(vote.committee), **said, **signed}


def _read_vote(value: object, path: str) -> Vote:
    fields = read_fields(value, path, _VOTE_FIELDS, (SCHEME, _HEADER, _SUCCESSOR))
    scheme = read_scheme(fields)
    said: HealthAttestation | Committee
    match fields.get(_HEADER), fields.get(_SUCCESSOR):
        case header, None if header is not None:
            said = read_struct(HealthAttestation, header, f"{path}.{_HEADER}")
        case None, successor if successor is not None:
            said = read_committee(successor, f"{path}.{_SUCCESSOR}")
        case _:
            detail = f"{path} has not one of {_HEADER} and {_SUCCESSOR}"
            raise Refused(Refusal.MISSING_FIELD, detail)
    return Vote(
        committee=read_committee(fields["committee"], f"{path}.committee"),
        said=said,
        signatures=read_signatures(scheme, fields["signatures"], f"{path}.signatures"),
        scheme=scheme,
    )
