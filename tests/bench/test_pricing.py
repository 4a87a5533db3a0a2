"""The option benchmark runs: what it measures is checked, never how fast it was."""

import numpy as np
import pytest

from daemon.margin.options import load_kernel
from tests.bench import pricing


@pytest.mark.skipif(load_kernel() is None, reason="numba is not installed")
def test_compiled_prices_are_timed_against_scipys(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = pricing.measure((5_000,), rounds=1)

    assert set(figures) == {"options.price_vs_numpy_ndtr", "options.price_5000_ns"}
    assert all(figure.value > 0 for figure in figures.values())
    monkeypatch.setattr(pricing, "price_black76", lambda *figures: np.zeros_like(figures[1]))
    with pytest.raises(RuntimeError, match="prices differ"):
        pricing.measure((5_000,), rounds=1)


def test_without_numba_there_is_nothing_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "load_kernel", lambda: None)

    with pytest.raises(RuntimeError, match="numba is not installed"):
        pricing.measure((5_000,), rounds=1)
