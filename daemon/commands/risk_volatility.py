"""`plimsoll risk volatility`: what is foreseen from closes up to a day, as the daemon records it.

With the file and the day of a record it gives the record's digest and forecasts again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.commands.common import JsonOption, print_json, refuse
from daemon.commands.texts import format_table
from daemon.margin.outlook import FLOORS, REFERENCES, calculate_multiplier
from daemon.margin.risk import Tier
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.volatility import (
    MODEL,
    WINDOW_DAYS,
    Garch,
    VolatilityTerms,
    calculate_returns,
    digest_closes,
    forecast,
)
from daemon.risk.closes import Closes, InvalidCloses, read_closes
from daemon.risk.worker import Fitted, fit_windows


def volatility(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV: date,close or a column per underlying.")
    ],
    through: Annotated[
        str | None, typer.Option(metavar="DAY", help="The last close to use; left out, the last.")
    ] = None,
    tier: Annotated[Tier, typer.Option(help="Whose floor and reference are taken.")] = Tier.MAJOR,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the volatility foreseen for the day after, way by way, and the digest of its inputs."""
    try:
        closes = read_closes(file)
        found = _measure(closes, _find_end(closes, through), tier)
    except InvalidCloses as error:
        refuse(str(error))
    except InvalidRiskInput as error:
        refuse(f"{file}: {error}")
    if as_json:
        print_json({"model": MODEL, "generated": closes.generated, "columns": found})
    else:
        for line in _format(found, closes.generated):
            typer.echo(line)


def _find_end(closes: Closes, through: str | None) -> int:
    """Give how many closes there are up to a day, that one included."""
    if through is None:
        return len(closes.days)
    try:
        return closes.days.index(date.fromisoformat(through)) + 1
    except ValueError:
        refuse(f"--through: {through!r} is no day of the file; write one such as {closes.days[-1]}")


def _measure(closes: Closes, end: int, tier: Tier) -> list[dict[str, Any]]:
    window = slice(max(0, end - WINDOW_DAYS - 1), end)
    cut = {name: found[window] for name, found in closes.prices.items()}
    returns = [calculate_returns(prices).tolist() for prices in cut.values()]
    return [
        _describe(name, closes.days[window], prices, fitted, tier)
        for (name, prices), fitted in zip(cut.items(), fit_windows(returns), strict=True)
    ]


def _describe(
    name: str, days: Sequence[date], prices: Sequence[float], fitted: Fitted, tier: Tier
) -> dict[str, Any]:
    garch = fitted if isinstance(fitted, Garch) else None
    seen = forecast(calculate_returns(prices), VolatilityTerms(floor=FLOORS[tier]), garch=garch)
    return {
        "name": name,
        "first": str(days[0]),
        "last": str(days[-1]),
        "inputs": digest_closes(days, prices).hex(),
        "volatility": seen.volatility,
        "binding": seen.binding.value,
        "multiplier": calculate_multiplier(seen.volatility, REFERENCES[tier]),
        "ways": {way.value: part for way, part in seen.parts.items()},
        "garch": asdict(garch) if garch else None,
        "fault": None if garch else fitted,
    }


def _format(columns: list[dict[str, Any]], generated: str | None) -> Iterator[str]:
    if generated:
        yield f"GENERATED: {generated}"
        yield ""
    rows: list[tuple[str, ...]] = [
        (
            found["name"],
            f"{found['volatility']:.2%}",
            f"x {found['multiplier']:.2f}",
            found["binding"],
            ", ".join(f"{way} {part:.2%}" for way, part in found["ways"].items()),
            f"{found['first']} to {found['last']}",
        )
        for found in columns
    ]
    yield from format_table(("column", "a year", "margins", "set by", "ways", "closes"), rows)
    yield ""
    for found in columns:
        yield f"  {found['name']}: {MODEL}, inputs {found['inputs']}"
        if found["fault"]:
            yield f"! {found['name']}: no GARCH: {found['fault']}"
