"""What became of a transaction, head by head: a pure state machine.

::

    PENDING ──▶ INCLUDED ──▶ CONFIRMED
       │  ▲        │
       │  └─────── REORGED_OUT (send it again)
       └──▶ NONCE_TAKEN (another transaction used the nonce, and it is settled)
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from chains.model.action import Receipt


class Stage(StrEnum):
    """Where a transaction stands."""

    PENDING = "pending"
    INCLUDED = "included"
    CONFIRMED = "confirmed"
    REORGED_OUT = "reorged_out"
    NONCE_TAKEN = "nonce_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionWatch:
    """One nonce of one key, and the versions of the transaction sent with it, newest last.

    `depth` counts the including block: at 1 a transaction is confirmed when it is included.
    `taken_at` is the height at which the nonce was first seen used by none of the versions.
    """

    nonce: int
    tx_hashes: tuple[bytes, ...]
    depth: int
    stage: Stage = Stage.PENDING
    receipt: Receipt | None = None
    taken_at: int | None = None
    reorgs: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen to it within the depth watched."""
        return self.stage in (Stage.CONFIRMED, Stage.NONCE_TAKEN)

    @property
    def is_absent(self) -> bool:
        """Whether it lies in no block, so that sending it again can only help."""
        return self.stage in (Stage.PENDING, Stage.REORGED_OUT)

    def with_version(self, tx_hash: bytes) -> "TransactionWatch":
        """Watch for a replacement as well."""
        return replace(self, tx_hashes=(*self.tx_hashes, tx_hash))

    def advance(
        self, *, height: int, mined_nonce: int, receipt: Receipt | None
    ) -> "TransactionWatch":
        """Take in what the chain says at a head.

        `mined_nonce` must have been read before `receipt` (of any version): then a nonce that is
        used without a receipt was used by another.
        """
        if self.is_settled:
            return self
        if receipt is not None:
            confirmed = height - receipt.height + 1 >= self.depth
            stage = Stage.CONFIRMED if confirmed else Stage.INCLUDED
            return replace(self, stage=stage, receipt=receipt, taken_at=None)
        if mined_nonce > self.nonce:
            return self._note_taken(height)
        if self.stage is Stage.INCLUDED:
            return replace(
                self,
                stage=Stage.REORGED_OUT,
                receipt=None,
                taken_at=None,
                reorgs=self.reorgs + 1,
            )
        return replace(self, taken_at=None)

    def _note_taken(self, height: int) -> "TransactionWatch":
        since = height if self.taken_at is None else self.taken_at
        if height - since >= self.depth:
            return replace(self, stage=Stage.NONCE_TAKEN, receipt=None, taken_at=since)
        return replace(self, taken_at=since)
