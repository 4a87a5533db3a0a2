"""Standard mode: a health factor as the sum of the parts, nothing offset against anything.

C = Σ V·LT·(1−h) + Σ margin·(1−h) + Σ w·max(uPnL, 0) + Σ w·long options
R = Σ debt·(1+b) + Σ max(−uPnL, 0) + Σ MM of perps + Σ short options (mark + MM)

The initial figure takes LTV and initial margins instead. Losses stand in R, not against the
margin: HF crosses 1 where equity crosses the maintenance margin, and above 1 it is the lower of
the two conventions. Prices are the worse of the venue's mark and the account's own range.
Rounding: chains.model.health.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from chains.model.derivatives import Option, OptionKind, Perp
from chains.model.health import Health, WeightedLeg, calculate_health
from chains.model.position import Leg, Position, Side
from chains.model.snapshot import PublishedBook
from chains.model.units import BPS, WAD, Bps, Usd, div_up
from daemon.margin.report import MarginLeg, Part, Standard
from daemon.margin.risk import RiskTable
from daemon.margin.weights import Ranges, price_for, weigh_leg

OPTION_INITIAL: Final = Bps(1_500)
OPTION_LEAST_INITIAL: Final = Bps(1_000)
OPTION_MAINTENANCE: Final = Bps(750)
"""A short option's margin beside its mark, as parts of spot: 15 % less what it is out of the
money but at least 10 %, and 7.5 %: Derive's standard manager for calls
(derivexyz/v2-core, StandardManager.sol)."""


def calculate_standard(legs: Iterable[MarginLeg], books: Iterable[Standard]) -> Standard:
    """Add up what was read on chains and what books state, gains included."""
    read = tuple(legs)
    added = tuple(books)
    return Standard(
        maintenance=_add(
            calculate_health(leg.weighted for leg in read), (book.maintenance for book in added)
        ),
        initial=_add(
            calculate_health(_with_ltv(leg) for leg in read), (book.initial for book in added)
        ),
    )


def _with_ltv(leg: MarginLeg) -> WeightedLeg:
    return WeightedLeg(
        side=leg.weighted.side,
        value=leg.weighted.value,
        liquidation_threshold=leg.leg.ltv,
        haircut=leg.weighted.haircut,
        debt_weight=leg.weighted.debt_weight,
    )


def weigh_part(position: Position, book: PublishedBook, ranges: Ranges, risk: RiskTable) -> Part:
    """Give one part of a book by itself."""
    weigher = _Weigher(position, book, ranges, risk)
    return Part(
        position=position,
        standard=Standard(
            maintenance=calculate_health(weigher.list_legs(initial=False)),
            initial=calculate_health(weigher.list_legs(initial=True)),
        ),
    )


def add_parts(parts: Iterable[Part]) -> Standard:
    """Add a book's parts up; an isolated one gives nothing and loses what was posted at most."""
    listed = tuple(parts)
    return Standard(
        maintenance=_add(_NOTHING, (_contribute(p, p.standard.maintenance) for p in listed)),
        initial=_add(_NOTHING, (_contribute(p, p.standard.initial) for p in listed)),
    )


def require_part(part: Part) -> Usd:
    """Give what a part's losses and margins ask for, none of its gains or its margin counted."""
    requirement = part.standard.maintenance.requirement
    if not part.position.isolated:
        return requirement
    return Usd(min(requirement, _posted(part.position)))


_NOTHING: Final = Health(collateral=Usd(0), requirement=Usd(0))


def _add(first: Health, others: Iterable[Health]) -> Health:
    listed = (first, *others)
    return Health(
        collateral=Usd(sum(found.collateral for found in listed)),
        requirement=Usd(sum(found.requirement for found in listed)),
    )


def _contribute(part: Part, health: Health) -> Health:
    if not part.position.isolated:
        return health
    lost = min(max(0, -health.equity), _posted(part.position))
    return Health(collateral=Usd(0), requirement=Usd(lost))


def _posted(position: Position) -> Usd:
    """Give what an isolated position can lose: its cash, and its spot at the book's own price."""
    spot = (div_up(leg.units * leg.price.usd, 10**leg.decimals) for leg in position.collaterals)
    return Usd(position.margin + sum(spot))


class _Weigher:
    """Weighs what one part of a book holds."""

    def __init__(
        self, position: Position, book: PublishedBook, ranges: Ranges, risk: RiskTable
    ) -> None:
        self._position = position
        self._book = book
        self._ranges = ranges
        self._risk = risk

    def list_legs(self, *, initial: bool) -> Iterator[WeightedLeg]:
        """Give everything with its weight in the maintenance, or the initial, figure."""
        yield _hold(self._position.margin, Bps(BPS), self._book.haircut)
        for leg in self._position.legs:
            yield self._weigh_leg(leg, initial=initial)
        for perp in self._position.perps:
            yield from self._weigh_perp(perp, perp.initial_bps if initial else perp.maintenance_bps)
        for option in self._position.options:
            yield self._weigh_option(option, initial=initial)

    def _weigh_leg(self, leg: Leg, *, initial: bool) -> WeightedLeg:
        worse = min if leg.side is Side.COLLATERAL else max
        ranged = price_for(leg, self._ranges, self._risk)
        weighed = weigh_leg(leg, worse(leg.price, ranged, key=lambda p: p.usd), self._risk)
        if leg.side is not Side.COLLATERAL:
            return weighed
        return _hold(
            weighed.value, leg.ltv if initial else leg.liquidation_threshold, weighed.haircut
        )

    def _weigh_perp(self, perp: Perp, margin: Bps) -> Iterator[WeightedLeg]:
        low, high = self._prices(perp.underlying, perp.mark)
        pnl = min(perp.pnl_at(low), perp.pnl_at(high))
        yield _hold(Usd(max(pnl, 0)), self._book.gain_weight)
        yield _require(max(-pnl, 0) + div_up(perp.notional_at(high) * margin, BPS))

    def _weigh_option(self, option: Option, *, initial: bool) -> WeightedLeg:
        if option.size > 0:
            return _hold(option.value, self._book.gain_weight)
        low, high = self._prices(option.underlying, option.forward)
        margin = option.mark + _margin_option(option, low, high, initial=initial)
        most = option.strike if option.kind is OptionKind.PUT else margin
        return _require(div_up(-option.size * max(option.mark, min(margin, most)), WAD))

    def _prices(self, underlying: str, mark: Usd) -> tuple[Usd, Usd]:
        """Give the lowest and the highest price that there is of an underlying."""
        if (found := self._ranges.get(underlying)) is None:
            return mark, mark
        return min(mark, found.usd(Side.COLLATERAL)), max(mark, found.usd(Side.DEBT))


def _margin_option(option: Option, low: Usd, high: Usd, *, initial: bool) -> Usd:
    """Give a short option's margin per whole unit beside its mark, rounded up."""
    if not initial:
        return Usd(div_up(high * OPTION_MAINTENANCE, BPS))
    is_call = option.kind is OptionKind.CALL
    out = max(0, option.strike - high if is_call else low - option.strike)
    least = div_up(high * OPTION_LEAST_INITIAL, BPS)
    return Usd(max(div_up(high * OPTION_INITIAL, BPS) - out, least))


def _hold(value: Usd, weight: Bps, haircut: Bps = Bps(0)) -> WeightedLeg:
    return WeightedLeg(
        side=Side.COLLATERAL, value=value, liquidation_threshold=weight, haircut=haircut
    )


def _require(value: int) -> WeightedLeg:
    return WeightedLeg(side=Side.REQUIREMENT, value=Usd(value))
