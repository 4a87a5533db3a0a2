"""What to hedge and with what, as JSON beside a risk book.

    {… a risk book …,
     "hedge": {"underlying": "ETH", "band": 0.02, "cost": 0.0005, "aversion": 1e-6,
               "instruments": [{"id": "perp", "fee": 0.0005, "funding": 0.0001, "daily_vol": 0.04,
                                "volume": 1e9, "margin": 0.02, "collateral": 5000,
                                "requirement": 1000, "floor": 1.1}]}}

`domain` in place of `collateral` and `requirement` takes a domain of the book: its equity against
its maintenance margin. Fractions are parts of the notional.
"""

import math
from collections.abc import Mapping
from typing import Any

from daemon.margin.charges import margin_in_standard_mode
from daemon.margin.documents import Fields
from daemon.margin.hedge import BandTerms, Exposure, Instrument
from daemon.margin.revaluation import Revaluation
from daemon.margin.risk_document import TimedBook
from daemon.margin.scenarios import InvalidRiskInput, RiskBook
from daemon.margin.stress import calculate_equity

Request = tuple[Exposure, tuple[Instrument, ...], BandTerms]


def read_hedge(document: Mapping[str, Any], timed: TimedBook) -> Request:
    """Give what to hedge, with what, and the band; InvalidRiskInput names what is wrong."""
    found = Fields.of(document).table("hedge")
    found.only("underlying", "band", "cost", "aversion", "instruments")
    terms = BandTerms(
        part=found.number("band", 0.02, most=1.0),
        cost=found.number("cost", 0.0005, most=1.0),
        aversion=found.number("aversion", 1e-6),
    )
    instruments = tuple(_read_instrument(row, timed.book) for row in found.rows("instruments"))
    return measure_exposure(timed, found.text("underlying")), instruments, terms


def measure_exposure(timed: TimedBook, underlying: str) -> Exposure:
    """Add one underlying's delta and gamma up over the whole book."""
    valued = Revaluation(timed.book, now=timed.now)
    own = [(leg, delta) for leg, delta in valued.list_deltas() if leg.underlying == underlying]
    greeks = valued.options.explain().get(underlying, {"gamma": 0.0})
    price = _find_price(timed.book, underlying)
    return Exposure(
        underlying=underlying,
        delta=math.fsum(delta for _, delta in own),
        gamma=greeks["gamma"] / price**2,
        price=price,
        equity=calculate_equity(timed.book),
    )


def _find_price(book: RiskBook, underlying: str) -> float:
    spots = (leg.price for leg in book.spots if (leg.underlying, leg.staked) == (underlying, False))
    owed = (leg.price for leg in book.debts if (leg.underlying, leg.staked) == (underlying, False))
    prices = [*spots, *owed]
    prices += [leg.mark for leg in book.perps if leg.underlying == underlying]
    prices += [leg.forward for leg in book.options if leg.underlying == underlying]
    if not prices:
        raise InvalidRiskInput(f"hedge.underlying is {underlying!r}, which is not in the book")
    return min(prices)


def _read_instrument(row: Fields, book: RiskBook) -> Instrument:
    row.only(
        "id", "fee", "funding", "daily_vol", "volume", "margin", "relief", "floor",
        "collateral", "requirement", "domain",
    )  # fmt: skip
    if row.has("domain"):
        collateral, requirement = _weigh_domain(row, book)
    else:
        collateral, requirement = row.number("collateral"), row.number("requirement")
    return Instrument(
        id=row.text("id"),
        fee=row.number("fee", most=1.0),
        funding=row.number("funding", 0.0, least=-1.0, most=1.0),
        daily_vol=row.number("daily_vol"),
        volume=row.number("volume", least=1.0),
        margin=row.number("margin", 0.0, most=1.0),
        collateral=collateral,
        requirement=requirement,
        floor=row.number("floor", 1.0),
        relief=row.number("relief", 1.0, least=1e-9),
    )


def _weigh_domain(row: Fields, book: RiskBook) -> tuple[float, float]:
    name = row.text("domain")
    if name not in book.domains:
        raise InvalidRiskInput(f"{row.name('domain')} is {name!r}, which is not in domains")
    own = book.of_domain(name)
    return calculate_equity(own), margin_in_standard_mode(own, initial=False)
