"""Derive's portfolio margin, PMRM_2: one base asset's options and perp, and collateral of any kind.

Margin is what is left after the requirement: negative means that the account falls short. Source:
derivexyz/v2-core at 7736900d, src/risk-managers/PMRMLib_2.sol and PMRM_2.sol; figures are quote
currency units as float64 (the contract's are 1e18 integers; its own tests allow 1e-8). Parameters
are governance's: read them from the chain, nothing is assumed here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.options import CALL, PUT, YEAR_S, Svi, price_black76
from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive

Floats = NDArray[np.float64]
DAY_S: Final = 86_400
SETTLEMENT_S: Final = 1_800
"""The last half hour: the forward blends into its time-weighted average, which no move changes."""
NEAR_S: Final = 30 * DAY_S


class VolShock(StrEnum):
    """What a scenario does to volatility."""

    UP = "up"
    DOWN = "down"
    NONE = "none"
    LINEAR = "linear"
    ABS = "abs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A row: the spot's factor, what happens to volatility, and the part that counts."""

    spot: float
    vol: VolShock
    damping: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolTerms:
    """Moves of volatility: up and down at 30 days, their growth towards expiry, the floor."""

    up: float
    down: float
    least_shocked: float
    short_power: float
    long_power: float
    least_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewTerms:
    """Turns of the smile: caps at no time and their change with sqrt(years), and the width."""

    linear_cap: float
    linear_slope: float
    abs_cap: float
    abs_slope: float
    least_width: float
    width_scale: float
    width_vol: float
    width_vol_slope: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTerms:
    """Loss factors, and how far an expiry's value is marked down, or up where it is negative."""

    maintenance: float
    initial: float
    short_rate_scale: float
    long_rate_scale: float
    short_rate_added: float
    long_rate_added: float
    long_discount: float
    short_discount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ContingencyTerms:
    """What is charged beside scenarios; `basis_` parts bound the forward's own moves."""

    basis_up: float
    basis_down: float
    basis_added: float
    basis_scale: float
    peg_threshold: float
    peg_factor: float
    least_confidence: float
    confidence_scale: float
    perp: float
    perp_initial: float
    option: float
    option_initial: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Everything that governance sets."""

    scenarios: tuple[Scenario, ...]
    vol: VolTerms
    skew: SkewTerms
    margin: MarginTerms
    contingency: ContingencyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A holding; without `vol` the expiry's smile gives it."""

    strike: float
    is_call: bool
    amount: float
    vol: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """One expiry's feeds and holdings; `seconds` is 0 once it has passed."""

    seconds: int
    forward: float
    rate: float
    confidence: float
    options: tuple[Option, ...]
    svi: Svi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """A token held: one that cancels risk moves with the spot, another does not."""

    amount: float
    price: float
    confidence: float
    risk_cancelling: bool
    haircut: float
    initial_haircut: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Perp:
    """The perp: its price, and what is unrealised and unsettled."""

    size: float = 0.0
    price: float = 0.0
    confidence: float = 1.0
    unrealised: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """One account."""

    cash: float
    spot: float
    spot_confidence: float
    stable_price: float
    perp: Perp
    collaterals: tuple[Collateral, ...]
    expiries: tuple[Expiry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What the rule finds; `profits` are the scenarios', `worst` the index of the least.

    `worst` is the number of scenarios where the basis contingency is worse than any. `charges` are
    the contingencies by name, maintenance and initial ones apart.
    """

    initial: float
    maintenance: float
    mark_to_market: float
    option_value: float
    collateral_value: float
    basis: float
    loss_factor: float
    profits: tuple[float, ...]
    worst: int
    charges: Mapping[str, float]


def calculate_margin(portfolio: Portfolio, parameters: Parameters) -> Margin:
    """Give both margins; InvalidRiskInput names a figure that is not as it must be."""
    _check(portfolio, parameters)
    expiries = [_PricedExpiry(expiry, parameters) for expiry in portfolio.expiries]
    collateral = math.fsum(_value_of(c, portfolio) for c in portfolio.collaterals)
    option_value = math.fsum(expiry.value for expiry in expiries)
    profits = tuple(
        _profit_of(row, portfolio, expiries, parameters) for row in parameters.scenarios
    )
    basis = math.fsum(expiry.basis for expiry in expiries)
    least = min(basis, *profits)
    charges = _list_charges(portfolio, parameters.contingency)
    worth = math.fsum((option_value, collateral, portfolio.perp.unrealised, portfolio.cash))
    later = math.fsum(charge for name, charge in charges.items() if name.startswith("maintenance"))
    both = math.fsum(charges.values())
    loss_factor = _initial_factor(portfolio, parameters)
    return Margin(
        initial=least * loss_factor - both + worth,
        maintenance=least * parameters.margin.maintenance - later + worth,
        mark_to_market=worth,
        option_value=option_value,
        collateral_value=collateral,
        basis=basis,
        loss_factor=loss_factor,
        profits=profits,
        worst=profits.index(least) if least < basis else len(profits),
        charges=charges,
    )


def _value_of(collateral: Collateral, portfolio: Portfolio) -> float:
    return collateral.amount * collateral.price / portfolio.stable_price


def _initial_factor(portfolio: Portfolio, parameters: Parameters) -> float:
    terms = parameters.contingency
    peg_loss = max(0.0, terms.peg_threshold - portfolio.stable_price)
    return parameters.margin.initial + peg_loss * terms.peg_factor


def _profit_of(
    row: Scenario,
    portfolio: Portfolio,
    expiries: Sequence["_PricedExpiry"],
    parameters: Parameters,
) -> float:
    move = row.spot - 1
    cancelling = (_value_of(c, portfolio) for c in portfolio.collaterals if c.risk_cancelling)
    linear = portfolio.perp.size * portfolio.perp.price * move
    options = (expiry.profit(row, parameters) for expiry in expiries)
    return math.fsum((*options, row.damping * (linear + move * math.fsum(cancelling))))


class _PricedExpiry:
    """One expiry, valued now; all profits are against that."""

    def __init__(self, expiry: Expiry, parameters: Parameters) -> None:
        self._seconds = expiry.seconds
        self._years = expiry.seconds / YEAR_S
        self._side = np.array([CALL if o.is_call else PUT for o in expiry.options])
        self._strike = np.array([o.strike for o in expiry.options])
        self._amount = np.array([o.amount for o in expiry.options])
        self._vol = np.array([_find_vol(o, expiry) for o in expiry.options])
        moving = min(1.0, expiry.seconds / SETTLEMENT_S)
        self._variable, self._fixed = expiry.forward * moving, expiry.forward * (1 - moving)
        self._discount = math.exp(-max(expiry.rate, 0.0) * self._years)
        self._marks = self._find_marks(max(expiry.rate, 0.0), parameters.margin)
        self._growth = self._find_growth(parameters.vol)
        self.value = self._price(1.0, self._vol)
        terms = parameters.contingency
        moved = (self._price(spot, self._vol) for spot in (terms.basis_up, terms.basis_down))
        lost = min(0.0, *(value - self.value for value in moved))
        self.basis = lost * (terms.basis_added + terms.basis_scale * self._years)

    def profit(self, row: Scenario, parameters: Parameters) -> float:
        """Give the damped profit; a turn of the smile may go either way, so it is a loss."""
        if row.vol in (VolShock.LINEAR, VolShock.ABS):
            value = self._price(1.0, self._turn(row.vol, parameters.skew))
        else:
            value = self._price(row.spot, self._shock(row.vol, parameters.vol))
        profit = row.damping * (value * self._marks[value < 0] - self.value)
        return -abs(profit) if row.vol in (VolShock.LINEAR, VolShock.ABS) else profit

    def _price(self, spot: float, vol: Floats) -> float:
        forward = self._variable * spot + self._fixed
        prices = price_black76(self._side, forward, self._strike, self._years, vol, self._discount)
        return math.fsum((prices * self._amount).tolist())

    def _find_marks(self, rate: float, terms: MarginTerms) -> tuple[float, float]:
        """Give what a positive and what a negative value is multiplied with."""
        held = rate * terms.long_rate_scale + terms.long_rate_added
        owed = rate * terms.short_rate_scale + terms.short_rate_added
        up = terms.short_discount * math.exp(self._years * owed)
        return (
            terms.long_discount * math.exp(-self._years * held),
            min(1 / self._discount, up),
        )

    def _find_growth(self, terms: VolTerms) -> float:
        power = terms.short_power if self._seconds <= NEAR_S else terms.long_power
        return float((NEAR_S / max(self._seconds, terms.least_days * DAY_S)) ** power)

    def _shock(self, direction: VolShock, terms: VolTerms) -> Floats:
        if direction is VolShock.UP:
            return np.maximum(terms.least_shocked, self._vol * (1 + terms.up * self._growth))
        if direction is VolShock.DOWN:
            return self._vol * max(0.0, 1 - terms.down * self._growth)
        return self._vol

    def _turn(self, direction: VolShock, terms: SkewTerms) -> Floats:
        root = math.sqrt(self._years)
        linear = direction is VolShock.LINEAR
        slope, base = (
            (terms.linear_slope, terms.linear_cap) if linear else (terms.abs_slope, terms.abs_cap)
        )
        cap = slope * root + base
        flat = terms.width_vol + root * terms.width_vol_slope
        width = max(terms.least_width, root * terms.width_scale * flat)
        check_positive(smile_width=width)
        out = np.log(self._strike / (self._variable + self._fixed))
        out = out if linear else np.abs(out)
        turned = out * cap / width
        bounded = np.where(out >= 0, np.minimum(cap, turned), np.maximum(-cap, turned))
        return np.asarray(self._vol * np.maximum(0.0, 1 + bounded))


def _find_vol(option: Option, expiry: Expiry) -> float:
    if option.vol is not None:
        return option.vol
    if expiry.svi is None:
        raise InvalidRiskInput(
            f"option {option.strike:g} in {expiry.seconds} s: vol is missing, and so is a smile"
        )
    return expiry.svi.vol(option.strike)


def _list_charges(portfolio: Portfolio, terms: ContingencyTerms) -> Mapping[str, float]:
    """Give each contingency; initial margin bears all of them."""
    perp = abs(portfolio.perp.size) * portfolio.spot
    naked = portfolio.spot * math.fsum(_count_naked(expiry) for expiry in portfolio.expiries)
    values = [(c, _value_of(c, portfolio)) for c in portfolio.collaterals]
    sure = portfolio.spot_confidence
    if portfolio.perp.size:
        sure = min(sure, portfolio.perp.confidence)
    doubts = [(min(c.confidence, portfolio.spot_confidence), value) for c, value in values]
    doubts.append((sure, perp))
    for expiry in portfolio.expiries:
        held = math.fsum(abs(option.amount) for option in expiry.options)
        doubts.append((min(sure, expiry.confidence), held * portfolio.spot))
    return {
        "maintenance perp": terms.perp * perp,
        "maintenance option": terms.option * naked,
        "maintenance collateral": math.fsum(c.haircut * value for c, value in values),
        "initial perp": terms.perp_initial * perp,
        "initial option": terms.option_initial * naked,
        "initial collateral": math.fsum(c.initial_haircut * value for c, value in values),
        "initial oracle": terms.confidence_scale
        * math.fsum(
            (1 - confidence) * notional
            for confidence, notional in doubts
            if confidence < terms.least_confidence
        ),
    }


def _count_naked(expiry: Expiry) -> float:
    """Give the short options that no long one of the same strike covers."""
    net: dict[float, list[float]] = {}
    for option in expiry.options:
        net.setdefault(option.strike, []).append(option.amount)
    return math.fsum(max(0.0, -math.fsum(amounts)) for amounts in net.values())


def _check(portfolio: Portfolio, parameters: Parameters) -> None:
    if not parameters.scenarios:
        raise InvalidRiskInput("scenarios: there are none")
    perp = portfolio.perp
    check_positive(spot=portfolio.spot, stable_price=portfolio.stable_price)
    check_finite(least_width=parameters.skew.least_width)
    check_finite(cash=portfolio.cash, spot_confidence=portfolio.spot_confidence)
    check_finite(perp_size=perp.size, perp_price=perp.price, perp_unrealised=perp.unrealised)
    check_finite(perp_confidence=perp.confidence)
    for held in portfolio.collaterals:
        check_finite(collateral_amount=held.amount, collateral_price=held.price)
        check_finite(collateral_confidence=held.confidence)
    for expiry in portfolio.expiries:
        check_positive(forward=expiry.forward)
        check_finite(rate=expiry.rate, expiry_confidence=expiry.confidence)
        for option in expiry.options:
            check_finite(option_amount=option.amount)
            check_positive(strike=option.strike)
