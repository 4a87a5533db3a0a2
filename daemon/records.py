"""What the API reads from the store: an account's history and the keeper's transactions."""

from collections.abc import Sequence

from chains.model.units import Wad
from daemon.api.context import ActionReader, HistoryEntry, HistoryReader
from daemon.api.texts import FACTOR_DECIMALS, render_decimal
from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.storage.store import HealthPoint, Store

_AFTER_ALL = 2**63 - 1


def build_history(store: Store) -> HistoryReader:
    """Give the reader of an account's health history; a point's id is its time (seconds)."""

    async def read(account: str, before: int | None, limit: int) -> Sequence[HistoryEntry]:
        found = await store.read_health(
            account, before=_AFTER_ALL if before is None else before, limit=limit
        )
        return [_entry(point) for point in found]

    return read


def build_actions(journal: Journal) -> ActionReader:
    """Give the reader of the keeper's signed transactions."""

    async def read(before: int | None, limit: int) -> Sequence[Intent]:
        return await journal.read_recent(limit=limit, before=before)

    return read


def _entry(point: HealthPoint) -> HistoryEntry:
    return HistoryEntry(
        id=point.at,
        at=point.at,
        event="health",
        details={
            "complete": point.complete,
            "unified": _factor(point.unified),
            "low": _factor(point.low),
            "high": _factor(point.high),
            "minimum_native": _factor(point.minimum_native),
            "rescuable": _factor(point.rescuable),
        },
    )


def _factor(value: Wad | None) -> str | None:
    return None if value is None else render_decimal(value, FACTOR_DECIMALS)
