"""What is known of every vault account now: for the API, for people, for the next look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chains.evm.protocols.plimsoll_vault.adapter import AccountRead
from chains.evm.protocols.plimsoll_vault.ledger import Ledger
from chains.model.ids import Address
from daemon.keeper.vaults.due import Waiting
from daemon.keeper.vaults.scene import ChainView
from daemon.keeper.vaults.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an owner should do and the keeper may not: a transaction for `owner` on a chain.

    `step` is None where no single call can be named; `reason` says in words what and why.
    """

    chain: int
    owner: Address
    reason: str
    step: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAccountView:
    """One vault account over all chains, by their EIP-155 numbers.

    `ledger` has its lines, orders and fills, `waiting` what each of them waits for. `holdings` are
    its legs and both healths where the chain was read, `told` both healths there once the newest
    quantities were brought to it. `decision` is the record of the last choice
    about its liquidation, as JSON values, None where there was none.
    """

    account: bytes
    ledger: Ledger
    holdings: Mapping[int, AccountRead]
    waiting: tuple[Waiting, ...]
    proposals: tuple[Proposal, ...] = ()
    decision: Mapping[str, Any] | None = None
    told: Mapping[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class VaultBoard:
    """The accounts and chains as of the last look; `missing` says which chains were not read."""

    accounts: dict[bytes, VaultAccountView] = field(default_factory=dict)
    chains: dict[int, ChainView] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)

    def find(self, account: bytes) -> VaultAccountView | None:
        """Give an account, None where nothing was ever said of it on any chain."""
        return self.accounts.get(account)
