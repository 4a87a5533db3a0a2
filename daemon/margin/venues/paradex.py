"""Paradex: cross and portfolio margin, partial liquidation, socialised losses.

Source: tradeparadex/paradex-docs at 9b82a75a, fern/pages/risk-system (portfolio-margin,
cross-margin-requirement, liquidations, socialized-losses). The page on liquidations says that the
fee is 70 % of the maintenance margin while its own table takes 50 %: the fee is an input. Figures
are float64 USD.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from daemon.margin.options import CALL, PUT, YEAR_S, calculate_greeks, price_black76
from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive

DAY_S: Final = 86_400
NEAR_DAYS: Final = 30.0
LEAST_DAYS: Final = 1.0
NEAR_POWER: Final = 0.30
FAR_POWER: Final = 0.13
MAINTENANCE_PART: Final = 0.5
SHARE_STEP: Final = 0.2
TARGET_RATIO: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """A scenario: relative moves of spot and volatility, and the part of the loss that counts."""

    spot: float
    vol: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One asset's scan table and the minimum on its deltas, as parts of the spot."""

    rows: tuple[ScanRow, ...]
    unhedged: float
    hedged: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option on the asset: signed size, delta per unit, volatility behind its mark."""

    size: float
    is_call: bool
    strike: float
    forward: float
    vol: float
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaMargin:
    """The minimum on deltas, and what it is made of (units of the asset; USD)."""

    net: float
    gross: float
    hedged: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioMargin:
    """What portfolio margin asks for."""

    scan_risk: float
    minimum: float
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialLiquidation:
    """What a share of all positions closed leaves; `ratio` is margin over account value."""

    share: float
    maintenance: float
    penalty: float
    account_value: float
    ratio: float


def list_scan_rows(
    step: float, vol_up: float, vol_down: float, tail_weights: Sequence[float]
) -> tuple[ScanRow, ...]:
    """Give the 24 rows: sixteen of up to four steps of spot, and eight tails with their weights."""
    if len(tail_weights) != len(TAIL_MOVES):
        raise InvalidRiskInput(f"tail_weights: {len(TAIL_MOVES)} are needed")
    inner = [
        ScanRow(spot=step * n, vol=vol) for n in range(3, -4, -1) for vol in (vol_up, -vol_down)
    ]
    tails = [
        ScanRow(spot=move, vol=vol_up, weight=weight)
        for move, weight in zip(TAIL_MOVES, tail_weights, strict=True)
    ]
    outer = (ScanRow(spot=4 * step, vol=vol_up), ScanRow(spot=-4 * step, vol=vol_up))
    return (outer[0], *inner, outer[1], *tails)


TAIL_MOVES: Final = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
MAJOR_TERMS: Final = Terms(
    rows=list_scan_rows(0.04, 0.40, 0.22, (0.18, 0.36, 0.24, 0.12, 0.06, 0.04, 0.03, 0.024)),
    unhedged=0.02,
    hedged=0.01,
)
"""BTC's and ETH's, as documented."""


def margin_deltas(spot: float, deltas: Sequence[float], terms: Terms) -> DeltaMargin:
    """Give the minimum on deltas of single positions (units of the asset)."""
    check_positive(spot=spot)
    check_finite(**{f"delta {number}": delta for number, delta in enumerate(deltas)})
    net, gross = math.fsum(deltas), math.fsum(abs(delta) for delta in deltas)
    hedged = (gross - abs(net)) / 2
    margin = (terms.unhedged * abs(net) + terms.hedged * hedged) * spot
    return DeltaMargin(net=net, gross=gross, hedged=hedged, margin=margin)


def margin_portfolio(
    spot: float,
    perp: float,
    options: Sequence[Option],
    terms: Terms,
    *,
    funding: float = 0.0,
    fees: float = 0.0,
) -> PortfolioMargin:
    """Give portfolio margin of one asset; `funding` and `fees` are provisions (USD)."""
    check_finite(perp=perp, funding=funding, fees=fees)
    for option in options:
        check_finite(option_size=option.size)
        check_positive(strike=option.strike, forward=option.forward, vol=option.vol)
        check_positive(seconds_to_expiry=option.seconds)
    losses = (
        -row.weight
        * math.fsum((perp * spot * row.spot, *(_gain(option, row) for option in options)))
        for row in terms.rows
    )
    scan_risk = max(0.0, *losses)
    minimum = margin_deltas(spot, (perp, *(_delta(option) for option in options)), terms).margin
    net = max(scan_risk, minimum)
    return PortfolioMargin(
        scan_risk=scan_risk,
        minimum=minimum,
        initial=math.fsum((net, funding, fees)),
        maintenance=math.fsum((MAINTENANCE_PART * net, funding, fees)),
    )


def _gain(option: Option, row: ScanRow) -> float:
    days = option.seconds / DAY_S
    power = NEAR_POWER if days < NEAR_DAYS else FAR_POWER
    growth = (NEAR_DAYS / max(days, LEAST_DAYS)) ** power
    vol = option.vol * max(0.0, 1 + row.vol * growth)
    side = CALL if option.is_call else PUT
    forwards = option.forward * np.array([1, max(0.0, 1 + row.spot)])
    prices = price_black76(
        side, forwards, option.strike, option.seconds / YEAR_S, np.array([option.vol, vol])
    )
    return option.size * float(prices[1] - prices[0])


def _delta(option: Option) -> float:
    side = CALL if option.is_call else PUT
    years = option.seconds / YEAR_S
    greeks = calculate_greeks(side, option.forward, option.strike, years, option.vol)
    return option.size * float(greeks.delta)


def margin_open_size(
    position: float, buys: float, sells: float, *, initial_part: float, mark: float
) -> float:
    """Give a perp's initial margin with its open orders: the larger side if all of them fill."""
    check_finite(position=position, buys=buys, sells=sells, initial_part=initial_part)
    check_positive(mark=mark)
    open_size = max(0.0, buys + position, sells - position)
    return open_size * initial_part * mark


def liquidate_share(
    account_value: float, maintenance: float, *, share: float, fee: float
) -> PartialLiquidation:
    """Give what closing a share of everything leaves; `fee` is a part of the closed maintenance."""
    check_finite(account_value=account_value, share=share, fee=fee)
    check_positive(maintenance=maintenance)
    left = maintenance * (1 - share)
    penalty = share * fee * maintenance
    value = account_value - penalty
    ratio = left / value if value > 0 else math.inf
    return PartialLiquidation(
        share=share, maintenance=left, penalty=penalty, account_value=value, ratio=ratio
    )


def choose_share(account_value: float, maintenance: float, *, fee: float) -> PartialLiquidation:
    """Give the least share, in steps of 20 %, that brings the ratio below 90 %; else all of it."""
    for step in range(1, round(1 / SHARE_STEP)):
        found = liquidate_share(account_value, maintenance, share=SHARE_STEP * step, fee=fee)
        if 0 <= found.ratio < TARGET_RATIO:
            return found
    return liquidate_share(account_value, maintenance, share=1.0, fee=fee)


def socialise(
    balances: float, bankruptcy: float, insurance: float, unrealised: float = 0.0
) -> tuple[float, float]:
    """Give the exchange's own bankruptcy and the part that each withdrawal leaves behind.

    `bankruptcy` is what accounts lack, `unrealised` the insurance fund's own open loss (negative);
    the fund pays first.
    """
    check_finite(bankruptcy=bankruptcy, insurance=insurance, unrealised=unrealised)
    check_positive(balances=balances)
    lacking = max(0.0, bankruptcy - insurance - unrealised)
    return lacking, min(1.0, lacking / balances)
