"""A risk book as JSON, to read and to write: figures are float64 and for risk only.

    {"now": 1800000000,
     "domains": {"aave": {"chain": "eip155:1", "venue": "aave_v3"},
                 "desk": {"chain": "venue:deribit", "venue": "deribit", "margin": 2000}},
     "spots": [{"domain": "aave", "underlying": "ETH", "tier": "major", "units": 10, "price": 2000,
                "lt": 0.85, "ltv": 0.8}],
     "debts": [{"domain": "aave", "underlying": "USDC", "tier": "stable", "units": 15000,
                "price": 1}],
     "perps": [{"domain": "desk", "underlying": "ETH", "tier": "major", "size": -10, "entry": 2000,
                "mark": 2000, "initial": 0.04, "maintenance": 0.02}],
     "options": []}

Fields and defaults are those of daemon.margin.scenarios; a leg's chain is its domain's, and its id
may be left out. `now` is seconds.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from typing import Any, Final, TypeVar, get_type_hints

from daemon.margin.documents import Fields
from daemon.margin.scenarios import (
    SIGNED,
    Debt,
    Domain,
    InvalidRiskInput,
    Option,
    Perp,
    RiskBook,
    RiskLeg,
    Route,
    Spot,
)

Value = TypeVar("Value", bound=Domain | RiskLeg | Route)
KINDS: Final[Mapping[str, type[RiskLeg]]] = {
    "spots": Spot,
    "debts": Debt,
    "perps": Perp,
    "options": Option,
}
MEMBERS: Final = ("now", "domains", *KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedBook:
    """A risk book and the time (seconds) that it is measured at."""

    book: RiskBook
    now: float


def read_risk_book(document: Mapping[str, Any], *extra: str) -> TimedBook:
    """Read a book; `extra` members are somebody else's. InvalidRiskInput names what is wrong."""
    found = Fields.of(document).only(*MEMBERS, *extra)
    domains = {
        name: _read(Domain, row, {"id": name}) for name, row in found.table("domains").tables()
    }
    legs = {
        member: tuple(
            _read_leg(kind, row, domains, number) for number, row in enumerate(found.rows(member))
        )
        for member, kind in KINDS.items()
    }
    book = RiskBook(domains=domains, **legs)  # type: ignore[arg-type] # each member has its kind
    return TimedBook(book=book, now=found.number("now"))


def _read_leg(
    kind: type[RiskLeg], row: Fields, domains: Mapping[str, Domain], number: int
) -> RiskLeg:
    domain = row.text("domain")
    if domain not in domains:
        raise InvalidRiskInput(f"{row.name('domain')} is {domain!r}, which is not in domains")
    name = f"{domain}:{row.text('underlying')} {kind.__name__.lower()} {number}"
    known = {"id": row.text("id", name), "chain": domains[domain].chain}
    return _read(kind, row, known)


def _read(kind: type[Value], row: Fields, known: Mapping[str, Any]) -> Value:
    hints = get_type_hints(kind)
    row.only(*hints)
    given = dict(known)
    for field in fields(kind):
        if field.name not in known and (row.has(field.name) or field.default is MISSING):
            given[field.name] = _read_field(row, field, hints[field.name])
    return kind(**given)


def _read_field(row: Fields, field: Field[Any], hint: object) -> object:
    if field.name == "route":
        table = row.table(field.name)
        return _read(Route, table, {})
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _read_word(row, field.name, hint)
    if hint is bool:
        return row.flag(field.name)
    if hint is str:
        return row.text(field.name)
    least = -math.inf if field.name in SIGNED else 0.0
    number = row.number(field.name, least=least)
    return int(number) if hint is int else number


def _read_word(row: Fields, name: str, words: type[StrEnum]) -> StrEnum:
    text = row.text(name)
    found = {word.value: word for word in words}
    if text not in found:
        raise InvalidRiskInput(f"{row.name(name)} is {text!r}, not one of {', '.join(found)}")
    return found[text]


def render_risk_book(timed: TimedBook) -> dict[str, Any]:
    """Write a book as `read_risk_book` reads it; what is infinite is left out, as by default."""
    book = timed.book
    return {
        "now": timed.now,
        "domains": {name: _render(domain, "id") for name, domain in book.domains.items()},
        **{member: [_render(leg, "chain") for leg in getattr(book, member)] for member in KINDS},
    }


def _render(value: Domain | RiskLeg | Route, *left_out: str) -> dict[str, Any]:
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {
        name: _render(figure) if isinstance(figure, Route) else figure
        for name, figure in found.items()
        if name not in left_out and figure is not None and figure != math.inf
    }
