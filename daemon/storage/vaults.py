"""The final logs of vaults, kept so that a restart goes on where the last run was."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from chains.evm.decode import Log
from chains.model.ids import AccountId, Address
from daemon.storage.database import Database

_WORD: Final = 32


class VaultLogStore:
    """The logs in one open database, by vault."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, vault: AccountId, logs: Sequence[Log], *, scanned: int) -> None:
        """Keep final logs and the last block looked through, in one commit."""
        rows = [
            (
                str(vault),
                log.height,
                log.index,
                log.address,
                b"".join(log.topics),
                log.data,
                log.block_hash,
                log.tx_hash,
            )
            for log in logs
        ]

        def work(connection: Connection) -> None:
            if rows:
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO vault_log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
                )
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)",
                (str(vault.chain), str(vault), scanned),
            )

        await self._database.write(work)

    async def read(self, vault: AccountId) -> tuple[tuple[Log, ...], int | None]:
        """Give a vault's logs in order, and the last block looked through (None before any)."""

        def work(connection: Connection) -> tuple[tuple[Log, ...], int | None]:
            rows = connection.exec_driver_sql(
                "SELECT address, topics, data, height, block_hash, tx_hash, position"
                " FROM vault_log WHERE vault = ? ORDER BY height, position",
                (str(vault),),
            )
            logs = tuple(
                Log(
                    address=Address(address),
                    topics=_split(topics),
                    data=data,
                    height=height,
                    block_hash=block_hash,
                    tx_hash=tx_hash,
                    index=position,
                )
                for address, topics, data, height, block_hash, tx_hash, position in rows
            )
            scanned: int | None = connection.exec_driver_sql(
                "SELECT block FROM checkpoint WHERE chain = ? AND market = ?",
                (str(vault.chain), str(vault)),
            ).scalar_one_or_none()
            return logs, scanned

        return await self._database.read(work)

    async def forget(self, vault: AccountId) -> None:
        """Drop everything known of a vault: its chain was not the one it was read from."""

        def work(connection: Connection) -> None:
            connection.exec_driver_sql("DELETE FROM vault_log WHERE vault = ?", (str(vault),))
            connection.exec_driver_sql(
                "DELETE FROM checkpoint WHERE chain = ? AND market = ?",
                (str(vault.chain), str(vault)),
            )

        await self._database.write(work)


def _split(topics: bytes) -> tuple[bytes, ...]:
    return tuple(topics[at : at + _WORD] for at in range(0, len(topics), _WORD))
