"""Volatilities put in force, with what they follow from: any past figure can be calculated again.

The closes themselves stay in their file: a record names their days and has their digest.
"""

from dataclasses import asdict
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection

from daemon.margin.outlook import InForce, Outlook
from daemon.margin.volatility import Forecast, Garch, Way
from daemon.storage.database import Database


class OutlookStore:
    """The outlooks in one open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, outlook: Outlook) -> None:
        """Record an outlook; a second one in the same second takes its place."""
        row = (
            outlook.underlying,
            int(outlook.in_force.at),
            outlook.model,
            outlook.inputs,
            _encode(outlook),
        )
        await self._database.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT OR REPLACE INTO outlook VALUES (?, ?, ?, ?, ?)", row
            ).close()
        )

    async def read_last(self, underlying: str) -> Outlook | None:
        """Give the newest outlook of an underlying."""

        def work(connection: Connection) -> Outlook | None:
            row = connection.exec_driver_sql(
                "SELECT model, inputs, document FROM outlook WHERE underlying = ?"
                " ORDER BY at DESC LIMIT 1",
                (underlying,),
            ).one_or_none()
            if row is None:
                return None
            return _decode(underlying, row[0], row[1], orjson.loads(row[2]))

        return await self._database.read(work)


def _encode(outlook: Outlook) -> bytes:
    return orjson.dumps(
        {
            "fitted_at": outlook.fitted_at,
            "first": str(outlook.first),
            "last": str(outlook.last),
            "parts": {way.value: found for way, found in outlook.forecast.parts.items()},
            "in_force": asdict(outlook.in_force),
            "previous": asdict(outlook.previous) if outlook.previous else None,
            "garch": asdict(outlook.garch) if outlook.garch else None,
            "fault": outlook.fault,
        }
    )


def _decode(underlying: str, model: str, inputs: bytes, found: dict[str, Any]) -> Outlook:
    return Outlook(
        underlying=underlying,
        model=model,
        inputs=inputs,
        fitted_at=found["fitted_at"],
        first=date.fromisoformat(found["first"]),
        last=date.fromisoformat(found["last"]),
        forecast=Forecast(parts={Way(way): part for way, part in found["parts"].items()}),
        in_force=InForce(**found["in_force"]),
        previous=InForce(**found["previous"]) if found["previous"] else None,
        garch=Garch(**found["garch"]) if found["garch"] else None,
        fault=found["fault"],
    )
