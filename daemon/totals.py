"""What the journal holds in sum, for metrics."""

from collections.abc import Sequence

from sqlalchemy import Connection

from daemon.storage.database import Database
from daemon.telemetry import JournalTotal, TotalsReader

_QUERY = """
    SELECT chain, state, COUNT(*) AS intents,
           TOTAL(gas_used * CAST(gas_price_wei AS REAL)) AS gas
    FROM intent GROUP BY chain, state ORDER BY chain, state
"""


def build_totals(database: Database) -> TotalsReader:
    """Give the reader of the journal's totals."""

    def work(connection: Connection) -> tuple[JournalTotal, ...]:
        rows = connection.exec_driver_sql(_QUERY).mappings()
        return tuple(JournalTotal(**row) for row in rows)

    async def read() -> Sequence[JournalTotal]:
        return await database.read(work)

    return read
