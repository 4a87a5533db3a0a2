"""A venue's own rule for one of its accounts (set N0), by the name that the venue is known under.

A rule values one domain's legs with the venue's module and documented parameters; governance may
have changed those since, so what it finds is shown and takes the place of the domain's margins in
standard mode, never that of a health read from the venue. A venue's price of an underlying is its
perp's mark, else what the spot or the forward says.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from chains.model.derivatives import OptionKind
from daemon.margin.options import CALL, PUT, YEAR_S, price_black76
from daemon.margin.scenarios import InvalidRiskInput, Option, RiskBook
from daemon.margin.venues import deribit, derive_pmrm2, derive_srm, paradex, span
from daemon.margin.venues.documented import (
    DERIBIT,
    DERIVE_PMRM2,
    DERIVE_SRM,
    SPAN_PRICE_RANGE,
    SPAN_VOL_RANGE,
)
from daemon.margin.venues.margin import VenueMargin, VenueRule, from_free, sum_cash
from daemon.margin.venues.perp_rules import (
    build_synthetix_rule,
    margin_drift,
    margin_dydx,
    margin_hyperliquid,
)


def margin_derive_pmrm2(book: RiskBook, now: float) -> VenueMargin:
    """Give portfolio margin of one underlying; InvalidRiskInput where there are several."""
    underlyings = _list_underlyings(book)
    if len(underlyings) > 1:
        raise InvalidRiskInput(f"derive_pmrm2: one underlying per account, not {underlyings}")
    underlying = underlyings[0] if underlyings else ""
    spot = _find_price(book, underlying) if underlying else 1.0
    perps = [leg for leg in book.perps if leg.underlying == underlying]
    portfolio = derive_pmrm2.Portfolio(
        cash=sum_cash(book),
        spot=spot,
        spot_confidence=1.0,
        stable_price=1.0,
        perp=derive_pmrm2.Perp(
            size=math.fsum(leg.size for leg in perps),
            price=spot,
            confidence=min((leg.confidence for leg in perps), default=1.0),
            unrealised=math.fsum(leg.pnl for leg in perps),
        ),
        collaterals=tuple(
            derive_pmrm2.Collateral(
                amount=leg.units,
                price=leg.price,
                confidence=leg.confidence,
                risk_cancelling=leg.underlying == underlying,
                haircut=1 - leg.lt,
                initial_haircut=max(0.0, leg.lt - leg.ltv),
            )
            for leg in book.spots
        ),
        expiries=tuple(_pmrm2_expiries(book.options, now)),
    )
    found = derive_pmrm2.calculate_margin(portfolio, DERIVE_PMRM2)
    return from_free(found.mark_to_market, found.initial, found.maintenance)


def _pmrm2_expiries(options: Sequence[Option], now: float) -> Iterator[derive_pmrm2.Expiry]:
    for seconds, legs in _by_expiry(options, now):
        yield derive_pmrm2.Expiry(
            seconds=seconds,
            forward=legs[0].forward,
            rate=0.0,
            confidence=1.0,
            options=tuple(
                derive_pmrm2.Option(
                    strike=leg.strike, is_call=_is_call(leg), amount=leg.size, vol=leg.vol
                )
                for leg in legs
            ),
        )


def margin_derive_srm(book: RiskBook, now: float) -> VenueMargin:
    """Give the standard manager's margin; what is not an underlying's base counts with its LT."""
    markets = []
    for underlying in _list_underlyings(book):
        perps = [leg for leg in book.perps if leg.underlying == underlying]
        price = _find_price(book, underlying)
        options = [leg for leg in book.options if leg.underlying == underlying]
        market = derive_srm.Market(
            spot=price,
            confidence=1.0,
            perp=math.fsum(leg.size for leg in perps),
            perp_price=price,
            unrealised=math.fsum(leg.pnl for leg in perps),
            expiries=tuple(
                derive_srm.Expiry(
                    seconds=seconds,
                    forward=legs[0].forward,
                    confidence=1.0,
                    options=tuple(
                        derive_srm.Option(
                            strike=leg.strike, is_call=_is_call(leg), amount=leg.size, vol=leg.vol
                        )
                        for leg in legs
                    ),
                )
                for seconds, legs in _by_expiry(options, now)
            ),
        )
        markets.append((market, DERIVE_SRM))
    held = math.fsum(leg.value for leg in book.spots)
    found = derive_srm.calculate_margin(sum_cash(book) + held, 1.0, markets)
    later = math.fsum(leg.value * (1 - leg.lt) for leg in book.spots)
    first = math.fsum(leg.value * (1 - leg.ltv) for leg in book.spots)
    return from_free(found.mark_to_market, found.initial - first, found.maintenance - later)


def margin_deribit(book: RiskBook, now: float) -> VenueMargin:
    """Give portfolio margin pair by pair, gains of one pair offsetting nothing of another."""
    initial = maintenance = 0.0
    for underlying in _list_underlyings(book):
        price = _find_price(book, underlying)
        futures = [
            deribit.Future(size=leg.size) for leg in book.perps if leg.underlying == underlying
        ]
        options = [
            deribit.Option(
                size=leg.size,
                is_call=_is_call(leg),
                strike=leg.strike,
                forward=leg.forward,
                vol=leg.vol,
                seconds=int(leg.expiry - now),
            )
            for leg in book.options
            if leg.underlying == underlying
        ]
        found = deribit.calculate_margin(futures, options, DERIBIT)
        initial += found.initial * price
        maintenance += found.maintenance * price
    return VenueMargin(worth=_worth(book), initial=initial, maintenance=maintenance)


def margin_paradex(book: RiskBook, now: float) -> VenueMargin:
    """Give portfolio margin asset by asset, with the terms of majors."""
    initial = maintenance = 0.0
    for underlying in _list_underlyings(book):
        options = [
            paradex.Option(
                size=leg.size,
                is_call=_is_call(leg),
                strike=leg.strike,
                forward=leg.forward,
                vol=leg.vol,
                seconds=int(leg.expiry - now),
            )
            for leg in book.options
            if leg.underlying == underlying
        ]
        size = math.fsum(leg.size for leg in book.perps if leg.underlying == underlying)
        price = _find_price(book, underlying)
        found = paradex.margin_portfolio(price, size, options, paradex.MAJOR_TERMS)
        initial += found.initial
        maintenance += found.maintenance
    return VenueMargin(worth=_worth(book), initial=initial, maintenance=maintenance)


def margin_span(book: RiskBook, now: float) -> VenueMargin:
    """Give SPAN's scan risk of each underlying as its own combined commodity."""
    required = 0.0
    for underlying in _list_underlyings(book):
        price = _find_price(book, underlying)
        size = math.fsum(leg.size for leg in book.perps if leg.underlying == underlying)
        rows = span.list_scenarios()
        moves = [row.thirds / 3 * SPAN_PRICE_RANGE for row in rows]
        future = [row.cover * price * move for row, move in zip(rows, moves, strict=True)]
        arrays, positions = {"future": future}, {"future": size}
        for leg in book.options:
            if leg.underlying == underlying:
                arrays[leg.id] = [
                    row.cover * _gain(leg, move, row.vol, now)
                    for row, move in zip(rows, moves, strict=True)
                ]
                positions[leg.id] = leg.size
        required += span.calculate_span(arrays, positions).requirement
    return VenueMargin(worth=_worth(book), initial=required, maintenance=required)


