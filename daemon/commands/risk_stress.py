"""`plimsoll risk stress`: one book after a fall of everything, and what its liquidation takes."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer

from daemon.commands.common import ConfigOption, JsonOption, print_json, refuse
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
from daemon.margin.ordering import split_order
from daemon.margin.stress import DomainStress, StressRow, StressTerms, stress_book
from daemon.risk.plots import Series, draw_series

SHOCKS: Final = (-10.0, -20.0, -30.0, -40.0, -50.0)
CHUNK: Final = 250_000.0
COOLDOWN_S: Final = 30.0
PERCENT: Final = 100.0


def stress(
    subject: SubjectArgument,
    config: ConfigOption = None,
    url: UrlOption = None,
    shock: Annotated[
        list[float] | None,
        typer.Option(help="A move of majors in percent; repeat it.  [default: -10 … -50]"),
    ] = None,
    chunk: Annotated[float, typer.Option(help="The most USD sold at once.")] = CHUNK,
    fund: Annotated[float, typer.Option(min=0, help="USD in each venue's insurance fund.")] = 0.0,
    plot: PlotOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show health, equity, seizures, order of sale and auctions after each move."""
    moves = tuple(shock or SHOCKS)
    if min(moves) <= -PERCENT:
        refuse(f"--shock: {min(moves):g} % leaves no price")
    timed = read_subject(subject, config, url)
    with answering(subject):
        parts = [move / PERCENT for move in moves]
        rows = stress_book(timed.book, parts, StressTerms(fund=fund), now=timed.now)
        shown = [_show(row, chunk) for row in rows]
        if plot:
            lines = {"equity": [row.equity for row in rows]}
            panel = Series(title=f"{subject}: equity at mark, USD", places=moves, lines=lines)
            draw_series(plot, (panel,), below="move of majors, %")
    if as_json:
        print_json({"shocks": shown})
    else:
        typer.echo("\n".join(_format(shown)))


def _show(row: StressRow, chunk: float) -> dict[str, Any]:
    return {
        "shock_percent": round(PERCENT * row.move, 9),
        "equity_usd": row.equity,
        "change_usd": row.change,
        "domains": [_show_domain(found, chunk) for found in row.domains],
        "losses": [
            {
                "venue": venue,
                "fund_usd": found.drawn,
                "socialised_usd": found.socialised,
                "socialised_part": found.factor,
                "deleveraged_usd": dict(found.deleveraged),
                "uncovered_usd": found.uncovered,
            }
            for venue, found in row.waterfalls.items()
        ],
    }


def _show_domain(found: DomainStress, chunk: float) -> dict[str, Any]:
    sale = found.sale
    return {
        "domain": found.domain,
        "health": found.health,
        "equity_usd": found.equity,
        "bad_debt_usd": found.bad_debt,
        "repaid_usd": found.repaid,
        "seized_usd": found.seized,
        "impact_usd": sum(part.cost for part in found.sales),
        "sales": [
            {"leg": piece.id, "usd": piece.sold, "at_s": piece.at_s}
            for piece in split_order(found.sales, chunk, COOLDOWN_S)
        ],
        "auction": sale
        and {
            "after_s": sale.elapsed_s,
            "share": sale.share,
            "price_part": sale.fraction,
            "paid_usd": sale.paid,
        },
    }


def _format(shown: Sequence[dict[str, Any]]) -> Iterator[str]:
    head = ("shock", "domain", "health", "equity", "repaid", "seized", "impact", "bad debt", "sale")
    rows: list[tuple[str, ...]] = []
    for row in shown:
        said = (f"{row['shock_percent']:g} %", "all", "-", format_money(row["equity_usd"]))
        rows.append((*said, "", "", "", "", ""))
        rows += [("", *_cells(found)) for found in row["domains"]]
    yield from format_table(head, rows)
    for row in shown:
        for loss in row["losses"]:
            closed = math.fsum(loss["deleveraged_usd"].values())
            yield (
                f"! {row['shock_percent']:g} %: {loss['venue']} lacks money: "
                f"fund {format_money(loss['fund_usd'])}, "
                f"accounts {format_money(loss['socialised_usd'])} ({loss['socialised_part']:.1%}), "
                f"winners closed {format_money(closed)}, left {format_money(loss['uncovered_usd'])}"
            )


def _cells(found: dict[str, Any]) -> tuple[str, ...]:
    return (
        found["domain"],
        format_ratio(found["health"]),
        format_money(found["equity_usd"]),
        format_money(found["repaid_usd"]),
        format_money(found["seized_usd"]),
        format_money(found["impact_usd"]),
        format_money(found["bad_debt_usd"]),
        _describe_sale(found),
    )


def _describe_sale(found: dict[str, Any]) -> str:
    if sale := found["auction"]:
        paid = format_money(sale["paid_usd"])
        return f"auction: {sale['share']:.1%} for {paid} after {sale['after_s']:.0f} s"
    chunks = found["sales"]
    if not chunks:
        return "-"
    legs = list(dict.fromkeys(piece["leg"] for piece in chunks))
    return f"{', '.join(legs)} in {len(chunks)} over {chunks[-1]['at_s']:.0f} s"
