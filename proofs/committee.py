"""The committee that signs: its record, its id and the rules it must keep.

committeeId = hashStruct(CommitteeRecord); keysRoot is the Merkle root over the members'
KeyLeaf structs. Members stand in ascending order of their addresses, so one set has one id. The
first committee of a deployment names the deployment's salt as its predecessor: the same keys in
another deployment are another committee.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from chains.model.ids import Address
from proofs import merkle
from proofs.typed import AddressWord, Bytes32, UInt32, UInt64, hash_struct, hash_text

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
class CommitteeRecord:
    """The struct behind committeeId."""

    epoch: UInt64
    threshold: UInt32
    keys_root: Bytes32
    valid_from: UInt64
    valid_until: UInt64
    prev_committee_id: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """Who may sign, how many must, and when (seconds, both ends included).

    InvalidCommittee unless 1 to 32 members ascend and more than two thirds of them are needed.
    """

    epoch: int
    threshold: int
    members: tuple[Address, ...]
    valid_from: int
    valid_until: int
    prev: bytes

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

    @classmethod
    def first(cls, deployment: str, members: Sequence[Address], threshold: int) -> Self:
        """Give a deployment's first committee, which the verifier contract computes too."""
        return cls(
            epoch=FIRST_EPOCH,
            threshold=threshold,
            members=tuple(sorted(members, key=lambda member: int(member, 16))),
            valid_from=0,
            valid_until=NO_END,
            prev=hash_text(deployment),
        )

    @property
    def keys_root(self) -> bytes:
        """The Merkle root over the members' keys."""
        leaves = [KeyLeaf(index=i, key=member) for i, member in enumerate(self.members)]
        return merkle.calculate_root([hash_struct(leaf) for leaf in leaves])

    @property
    def id(self) -> bytes:
        """The committeeId that headers name."""
        return _committee_id(self)


@lru_cache(maxsize=64)
def _committee_id(committee: Committee) -> bytes:
    return hash_struct(
        CommitteeRecord(
            epoch=committee.epoch,
            threshold=committee.threshold,
            keys_root=committee.keys_root,
            valid_from=committee.valid_from,
            valid_until=committee.valid_until,
            prev_committee_id=committee.prev,
        )
    )
