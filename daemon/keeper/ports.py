"""What the keeper asks of a chain.

A lane is one key on one chain (chains.evm.transactions.Lane); receipts are read beside it
(chains.evm.receipts.ReceiptReader).
"""

from collections.abc import Sequence
from typing import Protocol

from chains.evm.fees import Fees
from chains.evm.receipts import FullReceipt
from chains.evm.transactions import SignedTransaction
from chains.evm.watch import TransactionWatch
from chains.model.action import Call
from chains.model.ids import Address, ChainId
from chains.model.units import Usd
from daemon.keeper.intent import Draft, Intent


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

    def raised(self, intent: Intent, signed: SignedTransaction) -> Usd:
        """Give the most that an intent spends once this version of it is sent as well."""
        ...

    def refuse_raise(self, intent: Intent, gas: Usd, *, now: int) -> str | None:
        """Say why an intent may not spend as much, None when it may."""
        ...

    def recount(self, intent: Intent, gas: Usd) -> None:
        """Count this for an intent from now on."""
        ...
