"""The daemon's records: attestations, history, latches, borrowers, checkpoints, small facts.

Each function is one transaction. The journal of intents is daemon.keeper.journal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from chains.model.ids import AccountId, AssetId
from chains.model.units import Usd, Wad
from daemon.board import Attested
from daemon.margin.report import MarginReport
from daemon.storage.database import Database
from daemon.storage.errors import Conflict
from proofs.envelope import decode_envelope, encode_envelope

_HALT: Final = "halted:"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPoint:
    """One moment of an account's history: factors x 1e18, Usd x 1e8; at in seconds."""

    account: str
    at: int
    unified: Wad | None
    low: Wad | None
    high: Wad | None
    minimum_native: Wad | None
    rescuable: Wad | None
    collateral: Usd | None
    requirement: Usd | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LatchRecord:
    """A closed divergence latch, and since when."""

    asset: AssetId
    latched_at: int


class Store:
    """The records in one open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write_attestation(self, attested: Attested) -> None:
        """Record what will be signed, before the signature is released.

        Writing the same digest again is nothing; another digest for a sequence is a Conflict.
        """
        document = orjson.dumps(dict(attested.document), option=orjson.OPT_SORT_KEYS).decode()
        envelope = encode_envelope(attested.envelope)
        row = (attested.account, attested.sequence, attested.digest, envelope, document)

        def work(connection: Connection) -> None:
            found = connection.exec_driver_sql(
                "SELECT digest FROM attestation WHERE account = ? AND sequence = ?", row[:2]
            ).scalar_one_or_none()
            if found is None:
                connection.exec_driver_sql("INSERT INTO attestation VALUES (?, ?, ?, ?, ?)", row)
            elif found != attested.digest:
                raise Conflict(
                    f"{attested.account}: sequence {attested.sequence} was signed with another "
                    "digest already"
                )

        await self._database.write(work)

    async def read_last_attestation(self, account: str) -> Attested | None:
        """Give the attestation with the highest sequence of a margin account."""

        def work(connection: Connection) -> Attested | None:
            row = connection.exec_driver_sql(
                "SELECT sequence, digest, envelope, document FROM attestation WHERE account = ?"
                " ORDER BY sequence DESC LIMIT 1",
                (account,),
            ).one_or_none()
            if row is None:
                return None
            return Attested(
                account=account,
                sequence=row[0],
                digest=row[1],
                envelope=decode_envelope(row[2]),
                document=orjson.loads(row[3]),
            )

        return await self._database.read(work)

    async def write_health(self, reports: Sequence[MarginReport]) -> None:
        """Add one history point per report; a second one in the same second is left out."""
        rows = [_health_row(report) for report in reports]

        def work(connection: Connection) -> None:
            if rows:
                connection.exec_driver_sql(
                    "INSERT OR IGNORE INTO health VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
                )

        await self._database.write(work)

    async def read_health(
        self, account: str, *, before: int, limit: int
    ) -> tuple[HealthPoint, ...]:
        """Give up to `limit` points of an account older than `before` (seconds), newest first."""

        def work(connection: Connection) -> tuple[HealthPoint, ...]:
            rows = connection.exec_driver_sql(
                "SELECT * FROM health WHERE account = ? AND at < ? ORDER BY at DESC LIMIT ?",
                (account, before, limit),
            )
            return tuple(_health_point(row) for row in rows)

        return await self._database.read(work)

    async def prune(self, *, health_before: int, attestations_before: Mapping[str, int]) -> None:
        """Drop history points older than a time and attestations below a sequence."""

        def work(connection: Connection) -> None:
            connection.exec_driver_sql("DELETE FROM health WHERE at < ?", (health_before,))
            for account, sequence in attestations_before.items():
                connection.exec_driver_sql(
                    "DELETE FROM attestation WHERE account = ? AND sequence < ?",
                    (account, sequence),
                )

        await self._database.write(work)

    async def write_latch(self, latch: LatchRecord) -> None:
        """Record a latch that closed."""
        row = (str(latch.asset), latch.latched_at)
        await self._database.write(
            lambda c: c.exec_driver_sql("INSERT OR REPLACE INTO latch VALUES (?, ?)", row).close()
        )

    async def delete_latch(self, asset: AssetId) -> None:
        """Forget a latch that opened."""
        await self._database.write(
            lambda c: c.exec_driver_sql("DELETE FROM latch WHERE asset = ?", (str(asset),)).close()
        )

    async def read_latches(self) -> tuple[LatchRecord, ...]:
        """Give the closed latches."""

        def work(connection: Connection) -> tuple[LatchRecord, ...]:
            rows = connection.exec_driver_sql("SELECT asset, latched_at FROM latch")
            return tuple(
                LatchRecord(asset=AssetId.parse(asset), latched_at=at) for asset, at in rows
            )

        return await self._database.read(work)

    async def write_borrowers(
        self, market: AccountId, borrowers: Mapping[AccountId, int], *, scanned: int
    ) -> None:
        """Add borrowers with the block they were seen in, and move the market's checkpoint."""
        rows = [(str(market), str(account), block) for account, block in borrowers.items()]

        def work(connection: Connection) -> None:
            if rows:
                connection.exec_driver_sql("INSERT OR IGNORE INTO borrower VALUES (?, ?, ?)", rows)
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)",
                (str(market.chain), str(market), scanned),
            )

        await self._database.write(work)

    async def read_borrowers(self, market: AccountId) -> tuple[AccountId, ...]:
        """Give the accounts that ever borrowed in a market."""

        def work(connection: Connection) -> tuple[AccountId, ...]:
            rows = connection.exec_driver_sql(
                "SELECT account FROM borrower WHERE market = ? ORDER BY account", (str(market),)
            )
            return tuple(AccountId.parse(row[0]) for row in rows)

        return await self._database.read(work)

    async def read_checkpoint(self, market: AccountId) -> int | None:
        """Give the last scanned block of a market."""

        def work(connection: Connection) -> int | None:
            found: int | None = connection.exec_driver_sql(
                "SELECT block FROM checkpoint WHERE chain = ? AND market = ?",
                (str(market.chain), str(market)),
            ).scalar_one_or_none()
            return found

        return await self._database.read(work)

    async def write_halt(self, scope: str, reason: str | None) -> None:
        """Record why the keeper (or one chain's lane) stands still; None lets it go again."""

        def work(connection: Connection) -> None:
            key = _HALT + scope
            if reason is None:
                connection.exec_driver_sql("DELETE FROM meta WHERE key = ?", (key,))
            else:
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, reason)
                )

        await self._database.write(work)

    async def read_halts(self) -> dict[str, str]:
        """Give why things stand still, by scope."""

        def work(connection: Connection) -> dict[str, str]:
            rows = connection.exec_driver_sql(
                "SELECT key, value FROM meta WHERE key LIKE ?", (_HALT + "%",)
            )
            return {key.removeprefix(_HALT): value for key, value in rows}

        return await self._database.read(work)


def _health_row(report: MarginReport) -> tuple[Any, ...]:
    unified, low, high = report.unified, report.low, report.high
    return (
        report.account,
        report.taken_at,
        _text(unified.factor if unified else None),
        _text(low.factor if low else None),
        _text(high.factor if high else None),
        _text(report.minimum_native),
        _text(report.rescuable),
        _text(unified.collateral if unified else None),
        _text(unified.requirement if unified else None),
        report.complete,
    )


def _health_point(row: Sequence[Any]) -> HealthPoint:
    return HealthPoint(
        account=row[0],
        at=row[1],
        unified=_wad(row[2]),
        low=_wad(row[3]),
        high=_wad(row[4]),
        minimum_native=_wad(row[5]),
        rescuable=_wad(row[6]),
        collateral=_usd(row[7]),
        requirement=_usd(row[8]),
        complete=bool(row[9]),
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _wad(text: str | None) -> Wad | None:
    return None if text is None else Wad(int(text))


def _usd(text: str | None) -> Usd | None:
    return None if text is None else Usd(int(text))
