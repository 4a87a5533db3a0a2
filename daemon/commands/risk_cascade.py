"""`plimsoll risk cascade`: what a fall of prices sets off in a fleet on several venues."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Final

import typer

from daemon.commands.common import JsonOption, print_json, refuse
from daemon.commands.risk_inputs import (
    PlotOption,
    answering,
    format_money,
    format_ratio,
    read_document,
)
from daemon.commands.texts import format_table
from daemon.margin.cascade import CascadeReport, Shock, run_cascade
from daemon.margin.cascade_book import CascadeBook, read_cascade_book
from daemon.margin.cascade_fleet import generate_fleet
from daemon.margin.contagion import ContagionRow, measure_contagion
from daemon.risk.plots import Series, draw_series

SHOCKS: Final = (-10.0, -20.0, -30.0, -40.0, -50.0)
ACCOUNTS: Final = 10_000
STEADY: Final = 0.01
"""Assets of a lower daily volatility are stable: a general fall leaves them where they are."""
PERCENT: Final = 100.0


def cascade(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="JSON: assets, venues and accounts.")
    ] = None,
    shock: Annotated[
        list[float] | None,
        typer.Option(help="A fall in percent, such as -30; repeat it.  [default: -10 … -50]"),
    ] = None,
    asset: Annotated[
        str | None, typer.Option(help="Shock this asset, and what follows it.  [default: all]")
    ] = None,
    contagion: Annotated[
        float, typer.Option(help="The percent that the matrix shocks by.")
    ] = -30.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated fleet.")] = 1,
    accounts: Annotated[int, typer.Option(min=1, help="Its size.")] = ACCOUNTS,
    plot: PlotOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show amplification, bad debt, rounds and contagion; without FILE a generated fleet."""
    for percent in (*(shock or ()), contagion):
        if not percent > -PERCENT:
            refuse(f"--shock: {percent:g} % leaves no price")
    with answering(file or "--asset"):
        book = read_cascade_book(read_document(file)) if file else generate_fleet(seed, accounts)
        started = perf_counter()
        moves = tuple(shock or SHOCKS)
        reports = [run_cascade(book, build_shock(book, move / PERCENT, asset)) for move in moves]
        rows = measure_contagion(book, contagion / PERCENT)
        shown = _show(book, moves, reports, rows)
        if plot:
            _draw(plot, moves, reports)
    if as_json:
        print_json(shown | {"contagion_shock_percent": contagion})
        return
    said = "" if file else f", generated from seed {seed}"
    lines = _format(shown, said, contagion)
    typer.echo("\n".join((*lines, "", f"  {perf_counter() - started:.1f} s")))


def build_shock(book: CascadeBook, move: float, asset: str | None) -> Shock:
    """Move one asset and what follows it, or everything that is not stable."""
    shock = Shock.none(book)
    if asset is not None:
        book.find_asset(asset)
    for column, found in enumerate(book.assets):
        hit = found.daily_vol >= STEADY if asset is None else asset in (found.id, found.parent)
        shock.moves[column] = move if hit else 0.0
    return shock


def _show(
    book: CascadeBook,
    moves: Sequence[float],
    reports: Sequence[CascadeReport],
    rows: Sequence[ContagionRow],
) -> dict[str, Any]:
    venues = [venue.id for venue in book.venues]
    return {
        "accounts": len(book.held),
        "venues": venues,
        "collateral_usd": float((book.held @ book.prices).sum()),
        "shocks": [
            _show_report(book, move, report) for move, report in zip(moves, reports, strict=True)
        ],
        "contagion": [
            {
                "source": row.source.value,
                "name": row.name,
                "equity_usd": dict(zip(venues, row.equity.tolist(), strict=True)),
                "bad_debt_usd": dict(zip(venues, row.bad_debt.tolist(), strict=True)),
                "residual_usd": row.residual,
            }
            for row in rows
        ],
    }


def _show_report(book: CascadeBook, move: float, report: CascadeReport) -> dict[str, Any]:
    venues = [venue.id for venue in book.venues]
    drawn = [found.drawn for found in report.waterfalls]
    ledger = report.ledger
    return {
        "shock_percent": move,
        "rounds": report.rounds,
        "settled": report.settled,
        "initial_move": report.initial_move,
        "total_move": report.total_move,
        "amplification": report.amplification,
        "liquidated": int(report.liquidated.sum()),
        "sold_usd": float(report.sold.sum()),
        "bad_debt_usd": float(report.bad_debt.sum()),
        "bad_debt_by_venue_usd": dict(zip(venues, report.bad_debt.tolist(), strict=True)),
        "funds_drawn_usd": dict(zip(venues, drawn, strict=True)),
        "socialised_part": {
            venue: found.factor for venue, found in zip(venues, report.waterfalls, strict=True)
        },
        "prices": {
            asset.id: moved for asset, moved in zip(book.assets, report.moves.tolist(), strict=True)
        },
        "ledger_usd": {
            "accounts": ledger.accounts,
            "lenders": ledger.lenders,
            "liquidators": ledger.liquidators,
            "funds": ledger.funds,
            "market": ledger.market,
            "residual": ledger.residual,
        },
    }


def _format(shown: dict[str, Any], said: str, contagion: float) -> Iterator[str]:
    collateral = format_money(shown["collateral_usd"])
    fleet = f"{shown['accounts']} accounts on {len(shown['venues'])} venues"
    yield f"{fleet}, {collateral} USD of collateral{said}"
    yield ""
    head = ("shock", "total", "amplified", "rounds", "liquidated", "sold", "bad debt", "residual")
    yield from format_table(head, [_row(found) for found in shown["shocks"]])
    yield ""
    yield f"  Contagion of {contagion:g} %: change of accounts' equity (bad debt), thousands of USD"
    yield ""
    head = ("shocked", *shown["venues"])
    yield from format_table(head, [_cells(row, shown["venues"]) for row in shown["contagion"]])


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{found['shock_percent']:g} %",
        f"{PERCENT * found['total_move']:.2f} %",
        format_ratio(found["amplification"]),
        f"{found['rounds']}{'' if found['settled'] else ' (not settled)'}",
        str(found["liquidated"]),
        format_money(found["sold_usd"]),
        format_money(found["bad_debt_usd"]),
        f"{abs(found['ledger_usd']['residual']):.2f}",
    )


def _cells(row: dict[str, Any], venues: Sequence[str]) -> tuple[str, ...]:
    cells = (
        f"{row['equity_usd'][venue] / 1e3:,.0f} ({row['bad_debt_usd'][venue] / 1e3:,.0f})"
        for venue in venues
    )
    return (f"{row['source']} {row['name']}", *cells)


def _draw(path: Path, moves: Sequence[float], reports: Sequence[CascadeReport]) -> None:
    total = [PERCENT * report.total_move for report in reports]
    first = [PERCENT * report.initial_move for report in reports]
    lost = [float(report.bad_debt.sum()) / 1e6 for report in reports]
    draw_series(
        path,
        (
            Series(
                title="Value of all collateral, %",
                places=moves,
                lines={"the shock": first, "after the cascade": total},
            ),
            Series(title="Bad debt, millions of USD", places=moves, lines={"bad debt": lost}),
        ),
        below="shock, %",
    )
