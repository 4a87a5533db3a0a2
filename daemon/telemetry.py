"""Logs and metrics: structured lines on standard error, Prometheus in a registry of our own.

Event names are constant (`chain.lost`), everything else is a field. Metrics begin with
`plimsoll_`, are in base units, and carry no addresses: a margin account is labelled by its id.
"""

import logging
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from chains.model.anchor import Head
from chains.model.health import Health
from chains.model.ids import SOLANA, AccountId, ChainId
from chains.model.snapshot import ChainSnapshot
from chains.model.units import WAD
from chains.ports import Reader
from config.identifiers import Endpoint
from daemon.board import Board
from daemon.margin.report import MarginReport

_RPC_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_WEI: Final = 10**18
_LAMPORTS: Final = 10**9
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Without local variables: they may hold keys."""
_MAX_EXACT: Final = 2**53


def configure_logging(
    *, stream: TextIO | None = None, human: bool | None = None, level: int = logging.INFO
) -> None:
    """Send our events and everybody's log records to `stream` (standard error) as JSON lines.

    On a terminal, or with `human`, they are rendered for reading.
    """
    target = stream or sys.stderr
    pretty = target.isatty() if human is None else human
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=target.isatty())
        if pretty
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
    ]
    if not pretty:
        shared.append(_TRACEBACKS)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=target),
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))


def _mask(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, Endpoint):
            event[key] = value.masked
        elif isinstance(value, bytes):
            event[key] = "0x" + value.hex()
        elif isinstance(value, int) and abs(value) > _MAX_EXACT:
            event[key] = str(value)
    return event


def _to_json(event: object, default: Callable[[Any], Any] | None = None, **_: object) -> str:
    return orjson.dumps(event, default=default or str, option=orjson.OPT_NON_STR_KEYS).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalTotal:
    """How many intents of a chain stand in a state, and the gas their transactions took.

    Gas is in the chain's base units: wei, lamports on Solana.
    """

    chain: str
    state: str
    intents: int
    gas: float


TotalsReader = Callable[[], Awaitable[Sequence[JournalTotal]]]
"""Reads the journal's totals: the journal is what survives a restart."""


class Metrics:
    """The times the daemon measures, and the registry that `/metrics` reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._rpc = Histogram(
            "plimsoll_rpc_request_duration_seconds",
            "Time of JSON-RPC requests.",
            ("chain", "method", "outcome"),
            buckets=_RPC_BUCKETS,
            registry=self.registry,
        )
        self._snapshot = Histogram(
            "plimsoll_snapshot_duration_seconds",
            "Time from a head to its snapshot.",
            ("chain",),
            buckets=_RPC_BUCKETS,
            registry=self.registry,
        )

    def observe_rpc(self, chain: ChainId, method: str, outcome: str, seconds: float) -> None:
        """Count a request: `outcome` is `ok` or the kind of failure."""
        self._rpc.labels(str(chain), method, outcome).observe(seconds)

    def observe_snapshot(self, chain: ChainId, seconds: float) -> None:
        """Count a snapshot and the time it took."""
        self._snapshot.labels(str(chain)).observe(seconds)


class BoardCollector(Collector):
    """Reads gauges off the board at the moment of the scrape."""

    def __init__(self, board: Board, clock: Callable[[], float]) -> None:
        self._board = board
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges of chains, accounts and keeper."""
        now = self._clock()
        yield from self._chains(int(now))
        yield from self._accounts()
        halted = _gauge("keeper_halted", "1 while the keeper is halted.")
        halted.add_metric((), float(self._board.keeper_halted is not None))
        yield halted
        idle = _gauge("progress_age_seconds", "Time since anything was completed.")
        idle.add_metric((), max(0.0, now - self._board.progress_at))
        yield idle

    def _chains(self, now: int) -> Iterator[GaugeMetricFamily]:
        up = _gauge("chain_up", "1 while a chain is read and fresh.", "chain", "label")
        age = _gauge("head_age_seconds", "Age of the newest block read.", "chain", "label")
        height = _gauge("head_height", "Height of the newest block read.", "chain", "label")
        for chain, label in self._board.labels.items():
            found = self._board.chain_now(chain, now)
            up.add_metric((str(chain), label), float(isinstance(found, ChainSnapshot)))
            last = found if isinstance(found, ChainSnapshot) else found.last
            if last is not None:
                age.add_metric((str(chain), label), float(now - last.anchor.time))
                height.add_metric((str(chain), label), float(last.anchor.height))
        yield from (up, age, height)

    def _accounts(self) -> Iterator[GaugeMetricFamily]:
        health = _gauge("health_factor", "A margin account's health factors.", "account", "kind")
        complete = _gauge("account_complete", "1 while every chain is known.", "account")
        sequence = _gauge("attestation_sequence", "The last attestation's number.", "account")
        for account, report in self._board.reports.items():
            complete.add_metric((account,), float(report.complete))
            for kind, factor in _factors(report):
                if factor is not None:
                    health.add_metric((account, kind), factor / WAD)
        for account, attested in self._board.attestations.items():
            sequence.add_metric((account,), float(attested.sequence))
        yield from (health, complete, sequence)


class JournalCollector(Collector):
    """Shows the journal's totals as they were last read."""

    def __init__(self) -> None:
        self.totals: Sequence[JournalTotal] = ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield intents by state, and gas spent in native tokens."""
        intents = _gauge("intents", "Intents in the journal.", "chain", "state")
        gas = _gauge("gas_spent_native", "Gas that intents took, in native tokens.", "chain")
        spent: dict[str, float] = {}
        for total in self.totals:
            intents.add_metric((total.chain, total.state), float(total.intents))
            spent[total.chain] = spent.get(total.chain, 0.0) + total.gas / _units(total.chain)
        for chain, native in spent.items():
            gas.add_metric((chain,), native)
        yield from (intents, gas)


def _units(chain: str) -> int:
    """Give the base units of a whole native token."""
    return _LAMPORTS if chain.startswith(f"{SOLANA}:") else _WEI


@dataclass(frozen=True, slots=True)
class TimedReader:
    """A chain's reader whose time per snapshot is measured."""

    reader: Reader
    chain: ChainId
    metrics: Metrics

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        """Read as the reader does; failures are not counted as snapshots."""
        started = time.monotonic()
        snapshot = await self.reader.read(head, accounts)
        self.metrics.observe_snapshot(self.chain, time.monotonic() - started)
        return snapshot


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"plimsoll_{name}", text, labels=labels)


def _factors(report: MarginReport) -> Iterator[tuple[str, int | None]]:
    def factor(health: Health | None) -> int | None:
        return health.factor if health else None

    yield "unified", factor(report.unified)
    yield "low", factor(report.low)
    yield "high", factor(report.high)
    yield "minimum_native", report.minimum_native
    yield "rescuable", report.rescuable
