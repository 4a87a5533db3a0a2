"""The running daemon: one TaskGroup, per-chain loops that fail alone, an orderly end.

An unknown error ends the group and the process, and systemd starts it again. SIGTERM drains.
SIGHUP reads the configuration: a bad one is refused and the old one stays, a good one replaces
the whole house, which is safe because every intent is in the journal.
"""

import asyncio
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import structlog

from chains.model.anchor import Head
from chains.model.ids import ChainId
from config.errors import ConfigError
from config.settings import Settings
from daemon import liveness
from daemon.acting import build_dispatcher, build_hunters, build_keeper
from daemon.api.context import ApiContext
from daemon.api.server import serve as serve_api
from daemon.attesting import open_attesting
from daemon.board import Board
from daemon.books import BookWatch, build_books
from daemon.collect import ChainWatch
from daemon.committee.compose import (
    CommitteeParts,
)
from daemon.committee.vaults import VaultsParts
from daemon.compose import (
    SILENCE_BLOCKS,
    ChainParts,
    SolanaParts,
    build_board,
    open_chains,
    open_key,
)
from daemon.follow import Follower, SnapshotLoop, build_hunts
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.journal import Journal
from daemon.margin.measures import NO_OUTLOOKS
from daemon.outlooks import OutlookDesk, build_outlooks
from daemon.preflight import check_usable
from daemon.progress import Progress
from daemon.proving import ProvingAttestor
from daemon.records import build_actions, build_history
from daemon.schedule import Ticks, ticking
from daemon.signals import Signals
from daemon.storage.database import open_database
from daemon.storage.errors import StorageError
from daemon.storage.evidence import EvidenceStore
from daemon.storage.outlooks import OutlookStore
from daemon.storage.store import Store
from daemon.telemetry import Metrics, TimedReader
from daemon.totals import build_totals
from daemon.translate import build_policy, build_risk, build_routes
from daemon.vault_keeping import build_vault_loops, open_vault_keeper
from daemon.vaulting import build_vault_setup, list_vault_assets
from daemon.watch import AccountWatch

DRAIN_S: Final = 10.0
OVERDUE_S: Final = 60.0
BUSY_S: Final = 300.0
TICKS_S: Final = {"ages": 2.0, "endpoints": 5.0, "history": 60.0, "prune": 3_600.0}
KEEP_HISTORY_S: Final = 90 * 86_400
KEEP_ATTESTATIONS_S: Final = 7 * 86_400

KEEP_EVIDENCE_S: Final = 86_400

COMMITTEE: Final = "committee"
EVIDENCE: Final = "evidence"
VAULTS: Final = "vaults"

Load = Callable[[], Settings]

log = structlog.get_logger(__name__)


async def serve(load: Load) -> None:
    """Run until told to stop; ConfigError or StateRefused where it cannot start."""
    signals = Signals()
    signals.install()
    settings: Settings | None = load()
    while settings is not None:
        async with open_house(settings) as house:
            settings = await house.run(signals, load)
    liveness.notify_stopping()


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator["House"]:
    """Open everything a daemon needs, the API included, and close it again."""
    async with AsyncExitStack() as stack:
        key = await open_key(settings)
        database = await stack.enter_async_context(
            open_database(settings.state_dir, live=settings.live)
        )
        store = Store(database)
        metrics = Metrics()
        chains = await stack.enter_async_context(open_chains(settings, metrics.observe_rpc))
        board = build_board(settings)
        accounts: dict[str, AccountWatch] = {}
        evidence = EvidenceStore(database)
        vaults = build_vault_setup(settings, chains, database)
        attesting = await stack.enter_async_context(
            open_attesting(settings, key, chains, board, store, evidence, accounts, vaults)
        )
        dispatcher = await build_dispatcher(settings, key, chains, database) if key else None
        keeper = build_keeper(settings, key, dispatcher) if key and dispatcher else None
        hunts: Mapping[str, SnapshotLoop] = {}
        if key and dispatcher:
            hunters = await build_hunters(settings, key, dispatcher, chains, store)
            hunts = build_hunts(board, hunters)
        statements = attesting.vaults.standing if attesting.vaults else None
        vault_keeper = await open_vault_keeper(
            settings, key, dispatcher, chains, board, statements, database
        )
        hunts = {**hunts, **build_vault_loops(board, vault_keeper)}
        followed = asyncio.Event()
        accounts |= {
            account.id: AccountWatch(
                account=account.id,
                policy=build_policy(account),
                risk=build_risk(settings),
                board=board,
                max_skew_s=settings.attestation.max_skew_s,
                attestor=attesting.attestor,
                act=keeper.on_report if keeper else None,
            )
            for account in settings.accounts
        }
        outlooks = build_outlooks(settings, board, OutlookStore(database), time.time)
        context = ApiContext(
            board=board,
            clock=time.time,
            registry=metrics.registry,
            risk=build_risk(settings),
            routes=build_routes(settings),
            outlooks=outlooks.now if outlooks else lambda: NO_OUTLOOKS,
            history=build_history(store),
            actions=build_actions(Journal(database)) if key else None,
            totals=build_totals(database),
            halts=lambda: dispatcher.halts if dispatcher else {},
            committee=attesting.committee.view if attesting.committee else None,
            evidence=evidence.read,
            vaults=attesting.vaults,
            vault_accounts=vault_keeper.board if vault_keeper else None,
            vault_symbols=list_vault_assets(settings),
        )
        port = await stack.enter_async_context(
            serve_api(context, settings.api.host, settings.api.port)
        )
        ticks = await stack.enter_async_context(ticking(TICKS_S))
        yield House(
            settings=settings,
            board=board,
            metrics=metrics,
            chains=chains,
            accounts=accounts,
            books=build_books(settings, board, lambda account: accounts[account].wake()),
            committee=attesting.committee,
            proving=attesting.proving,
            vaults=attesting.vaults,
            evidence=evidence,
            dispatcher=dispatcher,
            followers={id_: Follower(board, dispatcher, followed) for id_ in chains},
            hunts=hunts,
            store=store,
            outlooks=outlooks,
            ticks=ticks,
            port=port,
            progress=_build_progress(chains, settings, hunts),
            followed=followed,
        )


