"""The committee that signs: its record, its id and the rules it must keep.

committeeId = hashStruct(CommitteeRecord); keysRoot is the Merkle root over the members' keys: as
KeyLeaf structs where they have secp256k1 keys only, else as MemberLeaf structs. Members stand in
ascending order of their addresses, so one set has one id. The first committee of a deployment names
the deployment's salt as its predecessor: the same keys in another deployment are another committee.
A later one names the committee before it, whose quorum signs its record (proofs.succession).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Self, TypedDict

from eth_hash.auto import keccak

from chains.model.ids import Address
from proofs import merkle
from proofs.scheme import BLS_KEY_BYTES, BLS_PROOF_BYTES, ED25519_KEY_BYTES, Scheme
from proofs.typed import (
    WORD,
    ZERO,
    AddressWord,
    Bytes32,
    UInt32,
    UInt64,
    digest_struct,
    hash_struct,
    hash_text,
)

MAX_MEMBERS: Final = 32
FIRST_EPOCH: Final = 0
NO_END: Final = 2**64 - 1


class InvalidCommittee(ValueError):
    """A committee breaks a rule that every verifier enforces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLeaf:
    """One member's key: the address of a secp256k1 key."""

    index: UInt32
    key: AddressWord


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeaf:
    """One member's keys; `bls_key` is keccak256 of its 48 bytes, zero stands for no key."""

    index: UInt32
    key: AddressWord
    ed25519_key: Bytes32
    bls_key: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeRecord:
    """The struct behind committeeId."""

    epoch: UInt64
    threshold: UInt32
    keys_root: Bytes32
    valid_from: UInt64
    valid_until: UInt64
    prev_committee_id: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberKeys:
    """What one member is declared with; empty where it has no key of a scheme."""

    address: Address
    ed25519: bytes = b""
    bls: bytes = b""
    bls_proof: bytes = b""


