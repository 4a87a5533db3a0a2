"""`plimsoll risk compare`: the same book with isolated and with cross margin."""

from collections.abc import Iterator
from typing import Any

import typer

from daemon.commands.common import ConfigOption, JsonOption, print_json
from daemon.commands.risk_inputs import (
    PlotOption,
    SubjectArgument,
    UrlOption,
    answering,
    format_money,
    format_ratio,
    read_subject,
)
from daemon.commands.texts import format_table
from daemon.margin.compare import Comparison, Mode, compare_modes
from daemon.margin.portfolio_report import PortfolioSettings
from daemon.risk.plots import draw_bars


def compare(
    subject: SubjectArgument,
    config: ConfigOption = None,
    url: UrlOption = None,
    plot: PlotOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show what is required, the health, the worst loss and who pays it, both ways."""
    timed = read_subject(subject, config, url)
    with answering(subject):
        settings = PortfolioSettings(published_gains=True)
        found = compare_modes(timed.book, settings, now=timed.now)
        if plot:
            draw_bars(plot, f"{subject}: USD, isolated and cross", _list_bars(found))
    shown = _show(found)
    if as_json:
        print_json(shown)
    else:
        typer.echo("\n".join(_format(shown)))


def _list_bars(found: Comparison) -> dict[str, float]:
    modes = (found.isolated, found.cross)
    return {
        f"{mode.name}: {name}": usd
        for mode in modes
        for name, usd in (
            ("required", mode.required),
            ("worst loss", mode.worst),
            ("contagion", mode.contagion),
            ("lost by others", mode.lost),
        )
    }


def _show(found: Comparison) -> dict[str, Any]:
    return {
        "modes": [_show_mode(mode) for mode in (found.isolated, found.cross)],
        "saved_usd": found.saved,
        "domains": [
            {
                "domain": name,
                "factor": report.factor,
                "required_usd": report.maintenance,
                "worst": report.worst.name if report.worst else None,
                "worst_loss_usd": report.worst.loss if report.worst else 0.0,
            }
            for name, report in found.domains
        ],
    }


def _show_mode(mode: Mode) -> dict[str, Any]:
    return {
        "mode": mode.name,
        "required_usd": mode.required,
        "initial_usd": mode.initial,
        "factor": mode.factor,
        "worst_loss_usd": mode.worst,
        "worst": mode.scenario,
        "contagion_usd": mode.contagion,
        "lost_usd": mode.lost,
    }


def _format(shown: dict[str, Any]) -> Iterator[str]:
    head = ("mode", "required", "initial", "factor", "worst loss", "contagion", "lost", "worst")
    yield from format_table(
        head,
        [
            (
                row["mode"],
                format_money(row["required_usd"]),
                format_money(row["initial_usd"]),
                format_ratio(row["factor"]),
                format_money(row["worst_loss_usd"]),
                format_money(row["contagion_usd"]),
                format_money(row["lost_usd"]),
                row["worst"],
            )
            for row in shown["modes"]
        ],
    )
    yield ""
    yield from format_table(
        ("domain", "factor", "required", "worst loss", "worst scenario"),
        [
            (
                row["domain"],
                format_ratio(row["factor"]),
                format_money(row["required_usd"]),
                format_money(row["worst_loss_usd"]),
                row["worst"] or "-",
            )
            for row in shown["domains"]
        ],
    )
    yield ""
    yield f"  Cross margin requires {format_money(shown['saved_usd'])} USD less."
