"""What a Solana transaction offers: units, a price for each, and how the message carries them.

Fee = 5,000 lamports a signature + the unit price (micro-lamports) times the unit *limit*, rounded
up; it is charged on failure too. How a message carries the offer stands behind `MessageBuilder`:
the announced v1 format names the priority fee as a total. Source:
https://solana.com/docs/core/fees. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, VersionedMessage
from solders.pubkey import Pubkey

from chains.model.units import BPS, div_down, div_up

LAMPORTS_PER_SIGNATURE: Final = 5_000
MAX_UNITS: Final = 1_400_000
MICRO: Final = 1_000_000
MIN_TIP: Final = 1_000
"""Lamports below which a block engine takes no bundle, as Jito's documentation says."""
UNIT_MARGIN_BPS: Final = 1_500
"""Above what the simulation used: prices and accounts move until inclusion."""
RAISE_BPS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most units a transaction may use, and micro-lamports offered for each of them."""

    unit_limit: int
    unit_price: int

    def __post_init__(self) -> None:
        if not (0 < self.unit_limit <= MAX_UNITS and self.unit_price >= 0):
            raise ValueError(f"{self.unit_limit} units at {self.unit_price} micro-lamports")

    def fee(self, signatures: int = 1) -> int:
        """Give the lamports including the transaction costs, rounded up."""
        return LAMPORTS_PER_SIGNATURE * signatures + div_up(
            self.unit_price * self.unit_limit, MICRO
        )


class MessageBuilder(Protocol):
    """How instructions and an offer become a message."""

    def build(
        self,
        payer: Pubkey,
        instructions: Sequence[Instruction],
        *,
        budget: Budget,
        blockhash: Hash,
        tables: Sequence[AddressLookupTableAccount],
    ) -> VersionedMessage:
        """Give the message to sign; ValueError when the instructions do not fit its format."""
        ...


class V0Messages:
    """Messages of version 0: the offer is two instructions of the compute-budget program."""

    def build(
        self,
        payer: Pubkey,
        instructions: Sequence[Instruction],
        *,
        budget: Budget,
        blockhash: Hash,
        tables: Sequence[AddressLookupTableAccount],
    ) -> VersionedMessage:
        """Give the message to sign; the offer comes first, so instruction indexes move by two."""
        offer = [
            set_compute_unit_limit(budget.unit_limit),
            set_compute_unit_price(budget.unit_price),
        ]
        return MessageV0.try_compile(payer, [*offer, *instructions], list(tables), blockhash)


def plan_unit_limit(units: int) -> int:
    """Give the limit for what a simulation used, at most what a transaction may use."""
    return max(1, min(MAX_UNITS, div_up(units * (BPS + UNIT_MARGIN_BPS), BPS)))


def plan_unit_price(recent: Sequence[int], *, percentile: int, floor: int) -> int:
    """Give a price from the least ones that landed in recent slots, at least the floor."""
    if not recent:
        return floor
    ranked = sorted(recent)
    return max(floor, ranked[min(len(ranked) - 1, div_down(len(ranked) * percentile, 100))])


def cap_budget(budget: Budget, *, cap_lamports: int, signatures: int = 1) -> Budget | None:
    """Lower the price until the fee is within the cap; None where the signatures exceed it."""
    left = cap_lamports - LAMPORTS_PER_SIGNATURE * signatures
    if left < 0:
        return None
    price = min(budget.unit_price, div_down(left * MICRO, budget.unit_limit))
    return replace(budget, unit_price=price)


def plan_raise(budget: Budget, *, cap_lamports: int, signatures: int = 1) -> Budget | None:
    """Raise the price by half for the next try; None where the cap leaves no room for it."""
    price = max(budget.unit_price + 1, div_up(budget.unit_price * (BPS + RAISE_BPS), BPS))
    raised = replace(budget, unit_price=price)
    capped = cap_budget(raised, cap_lamports=cap_lamports, signatures=signatures)
    return capped if capped and capped.unit_price > budget.unit_price else None


def plan_again(last: Budget, *, unit_limit: int, cap_lamports: int) -> tuple[Budget, ...]:
    """Give what to offer once `last` expired: a higher price, or the same, within the cap."""
    wanted = replace(last, unit_limit=max(last.unit_limit, unit_limit))
    raised = plan_raise(wanted, cap_lamports=cap_lamports)
    return tuple(each for each in (raised, cap_budget(wanted, cap_lamports=cap_lamports)) if each)
