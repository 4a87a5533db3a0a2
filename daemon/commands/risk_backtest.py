"""`plimsoll risk backtest`: forecasts judged on daily closes."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from daemon.commands.common import CommandError, JsonOption, print_json, refuse
from daemon.commands.texts import format_table
from daemon.margin.risk import Tier
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.volatility import MODEL
from daemon.risk.backtest import BacktestTerms, Column, Judged, run_backtest
from daemon.risk.backtest_plot import PlotFailed, draw_backtest
from daemon.risk.closes import InvalidCloses, read_closes
from daemon.risk.coverage import Judgement
from daemon.risk.worker import fit_windows

BELIEVED: Final = 0.05
FITS_TIMEOUT_S: Final = 600.0


def backtest(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV: date,close or a column per underlying.")
    ],
    alpha: Annotated[float, typer.Option(help="The level of value at risk.")] = 0.975,
    window: Annotated[int, typer.Option(help="How many days losses are looked up in.")] = 500,
    refit_days: Annotated[int, typer.Option(help="How often GARCH is fitted anew.")] = 21,
    tier: Annotated[Tier, typer.Option(help="Whose range and floor are taken.")] = Tier.MAJOR,
    timeout: Annotated[
        float, typer.Option(help="Seconds that all fits may take.")
    ] = FITS_TIMEOUT_S,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw it.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Walk forward through daily closes and count the losses that went beyond what was foreseen."""
    try:
        closes = read_closes(file)
        terms = BacktestTerms(alpha=alpha, window=window, refit_days=refit_days, tier=tier)
        found = run_backtest(closes, terms, partial(fit_windows, timeout_s=timeout))
        if plot is not None:
            draw_backtest(found, plot, generated=closes.generated)
    except InvalidCloses as error:
        refuse(str(error))
    except InvalidRiskInput as error:
        refuse(f"{file}: {error}")
    except PlotFailed as error:
        raise CommandError(f"--plot: {error}") from error
    if as_json:
        print_json(_show(found, terms, closes.generated))
    else:
        for line in _format(found, closes.generated):
            typer.echo(line)


def _show(columns: Sequence[Column], terms: BacktestTerms, generated: str | None) -> dict[str, Any]:
    return {
        "model": MODEL,
        "generated": generated,
        "alpha": terms.alpha,
        "window_days": terms.window,
        "refit_days": terms.refit_days,
        "tier": terms.tier.value,
        "columns": [
            {
                "name": column.name,
                "first": str(column.days[0]),
                "last": str(column.days[-1]),
                "models": [_show_judged(found) for found in column.judged],
                "beyond_scan_range": column.beyond_range,
                "beyond_dynamic_range": column.beyond_dynamic,
                "binding_days": {way.value: days for way, days in column.binding.items()},
                "fits": column.fits,
                "fits_without_parameters": dict(column.faults),
            }
            for column in columns
        ],
    }


def _show_judged(found: Judged) -> dict[str, Any]:
    return {
        "model": found.model,
        "days": found.days,
        "breaches": found.breaches,
        "breach_rate": found.rate,
        "nominal_rate": round(found.nominal, 12),
        "kupiec": _show_test(found.share),
        "christoffersen_independence": _show_test(found.clusters),
        "christoffersen_conditional": _show_test(found.both),
        "shortfall_breaches": found.shortfalls,
        "shortfall_breach_rate": found.shortfall_rate,
        "shortfall_nominal_rate": found.expected_shortfalls,
        "shortfall_kupiec": _show_test(found.shortfall_share),
        "severity": found.severity,
    }


def _show_test(found: Judgement | None) -> dict[str, float] | None:
    return None if found is None else {"ratio": found.ratio, "p": found.p}


def _format(columns: Sequence[Column], generated: str | None) -> Iterator[str]:
    if generated:
        yield f"GENERATED: {generated}"
        yield ""
    head = (
        "column", "model", "days", "VaR breaches", "rate", "nominal", "Kupiec p", "Christoff. p",
        "both p", "ES breaches", "rate", "nominal", "loss/ES", "says",
    )  # fmt: skip
    rows = [_row(column, found) for column in columns for found in column.judged]
    yield from format_table(head, rows)
    yield ""
    for column in columns:
        ways = ", ".join(f"{way.value} {days}" for way, days in column.binding.items())
        yield (
            f"  {column.name}: moves beyond the scan range {column.beyond_range}, "
            f"beyond the dynamic one {column.beyond_dynamic}; days set by {ways}"
        )
        for reason, count in column.faults.items():
            yield f"! {column.name}: {count} of {column.fits} fits gave no parameters: {reason}"


def _row(column: Column, found: Judged) -> tuple[str, ...]:
    return (
        column.name,
        found.model,
        str(found.days),
        str(found.breaches),
        f"{found.rate:.2%}",
        f"{found.nominal:.2%}",
        f"{found.share.p:.3f}",
        f"{found.clusters.p:.3f}",
        f"{found.both.p:.3f}",
        str(found.shortfalls),
        f"{found.shortfall_rate:.2%}",
        f"{found.expected_shortfalls:.2%}",
        "-" if found.severity is None else f"{found.severity:.2f}",
        _say(found),
    )


def _say(found: Judged) -> str:
    """Say in a word what the tests make of a model, at 5 %."""
    if found.share.p < BELIEVED:
        return "too many" if found.rate > found.nominal else "too few"
    return "clustered" if found.clusters.p < BELIEVED else "as told"
