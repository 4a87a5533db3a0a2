"""Value at risk and expected shortfall of 100,000 accounts over 1,000 scenarios.

The compiled loop never builds the matrix of accounts by scenarios; beside it scipy's product in
blocks with numpy's partition, both in float32.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from daemon.margin.book.arrays import Floats
from daemon.margin.book.engine import Engine
from daemon.margin.book.losses import measure_losses
from tests.bench.figures import Figure, Figures
from tests.bench.fleet import time_by_turns
from tests.bench.fleets import ASSETS, make_fleet

ACCOUNTS: Final = 100_000
SCENARIOS: Final = 1_000
ROUNDS: Final = 5
ALPHA: Final = 0.99


def run(say: Callable[[str], None]) -> Figures:
    """Measure 100,000 accounts."""
    return measure(say, accounts=ACCOUNTS, scenarios=SCENARIOS, rounds=ROUNDS)


def measure(say: Callable[[str], None], *, accounts: int, scenarios: int, rounds: int) -> Figures:
    """Time both ways by turns; RuntimeError where their figures differ by more than 1e-4."""
    fleet, rng = make_fleet(accounts), np.random.default_rng(5)
    changes = rng.standard_t(4, (ASSETS, scenarios)) * 0.02
    signed = np.concatenate([np.zeros((1, scenarios)), changes, -changes])
    moves = (signed * fleet.factors.values[:, None]).astype(np.float32)

    def measure_by(engine: Engine, threads: int = 2) -> Floats:
        found = measure_losses(fleet.columns, moves, alpha=ALPHA, engine=engine, threads=threads)
        return found.expected_shortfall

    both = [measure_by(engine) for engine in Engine]
    if not np.allclose(both[0], both[1], rtol=1e-4, atol=1e-4 * np.abs(both[0]).max()):
        raise RuntimeError("the two ways find other losses")
    times = time_by_turns(
        {
            "two": lambda: measure_by(Engine.COMPILED),
            "one": lambda: measure_by(Engine.COMPILED, 1),
            "scipy": lambda: measure_by(Engine.SPARSE),
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
        "risk.es_account_scenarios_per_s": Figure(
            value=accounts * scenarios / times["two"], unit="1/s", better="higher"
        ),
    }
