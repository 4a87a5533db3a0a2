"""Value at risk and expected shortfall of one row after the other, compiled by numba.

Nothing is sorted: the level at which the right number of losses is left is found by counting, a
vector pass each, from a guess by their spread. Then VaR is the least of those left, and
ES = VaR + sum of (loss - VaR) above it / tail (Rockafellar and Uryasev 2000, eq. 4).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.book.arrays import Places, Rows, Singles
from daemon.margin.book.compiling import compiled, compiled_loosely

_GUESSES: Final = 8
_LEARNING: Final = 0.1
"""How far the next row's first guess follows this row's answer."""
_SLOPE: Final = 0.5
"""By how many deviations a tail of usual fatness thins out e-fold."""
_STEPS: Final = 90
"""Halving the range of a float32 so often leaves two that lie side by side."""
_SIGN: Final = np.uint32(0x8000_0000)
_MOST: Final = np.uint32(0xFFFF_FFFF)
_ONES: Final = np.int32(31)
_NOTHING: Final = np.float32(0.0)

Single = np.float32
Bits = NDArray[np.uint32]


@compiled
def measure_rows(
    low: int,
    high: int,
    starts: Rows,
    numbers: Places,
    amounts: Singles,
    moves: Singles,
    terms: tuple[float, float],
    out: Singles,
) -> None:
    """Write each row's value at risk and expected shortfall; `moves` is by number and scenario.

    `terms` are how many scenarios lie in the tail, not always a whole number, and at how many
    standard deviations it begins, roughly.
    """
    tail, deviations = terms
    losses = np.empty(moves.shape[1], np.float32)
    kept = int(tail) + 1
    ratios = _list_ratios(len(losses), kept)
    for row in range(low, high):
        start, end = starts[row], starts[row + 1]
        _add_up(losses, numbers[start:end], amounts[start:end], moves)
        mean, spread = _measure_spread(losses)
        guess = np.float32(mean + deviations * spread)
        limit = _find_least(losses, _find_level(losses, kept, guess, np.float32(spread), ratios))
        if spread > 0.0 and limit > mean:
            deviations += _LEARNING * (float((limit - mean) / spread) - deviations)
        out[0, row] = limit
        out[1, row] = limit + _sum_excess(losses, limit) / tail


@compiled
def _list_ratios(most: int, kept: int) -> Singles:
    """Give by how many e-folds each count of losses is too large."""
    ratios = np.empty(most + 1, np.float32)
    for count in range(most + 1):
        ratios[count] = math.log((count + 0.5) / (kept + 0.5))
    return ratios


@compiled
def _add_up(losses: Singles, numbers: Places, amounts: Singles, moves: Singles) -> None:
    """Write what a row's positions lose in each scenario, two positions at a time."""
    even = len(numbers) - len(numbers) % 2
    if even:
        first, second = moves[numbers[0]], moves[numbers[1]]
        _begin(losses, amounts[0], first, amounts[1], second)
    else:
        losses[:] = _NOTHING
    for at in range(2, even, 2):
        first, second = moves[numbers[at]], moves[numbers[at + 1]]
        _add_two(losses, amounts[at], first, amounts[at + 1], second)
    if even < len(numbers):
        _add_one(losses, amounts[even], moves[numbers[even]])


@compiled_loosely
def _begin(losses: Singles, one: Single, first: Singles, two: Single, second: Singles) -> None:
    for place in range(len(losses)):
        losses[place] = -(one * first[place] + two * second[place])


@compiled_loosely
def _add_two(losses: Singles, one: Single, first: Singles, two: Single, second: Singles) -> None:
    for place in range(len(losses)):
        losses[place] -= one * first[place] + two * second[place]


@compiled_loosely
def _add_one(losses: Singles, amount: Single, change: Singles) -> None:
    for place in range(len(losses)):
        losses[place] -= amount * change[place]


@compiled
def _find_level(
    losses: Singles, kept: int, guess: Single, spread: Single, ratios: Singles
) -> Single:
    """Give a level that `kept` losses reach, or the highest that more do where some are equal.

    Between two levels the count is taken to fall by equal ratios.
    """
    least, most = np.float32(-np.inf), np.float32(np.inf)
    above, below = _NOTHING, _NOTHING
    step = np.float32(spread + abs(guess) * np.float32(1e-6) + np.float32(1e-30))
    level = guess
    for tried in range(_STEPS):
        count = _count_from(losses, level)
        if count == kept:
            return level
        if count < kept:
            most, below = level, ratios[count]
        else:
            least, above = level, ratios[count]
        following = np.float32(level + ratios[count] * _SLOPE * spread)
        if above > _NOTHING > below:
            following = np.float32(least + (most - least) * (above / (above - below)))
        if tried >= _GUESSES or not least < following < most:
            following = _halve(least, most, step)
            step *= np.float32(2.0)
        if following in (least, most):
            break
        level = following
    return least


@compiled
def _halve(least: Single, most: Single, step: Single) -> Single:
    """Give a level between two bounds, or a step beyond the one that is known."""
    if math.isinf(least):
        return np.float32(most - step)
    if math.isinf(most):
        return np.float32(least + step)
    return np.float32(least + np.float32(0.5) * (most - least))


@compiled_loosely
def _measure_spread(losses: Singles) -> tuple[Single, float]:
    total = square = _NOTHING
    for place in range(len(losses)):
        total += losses[place]
        square += losses[place] * losses[place]
    mean = total / np.float32(len(losses))
    spread = square / np.float32(len(losses)) - mean * mean
    return mean, math.sqrt(max(spread, _NOTHING))


@compiled_loosely
def _count_from(losses: Singles, level: Single) -> np.int32:
    count = np.int32(0)
    for place in range(len(losses)):
        count = np.int32(count + np.int32(losses[place] >= level))
    return count


@compiled_loosely
def _sum_excess(losses: Singles, level: Single) -> Single:
    total = _NOTHING
    for place in range(len(losses)):
        excess = losses[place] - level
        total += excess if excess > _NOTHING else _NOTHING  # noqa: FURB136 -- max() is no vector
    return total


@compiled
def _find_least(losses: Singles, level: Single) -> Single:
    """Give the least loss that reaches a level, found among integers that are in the same order.

    Less the level's, those of lower losses wrap around and are the largest.
    """
    first = _to_ordered(np.float32(level).view(np.uint32))
    found = np.uint32(first + _find_nearest(losses.view(np.uint32), first))
    bits = found ^ _SIGN if found >= _SIGN else ~found
    return np.uint32(bits).view(np.float32)


@compiled
def _to_ordered(bits: np.uint32) -> np.uint32:
    """Give an integer that grows with the float32 of these bits."""
    return np.uint32(bits ^ (np.uint32(np.int32(bits) >> _ONES) | _SIGN))


@compiled
def _find_nearest(bits: Bits, first: np.uint32) -> np.uint32:
    nearest = _MOST
    for place in range(len(bits)):
        nearest = min(nearest, np.uint32(_to_ordered(bits[place]) - first))
    return nearest
