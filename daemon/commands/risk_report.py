"""`plimsoll risk report`: portfolio margin of one book, each figure with where it comes from."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

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
from daemon.margin.measures import KAPPAS
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioReport, PortfolioSettings
from daemon.margin.risk_document import TimedBook
from daemon.risk.plots import draw_bars

SHOWN: Final = 8
OWN: Final = "own netting"


def report(
    subject: SubjectArgument,
    config: ConfigOption = None,
    url: UrlOption = None,
    count: Annotated[int, typer.Option(min=1, help="How many scenarios to show.")] = SHOWN,
    plot: PlotOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show portfolio margin at every kappa, the worst scenarios and all components."""
    timed = read_subject(subject, config, url)
    with answering(subject):
        views = measure_views(timed)
        shown = _show(views, count)
        if plot:
            losses = {row["name"]: row["loss_usd"] for row in shown["scenarios"]}
            draw_bars(plot, f"{subject}: losses of the worst scenarios, USD", losses)
    if as_json:
        print_json(shown)
    else:
        typer.echo("\n".join(_format(shown)))


def measure_views(timed: TimedBook) -> dict[str, PortfolioReport]:
    """Measure a book at every kappa and with its own netting; InvalidRiskInput."""
    told = {
        f"kappa {kappa:.2f}": PortfolioSettings(kappa=kappa, published_gains=True)
        for kappa in KAPPAS
    }
    settings = told | {OWN: PortfolioSettings(published_gains=True)}
    return {
        name: evaluate_portfolio(timed.book, each, now=timed.now) for name, each in settings.items()
    }


def _show(views: dict[str, PortfolioReport], count: int) -> dict[str, Any]:
    own = views[OWN]
    worst = sorted(own.scenarios, key=lambda row: (-row.loss, row.name))[:count]
    return {
        "views": [_show_view(name, found) for name, found in views.items()],
        "scenarios": [
            {"name": row.name, "loss_usd": row.loss, "of_factors_usd": dict(row.factors)}
            for row in worst
        ],
        "factors": [
            {"name": row.factor, "falling_usd": row.falling, "rising_usd": row.rising}
            for row in own.factors
        ],
        "groups": [
            {
                "name": row.name,
                "netting": row.outside.value,
                "kappa": row.kappa,
                "reason": row.reason,
            }
            for row in own.groups
        ],
        "components": [
            {"name": row.name, "usd": row.usd, "source": row.source} for row in own.components
        ],
        "greeks": {name: dict(found) for name, found in own.greeks.items()},
    }


def _show_view(name: str, found: PortfolioReport) -> dict[str, Any]:
    return {
        "name": name,
        "factor": found.factor,
        "initial_factor": found.initial_factor,
        "equity_usd": found.equity,
        "maintenance_usd": found.maintenance,
        "worst": found.worst.name if found.worst else None,
        "worst_loss_usd": found.worst.loss if found.worst else None,
        "binding": found.binding,
    }


def _format(shown: dict[str, Any]) -> Iterator[str]:
    head = ("portfolio", "factor", "initial", "equity", "MMR", "worst scenario", "set by")
    yield from format_table(head, [_view(row) for row in shown["views"]])
    yield ""
    yield f"  With {OWN}:"
    yield ""
    yield from format_table(
        ("scenario", "loses"),
        [(row["name"], format_money(row["loss_usd"])) for row in shown["scenarios"]],
    )
    yield ""
    yield from format_table(
        ("component", "USD", "where it comes from"),
        [(p["name"], format_money(p["usd"]), p["source"]) for p in shown["components"]],
    )
    yield ""
    yield from format_table(
        ("netting set", "kind", "kappa", "because"),
        [(g["name"], g["netting"], f"{g['kappa']:g}", g["reason"]) for g in shown["groups"]],
    )


def _view(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        format_ratio(row["factor"]),
        format_ratio(row["initial_factor"]),
        format_money(row["equity_usd"]),
        format_money(row["maintenance_usd"]),
        row["worst"] or "-",
        row["binding"],
    )
