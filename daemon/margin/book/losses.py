"""Value at risk and expected shortfall of every account of a fleet, in one pass over each row.

With n losses, value at risk is the ceil(n alpha)-th smallest; expected shortfall the mean of the
worst n (1 - alpha) of them, a part of that one included where n (1 - alpha) is no whole number.
Sums are float32 in either engine: good to about six digits, for ranking and for limits, never for
what is signed. The matrix of accounts by scenarios is never built by the compiled loop.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse
from scipy.special import ndtri

from daemon.margin.book.arrays import Floats, Singles, check_finite
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import THREADS, Engine, choose_engine, find_kernels, share_out
from daemon.margin.scenarios import InvalidRiskInput

_ALONE: Final = 64
_BLOCK: Final = 2_000
"""How many rows of the matrix scipy's way holds at once."""
_DIGITS: Final = 9
_LEAST_DEVIATIONS: Final = 0.5
"""Only a first guess: losses need not be normal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Losses:
    """Each row's value at risk and expected shortfall: a loss is positive."""

    value_at_risk: Floats
    expected_shortfall: Floats


def measure_losses(
    columns: Columns,
    moves: Singles,
    *,
    alpha: float,
    engine: Engine | None = None,
    threads: int = THREADS,
) -> Losses:
    """Measure every row at a level; `moves` (by number, by scenario) is what a unit gains.

    A debt's moves are negative where its asset rises. InvalidRiskInput names a field that is not
    finite or has the wrong shape.
    """
    columns.check_known(len(moves))
    check_finite("moves", moves)
    if not 0 < alpha < 1:
        raise InvalidRiskInput(f"alpha: {alpha} is not between 0 and 1")
    if not moves.shape[1]:
        raise InvalidRiskInput("moves: no scenario")
    tail = round(moves.shape[1] * (1 - alpha), _DIGITS)
    out = np.empty((2, columns.size))
    if (kernels := find_kernels(engine or choose_engine())) is None:
        _measure_sparse(columns, moves, tail, out)
    else:
        flat = columns.flatten()
        terms = (tail, max(float(ndtri(alpha)), _LEAST_DEVIATIONS))
        arguments = (flat.starts, flat.numbers, flat.amounts.astype(np.float32), moves, terms, out)
        share_out(kernels.measure_rows, columns.size, *arguments, threads=threads, alone=_ALONE)
    return Losses(value_at_risk=out[0], expected_shortfall=out[1])


def _measure_sparse(columns: Columns, moves: Singles, tail: float, out: Floats) -> None:
    flat = columns.flatten()
    amounts = flat.amounts.astype(np.float32)
    shape = (columns.size, len(moves))
    matrix = sparse.csr_array((amounts, flat.numbers, flat.starts), shape=shape)
    scenarios = moves.shape[1]
    kept = min(scenarios, int(tail) + 1)
    for start in range(0, columns.size, _BLOCK):
        losses = -(matrix[start : start + _BLOCK] @ moves)
        worst = np.partition(losses, scenarios - kept, axis=1)[:, scenarios - kept :]
        limit = worst[:, 0].astype(np.float64)
        beyond = worst[:, 1:].sum(axis=1, dtype=np.float64)
        part = slice(start, start + len(limit))
        out[0, part] = limit
        out[1, part] = (beyond + (tail - (kept - 1)) * limit) / tail
