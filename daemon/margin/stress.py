"""A book after a fall of everything: each domain's health, and what its liquidation would come to.

Along the systemic direction: where majors move by m, alts move by m 35/18, staked ratios by m 5/18
(down only), stables stay. A lending market liquidates by its protocol's curve, and what it takes is
sold so that the least is lost to impact, the market's own priority first; an account at a venue is
auctioned. Options are priced again, volatility unchanged. Figures are float64 USD.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from daemon.margin.auction import AuctionTerms, Sale, simulate_sale
from daemon.margin.charges import margin_in_standard_mode
from daemon.margin.curves import Curve, build_preset
from daemon.margin.fund import Waterfall, Winner, absorb_loss
from daemon.margin.liquidation import liquidate
from daemon.margin.option_risk import OptionColumns
from daemon.margin.ordering import Lot, Part, order_sales
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import LOWEST_MOVE, Ranges
from daemon.margin.scenarios import Debt, Perp, RiskBook, Spot

CURVES: Final[Mapping[str, str]] = {
    "aave_v3": "aave",
    "aave_v4": "aave-v4",
    "klend": "kamino",
    "morpho_blue": "morpho",
    "euler_v2": "euler",
}
"""Whose curve a protocol has; Aave's where it is none of them."""
LOWEST_FIRST: Final = frozenset({"kamino"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """A market's daily volatility and a day's volume (USD)."""

    daily_vol: float
    volume: float


DEPTHS: Final[Mapping[Tier, Depth]] = {
    Tier.STABLE: Depth(daily_vol=0.001, volume=1e9),
    Tier.MAJOR: Depth(daily_vol=0.04, volume=1e9),
    Tier.ALT: Depth(daily_vol=0.06, volume=5e7),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StressTerms:
    """How deep markets are, by tier; the bonus of curves; what a bidder wants for himself.

    `fund` is a venue's insurance (USD), `most_factor` the most that it takes of all claims before
    it closes winners.
    """

    depths: Mapping[Tier, Depth] = field(default_factory=lambda: DEPTHS)
    ranges: Ranges = field(default_factory=Ranges)
    bonus: float = 0.05
    auction: AuctionTerms = field(default_factory=AuctionTerms)
    wanted: float = 0.1
    fund: float = 0.0
    most_factor: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainStress:
    """One domain after the move: standard `health` (None: nothing is asked for) and equity at mark.

    `repaid`, `seized` and `sales` are what one call of its liquidation takes and how it is sold,
    `bad_debt` what no collateral covers; `sale` is the bid of an auction.
    """

    domain: str
    health: float | None
    equity: float
    bad_debt: float
    repaid: float = 0.0
    seized: float = 0.0
    sales: tuple[Part, ...] = ()
    sale: Sale | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StressRow:
    """The book after one move of majors.

    `waterfalls` are by venue: who pays what the book's own accounts there lack, as far as the book
    knows them: the fund, its other accounts, its winning perps.
    """

    move: float
    equity: float
    change: float
    domains: tuple[DomainStress, ...]
    waterfalls: Mapping[str, Waterfall]


def stress_book(
    book: RiskBook, moves: Sequence[float], terms: StressTerms | None = None, *, now: float
) -> tuple[StressRow, ...]:
    """Measure a book after each move; InvalidRiskInput where an option has expired by `now`."""
    terms = terms or StressTerms()
    before = calculate_equity(book)
    return tuple(_stress(book, move, before, terms, now) for move in moves)


def move_book(book: RiskBook, move: float, ranges: Ranges, *, now: float) -> RiskBook:
    """Give the book at the prices after a move of majors along the systemic direction."""
    columns = OptionColumns(book.options, now)
    shift = np.array([[_move(move, leg.tier, ranges) for leg in book.options]])
    gains = columns.value(shift)[0].tolist() if book.options else []
    return replace(
        book,
        spots=tuple(
            replace(leg, price=leg.price * _factor(leg, move, ranges)) for leg in book.spots
        ),
        debts=tuple(
            replace(leg, price=leg.price * _factor(leg, move, ranges)) for leg in book.debts
        ),
        perps=tuple(replace(leg, mark=leg.mark * _factor(leg, move, ranges)) for leg in book.perps),
        options=tuple(
            replace(
                leg,
                mark=max(0.0, leg.mark + (gain / leg.size if leg.size else 0.0)),
                forward=leg.forward * (1 + _move(move, leg.tier, ranges)),
            )
            for leg, gain in zip(book.options, gains, strict=True)
        ),
    )


def _move(move: float, tier: Tier, ranges: Ranges) -> float:
    part = {Tier.STABLE: 0.0, Tier.MAJOR: 1.0, Tier.ALT: ranges.alt / ranges.major}[tier]
    return max(LOWEST_MOVE, move * part)


def _factor(leg: Spot | Debt | Perp, move: float, ranges: Ranges) -> float:
    staked = isinstance(leg, Spot | Debt) and leg.staked
    ratio = min(0.0, move) * ranges.ratio / ranges.major if staked else 0.0
    return (1 + _move(move, leg.tier, ranges)) * (1 + ratio)


def _stress(
    book: RiskBook, move: float, before: float, terms: StressTerms, now: float
) -> StressRow:
    moved = move_book(book, move, terms.ranges, now=now)
    domains = tuple(_stress_domain(moved.of_domain(name), terms) for name in sorted(moved.domains))
    return StressRow(
        move=move,
        equity=calculate_equity(moved),
        change=calculate_equity(moved) - before,
        domains=domains,
        waterfalls=_spread_losses(moved, domains, terms),
    )


def _spread_losses(
    book: RiskBook, found: Sequence[DomainStress], terms: StressTerms
) -> Mapping[str, Waterfall]:
    """Spread what accounts lack at venues of perps and options, venue by venue."""
    lacking = {one.domain: one.bad_debt for one in found}
    equity = {one.domain: max(0.0, one.equity) for one in found}
    traded = {leg.domain for leg in book.perps} | {leg.domain for leg in book.options}
    spread = {}
    for venue in sorted({book.domains[name].venue for name in traded}):
        names = [name for name, domain in book.domains.items() if domain.venue == venue]
        loss = math.fsum(lacking[name] for name in names)
        if loss > 0:
            spread[venue] = absorb_loss(
                loss,
                terms.fund,
                math.fsum(equity[name] for name in names),
                most_factor=terms.most_factor,
                winners=tuple(_list_winners(book, names)),
            )
    return spread


def _list_winners(book: RiskBook, names: Sequence[str]) -> Iterator[Winner]:
    for leg in book.perps:
        if leg.domain in names:
            margin = max(book.domains[leg.domain].margin, leg.notional * leg.initial)
            yield Winner(account=leg.id, pnl=leg.pnl, margin=margin, notional=leg.notional)


def _stress_domain(book: RiskBook, terms: StressTerms) -> DomainStress:
    [domain] = book.domains.values()
    held, owed = math.fsum(_held(book)), math.fsum(_owed(book))
    margin = margin_in_standard_mode(book, initial=False)
    counted = [leg for leg in book.spots if leg.lt > 0]
    asked = owed + margin - math.fsum(leg.value * (1 - leg.lt) for leg in counted)
    weighed = held - math.fsum(leg.value * (1 - leg.haircut) * (1 - leg.lt) for leg in counted)
    health = weighed / asked if asked > 0 else None
    found = DomainStress(
        domain=domain.id,
        health=health,
        equity=held - owed,
        bad_debt=max(0.0, owed - held),
    )
    if book.perps or book.options:
        sale = simulate_sale(held - owed, held - owed - margin, terms.wanted, terms.auction)
        return replace(found, sale=sale)
    return _liquidate(book, found, CURVES.get(domain.venue, "aave"), terms)


def _liquidate(
    book: RiskBook, found: DomainStress, preset: str, terms: StressTerms
) -> DomainStress:
    """Liquidate as the market itself would: it knows neither our haircuts nor our debt weights."""
    spots = [leg for leg in book.spots if leg.lt > 0]
    value = math.fsum(leg.value for leg in spots)
    debt = math.fsum(leg.value for leg in book.debts)
    if not value or not debt:
        return found
    threshold = math.fsum(leg.value * leg.lt for leg in spots) / value
    taken = liquidate(
        np.array([value]),
        np.array([threshold]),
        np.array([debt]),
        _fit_curve(preset, threshold, terms.bonus),
    )
    seized = float(taken.seized[0])
    sales = order_sales([_build_lot(leg, preset, terms) for leg in spots], seized)
    return replace(found, repaid=float(taken.repaid[0]), seized=seized, sales=sales)


def _fit_curve(preset: str, threshold: float, bonus: float) -> Curve:
    """Give a preset with the bonus, or with half of what its threshold has room for."""
    room = (1 / threshold - 1) / 2 if threshold > 0 else bonus
    return build_preset(preset, threshold, min(bonus, room))


def _build_lot(leg: Spot, preset: str, terms: StressTerms) -> Lot:
    depth = terms.depths[leg.tier]
    return Lot(
        id=leg.id,
        held=leg.value,
        relief=1.0,
        daily_vol=depth.daily_vol,
        volume=depth.volume,
        rank=round(1e4 * leg.lt) if preset in LOWEST_FIRST else 0,
    )


def calculate_equity(book: RiskBook) -> float:
    """Give what a book is worth at mark: what is held less what is owed (USD)."""
    return math.fsum((*_held(book), *(-owed for owed in _owed(book))))


def _held(book: RiskBook) -> Iterator[float]:
    yield from (leg.value * (1 - leg.haircut) for leg in book.spots if leg.lt > 0)
    for domain in book.domains.values():
        yield max(domain.margin, 0.0) * (1 - domain.haircut)
    yield from (max(leg.pnl, 0.0) for leg in book.perps)
    yield from (max(leg.value, 0.0) for leg in book.options)


def _owed(book: RiskBook) -> Iterator[float]:
    yield from (leg.value * leg.weight for leg in book.debts)
    yield from (max(-domain.margin, 0.0) for domain in book.domains.values())
    yield from (max(-leg.pnl, 0.0) for leg in book.perps)
    yield from (max(-leg.value, 0.0) for leg in book.options)
