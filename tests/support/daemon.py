"""The real daemon as a process of its own: started, asked, signalled, killed, and its state read.

It is `python -m daemon run` with the files an operator would write. Nothing of it is imported
here: what it did is read where others read it, in its HTTP service, log, exit code and journal.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

ROOT: Final = Path(__file__).parents[2]
LEASH: Final = ROOT / "daemon/devnet/leash.py"
START_S: Final = 20.0
END_S: Final = 20.0
POLL_S: Final = 0.02
ACCOUNT: Final = "alice"

Reply = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A row of the journal with the hashes of what was signed for it, oldest first."""

    chain: str
    purpose: str
    state: str
    nonce: int | None
    need: str
    asset: str
    instrument: str
    units: int
    cost: int
    effect: dict[str, Any] | None
    reason: str | None
    decision: dict[str, Any]
    data: bytes
    hashes: tuple[str, ...]


def clean_environment(**extra: str) -> dict[str, str]:
    """Give this process's environment without what would configure a daemon."""
    dropped = ("PLIMSOLL_", "NOTIFY_SOCKET", "WATCHDOG_", "CREDENTIALS_DIRECTORY")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return kept | extra


def command_line(files: Sequence[Path]) -> list[str]:
    """Give the command that runs the daemon on these files."""
    named = [part for file in files for part in ("--config", str(file))]
    return [sys.executable, "-m", "daemon", "run", "--json", *named]


def leashed(command: Sequence[str]) -> list[str]:
    """Give a command that the kernel ends when this process ends, however that happens."""
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command]


class Daemon:
    """One running daemon; a context manager that kills what still runs.

    `log_file` collects what it writes, of all its lives.
    """

    def __init__(self, files: Sequence[Path], log_file: Path, state_dir: Path) -> None:
        self.files = tuple(files)
        self.log_file = log_file
        self.state_dir = state_dir
        self.port = 0
        self._seen = 0
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        if self._session is not None:
            await self._session.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    @property
    def ended(self) -> bool:
        """Whether it ended."""
        return self._running().returncode is not None

    async def start(
        self, *, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start it and wait until it serves; AssertionError with its last words when it ends."""
        await self.spawn(command=command, environment=environment)
        ready = await self.wait_log("service.ready", timeout_s=START_S)
        self.port = int(ready["port"])
        return self

    async def spawn(
        self, *, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it without waiting; `wait_log` looks at this life only."""
        self._seen = len(self._lines())
        with self.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(command or command_line(self.files)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.log_file.parent,
                env=clean_environment(PYTHONPATH=str(ROOT), **(environment or {})),
            )

    async def kill(self) -> None:
        """Kill it with SIGKILL, as a power cut would."""
        self.signal(signal.SIGKILL)
        await self._running().wait()

    async def terminate(self) -> int:
        """Send SIGTERM and give its exit code."""
        self.signal(signal.SIGTERM)
        return await self.wait_end()

    async def wait_end(self) -> int:
        """Wait until it ended by itself and give its exit code."""
        async with asyncio.timeout(END_S):
            return await self._running().wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._running().send_signal(number)

    async def get(self, path: str) -> Reply:
        """Ask its HTTP service."""
        if self._session is None:
            raise RuntimeError("not entered")
        async with self._session.get(f"http://127.0.0.1:{self.port}{path}") as response:
            text = await response.text()
            return response.status, json.loads(text) if text else {}

    async def health(self, account: str = ACCOUNT) -> dict[str, Any]:
        """Give an account's health; empty before it was read."""
        status, body = await self.get(f"/v1/accounts/{account}/health")
        return body if status == 200 else {}

    async def attestation(self, account: str = ACCOUNT) -> dict[str, Any] | None:
        """Give an account's newest attestation, None while there is none."""
        status, body = await self.get(f"/v1/accounts/{account}/attestation")
        return body if status == 200 else None

    async def heights(self, account: str = ACCOUNT) -> dict[str, int]:
        """Give the height at which each chain, by label, was evaluated; gaps are left out."""
        found = await self.health(account)
        return {
            chain["label"]: chain["block"]["height"]
            for chain in found.get("chains", [])
            if chain["status"] == "read"
        }

    def logs(self, event: str | None = None, **fields: object) -> list[dict[str, Any]]:
        """Give the events logged in this life, all or those of a name and with these fields."""
        return [
            line
            for line in map(_parse, self._lines()[self._seen :])
            if (event is None or line.get("event") == event)
            and all(line.get(name) == value for name, value in fields.items())
        ]

    def last_words(self, count: int = 25) -> str:
        """Give the newest lines of its log."""
        return "\n".join(self._lines()[-count:])

    async def wait_log(
        self, event: str, *, timeout_s: float = 10.0, **fields: object
    ) -> dict[str, Any]:
        """Wait for an event in this life's log; AssertionError when it does not come."""
        deadline = time.monotonic() + timeout_s
        while not (found := self.logs(event, **fields)):
            if self.ended:
                raise AssertionError(f"the daemon ended without {event}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"no {event} in {timeout_s:g} s:\n{self.last_words()}")
            await asyncio.sleep(POLL_S)
        return found[0]

    def journal(self, *, live: bool = True) -> list[JournalEntry]:
        """Read the journal, oldest first; empty before there is one."""
        path = self.state_dir / ("live.sqlite3" if live else "dry-run.sqlite3")
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM intent ORDER BY id").fetchall()
            return [_read_entry(connection, row) for row in rows]

    def all_signed(self) -> list[bytes]:
        """Give every attestation file as kept when signed, the newest first."""
        query = "SELECT document FROM attestation WHERE account = ? ORDER BY sequence DESC"
        path = self.state_dir / "live.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return [str(row[0]).encode() for row in connection.execute(query, (ACCOUNT,))]

    def signed(self, sequence: int | None = None, *, live: bool = True) -> bytes:
        """Give the attestation file of a sequence number, or the newest, as kept when signed."""
        path = self.state_dir / ("live.sqlite3" if live else "dry-run.sqlite3")
        query = (
            "SELECT document FROM attestation WHERE account = ?"
            " AND sequence = coalesce(?, sequence) ORDER BY sequence DESC LIMIT 1"
        )
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (document,) = connection.execute(query, (ACCOUNT, sequence)).fetchone()
        return str(document).encode()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("not started")
        return self._process

    def _lines(self) -> list[str]:
        if not self.log_file.exists():
            return []
        return self.log_file.read_text(errors="replace").splitlines()


def _read_entry(connection: sqlite3.Connection, row: sqlite3.Row) -> JournalEntry:
    attempts = connection.execute(
        "SELECT tx_hash FROM attempt WHERE intent_id = ? ORDER BY id", (row["id"],)
    )
    return JournalEntry(
        chain=row["chain"],
        purpose=row["purpose"],
        state=row["state"],
        nonce=row["nonce"],
        need=row["need"],
        asset=row["asset"],
        instrument=row["instrument"],
        units=int(row["units"]),
        cost=int(row["cost"]),
        effect=json.loads(row["effect"]) if row["effect"] else None,
        reason=row["reason"],
        decision=json.loads(row["decision"]),
        data=row["data"],
        hashes=tuple("0x" + found["tx_hash"].hex() for found in attempts),
    )


def _parse(line: str) -> dict[str, Any]:
    """Read a line of the log; text that is no event is one without a name."""
    try:
        found = json.loads(line)
    except ValueError:
        return {"text": line}
    return found if isinstance(found, dict) else {"text": line}
