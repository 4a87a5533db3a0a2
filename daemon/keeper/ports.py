"""What the keeper asks of a chain, in the words that all chains share; then what EVM's part asks.

Dispatcher and keeper talk to a `ChainExecutor`, to `Effects` and to a `CureBuilder`. On EVM those
stand on a lane, one key on one chain (chains.evm.transactions.Lane), with receipts read beside it
(chains.evm.receipts.ReceiptReader); on Solana see daemon.keeper.solana.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chains.evm.fees import Fees
from chains.evm.receipts import FullReceipt
from chains.evm.transactions import SignedTransaction
from chains.evm.watch import TransactionWatch
from chains.model.action import Action, Call, Quote
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import Address, ChainId
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import Usd
from daemon.board import Attested
from daemon.keeper.intent import Attempt, Draft, Intent
from daemon.keeper.plan import Cure


class Quoter(Protocol):
    """Says what actions on one chain would cost."""

    async def quote(self, actions: Sequence[Action], at: ChainSnapshot) -> tuple[Quote | str, ...]:
        """Quote each action on the chain as it was read, or say why not; takes a bounded time."""
        ...


class Carrying(Protocol):
    """Carries drafts out."""

    def find_most(self, draft: Draft, fees: ChainFees, *, now: int) -> Usd:
        """Give the most that a draft may spend now; FeeTooHigh above the cap."""
        ...

    async def execute(self, draft: Draft, fees: ChainFees, *, now: int) -> Intent:
        """Sign, journal and send a draft; give its intent whether or not a node took it.

        FeeTooHigh, ChainError, StorageError or InvariantError: nothing was sent then.
        """
        ...


class Following(Protocol):
    """Follows what was sent to its end."""

    @property
    def looks(self) -> int:
        """How many heads were begun to be followed."""
        ...

    async def on_head(self, head: Head, *, now: int) -> tuple[Intent, ...]:
        """Follow everything in flight; give what was settled. The first head reconciles.

        Raises ChainError when the chain cannot be asked: what was not looked at waits.
        """
        ...

    async def wait_followed(self, anchor: BlockAnchor, *, looks: int) -> None:
        """Wait until what a read block undid is in flight again.

        A head that was passed over counts once one that was begun after `looks` was followed.
        """
        ...


class ChainExecutor(Quoter, Carrying, Following, Protocol):
    """One key on one chain, from a draft to its settled intent.

    `ready` once the journal and the chain agree: nothing may be planned before. `stopped` says
    why the lane takes nothing any more. `budget` bounds what is spent on top. A quote takes no
    longer than `quote_timeout_s`.
    """

    stopped: str | None
    budget: "Budget | None"

    @property
    def ready(self) -> bool:
        """Whether journal and chain agree."""
        ...

    @property
    def in_flight(self) -> tuple[Intent, ...]:
        """The intents that may still take effect."""
        ...

    @property
    def quote_timeout_s(self) -> float:
        """How long a quote, or any other wait for the chain, may take."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one answer says of a transaction that lies in a block: its effect as JSON text."""

    effect: str | None


class Effects(Protocol):
    """Reads what confirmed intents did."""

    async def read(self, intent: Intent) -> Reading | None:
        """Give what an intent's transaction did, None where nobody has it; ChainError."""
        ...

    async def read_everywhere(self, intent: Intent) -> tuple[Reading, ...]:
        """Give what each endpoint by itself says of it; ChainError where none answers."""
        ...


class CureBuilder(Protocol):
    """Builds the actions of cures on one chain."""

    async def __call__(self, cure: Cure, attested: Attested | None) -> Action | str:
        """Give a cure's action, or say why there is none now; takes a bounded time."""
        ...


class Pricing(Protocol):
    """Says what a call would take."""

    async def simulate(self, call: Call) -> int:
        """Give the gas the call needs now; SimulationReverted with the reason."""
        ...

    async def read_balance(self) -> int:
        """Give the key's balance in wei."""
        ...

    async def read_l1_fee(self, call: Call) -> int:
        """Give the most that publishing the call on another chain costs, in wei; 0 without."""
        ...

    def plan_fees(self, base_fee_wei: int) -> Fees:
        """Give the fees to offer; FeeTooHigh above the cap."""
        ...


class Nonces(Protocol):
    """Allocates the key's nonces."""

    async def next_nonce(self) -> int:
        """Take the lowest free nonce."""
        ...

    async def read_nonce(self) -> int:
        """Give how many of the key's transactions are mined."""
        ...

    def release_nonce(self, nonce: int) -> None:
        """Give back a nonce whose transaction was never sent."""
        ...


class Signing(Protocol):
    """Signs with the key."""

    def sign(self, call: Call, *, nonce: int, gas_limit: int, fees: Fees) -> SignedTransaction:
        """Sign a call."""
        ...

    def sign_replacement(
        self, signed: SignedTransaction, *, base_fee_wei: int
    ) -> SignedTransaction | None:
        """Sign the same call and nonce at 12.5 % more; None where the cap forbids it."""
        ...


class Sending(Protocol):
    """Sends and looks what became of it."""

    async def submit(self, signed: SignedTransaction) -> None:
        """Broadcast; also done when it is known or in a block already."""
        ...

    async def step(self, watch: TransactionWatch, *, height: int) -> TransactionWatch:
        """Look at the chain once and advance the watch."""
        ...


class LanePort(Pricing, Nonces, Signing, Sending, Protocol):
    """One key on one chain."""

    @property
    def chain(self) -> ChainId:
        """The chain."""
        ...

    @property
    def sender(self) -> Address:
        """The key's address."""
        ...


class Receipts(Protocol):
    """Reads the receipts of a chain."""

    async def read(self, tx_hash: bytes) -> FullReceipt | None:
        """Give a transaction's receipt and logs, None while it is not included."""
        ...

    async def read_everywhere(self, tx_hashes: Sequence[bytes]) -> tuple[FullReceipt, ...]:
        """Give what each endpoint by itself says of any of these transactions."""
        ...


class Budget(Protocol):
    """Knows what transactions may spend, and what they do (Usd x 1e8)."""

    def find_allowance(self, draft: Draft, *, now: int) -> Usd:
        """Give the most that a draft may spend now."""
        ...

    def raised(self, intent: Intent, attempt: Attempt) -> Usd:
        """Give the most that an intent spends once this version of it is sent as well."""
        ...

    def refuse_raise(self, intent: Intent, gas: Usd, *, now: int) -> str | None:
        """Say why an intent may not spend as much, None when it may."""
        ...

    def recount(self, intent: Intent, gas: Usd) -> None:
        """Count this for an intent from now on."""
        ...
