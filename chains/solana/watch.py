"""What became of a transaction, look by look: a pure state machine.

::

    PENDING ──▶ SEEN ──▶ CONFIRMED (carried out, or failed and paid for)
       │  ▲      │
       │  └──────┘ its block was dropped (send it again, the same bytes)
       ├──▶ EXPIRED (no block will ever take it: it may be signed anew)
       └──▶ UNKNOWN (too long ago for the node's history: only its effects can tell)

A transaction is signed anew only past the last block height its blockhash serves for, and only
when a node that has passed that height at our commitment has it in no block. Before that, a
second signature might land beside the first.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from solders.signature import Signature

from chains.model.anchor import Finality
from chains.solana.decode import Look, SignatureStatus


class Stage(StrEnum):
    """Where a transaction stands."""

    PENDING = "pending"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionWatch:
    """One signed transaction; `finality` is how settled it must be to count as confirmed.

    `signed_slot` is that of its blockhash: it cannot lie in an older block.
    """

    signature: Signature
    signed_slot: int
    last_valid_height: int
    finality: Finality = Finality.SAFE
    stage: Stage = Stage.PENDING
    status: SignatureStatus | None = None
    drops: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.stage in (Stage.CONFIRMED, Stage.EXPIRED, Stage.UNKNOWN)

    @property
    def is_absent(self) -> bool:
        """Whether it lies in no block and may yet, so that sending it again can only help."""
        return self.stage is Stage.PENDING

    @property
    def may_resign(self) -> bool:
        """Whether the same action may be signed anew without a risk of doing it twice."""
        return self.stage is Stage.EXPIRED

    def advance(self, look: Look) -> "TransactionWatch":
        """Take in one look at the chain; a settled watch stays as it is."""
        if self.is_settled:
            return self
        if look.status is not None:
            settled = look.status.finality >= self.finality
            stage = Stage.CONFIRMED if settled else Stage.SEEN
            return replace(self, stage=stage, status=look.status)
        drops = self.drops + (self.stage is Stage.SEEN)
        stage = self._judge_absence(look)
        return replace(self, stage=stage, status=None, drops=drops)

    def _judge_absence(self, look: Look) -> Stage:
        if look.point.height <= self.last_valid_height or look.status_slot < look.point.slot:
            return Stage.PENDING
        return Stage.EXPIRED if look.history_from <= self.signed_slot else Stage.UNKNOWN
