"""`plimsoll risk rebalance`: the cheapest way to bring every chain to its target."""

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
from daemon.margin.rebalance import Rebalancing, plan_rebalancing
from daemon.margin.rebalance_document import read_rebalancing
from daemon.risk.plots import draw_bars


def rebalance(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON: places and bridges.")],
    plot: PlotOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show transfers, what they cost and the health they leave; exit 1 where targets stay unmet."""
    document = read_document(file)
    with answering(file):
        found = plan_rebalancing(*read_rebalancing(document))
        if plot:
            bars = {transfer.bridge.id: transfer.sent for transfer in found.transfers}
            draw_bars(plot, "Transfers, USD", bars)
    shown = _show(found)
    if as_json:
        print_json(shown)
    else:
        typer.echo("\n".join(_format(shown)))
    if not found.feasible:
        raise typer.Exit(1)


def _show(found: Rebalancing) -> dict[str, Any]:
    return {
        "feasible": found.feasible,
        "cost_usd": found.cost,
        "transfers": [
            {
                "from": transfer.bridge.source,
                "to": transfer.bridge.target,
                "usd": transfer.sent,
                "cost_usd": transfer.cost,
                "time_s": transfer.bridge.time_s,
            }
            for transfer in found.transfers
        ],
        "health": found.health,
        "short_usd": found.short,
        "blocked": list(found.blocked),
    }


def _format(shown: dict[str, Any]) -> Iterator[str]:
    yield from format_table(
        ("from", "to", "USD", "cost", "takes"),
        [
            (
                row["from"],
                row["to"],
                format_money(row["usd"]),
                format_money(row["cost_usd"]),
                f"{row['time_s']:.0f} s",
            )
            for row in shown["transfers"]
        ],
    )
    yield ""
    yield from format_table(
        ("place", "native health"),
        [(name, format_ratio(health)) for name, health in shown["health"].items()],
    )
    for name, usd in shown["short_usd"].items():
        yield f"! {name} stays {format_money(usd)} USD of collateral short of its target"
    for line in shown["blocked"]:
        yield f"! {line}"
