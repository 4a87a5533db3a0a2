"""Compiled Black-76 prices against numpy with scipy's normal distribution.

Both sides price the same options and must agree; they take turns, so that a busy machine slows
both.
"""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from daemon.margin.options import Floats, load_kernel, price_black76, price_with_ndtr
from tests.bench.figures import Figure, Figures, median

SIZES: Final = (10_000, 100_000, 1_000_000)
ROUNDS: Final = 9
AGREEMENT: Final = 1e-14
"""What prices may differ by, as a part of the forward."""
Options = tuple[Floats, Floats, Floats, Floats, Floats, Floats]


def run(say: object) -> Figures:
    """Measure from ten thousand to a million options."""
    del say
    return measure(SIZES, rounds=ROUNDS)


def measure(sizes: tuple[int, ...], *, rounds: int) -> Figures:
    """Time both ways by turns; RuntimeError where numba is missing or prices differ."""
    if load_kernel() is None:
        raise RuntimeError("numba is not installed: there is no compiled kernel to measure")
    timed = {size: _compare(make_options(size), rounds) for size in sizes}
    largest = max(sizes)
    ours, theirs = timed[largest]
    figures = {
        "options.price_vs_numpy_ndtr": Figure(
            value=theirs / ours, unit="ratio", better="higher", target=2
        )
    }
    for size, (seconds, _) in timed.items():
        figures[f"options.price_{size}_ns"] = Figure(value=seconds / size * 1e9, unit="ns")
    return figures


def make_options(count: int) -> Options:
    """Give calls and puts over a year, around the money, as arrays."""
    rng = np.random.default_rng(count)
    forward = rng.uniform(500, 5_000, count)
    return (
        np.where(rng.random(count) < 0.5, 1.0, -1.0),
        forward,
        forward * np.exp(rng.normal(0, 0.3, count)),
        rng.uniform(0.01, 1, count),
        rng.uniform(0.2, 1.5, count),
        np.ones(count),
    )


def _compare(options: Options, rounds: int) -> tuple[float, float]:
    """Give the median seconds of the compiled and of the numpy way."""
    apart = np.abs(price_black76(*options) - price_with_ndtr(*options)) / options[1]
    if apart.max() > AGREEMENT:
        raise RuntimeError(f"prices differ by {apart.max()} of the forward")
    pairs = [
        (_time(lambda: price_black76(*options)), _time(lambda: price_with_ndtr(*options)))
        for _ in range(rounds)
    ]
    return median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
