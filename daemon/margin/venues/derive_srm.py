"""Derive's standard manager: margin as the sum of parts, one expiry's options bounded by max loss.

Margin is what is left after the requirement: negative means that the account falls short. Source:
derivexyz/v2-core, src/risk-managers/StandardManager.sol; figures are quote currency units as
float64 (the contract's are 1e18 integers; its own tests allow 0.1 %). Parameters are governance's:
read them from the chain, nothing is assumed here.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.margin.options import CALL, PUT, YEAR_S, price_black76
from daemon.margin.scenarios import check_finite, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What governance sets for a market, as parts.

    `most` and `least` bound a short option's initial margin on the spot; `call` and `put` are its
    maintenance margin, `put_mark` that of a put as a part of its mark; `unpaired` scales the
    forward for calls that nothing covers; `put_offset` is the initial margin of a put in parts of
    its maintenance margin. Confidence below a threshold is charged with `doubt_scale`, initially.
    """

    perp: float
    perp_initial: float
    most: float
    least: float
    call: float
    put: float
    put_mark: float
    unpaired: float
    unpaired_initial: float
    put_offset: float
    base: float
    base_initial_scale: float
    perp_confidence: float
    option_confidence: float
    base_confidence: float
    doubt_scale: float
    depeg_threshold: float
    depeg_factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A holding; `vol` is its strike's."""

    strike: float
    is_call: bool
    amount: float
    vol: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """One expiry's feeds and holdings; the forward of the last half hour is already blended."""

    seconds: int
    forward: float
    confidence: float
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One underlying's holdings; `unrealised` is the perp's profit and unsettled funding."""

    spot: float
    confidence: float
    base: float = 0.0
    perp: float = 0.0
    perp_price: float = 0.0
    perp_confidence: float = 1.0
    unrealised: float = 0.0
    expiries: tuple[Expiry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What the rule finds."""

    initial: float
    maintenance: float
    mark_to_market: float


def calculate_margin(
    cash: float, stable_price: float, markets: Sequence[tuple[Market, Parameters]]
) -> Margin:
    """Give both margins of an account; InvalidRiskInput names a figure that is not finite."""
    check_finite(cash=cash)
    check_positive(stable_price=stable_price)
    for market, _ in markets:
        _check_market(market)
    listed = [_Market(market, terms, stable_price) for market, terms in markets]
    return Margin(
        initial=math.fsum((cash, *(market.margin(initial=True) for market in listed))),
        maintenance=math.fsum((cash, *(market.margin(initial=False) for market in listed))),
        mark_to_market=math.fsum((cash, *(market.worth() for market in listed))),
    )


class _Market:
    """One market with its terms."""

    def __init__(self, market: Market, terms: Parameters, stable_price: float) -> None:
        self._market = market
        self._terms = terms
        self._stable_price = stable_price
        self._marks = [
            [_mark(option, expiry) for option in expiry.options] for expiry in market.expiries
        ]

    def worth(self) -> float:
        """Give the value at mark, in the stable."""
        base = self._market.base * self._market.spot / self._stable_price
        return math.fsum(
            (*(m for marks in self._marks for m in marks), self._market.unrealised, base)
        )

    def margin(self, *, initial: bool) -> float:
        """Give what the market adds, negative where it asks for cash."""
        return math.fsum(
            (
                *self._margin_expiries(initial=initial),
                self._margin_perp(initial=initial),
                self._margin_base(initial=initial),
                self._market.unrealised,
                -self._depeg() if initial else 0.0,
            )
        )

    def _depeg(self) -> float:
        lost = max(0.0, self._terms.depeg_threshold - self._stable_price)
        shorts = (
            -min(option.amount, 0.0)
            for expiry in self._market.expiries
            for option in expiry.options
        )
        at_risk = abs(self._market.perp) + math.fsum(shorts)
        return lost * self._terms.depeg_factor * at_risk * self._market.spot

    def _margin_perp(self, *, initial: bool) -> float:
        market, terms = self._market, self._terms
        notional = abs(market.perp) * market.perp_price
        if not initial:
            return -notional * terms.perp
        sure = min(market.perp_confidence, market.confidence)
        doubt = self._doubt(sure, terms.perp_confidence)
        return -notional * terms.perp_initial - doubt * abs(market.perp) * market.spot

    def _margin_base(self, *, initial: bool) -> float:
        market, terms = self._market, self._terms
        notional = market.base * market.spot
        if not initial:
            return notional * terms.base
        doubt = self._doubt(market.confidence, terms.base_confidence)
        return notional * (terms.base * terms.base_initial_scale - doubt)

    def _margin_expiries(self, *, initial: bool) -> Iterator[float]:
        market, terms = self._market, self._terms
        for expiry, marks in zip(market.expiries, self._marks, strict=True):
            yield self._margin_expiry(expiry, marks, initial=initial)
            if initial:
                sure = min(market.confidence, expiry.confidence)
                shorts = math.fsum(-min(option.amount, 0.0) for option in expiry.options)
                yield -self._doubt(sure, terms.option_confidence) * market.spot * shorts

    def _doubt(self, confidence: float, threshold: float) -> float:
        if threshold == 0 or confidence >= threshold:
            return 0.0
        return (1 - confidence) * self._terms.doubt_scale

    def _margin_expiry(self, expiry: Expiry, marks: Sequence[float], *, initial: bool) -> float:
        """Give the better of the parts' sum and the greatest loss at expiry."""
        terms = self._terms
        isolated = math.fsum(
            self._margin_short(option, mark, initial=initial)
            for option, mark in zip(expiry.options, marks, strict=True)
            if option.amount < 0
        )
        prices = (0.0, *(option.strike for option in expiry.options))
        most_lost = min(0.0, *(_pay_off(expiry, price) for price in prices), 0.0)
        calls = math.fsum(option.amount for option in expiry.options if option.is_call)
        scale = terms.unpaired_initial if initial else terms.unpaired
        most_lost += scale * expiry.forward * min(calls, 0.0)
        return max(isolated, most_lost)

    def _margin_short(self, option: Option, mark: float, *, initial: bool) -> float:
        terms, spot = self._terms, self._market.spot
        if option.is_call:
            kept = mark + terms.call * spot * option.amount
        else:
            kept = mark + min(terms.put * spot * option.amount, terms.put_mark * mark)
        if not initial:
            return kept
        out = (option.strike - spot) if option.is_call else (spot - option.strike)
        part = max(terms.most - max(out, 0.0) / spot, terms.least)
        asked = part * spot * option.amount + mark
        return asked if option.is_call else min(asked, kept * terms.put_offset)


def _mark(option: Option, expiry: Expiry) -> float:
    side = CALL if option.is_call else PUT
    years = expiry.seconds / YEAR_S
    price = price_black76(side, expiry.forward, option.strike, years, option.vol)
    return option.amount * float(price)


def _pay_off(expiry: Expiry, price: float) -> float:
    return math.fsum(
        option.amount * max((price - option.strike) * (1 if option.is_call else -1), 0.0)
        for option in expiry.options
    )


def _check_market(market: Market) -> None:
    check_positive(spot=market.spot)
    check_finite(base=market.base, perp=market.perp, perp_price=market.perp_price)
    check_finite(unrealised=market.unrealised, confidence=market.confidence)
    check_finite(perp_confidence=market.perp_confidence)
    for expiry in market.expiries:
        check_positive(forward=expiry.forward)
        check_finite(expiry_confidence=expiry.confidence)
        for option in expiry.options:
            check_finite(option_amount=option.amount)
            check_positive(option_vol=option.vol)
