"""What the keeper means to do, and the states that goes through.

::

    planned ─▶ signed ─▶ sent ─▶ included ─▶ confirmed
       │          │        │  ◀──────┘  ▲ │      │
       │          │        │   reorg    │ ▼      │
       └──────────┴────────┴──▶ superseded, lost, failed

A dry run stops at planned, without a nonce. `superseded`: the nonce was filled by our own empty
transaction, or nothing was ever signed. `lost`: someone else used the nonce with this key. A
reorg takes even a settled intent back to sent: its bytes are good for its nonce, and no other
transaction may ever have that nonce.

Solana has no nonces: there it is our own running number. An intent is superseded past its
deadline once its last signature can never land any more, and lost when no node remembers far
enough back to say whether it did. What is settled stays so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chains.errors import InvariantError
from chains.evm.transactions import SignedTransaction
from chains.model.action import Action, Receipt
from chains.model.ids import AccountId, Address, ChainId
from chains.model.units import Usd, Wad
from chains.solana.transactions import SignedTransaction as SlotTransaction


class Purpose(StrEnum):
    """What an intent is for."""

    NATIVE = "native"
    UNIFIED = "unified"
    LIQUIDATION = "liquidation"
    VAULT = "vault"


FOR_PROFIT: Final = frozenset({Purpose.LIQUIDATION, Purpose.VAULT})
"""What protects no owner by his mandate: it never spends what a rescue may need."""


class IntentState(StrEnum):
    """How far an intent has come."""

    PLANNED = "planned"
    SIGNED = "signed"
    SENT = "sent"
    INCLUDED = "included"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    LOST = "lost"


OPEN: Final = frozenset({IntentState.SIGNED, IntentState.SENT, IntentState.INCLUDED})
"""The states in which a transaction may still take effect."""
WITHOUT_EFFECT: Final = frozenset({IntentState.FAILED, IntentState.SUPERSEDED, IntentState.LOST})
"""The ends at which nothing was done for the need."""
_S = IntentState
NEXT: Final[Mapping[IntentState, frozenset[IntentState]]] = {
    _S.PLANNED: frozenset({_S.SIGNED, _S.SUPERSEDED}),
    _S.SIGNED: frozenset({_S.SENT, _S.INCLUDED, _S.SUPERSEDED, _S.LOST}),
    _S.SENT: frozenset({_S.INCLUDED, _S.SUPERSEDED, _S.LOST}),
    _S.INCLUDED: frozenset({_S.SENT, _S.INCLUDED, _S.CONFIRMED, _S.FAILED, _S.SUPERSEDED, _S.LOST}),
    _S.CONFIRMED: frozenset({_S.SENT, _S.INCLUDED}),
    _S.FAILED: frozenset({_S.SENT, _S.INCLUDED}),
    _S.SUPERSEDED: frozenset({_S.SENT, _S.INCLUDED}),
    _S.LOST: frozenset({_S.SENT, _S.INCLUDED}),
}
"""Which state may follow which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An action that was chosen, before it has a nonce.

    `need` names what it cures (one intent in flight for each), `subject` whose it is: a margin
    account's id or a borrower. `cost` is what the quote expects to spend, `moved` the owner's
    value that moves (Usd). `health_before` is the figure it is for. `decision` is the record of the
    choice as JSON text. After `deadline` (seconds) the nonce is filled with an empty transaction.
    `unit_price` is the quote's.
    """

    action: Action
    purpose: Purpose
    need: str
    subject: str
    gas_limit: int
    cost: Usd
    moved: Usd
    health_before: Wad | None
    decision: str
    deadline: int
    unit_price: int = 0

    @property
    def chain(self) -> ChainId:
        """The chain acted on."""
        return self.action.chain

    @property
    def place(self) -> tuple[AccountId, AccountId]:
        """The account and the market changed: one intent in flight for each."""
        return self.action.account, self.action.market


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed transaction of an intent; `height` is the head it was signed at.

    On Solana that is the slot of its blockhash. `cancels` marks the empty transaction to oneself
    that only fills the nonce.
    """

    signed: SignedTransaction | SlotTransaction
    height: int
    signed_at: int
    cancels: bool = False

    @property
    def tx_hash(self) -> bytes:
        """The transaction's hash; its signature on Solana."""
        if isinstance(self.signed, SignedTransaction):
            return self.signed.tx_hash
        return bytes(self.signed.signature)

    @property
    def evm(self) -> SignedTransaction:
        """The transaction on an EVM chain; InvariantError for another's."""
        if not isinstance(self.signed, SignedTransaction):
            raise InvariantError(f"{self.signed.chain} has no EVM transactions")
        return self.signed

    @property
    def solana(self) -> SlotTransaction:
        """The transaction on Solana; InvariantError for another's."""
        if not isinstance(self.signed, SlotTransaction):
            raise InvariantError(f"{self.signed.chain} has no transactions of Solana")
        return self.signed

    @property
    def sender(self) -> Address:
        """The key's address."""
        return Address(str(self.signed.sender))

    @property
    def most(self) -> int:
        """The most it can cost in wei; its fee in lamports."""
        if isinstance(self.signed, SignedTransaction):
            return self.signed.most_wei
        return self.signed.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A draft with its nonce, its attempts (oldest first) and its fate.

    `effect` is what the contract reported, as JSON text.
    """

    id: int
    draft: Draft
    sender: Address
    nonce: int
    state: IntentState
    attempts: tuple[Attempt, ...]
    created_at: int
    updated_at: int
    reason: str | None = None
    receipt: Receipt | None = None
    effect: str | None = None

    @property
    def last(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    @property
    def included(self) -> Attempt | None:
        """The attempt that its receipt is of; None also where it is of none of them."""
        if self.receipt is None:
            return None
        mine = (a for a in self.attempts if a.tx_hash == self.receipt.tx_hash)
        return next(mine, None)

    @property
    def open(self) -> bool:
        """Whether a transaction of it may still take effect."""
        return self.state in OPEN
