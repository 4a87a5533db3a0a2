"""Rules of venues for perps, on a book that states each perp's own margin fractions.

A book's fractions stand for the venue's terms at the position's size, open interest and leverage.
Integers of the venues are made of the book's figures: sizes x 1e18, prices x 1e8 (x 1e6 on Drift).
What a rule needs and no book tells is an error that names it, never a number.
"""

import math
from collections.abc import Mapping
from typing import Final

from chains.model.units import BPS, WAD
from daemon.margin.scenarios import InvalidRiskInput, Perp, RiskBook, check_positive
from daemon.margin.venues import drift, dydx_v4, hyperliquid, synthetix_v3
from daemon.margin.venues.margin import VenueMargin, VenueRule, from_free, refuse, sum_cash

QUOTE: Final = 10**6
"""USDC's base units: dYdX's quote quantums and Drift's money."""
NO_OPTIONS: Final = "the venue has no options"
DRIFT_DECIMALS: Final = 9


def margin_dydx(book: RiskBook, now: float) -> VenueMargin:
    """Give a subaccount's cross margin: USDC and perps, nothing else."""
    del now
    refuse("dydx_v4", book.options, NO_OPTIONS)
    refuse("dydx_v4", (*book.spots, *book.debts), "an account holds USDC alone, as cash")
    cost = math.fsum(leg.size * leg.entry - leg.funding for leg in book.perps)
    quote = round((sum_cash(book) - cost) * QUOTE)
    positions = [(_dydx_market(leg), round(leg.size * WAD)) for leg in book.perps]
    found = dydx_v4.measure_account(quote, positions)
    return VenueMargin(
        worth=found.net / QUOTE,
        initial=found.initial / QUOTE,
        maintenance=found.maintenance / QUOTE,
    )


def _dydx_market(leg: Perp) -> dydx_v4.Market:
    check_positive(**{f"{leg.id}: initial": leg.initial})
    tier = dydx_v4.LiquidityTier(
        initial_ppm=round(leg.initial * dydx_v4.PPM),
        maintenance_ppm=round(leg.maintenance / leg.initial * dydx_v4.PPM),
    )
    return dydx_v4.Market(price=round(leg.mark * 1e8), exponent=-8, resolution=-18, tier=tier)


def margin_drift(book: RiskBook, now: float) -> VenueMargin:
    """Give an account's margin: USDC, tokens held, and perps.

    Gains count nothing for the initial margin: no book tells their weight, and the venue counts
    little of them. Prices are the oracles' own, as for liquidations.
    """
    del now
    owed = tuple(leg for leg in book.debts if leg.underlying != "USDC")
    refuse("drift", book.options, NO_OPTIONS)
    refuse("drift", owed, "no book tells the weight of a debt other than USDC")
    spots = [
        drift.SpotPosition(
            market=drift.SpotMarket(
                decimals=DRIFT_DECIMALS,
                asset_initial=round(leg.ltv * BPS),
                asset_maintenance=round(leg.lt * BPS),
                liability_initial=BPS,
                liability_maintenance=BPS,
            ),
            price=drift.StrictPrice(price=round(leg.price * QUOTE)),
            amount=round(leg.units * 10**DRIFT_DECIMALS),
        )
        for leg in book.spots
    ]
    perps = [_drift_perp(leg) for leg in book.perps]
    free = {}
    for requirement in drift.Requirement:
        found = drift.margin_account(
            round(sum_cash(book) * QUOTE), spots, perps, requirement=requirement
        )
        free[requirement] = (found.collateral - found.requirement) / QUOTE
    worth = math.fsum(
        (
            sum_cash(book),
            *(leg.value for leg in book.spots),
            *(leg.pnl for leg in book.perps),
        )
    )
    return from_free(worth, free[drift.Requirement.INITIAL], free[drift.Requirement.MAINTENANCE])


def _drift_perp(leg: Perp) -> drift.PerpPosition:
    market = drift.PerpMarket(
        initial=round(leg.initial * BPS),
        maintenance=round(leg.maintenance * BPS),
        gains_initial=0,
    )
    return drift.PerpPosition(
        market=market,
        base=round(leg.size * drift.BASE),
        quote=round((leg.funding - leg.size * leg.entry) * QUOTE),
        price=round(leg.mark * QUOTE),
    )


def margin_hyperliquid(book: RiskBook, now: float) -> VenueMargin:
    """Give an account's cross margin: USDC and perps, each at its asset's greatest leverage."""
    del now
    refuse("hyperliquid", book.options, NO_OPTIONS)
    refuse(
        "hyperliquid",
        (*book.spots, *book.debts),
        "no book tells the caps that portfolio margin lends by",
    )
    maintenance = []
    for leg in book.perps:
        check_positive(**{f"{leg.id}: maintenance": leg.maintenance})
        most = 1 / (2 * leg.maintenance)
        maintenance.append(hyperliquid.require_maintenance(leg.notional, most))
    return VenueMargin(
        worth=math.fsum((sum_cash(book), *(leg.pnl for leg in book.perps))),
        initial=math.fsum(leg.notional * leg.initial for leg in book.perps),
        maintenance=math.fsum(maintenance),
    )


def build_synthetix_rule(markets: Mapping[str, synthetix_v3.Market]) -> VenueRule:
    """Give the rule of accounts on markets whose terms are known, by their underlyings.

    No book tells a market's skew scale, least margin and reward: a perp on another is an error.
    """

    def margin_synthetix(book: RiskBook, now: float) -> VenueMargin:
        del now
        refuse("synthetix_v3", book.options, NO_OPTIONS)
        positions = [_synthetix_position(leg, markets) for leg in book.perps]
        found = synthetix_v3.measure_account(round(sum_cash(book) * WAD), positions)
        worth = found.available / WAD + math.fsum(leg.value for leg in book.spots)
        later = math.fsum(leg.value * (1 - leg.lt) for leg in book.spots)
        first = math.fsum(leg.value * (1 - leg.ltv) for leg in book.spots)
        return VenueMargin(
            worth=worth,
            initial=(found.initial + found.reward) / WAD + first,
            maintenance=(found.maintenance + found.reward) / WAD + later,
        )

    return margin_synthetix


def _synthetix_position(
    leg: Perp, markets: Mapping[str, synthetix_v3.Market]
) -> synthetix_v3.Position:
    if leg.underlying not in markets:
        raise InvalidRiskInput(
            f"synthetix_v3: {leg.id}: the terms of {leg.underlying}'s market "
            "(skew scale, least margin, reward) are not known"
        )
    return synthetix_v3.Position(
        market=markets[leg.underlying],
        size=round(leg.size * WAD),
        entry=round(leg.entry * WAD),
        price=round(leg.mark * WAD),
        funding=round(leg.funding * WAD),
    )