def _build_progress(
    chains: Mapping[ChainId, ChainParts], settings: Settings, hunts: Iterable[str]
) -> Progress:
    """Say how long each loop may be silent: a quiet socket, a poll and its timeouts at the most.

    What works on a head asks many things in turn, and may take longer.
    """
    limits = {
        parts.label: OVERDUE_S + 2 * SILENCE_BLOCKS * parts.settings.block_time_s
        for parts in chains.values()
    }
    limits |= {f"account {account.id}": OVERDUE_S for account in settings.accounts}
    limits |= {f"book {book.venue_account}": OVERDUE_S for book in settings.books}
    limits |= {f"{parts.label} transactions": BUSY_S for parts in chains.values()}
    limits |= dict.fromkeys(hunts, BUSY_S)
    if settings.committee is not None:
        limits[COMMITTEE] = OVERDUE_S
    elif settings.keys.keystore is not None:
        limits[EVIDENCE] = OVERDUE_S
    if settings.keys.keystore is not None and any(
        chain.vault is not None for chain in settings.evm.values()
    ):
        limits[VAULTS] = OVERDUE_S
    return Progress(limits_s=limits, started_at=time.time())


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """All parts of one running daemon."""

    settings: Settings
    board: Board
    metrics: Metrics
    chains: Mapping[ChainId, ChainParts]
    accounts: Mapping[str, AccountWatch]
    books: Sequence[BookWatch]
    committee: CommitteeParts | None
    proving: ProvingAttestor | None
    vaults: VaultsParts | None
    evidence: EvidenceStore
    dispatcher: Dispatcher | None
    followers: Mapping[ChainId, Follower]
    hunts: Mapping[str, SnapshotLoop]
    store: Store
    outlooks: OutlookDesk | None
    ticks: Ticks
    port: int
    progress: Progress
    followed: asyncio.Event

    async def run(self, signals: Signals, load: Load) -> Settings | None:
        """Run until stopped (None) or until a new configuration is good (that one)."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop) for loop in self._loops()]
            liveness.notify_ready()
            log.info("service.ready", port=self.port, mode=self.settings.mode)
            if self.committee is not None:
                log.info("committee.listening", port=self.committee.port)
            following = await _next_settings(signals, load, self)
            await self._drain()
            for task in tasks:
                task.cancel()
        return following

    async def _drain(self) -> None:
        """Plan nothing new and follow what is in flight for a while; the rest is journalled."""
        if self.dispatcher is None:
            return
        self.dispatcher.halted = self.dispatcher.halted or "the daemon is stopping"
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self.dispatcher.activity.places:
                    self.followed.clear()
                    await self.followed.wait()
        log.info("service.drained", in_flight=len(self.dispatcher.activity.places))

    def _loops(self) -> Iterator[Coroutine[Any, Any, NoReturn]]:
        for parts in self.chains.values():
            yield self._watch(parts).run()
            yield self.followers[parts.id].run()
            if isinstance(parts, SolanaParts):
                yield parts.reader.keep_searching()
        for hunt in self.hunts.values():
            yield hunt.run()
        for account in self.accounts.values():
            yield account.run()
        for book in self.books:
            yield book.run()
        for part in (
            self.committee.rounds if self.committee is not None else None,
            self.proving,
            self.vaults.rounds if self.vaults is not None else None,
            self.outlooks,
        ):
            if part is not None:
                yield part.run()
        yield self._keep_ages()
        yield self._keep_history()
        yield self._prune()
        yield self._check_endpoints()
        if period_s := liveness.read_watchdog_s():
            yield liveness.feed_watchdog(self._judge_progress, period_s)

    def _watch(self, parts: ChainParts) -> ChainWatch:
        hunts = [hunt for hunt in self.hunts.values() if hunt.chain == parts.id]

        def on_head(head: Head) -> None:
            self.followers[parts.id].put(head)
            for hunt in hunts:
                hunt.wake()

        return ChainWatch(
            chain=parts.id,
            heads=parts.heads,
            reader=TimedReader(parts.reader, parts.id, self.metrics),
            accounts=tuple(self.board.members),
            board=self.board,
            changed=self._wake_members,
            patience_s=max(1.0, parts.settings.block_time_s),
            on_head=on_head,
        )

    def _judge_progress(self) -> float:
        """Give the last time all loops were at work; the watchdog is fed while it moves."""
        seen = {parts.label: parts.heads.tried_at for parts in self.chains.values()}
        seen |= {f"account {name}": watch.looked_at for name, watch in self.accounts.items()}
        seen |= {f"book {book.account}": book.read_at for book in self.books}
        seen |= {
            f"{self.board.labels[id_]} transactions": follower.pulse.seen_at
            for id_, follower in self.followers.items()
        }
        seen |= {name: hunt.pulse.seen_at for name, hunt in self.hunts.items()}
        if self.committee is not None:
            seen[COMMITTEE] = self.committee.rounds.pulse.seen_at
        if self.proving is not None:
            seen[EVIDENCE] = self.proving.pulse.seen_at
        if self.vaults is not None:
            seen[VAULTS] = self.vaults.rounds.pulse.seen_at
        self.board.progress_at = self.progress.judge(seen, time.time())
        return self.board.progress_at

    def _wake_members(self, chain: ChainId) -> None:
        """Have every account on a chain looked at."""
        for member, account in self.board.members.items():
            if member.chain == chain:
                self.accounts[account].wake()

    async def _keep_ages(self) -> NoReturn:
        """Look at all accounts even when no chain says anything: ages grow by themselves."""
        while True:
            await self.ticks.wait("ages")
            for account in self.accounts.values():
                account.wake()
            self._judge_progress()

    async def _keep_history(self) -> NoReturn:
        while True:
            await self.ticks.wait("history")
            with _telling("history.not_written"):
                await self.store.write_health(tuple(self.board.reports.values()))

    async def _prune(self) -> NoReturn:
        """Drop history and attestations past their keeping."""
        while True:
            await self.ticks.wait("prune")
            now = int(time.time())
            newest = now - KEEP_ATTESTATIONS_S
            await self.store.prune(
                health_before=now - KEEP_HISTORY_S,
                attestations_before=dict.fromkeys(
                    self.accounts, newest // self.settings.attestation.period_s
                ),
            )
            proved = (now - KEEP_EVIDENCE_S) // self.settings.attestation.period_s
            await self.evidence.prune(dict.fromkeys(self.accounts, proved))

    async def _check_endpoints(self) -> NoReturn:
        """Look after every chain's endpoints; a chain that hangs holds up its own check only."""
        while True:
            await self.ticks.wait("endpoints")
            async with asyncio.TaskGroup() as group:
                for parts in self.chains.values():
                    for client in parts.clients:
                        group.create_task(client.check_endpoints())


@contextmanager
def _telling(event: str) -> Iterator[None]:
    """Log a store that cannot be written: history is worth no restart, the keeper halts itself."""
    try:
        yield
    except StorageError as error:
        log.critical(event, reason=str(error))


async def _next_settings(signals: Signals, load: Load, running: House) -> Settings | None:
    """Wait for an order; None to stop, else the new settings once they can be used."""
    while not await signals.next():
        liveness.notify_reloading()
        try:
            settings = load()
            await check_usable(settings, running.settings, port=running.port)
        except ConfigError as error:
            log.error("config.refused", problems=error.problems)  # noqa: TRY400 - expected
            liveness.notify_ready()
        else:
            log.info("config.accepted")
            return settings
    return None
