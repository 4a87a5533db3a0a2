"""Statements of vaults: what is to be stated, by final logs, and what committees stated of it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from chains.model.ids import AccountId, Address
from daemon.storage.database import Database
from proofs.vault_document import VaultDocument, decode_vault_document, encode_vault_document
from proofs.vaults import FactKey, FactKind, VaultFact, VaultQuantities

PAGE: Final = 32
"""How many statements are read at once."""
MOST_FACTS: Final = 500
"""How many facts are given at once, the newest."""
_SCAN: Final = "/statements"
_WANTED: Final = (
    "SELECT f.chain, f.source, f.key, f.kind, f.subject, f.numbers, f.account, f.consumer, f.height"
    " FROM vault_fact f LEFT JOIN vault_statement s ON s.committee = ? AND s.chain = f.chain"
    " AND s.source = f.source AND s.key = f.key"
    " WHERE f.consumer IN (SELECT value FROM json_each(?))"
    " AND f.chain IN (SELECT value FROM json_each(?))"
    " AND (s.ordinal IS NULL OR s.ordinal < f.height)"
    " ORDER BY f.kind NOT IN ('LOCK', 'RECEIPT', 'CLOSED'), f.kind = 'LINKED', f.height, f.key"
    " LIMIT ?"
)
_CLEAR: Final = "DELETE FROM vault_debtor WHERE account = ? AND chain = ? AND height <= ?"
_FIND_CONSUMERS: Final = (
    "UPDATE vault_fact SET consumer = COALESCE((SELECT l.chain FROM vault_fact l"
    " WHERE l.kind = 'LOCK' AND l.subject = vault_fact.subject), 0) WHERE consumer = 0"
)
"""What a debt chain says of an order is taken where it was locked, on the collateral chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFact:
    """A fact as final logs told of it, at `height` last; chains are EIP-155 numbers."""

    chain: int
    source: Address
    key: FactKey
    account: bytes
    consumer: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAccount:
    """An account with something on several chains; `sequence` of its newest quantities, or None."""

    account: bytes
    sequence: int | None


