"""Deribit's portfolio margin of one currency pair: a risk matrix, shocks, and what comes on top.

Figures are in the coin that settles. Inverse contracts gain Q (1 - 1 / (1 + x)) when the price
moves by x. The matrix is nine prices by three volatilities; an extended table looks further, damped
by an amount that grows with the distance; offsets of gains count `gain_part` across pairs. Sources:
Deribit's articles on portfolio margin and its documentation of private/pme/simulate (their
`model_params`, and an example of its answer). Parameters change without notice: they are inputs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.options import CALL, PUT, YEAR_S, price_black76
from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive

Floats = NDArray[np.float64]
DAY_S: Final = 86_400
NEAR_DAYS: Final = 30.0
LEAST_DAYS: Final = 1.0
BUCKETS: Final = 4
"""Prices on each side of unchanged."""
EXTENDED_MOVES: Final = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The model's parameters, by the names that the exchange gives them.

    `extended_dampener` is in the unit of the profits.
    """

    price_range: float
    volatility_range_up: float
    volatility_range_down: float = 0.25
    short_term_vega_power: float = 0.3
    long_term_vega_power: float = 0.13
    min_volatility_for_shock_up: float = 0.5
    min_annualised_move: float = 0.01
    annualised_move_risk: float = 0.075
    extended_dampener: float = 0.0
    mm_factor: float = 0.8
    gain_part: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """An inverse future or perpetual: signed `size` in coin, seconds to expiry (0 perpetual)."""

    size: float
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An inverse option: signed `size` in coin, the forward and strike in dollars."""

    size: float
    is_call: bool
    strike: float
    forward: float
    vol: float
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What the rule finds, in coin; `risk_matrix` is the worst case with its shocks."""

    worst_case: float
    roll_shock: float
    delta_shock: float
    risk_matrix: float
    initial: float
    maintenance: float


def list_moves(price_range: float) -> tuple[float, ...]:
    """Give the matrix's prices from the lowest to the highest, as relative moves."""
    return tuple(price_range * step / BUCKETS for step in range(-BUCKETS, BUCKETS + 1))


def gain_of_future(size: float, moves: Sequence[float]) -> tuple[float, ...]:
    """Give an inverse contract's profits in coin; InvalidRiskInput where a price would be 0."""
    if any(not move > -1 for move in moves):
        raise InvalidRiskInput("moves: a price cannot fall by 100 %")
    return tuple(size * (1 - 1 / (1 + move)) for move in moves)


def calculate_margin(
    futures: Sequence[Future],
    options: Sequence[Option],
    parameters: Parameters,
    *,
    protection: float = 0.0,
    open_orders: float = 0.0,
    offset: float = 0.0,
    delta_shock: float = 0.0,
) -> Margin:
    """Give one pair's margins.

    `protection` is market maker protection's margin, `open_orders` that of orders, both on top of
    the initial margin alone. `offset` is what other pairs gain in the same scenario (coin).
    `delta_shock` is what the exchange charges a very large delta: its formula is not published.
    """
    _check(futures, options, parameters)
    check_finite(protection=protection, open_orders=open_orders)
    check_finite(offset=offset, delta_shock=delta_shock)
    worst = max(0.0, -_find_least(futures, options, parameters) - parameters.gain_part * offset)
    roll = _roll(futures, options, parameters)
    matrix = math.fsum((worst, roll, delta_shock))
    return Margin(
        worst_case=worst,
        roll_shock=roll,
        delta_shock=delta_shock,
        risk_matrix=matrix,
        initial=math.fsum((matrix, protection, open_orders)),
        maintenance=parameters.mm_factor * matrix,
    )


def _find_least(
    futures: Sequence[Future], options: Sequence[Option], parameters: Parameters
) -> float:
    moves = list_moves(parameters.price_range)
    least = math.inf
    for direction in (1, 0, -1):
        least = min(least, *_gain(futures, options, moves, direction, parameters))
    far = _gain(futures, options, EXTENDED_MOVES, 1, parameters)
    for move, gained in zip(EXTENDED_MOVES, far, strict=True):
        room = max(0.0, abs(move) / parameters.price_range - 1) * parameters.extended_dampener
        least = min(least, math.copysign(max(0.0, abs(gained) - room), gained))
    return least


def _gain(
    futures: Sequence[Future],
    options: Sequence[Option],
    moves: Sequence[float],
    direction: int,
    parameters: Parameters,
) -> tuple[float, ...]:
    rows = [gain_of_future(future.size, moves) for future in futures]
    rows += [_gain_of_option(option, moves, direction, parameters) for option in options]
    return tuple(math.fsum(column) for column in zip(*rows, strict=True)) or (0.0,) * len(moves)


def _gain_of_option(
    option: Option, moves: Sequence[float], direction: int, parameters: Parameters
) -> tuple[float, ...]:
    side = CALL if option.is_call else PUT
    forwards = option.forward * (1 + np.array(moves))
    years = option.seconds / YEAR_S
    vol = _shock_vol(option, direction, parameters)
    before = float(price_black76(side, option.forward, option.strike, years, option.vol))
    after = price_black76(side, forwards, option.strike, years, vol) / forwards
    return tuple((option.size * (after - before / option.forward)).tolist())


def _shock_vol(option: Option, direction: int, parameters: Parameters) -> float:
    days = option.seconds / DAY_S
    near = days <= NEAR_DAYS
    power = parameters.short_term_vega_power if near else parameters.long_term_vega_power
    growth = math.pow(NEAR_DAYS / max(days, LEAST_DAYS), power)
    if direction > 0:
        raised = option.vol * (1 + parameters.volatility_range_up * growth)
        return max(raised, parameters.min_volatility_for_shock_up)
    if direction < 0:
        return option.vol * max(0.0, 1 - parameters.volatility_range_down * growth)
    return option.vol


def _roll(futures: Sequence[Future], options: Sequence[Option], parameters: Parameters) -> float:
    """Give what a turn of the forward curve takes: of each expiry's delta, a part by its time."""
    deltas: dict[int, list[float]] = {}
    for future in futures:
        deltas.setdefault(future.seconds, []).append(future.size)
    for option in options:
        deltas.setdefault(option.seconds, []).append(_delta(option))
    return math.fsum(
        abs(math.fsum(found))
        * max(parameters.min_annualised_move, parameters.annualised_move_risk * seconds / YEAR_S)
        for seconds, found in deltas.items()
    )


def _delta(option: Option) -> float:
    """Give an option's delta in coin, adjusted for the price being paid in coin."""
    side = CALL if option.is_call else PUT
    years, step = option.seconds / YEAR_S, 1e-4
    forwards = option.forward * np.array([1 + step, 1 - step])
    prices = price_black76(side, forwards, option.strike, years, option.vol) / forwards
    return option.size * float(prices[0] - prices[1]) / (2 * step)


def _check(futures: Sequence[Future], options: Sequence[Option], parameters: Parameters) -> None:
    check_positive(price_range=parameters.price_range)
    if parameters.price_range >= 1:
        raise InvalidRiskInput(f"price_range is {parameters.price_range}: it must be below 1")
    for future in futures:
        check_finite(future_size=future.size)
    for option in options:
        check_finite(option_size=option.size)
        check_positive(strike=option.strike, forward=option.forward, vol=option.vol)
        check_positive(seconds_to_expiry=option.seconds)
