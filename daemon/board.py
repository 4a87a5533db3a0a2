"""The latest word on every chain and account: written by the service, read by the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import ChainGap, ChainSnapshot
from daemon.margin.report import MarginReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A signed attestation: its digest and the canonical document (proofs.document)."""

    account: str
    sequence: int
    digest: bytes
    document: Mapping[str, Any]


@dataclass(slots=True)
class Board:
    """What is known now, by chain and by margin account.

    `members` maps every CAIP-10 member to its margin account's id; `labels` maps a chain to its
    label in the configuration. `progress_at` is the last time (seconds) anything was completed:
    the watchdog and readiness live on it.
    """

    labels: Mapping[ChainId, str]
    members: Mapping[AccountId, str]
    accounts: tuple[str, ...]
    chains: dict[ChainId, ChainSnapshot | ChainGap] = field(default_factory=dict)
    reports: dict[str, MarginReport] = field(default_factory=dict)
    attestations: dict[str, Attested] = field(default_factory=dict)
    keeper_halted: str | None = None
    progress_at: float = 0.0

    def find(self, name: str) -> str | None:
        """Give the margin account of an id or of any member's CAIP-10 text; None if unknown."""
        if name in self.accounts:
            return name
        try:
            return self.members.get(AccountId.parse(name))
        except ValueError:
            return None
