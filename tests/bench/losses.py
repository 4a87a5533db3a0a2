"""Value at risk and expected shortfall of 100,000 accounts over 1,000 scenarios.

The compiled loop never builds the matrix of accounts by scenarios. Beside it, in float32 too, what
one writes without it: scipy's sparse product of all accounts at once, then numpy's partition (the
target's measure); and the same in blocks of 2,000 accounts, which stay in the cache.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.margin.book.arrays import Floats
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import Engine
from daemon.margin.book.losses import measure_losses
from tests.bench.figures import Figure, Figures
from tests.bench.fleet import time_by_turns
from tests.bench.fleets import ASSETS, make_fleet

ACCOUNTS: Final = 100_000
SCENARIOS: Final = 1_000
ROUNDS: Final = 5
ALPHA: Final = 0.99
TOLERANCE: Final = 1e-5
"""What the ways may differ by, as a part of each figure."""
EXACT_ACCOUNTS: Final = 2_000
EXACT_TOLERANCE: Final = 1e-6
"""What the compiled loop may differ by from float64, which is asked for the first accounts only."""


def run(say: Callable[[str], None]) -> Figures:
    """Measure 100,000 accounts."""
    return measure(say, accounts=ACCOUNTS, scenarios=SCENARIOS, rounds=ROUNDS)


def measure(say: Callable[[str], None], *, accounts: int, scenarios: int, rounds: int) -> Figures:
    """Time the ways by turns; RuntimeError where their figures differ."""
    fleet, rng = make_fleet(accounts), np.random.default_rng(5)
    changes = rng.standard_t(4, (ASSETS, scenarios)) * 0.02
    signed = np.concatenate([np.zeros((1, scenarios)), changes, -changes])
    moves = (signed * fleet.factors.values[:, None]).astype(np.float32)

    def measure_by(engine: Engine, threads: int = 2) -> Floats:
        found = measure_losses(fleet.columns, moves, alpha=ALPHA, engine=engine, threads=threads)
        return found.expected_shortfall

    matrix = build_matrix(fleet.columns, len(moves), np.float32)
    ours = measure_by(Engine.COMPILED)
    _compare(ours, measure_by(Engine.SPARSE), TOLERANCE)
    _compare(ours, partition(matrix, moves), TOLERANCE)
    first = build_matrix(fleet.columns, len(moves), np.float64)[:EXACT_ACCOUNTS]
    _compare(ours[:EXACT_ACCOUNTS], partition(first, moves.astype(np.float64)), EXACT_TOLERANCE)
    times = time_by_turns(
        {
            "two": lambda: measure_by(Engine.COMPILED),
            "one": lambda: measure_by(Engine.COMPILED, 1),
            "scipy": lambda: partition(matrix, moves),
            "blocks": lambda: measure_by(Engine.SPARSE),
        },
        rounds,
    )
    say(", ".join(f"{name} {took * 1e3:.0f} ms" for name, took in times.items()))
    return {
        "risk.es_vs_scipy_partition": Figure(
            value=times["scipy"] / times["two"], unit="ratio", better="higher", target=5
        ),
        "risk.es_one_thread_vs_scipy_partition": Figure(
            value=times["scipy"] / times["one"], unit="ratio", better="higher"
        ),
        "risk.es_vs_scipy_partition_in_blocks": Figure(
            value=times["blocks"] / times["two"], unit="ratio", better="higher"
        ),
        "risk.es_account_scenarios_per_s": Figure(
            value=accounts * scenarios / times["two"], unit="1/s", better="higher"
        ),
    }


def build_matrix(columns: Columns, numbers: int, kind: type[np.floating]) -> sparse.csr_array:
    """Give amounts as a matrix of accounts by numbers."""
    flat = columns.flatten()
    shape = (columns.size, numbers)
    return sparse.csr_array((flat.amounts.astype(kind), flat.numbers, flat.starts), shape=shape)


def partition(matrix: sparse.csr_array, moves: NDArray[np.floating]) -> Floats:
    """Give the mean of each account's worst scenarios, whose number must be whole."""
    worst = round(moves.shape[1] * (1 - ALPHA))
    parted = np.partition(matrix @ moves, worst, axis=1)
    found: Floats = -parted[:, :worst].mean(axis=1, dtype=np.float64)
    return found


def _compare(ours: Floats, theirs: Floats, tolerance: float) -> None:
    if not np.allclose(ours, theirs, rtol=tolerance, atol=0):
        raise RuntimeError("the ways find other losses")
