"""`plimsoll risk hedge`: whether a delta is worth hedging, how far, and with what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.commands.common import JsonOption, print_json
from daemon.commands.risk_inputs import (
    PlotOption,
    answering,
    format_money,
    format_ratio,
    read_document,
)
from daemon.commands.texts import format_table
from daemon.margin.hedge import Hedge, propose_hedge
from daemon.margin.hedge_document import read_hedge
from daemon.margin.risk_document import read_risk_book
from daemon.risk.plots import draw_bars


def hedge(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON: a risk book with a member `hedge`.")
    ],
    plot: PlotOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the band, the trades back to its edge, their cost and the health they leave."""
    document = read_document(file)
    with answering(file):
        timed = read_risk_book(document, "hedge")
        found = propose_hedge(*read_hedge(document, timed))
        if plot:
            bars = {"delta": found.delta, "band": found.band, "left": found.left}
            draw_bars(plot, f"{found.underlying}: delta in USD", bars)
    shown = _show(found)
    if as_json:
        print_json(shown)
    else:
        typer.echo("\n".join(_format(shown)))


def _show(found: Hedge) -> dict[str, Any]:
    return {
        "underlying": found.underlying,
        "delta_usd": found.delta,
        "band_usd": found.band,
        "left_usd": found.left,
        "reached": found.reached,
        "trades": [
            {
                "instrument": trade.instrument,
                "notional_usd": trade.notional,
                "cost_usd": trade.cost,
                "native_health": trade.health,
            }
            for trade in found.trades
        ],
    }


def _format(shown: dict[str, Any]) -> Iterator[str]:
    yield (
        f"  {shown['underlying']}: delta {format_money(shown['delta_usd'])} USD, "
        f"band {format_money(shown['band_usd'])} USD"
    )
    if not shown["trades"] and shown["reached"]:
        yield "  inside the band: nothing to do"
        return
    yield ""
    yield from format_table(
        ("instrument", "notional", "cost", "native health"),
        [
            (
                trade["instrument"],
                format_money(trade["notional_usd"]),
                format_money(trade["cost_usd"]),
                format_ratio(trade["native_health"]),
            )
            for trade in shown["trades"]
        ],
    )
    yield ""
    state = "at the band's edge" if shown["reached"] else "OUTSIDE: the floors allow no more"
    yield f"  left {format_money(shown['left_usd'])} USD, {state}"
