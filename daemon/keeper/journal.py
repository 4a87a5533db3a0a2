"""The journal of intents in SQLite: written before anything is sent, read after a crash.

Signing an intent is one fsynced commit of its row, its first transaction's bytes and its spend.
The pair (key, nonce) is unique per chain; a state only moves along daemon.keeper.intent.NEXT.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, RowMapping

from chains.model.action import Receipt
from chains.model.ids import Address, ChainId
from chains.model.units import Usd
from daemon.keeper.intent import (
    FOR_PROFIT,
    NEXT,
    OPEN,
    WITHOUT_EFFECT,
    Attempt,
    Draft,
    Intent,
    IntentState,
    Purpose,
)
from daemon.keeper.limits import Spend
from daemon.keeper.memory import Work
from daemon.keeper.rows import (
    ATTEMPT_COLUMNS,
    DRAFT_COLUMNS,
    INTENT_COLUMNS,
    attempt_row,
    decode_attempt,
    decode_draft,
    decode_intent,
    draft_row,
    receipt_row,
)
from daemon.storage.database import Database
from daemon.storage.errors import Conflict

_AFTER_ALL: Final = 2**63 - 1


def _places(columns: str) -> str:
    return ", ".join("?" * len(columns.split(",")))


_INSERT_INTENT: Final = (
    f"INSERT INTO intent (sender, nonce, state, created_at, updated_at, {DRAFT_COLUMNS})"  # noqa: S608 (constants)
    f" VALUES (?, ?, ?, ?, ?, {_places(DRAFT_COLUMNS)})"
)
_INSERT_ATTEMPT: Final = (
    f"INSERT INTO attempt ({ATTEMPT_COLUMNS}) VALUES ({_places(ATTEMPT_COLUMNS)})"  # noqa: S608 (constants)
)
_SELECT: Final = f"SELECT {INTENT_COLUMNS} FROM intent"  # noqa: S608 (constants)
_MOVE: Final = (
    "UPDATE intent SET state = ?, reason = ?, updated_at = ?, included_hash = ?,"
    " included_block = ?, included_height = ?, success = ?, gas_used = ?, gas_price_wei = ?"
    " WHERE id = ? AND state = ?"
)
_COUNT: Final = "UPDATE spend SET gas = ? WHERE intent_id = ?"
HELD_NONCES: Final = 1_024
"""How many of a key's newest nonces are held back at start: a reorg may free no more."""


