"""Who suffers from whom: each asset, venue and chain shocked by itself, venues as columns.

An asset's market price falls, with all that follows it. A venue, or every venue of a chain, marks
its collateral down while the market stands still (a wrong oracle): what it liquidates is sold on
markets that others share. Figures are USD.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from daemon.margin.cascade import CascadeReport, Shock, run_cascade, shock_asset
from daemon.margin.cascade_book import CascadeBook
from daemon.margin.curves import Floats


class Source(StrEnum):
    """What is shocked."""

    ASSET = "asset"
    VENUE = "venue"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContagionRow:
    """One source: change of `equity` and `bad_debt` by venue."""

    source: Source
    name: str
    equity: Floats
    bad_debt: Floats
    residual: float


def measure_contagion(book: CascadeBook, move: float) -> tuple[ContagionRow, ...]:
    """Shock every source by a relative `move`; assets that follow another are shocked with it."""
    return tuple(
        _describe(source, name, run_cascade(book, shock))
        for source, name, shock in _list_shocks(book, move)
    )


def _describe(source: Source, name: str, report: CascadeReport) -> ContagionRow:
    return ContagionRow(
        source=source,
        name=name,
        equity=report.equity,
        bad_debt=report.bad_debt,
        residual=report.ledger.residual,
    )


def _list_shocks(book: CascadeBook, move: float) -> Iterator[tuple[Source, str, Shock]]:
    held: list[float] = book.held.sum(axis=0).tolist()
    for asset, units in zip(book.assets, held, strict=True):
        if units > 0:
            yield Source.ASSET, asset.id, shock_asset(book, asset.id, move)
    for venue in book.venues:
        yield Source.VENUE, venue.id, _mark(book, [venue.id], move)
    for chain in sorted({venue.chain for venue in book.venues}):
        names = [venue.id for venue in book.venues if venue.chain == chain]
        yield Source.CHAIN, chain, _mark(book, names, move)


def _mark(book: CascadeBook, venues: list[str], move: float) -> Shock:
    shock = Shock.none(book)
    for row, venue in enumerate(book.venues):
        if venue.id in venues:
            shock.marks[row] = move
    return shock
