"""The least a reaction can take: recorded requests sent again by bare aiohttp, and one commit.

A request waits for exactly those that had been answered before it was sent at first, so that the
round trips have the recorded concurrency; only for what the daemon asks beside its path
(`BESIDE`) nothing waits. Before the transaction is sent, one SQLite commit is
fsynced. Bodies are encoded beforehand and replies are not parsed.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import orjson

from tests.bench.probe import Exchange, Span

SUBMIT: Final = "eth_sendRawTransaction"
SLOT_SUBMIT: Final = "sendTransaction"
COMMIT: Final = "commit"
WHOLE: Final = "whole"
BESIDE: Final = frozenset({"eth_getTransactionCount"})
"""Asked by the task that follows earlier transactions, while the head is acted on."""
_HEADERS: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request and the steps, by index, whose replies it waits for."""

    url: str
    body: bytes
    method: str
    after: tuple[int, ...]


def plan_steps(exchanges: Sequence[Exchange]) -> tuple[Step, ...]:
    """Give the recorded requests in the order sent, each after those answered before it."""
    ordered = sorted(exchanges, key=lambda exchange: exchange.began)
    return tuple(
        Step(
            url=exchange.url,
            body=_encode(index, exchange),
            method=exchange.name,
            after=tuple(
                i
                for i, other in enumerate(ordered)
                if other.ended <= exchange.began and other.name not in BESIDE
            ),
        )
        for index, exchange in enumerate(ordered)
    )


def describe_shape(steps: Sequence[Step]) -> str:
    """Say in one line which requests are sent, together (+) and after each other (→)."""
    depths: list[int] = []
    waves: dict[int, list[str]] = {}
    for step in steps:
        depths.append(1 + max((depths[before] for before in step.after), default=-1))
        waves.setdefault(depths[-1], []).append(step.method)
    return " → ".join(
        " + ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))
        for _, names in sorted(waves.items())
    )


def _encode(index: int, exchange: Exchange) -> bytes:
    request = {
        "jsonrpc": "2.0",
        "id": index + 1,
        "method": exchange.name,
        "params": exchange.params,
    }
    return orjson.dumps(request)


class Ledger:
    """A SQLite file as the daemon opens its own, with one table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS sent (raw BLOB)")

    def commit(self, raw: bytes) -> None:
        """Insert one row and return once it is on the disk."""
        with self._connection:
            self._connection.execute("INSERT INTO sent VALUES (?)", (raw,))


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Open the file."""
    with closing(sqlite3.connect(path)) as connection:
        yield Ledger(connection)


async def replay(
    session: aiohttp.ClientSession, steps: Sequence[Step], ledger: Ledger
) -> tuple[Span, ...]:
    """Carry the steps out; gives the spans of all requests, of the commit and of the `WHOLE`."""
    done = [asyncio.Event() for _ in steps]
    spans: list[Span] = []

    async def carry_out(index: int, step: Step) -> None:
        for before in step.after:
            await done[before].wait()
        if step.method in (SUBMIT, SLOT_SUBMIT):
            began = time.perf_counter()
            ledger.commit(step.body)
            spans.append(Span(name=COMMIT, began=began, ended=time.perf_counter()))
        began = time.perf_counter()
        async with session.post(step.url, data=step.body, headers=_HEADERS) as response:
            reply = await response.read()
        spans.append(Span(name=step.method, began=began, ended=time.perf_counter()))
        done[index].set()
        if b'"error"' in reply:
            raise RuntimeError(f"{step.method} was refused: {reply[:200]!r}")

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for index, step in enumerate(steps):
            group.create_task(carry_out(index, step))
    return (*spans, Span(name=WHOLE, began=began, ended=time.perf_counter()))