class Journal:
    """The intents in one open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_planned(self, draft: Draft, *, now: int) -> None:
        """Record what a dry run would do."""
        row = (None, None, IntentState.PLANNED, now, now, *draft_row(draft))
        await self._database.write(lambda c: c.exec_driver_sql(_INSERT_INTENT, row).close())

    async def record_signed(
        self, draft: Draft, attempt: Attempt, *, nonce: int, now: int, gas: Usd | None = None
    ) -> Intent:
        """Record an intent with its signed bytes and its spend; Conflict when the nonce is taken.

        `gas` is the most it may spend, otherwise what the draft expects. Nothing of it has left
        this machine when this returns.
        """
        sender, most = attempt.sender, draft.cost if gas is None else gas
        row = (sender, nonce, IntentState.SIGNED, now, now, *draft_row(draft))

        def work(connection: Connection) -> int:
            intent_id = int(connection.exec_driver_sql(_INSERT_INTENT, row).lastrowid)
            connection.exec_driver_sql(_INSERT_ATTEMPT, attempt_row(intent_id, attempt))
            connection.exec_driver_sql(
                "INSERT INTO spend VALUES (?, ?, ?, ?, ?)",
                (intent_id, now, str(draft.chain), str(most), str(draft.moved)),
            )
            return intent_id

        return Intent(
            id=await self._database.write(work),
            draft=draft,
            sender=sender,
            nonce=nonce,
            state=IntentState.SIGNED,
            attempts=(attempt,),
            created_at=now,
            updated_at=now,
        )

    async def record_attempt(
        self, intent: Intent, attempt: Attempt, *, now: int, gas: Usd | None = None
    ) -> Intent:
        """Record another signed transaction for the intent's nonce, before it is sent.

        `gas` is the most that the intent may spend with it.
        """
        row = attempt_row(intent.id, attempt)

        def work(connection: Connection) -> None:
            connection.exec_driver_sql(_INSERT_ATTEMPT, row)
            if gas is not None:
                connection.exec_driver_sql(_COUNT, (str(gas), intent.id))

        await self._database.write(work)
        return replace(intent, attempts=(*intent.attempts, attempt), updated_at=now)

    async def record_state(
        self,
        intent: Intent,
        state: IntentState,
        *,
        now: int,
        reason: str | None = None,
        receipt: Receipt | None = None,
        gas: Usd | None = None,
    ) -> Intent:
        """Move an intent on; Conflict when the journal knows another state, or the move is none.

        `receipt` is the one it now has; `gas` corrects its spend, and a transaction that moved
        nothing (any end but confirmed) moved no value.
        """
        if state not in NEXT[intent.state]:
            raise Conflict(f"intent {intent.id}: {intent.state} cannot become {state}")
        row = (state, reason, now, *receipt_row(receipt), intent.id, intent.state)

        def work(connection: Connection) -> None:
            if connection.exec_driver_sql(_MOVE, row).rowcount != 1:
                raise Conflict(f"intent {intent.id} is not {intent.state} any more")
            if gas is not None:
                connection.exec_driver_sql(_COUNT, (str(gas), intent.id))
            moved = "0" if state in WITHOUT_EFFECT else str(intent.draft.moved)
            connection.exec_driver_sql(
                "UPDATE spend SET moved = ? WHERE intent_id = ?", (moved, intent.id)
            )

        await self._database.write(work)
        return replace(intent, state=state, reason=reason, receipt=receipt, updated_at=now)

    async def record_effect(self, intent: Intent, effect: str) -> Intent:
        """Record what the contract reported of a confirmed intent, as JSON text."""
        row = (effect, intent.id)
        await self._database.write(
            lambda c: c.exec_driver_sql("UPDATE intent SET effect = ? WHERE id = ?", row).close()
        )
        return replace(intent, effect=effect)

    async def read_unsettled(
        self, chain: ChainId, sender: Address, *, chain_nonce: int
    ) -> tuple[Intent, ...]:
        """Give what may still take effect, by nonce: open, or settled at a nonce now free again."""
        states = ", ".join(f"'{state}'" for state in sorted(OPEN))
        query = (
            f"{_SELECT} WHERE chain = ? AND sender = ? AND (state IN ({states}) OR nonce >= ?)"
            " ORDER BY nonce"
        )
        return await self._read(query, (str(chain), sender, chain_nonce))

    async def read_settled_since(
        self, chain: ChainId, sender: Address, *, height: int
    ) -> tuple[Intent, ...]:
        """Give the settled intents whose receipts lie at or above a height, which a reorg took."""
        states = ", ".join(f"'{state}'" for state in sorted(OPEN))
        query = (
            f"{_SELECT} WHERE chain = ? AND sender = ? AND state NOT IN ({states})"
            " AND included_height >= ? ORDER BY nonce"
        )
        return await self._read(query, (str(chain), sender, height))

    async def read_recent(self, *, limit: int, before: int | None = None) -> tuple[Intent, ...]:
        """Give the newest intents that were signed (older than an id), newest first."""
        query = f"{_SELECT} WHERE nonce IS NOT NULL AND id < ? ORDER BY id DESC LIMIT ?"
        return await self._read(query, (_AFTER_ALL if before is None else before, limit))

    async def read_planned(self, *, limit: int) -> tuple[Draft, ...]:
        """Give what dry runs would have done, newest first."""
        query = f"{_SELECT} WHERE nonce IS NULL ORDER BY id DESC LIMIT ?"

        def work(connection: Connection) -> tuple[Draft, ...]:
            rows = connection.exec_driver_sql(query, (limit,)).mappings()
            return tuple(decode_draft(row) for row in rows)

        return await self._database.read(work)

    async def read_held_nonces(self, chain: ChainId, sender: Address) -> frozenset[int]:
        """Give the newest nonces of a key, which must never be given out again."""

        def work(connection: Connection) -> frozenset[int]:
            rows = connection.exec_driver_sql(
                "SELECT nonce FROM intent WHERE chain = ? AND sender = ? AND nonce IS NOT NULL"
                " ORDER BY nonce DESC LIMIT ?",
                (str(chain), sender, HELD_NONCES),
            )
            return frozenset(rows.scalars())

        return await self._database.read(work)

    async def read_spends(self, *, since: int) -> dict[int, Spend]:
        """Give what was spent after a time (seconds), by the intent's id."""

        def work(connection: Connection) -> dict[int, Spend]:
            rows = connection.exec_driver_sql(
                "SELECT intent_id, at, spend.chain, gas, spend.moved, purpose"
                " FROM spend JOIN intent ON intent.id = intent_id WHERE at > ?",
                (since,),
            )
            return {
                key: Spend(
                    at=at,
                    chain=ChainId.parse(chain),
                    gas=Usd(int(gas)),
                    moved=Usd(int(moved)),
                    liquidates=purpose in FOR_PROFIT,
                )
                for key, at, chain, gas, moved, purpose in rows
            }

        return await self._database.read(work)

    async def read_failures(self, chain: ChainId, *, since: int) -> tuple[tuple[Work, int], ...]:
        """Give which work of a chain failed after a time (seconds), and when."""

        def work(connection: Connection) -> tuple[tuple[Work, int], ...]:
            rows = connection.exec_driver_sql(
                "SELECT purpose, subject, updated_at FROM intent"
                " WHERE chain = ? AND state = ? AND updated_at > ?",
                (str(chain), IntentState.FAILED, since),
            )
            return tuple(
                (Work(chain, None if purpose == Purpose.LIQUIDATION else subject), at)
                for purpose, subject, at in rows
            )

        return await self._database.read(work)

    async def _read(self, query: str, parameters: Sequence[Any]) -> tuple[Intent, ...]:
        def work(connection: Connection) -> tuple[Intent, ...]:
            rows = connection.exec_driver_sql(query, tuple(parameters)).mappings().all()
            return tuple(decode_intent(row, _attempts(connection, row)) for row in rows)

        return await self._database.read(work)


def _attempts(connection: Connection, intent: RowMapping) -> tuple[Attempt, ...]:
    rows = connection.exec_driver_sql(
        f"SELECT {ATTEMPT_COLUMNS} FROM attempt WHERE intent_id = ? ORDER BY id",  # noqa: S608 (constants)
        (intent["id"],),
    ).mappings()
    return tuple(decode_attempt(row, intent) for row in rows)
