"""What a member may sign after what he signed before; pure, the store is a port.

A claim says: this digest, for this subject, at this sequence. Of one subject the sequences ascend;
the digest that was signed last may be signed again, since a member that restarted must be able to
answer as before. Subjects are account sets, whose sequence is the attestation's, and committees,
whose only successor has the next epoch. A claim counts before its signature leaves, in all schemes
at once: the digest is the same.
"""

from dataclasses import dataclass
from typing import Protocol, Self

from proofs.committee import Committee


class DoubleSign(ValueError):
    """Signing would contradict, or fall behind, what was signed for the subject before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A digest to be signed in the domain of a deployment's salt, and what it is about."""

    salt: bytes
    subject: bytes
    sequence: int
    digest: bytes

    @classmethod
    def succeed(cls, successor: Committee, salt: bytes) -> Self:
        """Give the claim that a committee hands over to this successor."""
        return cls(
            salt=salt,
            subject=successor.prev,
            sequence=successor.epoch,
            digest=successor.digest(salt),
        )

    def excludes(self, other: "Claim") -> bool:
        """Say whether nobody may sign both."""
        mine = (self.salt, self.subject, self.sequence)
        theirs = (other.salt, other.subject, other.sequence)
        return mine == theirs and self.digest != other.digest


class Guard(Protocol):
    """Where claims are kept."""

    async def claim(self, wanted: Claim) -> None:
        """Make a claim durable, only then return; DoubleSign when it may not be signed."""
        ...


def check_claim(last: tuple[int, bytes] | None, wanted: Claim) -> bool:
    """Say whether a claim is new and must be kept; False when it repeats the last one.

    `last` is the sequence and digest claimed last for the subject, None if there is none.
    DoubleSign when the sequence does not ascend.
    """
    if last is None or wanted.sequence > last[0]:
        return True
    if (wanted.sequence, wanted.digest) == last:
        return False
    what = "another digest" if wanted.sequence == last[0] else f"sequence {last[0]}"
    raise DoubleSign(
        f"sequence {wanted.sequence} of 0x{wanted.subject.hex()}: {what} was signed already"
    )