class VaultStatementStore:
    """The statements in one open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_scanned(self, seizure: AccountId) -> int | None:
        """Give the last final block of a chain whose logs were looked through."""

        def work(connection: Connection) -> int | None:
            found: int | None = connection.exec_driver_sql(
                "SELECT block FROM checkpoint WHERE chain = ? AND market = ?",
                (str(seizure.chain), str(seizure) + _SCAN),
            ).scalar_one_or_none()
            return found

        return await self._database.read(work)

    async def write_news(
        self,
        seizure: AccountId,
        facts: Sequence[WantedFact],
        presence: Collection[tuple[bytes, int]],
        debts: Mapping[tuple[bytes, int], int],
        *,
        scanned: int,
    ) -> None:
        """Keep what final logs told, and up to which block they were looked through.

        `debts` gives the height of the newest loan by account and chain.
        """
        rows = [
            (
                fact.chain,
                fact.source,
                fact.key.hash,
                fact.key.kind.value,
                fact.key.subject,
                json.dumps(fact.key.numbers),
                fact.account,
                fact.consumer,
                fact.height,
            )
            for fact in facts
        ]

        def work(connection: Connection) -> None:
            if rows:
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO vault_fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
                )
                connection.exec_driver_sql(_FIND_CONSUMERS)
            if presence:
                connection.exec_driver_sql(
                    "INSERT OR IGNORE INTO vault_presence VALUES (?, ?)", sorted(presence)
                )
            if debts:
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO vault_debtor VALUES (?, ?, ?)",
                    [(*place, height) for place, height in sorted(debts.items())],
                )
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)",
                (str(seizure.chain), str(seizure) + _SCAN, scanned),
            )

        await self._database.write(work)

    async def find_wanted(
        self, committee: bytes, consumers: Collection[int], chains: Collection[int], limit: int
    ) -> tuple[WantedFact, ...]:
        """Give facts told of on `chains` that `consumers` take and a committee must state anew.

        What orders wait for goes first, then lines, then links, of which anybody can make as many
        as he likes; the oldest first.
        """
        values = (committee, json.dumps(sorted(consumers)), json.dumps(sorted(chains)), limit)

        def work(connection: Connection) -> tuple[WantedFact, ...]:
            return tuple(map(_wanted, connection.exec_driver_sql(_WANTED, values)))

        return await self._database.read(work)

    async def find_place(self, chain: int, key: FactKey) -> WantedFact | None:
        """Give a fact that final logs of a chain told of, with its contract and who takes it."""

        def work(connection: Connection) -> WantedFact | None:
            row = connection.exec_driver_sql(
                "SELECT * FROM vault_fact WHERE chain = ? AND key = ?", (chain, key.hash)
            ).one_or_none()
            return None if row is None else _wanted(row)

        return await self._database.read(work)

    async def find_due(self, committee: bytes, before: int, limit: int) -> tuple[DueAccount, ...]:
        """Give accounts on several chains whose newest quantities are older than a sequence.

        Those that may owe go before all others, for anybody can open accounts without end. Then
        the oldest first, those without any before all.
        """
        query = (
            "SELECT p.account, s.ordinal FROM vault_presence p LEFT JOIN vault_statement s"
            " ON s.committee = ? AND s.chain = 0 AND s.source = '' AND s.key = p.account"
            " WHERE s.ordinal IS NULL OR s.ordinal < ? GROUP BY p.account"
            " HAVING COUNT(p.chain) > 1 ORDER BY NOT EXISTS"
            " (SELECT 1 FROM vault_debtor d WHERE d.account = p.account),"
            " s.ordinal, p.account LIMIT ?"
        )

        def work(connection: Connection) -> tuple[DueAccount, ...]:
            rows = connection.exec_driver_sql(query, (committee, before, limit))
            return tuple(DueAccount(account=row[0], sequence=row[1]) for row in rows)

        return await self._database.read(work)

    async def write_statements(self, documents: Sequence[VaultDocument]) -> int:
        """Keep statements that are newer than what is known; gives how many were."""
        rows = [
            (document.committee.id, *_place(document), encode_vault_document(document))
            for document in documents
        ]
        cleared = [
            (document.said.account, chain.chain_id, chain.height)
            for document in documents
            if isinstance(document.said, VaultQuantities)
            for chain in document.said.chains
            if not any(chain.debt)
        ]

        def work(connection: Connection) -> int:
            written = sum(_write_newer(connection, row) for row in rows)
            if cleared:
                connection.exec_driver_sql(_CLEAR, cleared)
            return written

        return await self._database.write(work)

    async def read_ordinal(self, document: VaultDocument) -> int | None:
        """Give the ordinal of the newest statement about the same thing by the same committee."""
        place = (document.committee.id, *_place(document)[:-1])

        def work(connection: Connection) -> int | None:
            return _read_ordinal(connection, place)

        return await self._database.read(work)

    async def read_page(self, after: int) -> tuple[tuple[int, bytes], ...]:
        """Give files that came after an id, each with its own, a page of them."""

        def work(connection: Connection) -> tuple[tuple[int, bytes], ...]:
            rows = connection.exec_driver_sql(
                "SELECT id, document FROM vault_statement WHERE id > ? ORDER BY id LIMIT ?",
                (after, PAGE),
            )
            return tuple((row[0], row[1]) for row in rows)

        return await self._database.read(work)

    async def read_fact(
        self, committee: bytes, chain: int, source: Address, key: bytes
    ) -> VaultDocument | None:
        """Give a committee's newest statement of a fact."""
        return await self._read_one((committee, chain, source, key))

    async def read_quantities(self, committee: bytes, account: bytes) -> VaultDocument | None:
        """Give a committee's newest quantities of an account."""
        return await self._read_one((committee, 0, "", account))

    async def read_facts(
        self, committee: bytes, consumer: int, account: bytes | None, kind: FactKind | None
    ) -> tuple[VaultDocument, ...]:
        """Give a committee's statements of facts that a chain takes: MOST_FACTS, newest first."""
        query = (
            "SELECT s.document FROM vault_statement s JOIN vault_fact f ON s.chain = f.chain"
            " AND s.source = f.source AND s.key = f.key WHERE s.committee = ? AND f.consumer = ?"
            " AND (? IS NULL OR f.account = ?) AND (? IS NULL OR f.kind = ?)"
            " ORDER BY s.id DESC LIMIT ?"
        )
        name = None if kind is None else kind.value
        values = (committee, consumer, account, account, name, name, MOST_FACTS)

        def work(connection: Connection) -> tuple[VaultDocument, ...]:
            rows = connection.exec_driver_sql(query, values)
            return tuple(decode_vault_document(row[0]) for row in rows)

        return await self._database.read(work)

    async def _read_one(self, place: tuple[bytes, int, str, bytes]) -> VaultDocument | None:
        def work(connection: Connection) -> VaultDocument | None:
            found: bytes | None = connection.exec_driver_sql(
                "SELECT document FROM vault_statement"
                " WHERE committee = ? AND chain = ? AND source = ? AND key = ?",
                place,
            ).scalar_one_or_none()
            return None if found is None else decode_vault_document(found)

        return await self._database.read(work)


def _place(document: VaultDocument) -> tuple[int, str, bytes, int]:
    said = document.said
    if isinstance(said, VaultFact):
        return said.chain_id, said.source, said.key, said.height
    return 0, "", said.account, said.sequence


def _read_ordinal(connection: Connection, place: Sequence[Any]) -> int | None:
    found: int | None = connection.exec_driver_sql(
        "SELECT ordinal FROM vault_statement"
        " WHERE committee = ? AND chain = ? AND source = ? AND key = ?",
        tuple(place),
    ).scalar_one_or_none()
    return found


def _write_newer(connection: Connection, row: tuple[Any, ...]) -> bool:
    known = _read_ordinal(connection, row[:4])
    if known is not None and known >= row[4]:
        return False
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO vault_statement"
        " (committee, chain, source, key, ordinal, document) VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )
    return True


def _wanted(row: Sequence[Any]) -> WantedFact:
    chain, source, _, kind, subject, numbers, account, consumer, height = row
    return WantedFact(
        chain=chain,
        source=Address(source),
        key=FactKey(kind=FactKind(kind), subject=subject, numbers=tuple(json.loads(numbers))),
        account=account,
        consumer=consumer,
        height=height,
    )
