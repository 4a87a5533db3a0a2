"""The evidence of attestations: nodes by attestation and chain, each contract's code once.

Codes are most of a file of evidence and change with governance alone, so they lie in a table of
their own; there are as many as contracts were ever read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from eth_hash.auto import keccak
from sqlalchemy import Connection

from daemon.board import Attested
from daemon.storage.database import Database
from daemon.storage.errors import StorageError
from proofs.evidence.bundle import BlockEvidence, decode_bundle, encode_bundle
from proofs.evidence.flaws import EvidenceRefused

_HASH: Final = 32


class EvidenceStore:
    """The evidence in one open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, attested: Attested, blocks: Sequence[BlockEvidence]) -> None:
        """Keep the evidence of an attestation; writing it again is nothing."""
        codes = [(_name(code), code) for block in blocks for code in block.codes]
        rows = [
            (
                attested.account,
                attested.sequence,
                block.chain,
                encode_bundle([replace(block, codes=())]),
                b"".join(map(_name, block.codes)),
            )
            for block in blocks
        ]

        def work(connection: Connection) -> None:
            if codes:
                connection.exec_driver_sql("INSERT OR IGNORE INTO code VALUES (?, ?)", codes)
            if rows:
                connection.exec_driver_sql(
                    "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?)", rows
                )

        await self._database.write(work)

    async def read(self, account: str, sequence: int) -> bytes | None:
        """Give the file of evidence of an attestation, None where there is none or no more."""

        def work(connection: Connection) -> bytes | None:
            rows = connection.exec_driver_sql(
                "SELECT bundle, codes FROM evidence WHERE account = ? AND sequence = ?",
                (account, sequence),
            ).all()
            return encode_bundle([_open(connection, *row) for row in rows]) if rows else None

        return await self._database.read(work)

    async def prune(self, before: Mapping[str, int]) -> None:
        """Drop evidence of attestations below a sequence, by account."""

        def work(connection: Connection) -> None:
            for pair in before.items():
                connection.exec_driver_sql(
                    "DELETE FROM evidence WHERE account = ? AND sequence < ?", pair
                )

        await self._database.write(work)


def _open(connection: Connection, bundle: bytes, names: bytes) -> BlockEvidence:
    try:
        (block,) = decode_bundle(bundle)
    except EvidenceRefused as error:
        raise StorageError(f"kept evidence is damaged: {error}") from error
    listed = [names[start : start + _HASH] for start in range(0, len(names), _HASH)]
    codes = [
        connection.exec_driver_sql("SELECT code FROM code WHERE hash = ?", (name,)).scalar_one()
        for name in listed
    ]
    return replace(block, codes=tuple(sorted(codes)))


def _name(code: bytes) -> bytes:
    return bytes(keccak(code))
