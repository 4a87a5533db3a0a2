"""How losses of several risk factors add up when correlations go wrong.

Historical correlations are shrunk as Ledoit and Wolf do, but towards what hurts: to 1 between risks
of the same sign, to 0 between risks that offset each other, whose credit is capped besides. What is
left of a correlation matrix after that is projected to the nearest that is one. The aggregate is
sqrt(l' rho l) over signed losses l (USD, positive where a falling price loses, negative where a
rising one does).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.scenarios import InvalidRiskInput

Floats = NDArray[np.float64]
TOLERANCE: Final = 1e-9
LEAST_RETURNS: Final = 3
MOST_FACTORS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A correlation matrix of named underlyings; InvalidRiskInput says why one is none."""

    names: tuple[str, ...]
    matrix: Floats

    def __post_init__(self) -> None:
        size = len(self.names)
        if len(set(self.names)) != size or self.matrix.shape != (size, size):
            raise InvalidRiskInput(
                f"correlation: {size} names and a matrix of {self.matrix.shape} do not fit"
            )
        if not np.all(np.isfinite(self.matrix)):
            raise InvalidRiskInput("correlation: the matrix has an entry that is not finite")
        if not np.allclose(self.matrix, self.matrix.T, atol=TOLERANCE):
            raise InvalidRiskInput("correlation: the matrix is not symmetric")
        if not np.allclose(np.diag(self.matrix), 1, atol=TOLERANCE):
            raise InvalidRiskInput("correlation: the diagonal is not 1 throughout")
        if size and (least := float(np.linalg.eigvalsh(self.matrix)[0])) < -TOLERANCE * size:
            raise InvalidRiskInput(
                f"correlation: the matrix is not positive semidefinite, it has eigenvalue {least:g}"
            )

    def of(self, first: str, second: str) -> float:
        """Give two underlyings' correlation; InvalidRiskInput names one that is not in it."""
        for name in (first, second):
            if name not in self.names:
                raise InvalidRiskInput(f"correlation: {name} is not in the matrix")
        return float(self.matrix[self.names.index(first), self.names.index(second)])


def estimate_correlation(returns: Mapping[str, Sequence[float]]) -> tuple[Correlation, float]:
    """Give the sample correlation and the shrinkage intensity that its own noise asks for.

    The intensity is sum var(r) / sum r^2 over pairs with var(r) = (1 - r^2)^2 / (n - 1)
    (Schäfer and Strimmer 2005, after Ledoit and Wolf), from 0 to 1. What never moves is correlated
    with nothing.
    """
    names = tuple(sorted(returns))
    table = np.array([check_returns(name, returns[name]) for name in names])
    lengths = {len(row) for row in table}
    if len(names) == 0 or lengths - {max(lengths)} or max(lengths) < LEAST_RETURNS:
        raise InvalidRiskInput(f"returns: {LEAST_RETURNS} or more of each underlying are needed")
    spread = table - table.mean(axis=1, keepdims=True)
    size = np.sqrt((spread * spread).sum(axis=1))
    size[size == 0] = 1.0
    sample = spread @ spread.T / np.outer(size, size)
    np.fill_diagonal(sample, 1.0)
    pairs = sample[np.triu_indices(len(names), 1)]
    noise = float(((1 - pairs**2) ** 2).sum()) / (table.shape[1] - 1)
    signal = float((pairs**2).sum())
    intensity = min(1.0, noise / signal) if signal > 0 else 1.0
    return Correlation(names=names, matrix=np.clip(sample, -1, 1)), intensity


def check_returns(name: str, returns: Sequence[float]) -> Floats:
    """Give returns as an array; InvalidRiskInput names whose are not finite or below -100 %."""
    found = np.asarray(returns, dtype=np.float64)
    if found.ndim != 1 or not np.all(np.isfinite(found)) or np.any(found < -1):
        raise InvalidRiskInput(f"returns of {name}: each must be a number of -1 or more")
    return found


def stress_correlation(matrix: Floats, caps: Floats, *, intensity: float) -> tuple[Floats, Floats]:
    """Give how risks of the same sign add up, and what credit risks of opposite signs get.

    `caps` are the most credit of each pair; a negative credit adds to the loss.
    """
    same = matrix + intensity * (1 - matrix)
    adding = -(np.abs(matrix) + intensity * (1 - np.abs(matrix)))
    credit = np.where(matrix >= 0, (1 - intensity) * matrix, adding)
    np.fill_diagonal(credit, 1.0)
    return project_psd(same), np.minimum(project_psd(credit), caps)


def project_psd(matrix: Floats) -> Floats:
    """Give the matrix with its negative eigenvalues at 0 and its diagonal at 1 again."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if not len(values) or values[0] >= 0:
        return matrix
    lifted = (vectors * np.maximum(values, 0)) @ vectors.T
    scale = np.sqrt(np.maximum(np.diag(lifted), TOLERANCE))
    return np.asarray(lifted / np.outer(scale, scale))


def aggregate_losses(losses: Floats, same: Floats, credit: Floats | None = None) -> Floats:
    """Give sqrt(l' rho l) of rows of signed losses (..., factors), 0 where rounding leaves less.

    rho is `same` between losses of one sign, and `credit` (as well `same` without it) between
    opposite ones.
    """
    between = same if credit is None else credit
    longs, shorts = np.maximum(losses, 0), np.maximum(-losses, 0)
    added = ((longs @ same) * longs).sum(axis=-1) + ((shorts @ same) * shorts).sum(axis=-1)
    offset = 2 * ((longs @ between) * shorts).sum(axis=-1)
    return np.asarray(np.sqrt(np.maximum(0.0, added - offset)))


def aggregate_worst(falling: Floats, rising: Floats, same: Floats, credit: Floats) -> float:
    """Give the greatest aggregate that losses by falling and rising prices can come to (USD).

    Each factor falls, rises or stands still: what offsets a loss may be gone when it is needed, so
    a smaller loss never asks for more. Of more than eight factors the smallest add up in full.
    """
    size = np.maximum(falling, rising)
    order = np.argsort(-size, kind="stable")
    kept = [int(factor) for factor in order[:MOST_FACTORS] if size[factor] > 0]
    if not kept:
        return 0.0
    rest = math.fsum(float(size[factor]) for factor in order[MOST_FACTORS:])
    choices = [np.array([0.0, falling[factor], -rising[factor]]) for factor in kept]
    patterns = np.stack(np.meshgrid(*choices, indexing="ij"), axis=-1)
    where = np.ix_(kept, kept)
    return rest + float(aggregate_losses(patterns, same[where], credit[where]).max())