def _gain(leg: Option, move: float, vol: int, now: float) -> float:
    side, years = CALL if _is_call(leg) else PUT, (leg.expiry - now) / YEAR_S
    shocked = leg.vol * (1 + vol * SPAN_VOL_RANGE)
    after = price_black76(side, leg.forward * (1 + move), leg.strike, years, shocked)
    return float(after - price_black76(side, leg.forward, leg.strike, years, leg.vol))


DOCUMENTED_RULES: Final[Mapping[str, VenueRule]] = {
    "derive_pmrm2": margin_derive_pmrm2,
    "derive_srm": margin_derive_srm,
    "deribit_pm": margin_deribit,
    "paradex_pm": margin_paradex,
    "span": margin_span,
    "dydx_v4": margin_dydx,
    "drift": margin_drift,
    "hyperliquid": margin_hyperliquid,
    "synthetix_v3": build_synthetix_rule({}),
}
"""The rules known, by the venue's name: an account of a venue in one of its margin modes."""


def apply_rules(
    book: RiskBook, rules: Mapping[str, VenueRule], now: float
) -> Mapping[str, VenueMargin]:
    """Give the margin of each domain whose venue has a rule."""
    return {
        name: rules[domain.venue](book.of_domain(name), now)
        for name, domain in sorted(book.domains.items())
        if domain.venue in rules
    }


def _list_underlyings(book: RiskBook) -> tuple[str, ...]:
    perps, options = (
        (leg.underlying for leg in book.perps),
        (leg.underlying for leg in book.options),
    )
    return tuple(sorted({*perps, *options}))


def _find_price(book: RiskBook, underlying: str) -> float:
    prices = [leg.mark for leg in book.perps if leg.underlying == underlying]
    prices += [leg.price for leg in book.spots if leg.underlying == underlying and not leg.staked]
    prices += [leg.forward for leg in book.options if leg.underlying == underlying]
    return prices[0]


def _worth(book: RiskBook) -> float:
    return math.fsum(
        (
            sum_cash(book),
            *(leg.value * leg.lt for leg in book.spots),
            *(leg.pnl for leg in book.perps),
            *(leg.value for leg in book.options),
        )
    )


def _by_expiry(options: Sequence[Option], now: float) -> Iterator[tuple[int, Sequence[Option]]]:
    for expiry in sorted({leg.expiry for leg in options}):
        yield max(0, int(expiry - now)), [leg for leg in options if leg.expiry == expiry]


def _is_call(leg: Option) -> bool:
    return leg.kind is OptionKind.CALL
