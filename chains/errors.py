"""Everything that may go wrong at a chain, named by what the caller does about it.

::

    ChainError                    this chain is a gap in this snapshot
    ├── Unreachable               no endpoint answered in time
    ├── Stale                     the anchor is gone, behind, or its endpoints disagree
    │   └── MissingBlock          no endpoint has the block: not yet, or no longer
    ├── WrongChain                an endpoint answers for another chain: never used
    ├── RpcError                  a node refused a request (chains.rpc.endpoint), with its code
    ├── PlanTooLarge              more accounts than one read gives (chains.solana.accounts)
    └── DecodeError               the answer is not what the protocol's version says
    ExecutionError                drop the action and plan again
    ├── SimulationReverted        the call would revert; carries the decoded reason
    ├── FeeTooHigh                the fee cap forbids sending now
    ├── NonceTooLow               another transaction used the nonce
    ├── SubmitRefused             a node refused the signed transaction
    ├── TransactionTooLarge       it does not fit into a packet (chains.solana.transactions)
    └── NotIncluded               the deadline passed before inclusion
    InvariantError                stop the keeper, keep the API
"""

from dataclasses import dataclass
from typing import final

from chains.model.ids import ChainId


@dataclass(eq=False)
class ChainError(Exception):
    """A chain could not be read; the caller records a gap with this reason."""

    chain: ChainId
    reason: str

    def __str__(self) -> str:
        return f"{self.chain}: {self.reason}"


@final
class Unreachable(ChainError):
    """No endpoint answered within its time."""


class Stale(ChainError):
    """The anchor is no longer canonical, too old, or endpoints disagree on it."""


@final
class MissingBlock(Stale):
    """No endpoint has the block: it may come in a moment, or a reorg took it away."""


@final
class WrongChain(ChainError):
    """An endpoint answers for another chain than configured."""


@final
class DecodeError(ChainError):
    """An answer does not have the shape or the value that the protocol promises."""


@dataclass(eq=False)
class ExecutionError(Exception):
    """An action was not carried out; the caller drops it and plans again."""

    chain: ChainId
    reason: str

    def __str__(self) -> str:
        return f"{self.chain}: {self.reason}"


@final
class SimulationReverted(ExecutionError):
    """The call would revert at the simulated block."""


@final
class FeeTooHigh(ExecutionError):
    """The chain's fee is above the configured cap."""


@final
class NonceTooLow(ExecutionError):
    """Another transaction with this key used the nonce."""


@final
class SubmitRefused(ExecutionError):
    """A node refused the signed transaction for another reason than its fee or nonce."""


@final
class NotIncluded(ExecutionError):
    """The transaction was not included before its deadline."""


class InvariantError(Exception):
    """What must hold does not: the keeper stops, the API goes on."""
