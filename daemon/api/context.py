"""What the routes are given: the board, the clock, and readers of what is not on the board."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from daemon.board import Board
from daemon.committee.vaults import VaultsParts
from daemon.committee.view import CommitteeView
from daemon.keeper.intent import Intent
from daemon.keeper.vaults.view import VaultBoard
from daemon.margin.dynamics import Outlooks
from daemon.margin.measures import NO_OUTLOOKS
from daemon.margin.risk import RiskTable
from daemon.margin.routes import RouteTerms
from daemon.telemetry import TotalsReader


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One event of an account; `id` orders them, `at` is its time (seconds)."""

    id: int
    at: int
    event: str
    details: Mapping[str, str | int | bool | None]


HistoryReader = Callable[[str, int | None, int], Awaitable[Sequence[HistoryEntry]]]
"""Reads an account's events older than an id (None: the newest), newest first, at most so many."""


EvidenceReader = Callable[[str, int], Awaitable[bytes | None]]
"""Reads the file of evidence of an account's attestation by its sequence, None without any."""

ActionReader = Callable[[int | None, int], Awaitable[Sequence[Intent]]]
"""Reads the keeper's signed intents older than an id, newest first, at most so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiContext:
    """All that the API may ask; `signer_fault` says why nothing can be signed, None if it can.

    `halts` gives what of the keeper stands still, and why: itself, liquidations, chains' lanes.
    `committee` looks at the committee, None for a lone keeper; `vaults` state vaults, None where
    there are none or nothing is signed. `vault_accounts` is what the last look at the vaults
    found, `vault_symbols` are the assets' by number. `risk` is what portfolio margin is measured
    with, `routes` what its own netting follows from; `outlooks` gives the volatilities in force.
    """

    board: Board
    clock: Callable[[], float]
    registry: CollectorRegistry
    risk: RiskTable | None = None
    routes: Sequence[RouteTerms] = ()
    outlooks: Callable[[], Outlooks] = lambda: NO_OUTLOOKS
    history: HistoryReader | None = None
    actions: ActionReader | None = None
    totals: TotalsReader | None = None
    evidence: EvidenceReader | None = None
    signer_fault: Callable[[], str | None] = lambda: None
    halts: Callable[[], Mapping[str, str]] = dict
    committee: Callable[[], CommitteeView] | None = None
    vaults: VaultsParts | None = None
    vault_accounts: VaultBoard | None = None
    vault_symbols: Sequence[str] = ()


CONTEXT: Final = web.AppKey("context", ApiContext)
