"""The file by which a committee declares that a chain is lost for good: canonical JSON, signatures.

No daemon signs one. Each member's operator signs by himself, every file holds what one of them
signed, and a quorum's files joined are what the notaries of the other chains take.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from chains.model.ids import Address
from proofs.committee import Committee
from proofs.parts import read_committee, read_signatures, view_committee, view_signatures
from proofs.quorum import check_quorum, check_signers, join_signatures
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures
from proofs.strict import (
    check_canonical,
    encode_view,
    parse,
    read_fields,
    read_struct,
    read_text,
    view_struct,
)
from proofs.typed import hash_text
from proofs.vaults import VaultChainLost, digest_vault

FORMAT: Final = "plimsoll/vault-loss/1"
MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 4
_FIELDS: Final = ("format", "deployment", "committee", "loss", "signatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossDocument:
    """That a chain is lost, with signatures by member index."""

    deployment: str
    committee: Committee
    loss: VaultChainLost
    signatures: Signatures = ()

    @property
    def digest(self) -> bytes:
        """The 32 bytes that members sign."""
        return digest_vault(self.loss, hash_text(self.deployment))

    @property
    def bitmap(self) -> int:
        """Bit i says that member i signed: the contracts' `bitmap`."""
        return sum(1 << index for index, _ in self.signatures)

    @property
    def proof(self) -> bytes:
        """The signatures one after the other: the contracts' `proof`."""
        return b"".join(signature for _, signature in self.signatures)


def encode_loss(document: LossDocument) -> bytes:
    """Give the file's bytes."""
    return encode_view(_view(document))


def decode_loss(raw: bytes) -> LossDocument:
    """Read the file strictly; Refused names the field. No signature is checked yet."""
    fields = read_fields(parse(raw, MAX_BYTES, MAX_DEPTH), "", _FIELDS)
    if fields["format"] != FORMAT:
        raise Refused(Refusal.SCHEMA, f"format is not {FORMAT!r}")
    document = LossDocument(
        deployment=read_text(fields["deployment"], "deployment"),
        committee=read_committee(fields["committee"], "committee"),
        loss=read_struct(VaultChainLost, fields["loss"], "loss"),
        signatures=read_signatures(Scheme.SECP256K1, fields["signatures"], "signatures"),
    )
    if document.loss.committee_id != document.committee.id:
        detail = "the committee's record is not the one that the loss names"
        raise Refused(Refusal.COMMITTEE_ID, detail)
    check_canonical(raw, _view(document))
    return document


def join_losses(documents: Sequence[LossDocument]) -> LossDocument:
    """Join what members signed, at least one file.

    ValueError where they do not say the same, Refused where a signature is not good.
    """
    first = documents[0]
    signatures: dict[int, bytes] = {}
    for document in documents:
        if replace(document, signatures=()) != replace(first, signatures=()):
            raise ValueError("the files differ in deployment, committee, chain or moment of issue")
        check_signers(first.committee, Scheme.SECP256K1, first.digest, document.signatures)
        signatures |= dict(document.signatures)
    return replace(first, signatures=join_signatures(Scheme.SECP256K1, signatures))


def verify_loss(document: LossDocument) -> tuple[Address, ...]:
    """Give the signers of a quorum's declaration; Refused with the first reason found."""
    signatures = document.signatures
    return check_quorum(document.committee, Scheme.SECP256K1, document.digest, signatures)


def _view(document: LossDocument) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "deployment": document.deployment,
        "committee": view_committee(document.committee),
        "loss": view_struct(document.loss),
        **view_signatures(Scheme.SECP256K1, document.signatures),
    }
