"""Throw-away members with keys of all three schemes, and what they sign together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from eth_hash.auto import keccak

from proofs.committee import Committee, MemberKeys
from proofs.document import Document
from proofs.quorum import join_signatures
from proofs.scheme import Scheme, Signatures
from proofs.signing.bls import BlsSigner
from proofs.signing.ed25519 import Ed25519Signer
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import Signer
from proofs.statement import Statement
from tests.proofs import samples


@dataclass(frozen=True)
class Member:
    secp256k1: Secp256k1Signer
    ed25519: Ed25519Signer
    bls: BlsSigner

    @property
    def keys(self) -> MemberKeys:
        return MemberKeys(
            address=self.secp256k1.address,
            ed25519=self.ed25519.public,
            bls=self.bls.public,
            bls_proof=self.bls.prove_possession(),
        )

    def signer(self, scheme: Scheme) -> Signer:
        held: Sequence[Signer] = (self.secp256k1, self.ed25519, self.bls)
        return held[scheme - 1]


@lru_cache
def members(count: int, name: str = "member") -> tuple[Member, ...]:
    """Give members ascending by address."""
    seeds = [bytes(keccak(f"{name} {i}".encode())) for i in range(count)]
    made = [
        Member(Secp256k1Signer(seed), Ed25519Signer(seed), BlsSigner(bytes(1) + seed[1:]))
        for seed in seeds
    ]
    return tuple(sorted(made, key=lambda member: int(member.secp256k1.address, 16)))


@lru_cache
def committee(count: int = 4, threshold: int = 3, name: str = "member") -> Committee:
    """Give the first committee of these members, who have keys of all schemes."""
    keys = [member.keys for member in members(count, name)]
    return Committee.first(samples.DEPLOYMENT, keys, threshold)


def sign(
    scheme: Scheme,
    digest: bytes,
    indices: Iterable[int] = range(3),
    count: int = 4,
    name: str = "member",
) -> Signatures:
    signed = {i: members(count, name)[i].signer(scheme).sign(digest) for i in indices}
    return join_signatures(scheme, signed)


def statement(of: Committee, **header: object) -> Statement:
    made = samples.statement(replace(samples.TERMS, committee=of))
    return replace(made, header=samples.alter(made.header, header))


def document(
    scheme: Scheme, indices: Iterable[int] = range(3), of: Committee | None = None
) -> Document:
    made = statement(of or committee())
    signed = sign(scheme, made.digest, indices, len(made.committee.members))
    return Document(statement=made, signatures=signed, scheme=scheme)
