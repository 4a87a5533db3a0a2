"""Value at risk and expected shortfall: by their definitions, by either engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.book.arrays import Singles
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import Engine
from daemon.margin.book.losses import measure_losses
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.tails import calculate_shortfall, calculate_var
from tests.daemon.margin.book.fleets import BOOK_ASSETS, make_columns

NUMBERS = 2 * BOOK_ASSETS + 1


def make_moves(seed: int, scenarios: int, *, steps: int = 0) -> Singles:
    """Give moves with fat tails; with `steps` many scenarios lose the same."""
    rng = np.random.default_rng(seed)
    moves = rng.standard_t(3, (NUMBERS, scenarios)) * 0.02
    if steps:
        moves = np.round(moves * steps) / steps
    moves[0] = 0
    return moves.astype(np.float32)


@pytest.mark.parametrize("engine", Engine)
@given(
    seed=st.integers(0, 2**32 - 1),
    scenarios=st.integers(1, 300),
    alpha=st.sampled_from([0.1, 0.5, 0.9, 0.95, 0.975, 0.99]),
    steps=st.sampled_from([0, 50, 5]),
)
def test_every_row_has_the_losses_of_the_definition(
    engine: Engine, seed: int, scenarios: int, alpha: float, steps: int
) -> None:
    columns = make_columns(np.random.default_rng(seed), 12)
    moves = make_moves(seed, scenarios, steps=steps)
    found = measure_losses(columns, moves, alpha=alpha, engine=engine)
    flat = columns.flatten()
    for row, (start, end) in enumerate(zip(flat.starts[:-1], flat.starts[1:], strict=True)):
        part = moves[flat.numbers[start:end]].astype(np.float64)
        losses = -(flat.amounts[start:end, None] * part).sum(axis=0)
        limit, mean = calculate_var(losses, alpha), calculate_shortfall(losses, alpha)
        scale = 1e-5 * (flat.amounts[start:end].sum() + 1)
        assert found.value_at_risk[row] == pytest.approx(limit, abs=scale)
        assert found.expected_shortfall[row] == pytest.approx(mean, abs=scale)
        assert found.expected_shortfall[row] >= found.value_at_risk[row] - scale


def test_both_engines_agree_on_many_rows() -> None:
    columns, moves = make_columns(np.random.default_rng(5), 4_500), make_moves(5, 500)
    one, other = (measure_losses(columns, moves, alpha=0.99, engine=engine) for engine in Engine)
    scale = columns.amounts.sum(axis=0).max() * 1e-6
    np.testing.assert_allclose(one.value_at_risk, other.value_at_risk, rtol=1e-4, atol=scale)
    np.testing.assert_allclose(
        one.expected_shortfall, other.expected_shortfall, rtol=1e-4, atol=scale
    )


@pytest.mark.parametrize("engine", Engine)
def test_bad_scenarios_are_named(engine: Engine) -> None:
    columns = Columns.empty()
    columns.append([(2, 1.0)])
    good = np.zeros((3, 4), np.float32)
    bad = good.copy()
    bad[1, 2] = np.nan
    for moves, alpha, message in (
        (bad, 0.9, r"moves\[6\] is nan"),
        (good[:2], 0.9, "numbers: 2 names no asset"),
        (good[:, :0], 0.9, "moves: no scenario"),
        (good, 1.0, "alpha: 1.0 is not between 0 and 1"),
    ):
        with pytest.raises(InvalidRiskInput, match=message):
            measure_losses(columns, moves, alpha=alpha, engine=engine)