class _Keys(TypedDict):
    members: tuple[Address, ...]
    ed25519_keys: tuple[bytes, ...]
    bls_keys: tuple[bytes, ...]
    bls_proofs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """Who may sign, how many must, and when (seconds, both ends included).

    Keys of another scheme are everybody's, in the members' order, or nobody's; no BLS key goes
    without its proof of possession, which follows from the key and is not hashed. Whether keys are
    good ones and proofs hold is proofs.quorum's question. InvalidCommittee unless 1 to 32 members
    ascend and more than two thirds of them are needed.
    """

    epoch: int
    threshold: int
    members: tuple[Address, ...]
    valid_from: int
    valid_until: int
    prev: bytes
    ed25519_keys: tuple[bytes, ...] = ()
    bls_keys: tuple[bytes, ...] = ()
    bls_proofs: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.members)
        if not 1 <= count <= MAX_MEMBERS:
            raise InvalidCommittee(f"a committee has 1 to {MAX_MEMBERS} members, not {count}")
        if not (3 * self.threshold > 2 * count and self.threshold <= count):
            raise InvalidCommittee(
                f"threshold {self.threshold} of {count}: more than two thirds must sign"
            )
        numbers = [int(member, 16) for member in self.members]
        if numbers[0] == 0 or numbers != sorted(set(numbers)):
            raise InvalidCommittee("the members' addresses must ascend, each once, none zero")
        if not 0 <= self.epoch <= NO_END:
            raise InvalidCommittee("the epoch is no 64-bit number")
        if not 0 <= self.valid_from < self.valid_until <= NO_END:
            raise InvalidCommittee("validFrom must come before validUntil")
        if len(self.prev) != WORD:
            raise InvalidCommittee(f"prevCommitteeId has {len(self.prev)} bytes, not {WORD}")
        _check_keys("ed25519 key", self.ed25519_keys, ED25519_KEY_BYTES, count)
        _check_keys("BLS key", self.bls_keys, BLS_KEY_BYTES, count)
        _check_keys("BLS proof", self.bls_proofs, BLS_PROOF_BYTES, count)
        if len(self.bls_keys) != len(self.bls_proofs):
            raise InvalidCommittee("no BLS key goes without its proof of possession")

    @classmethod
    def first(
        cls, deployment: str, members: Sequence[Address | MemberKeys], threshold: int
    ) -> Self:
        """Give a deployment's first committee, which the verifier contract computes too."""
        return cls(
            epoch=FIRST_EPOCH,
            threshold=threshold,
            valid_from=0,
            valid_until=NO_END,
            prev=hash_text(deployment),
            **_sort_keys(members),
        )

    def build_next(
        self,
        members: Sequence[Address | MemberKeys],
        threshold: int,
        *,
        valid_from: int,
        valid_until: int = NO_END,
    ) -> Self:
        """Give the committee of the next epoch, for this one's quorum to sign."""
        return replace(
            self,
            epoch=self.epoch + 1,
            threshold=threshold,
            valid_from=valid_from,
            valid_until=valid_until,
            prev=self.id,
            **_sort_keys(members),
        )

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The schemes whose keys the members have."""
        held = {Scheme.ED25519: self.ed25519_keys, Scheme.BLS12_381: self.bls_keys}
        return (Scheme.SECP256K1, *(scheme for scheme, keys in held.items() if keys))

    @property
    def key_hashes(self) -> tuple[bytes, ...]:
        """The struct hashes of the members' keys, which are the leaves under keysRoot."""
        if self.schemes == (Scheme.SECP256K1,):
            keys = (KeyLeaf(index=i, key=member) for i, member in enumerate(self.members))
            return tuple(hash_struct(key) for key in keys)
        leaves = (
            MemberLeaf(
                index=i,
                key=member,
                ed25519_key=self.ed25519_keys[i] if self.ed25519_keys else ZERO,
                bls_key=bytes(keccak(self.bls_keys[i])) if self.bls_keys else ZERO,
            )
            for i, member in enumerate(self.members)
        )
        return tuple(hash_struct(leaf) for leaf in leaves)

    @property
    def keys_root(self) -> bytes:
        """The Merkle root over the members' keys."""
        return merkle.calculate_root(self.key_hashes)

    @property
    def record(self) -> CommitteeRecord:
        """The struct that is hashed to the id, and signed when it follows another committee."""
        return CommitteeRecord(
            epoch=self.epoch,
            threshold=self.threshold,
            keys_root=self.keys_root,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            prev_committee_id=self.prev,
        )

    @property
    def id(self) -> bytes:
        """The committeeId that headers name."""
        return _committee_id(self)

    def digest(self, salt: bytes) -> bytes:
        """Give what the quorum before it signs to hand over, in the domain of a deployment."""
        return digest_struct(self.record, salt)


@lru_cache(maxsize=1024)
def _committee_id(committee: Committee) -> bytes:
    return hash_struct(committee.record)


def _sort_keys(members: Sequence[Address | MemberKeys]) -> _Keys:
    """Put the members in order; a key that only some have is missed where they are counted."""
    listed = [m if isinstance(m, MemberKeys) else MemberKeys(address=m) for m in members]
    listed.sort(key=lambda member: int(member.address, 16))
    return _Keys(
        members=tuple(member.address for member in listed),
        ed25519_keys=tuple(member.ed25519 for member in listed if member.ed25519),
        bls_keys=tuple(member.bls for member in listed if member.bls),
        bls_proofs=tuple(member.bls_proof for member in listed if member.bls_proof),
    )


def _check_keys(what: str, keys: Sequence[bytes], size: int, count: int) -> None:
    if keys and len(keys) != count:
        raise InvalidCommittee(f"{len(keys)} {what}s for {count} members")
    if any(len(key) != size for key in keys):
        raise InvalidCommittee(f"a {what} has {size} bytes")
    if len(set(keys)) != len(keys):
        raise InvalidCommittee(f"a {what} stands twice")
