"""Fits in a process of their own: parameters through arch, and every way of having none."""

import multiprocessing
import sys
import time

import numpy as np
import pytest

from daemon.margin.volatility import Garch, forecast_garch
from daemon.risk.garch import FitFailed, fit_garch
from daemon.risk.worker import fit_windows
from tests.daemon.risk import fits

TRUE = Garch(omega=2e-5, alpha=0.04, gamma=0.12, beta=0.86, nu=6.0)


def simulate(days: int) -> list[float]:
    rng = np.random.default_rng(11)
    shocks = rng.standard_t(TRUE.nu, days) * np.sqrt((TRUE.nu - 2) / TRUE.nu)
    variance, found = 1e-3, []
    for shock in shocks.tolist():
        value = float(np.sqrt(variance)) * shock
        found.append(value)
        weight = TRUE.alpha + (TRUE.gamma if value < 0 else 0.0)
        variance = TRUE.omega + weight * value**2 + TRUE.beta * variance
    return found


def test_a_worker_finds_the_parameters_that_made_the_returns() -> None:
    returns = simulate(4_000)

    found, few = fit_windows([returns, returns[:100]])

    assert isinstance(found, Garch)
    assert found.beta == pytest.approx(TRUE.beta, abs=0.1)
    assert found.alpha + found.gamma / 2 == pytest.approx(TRUE.alpha + TRUE.gamma / 2, abs=0.05)
    assert found.gamma > found.alpha
    assert forecast_garch(found, returns) == pytest.approx(forecast_garch(TRUE, returns), rel=0.1)
    assert few == "100 returns are too few; 250 are needed"


def test_our_forecast_is_that_of_arch() -> None:
    from arch import arch_model  # noqa: PLC0415 # as slow to import as to use

    returns = np.array(simulate(1_500))
    model = arch_model(100 * returns, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t")
    fitted = model.fit(disp="off", show_warning=False)

    theirs = float(fitted.forecast(horizon=1).variance.iloc[-1, 0]) / 1e4

    assert forecast_garch(fit_garch(returns.tolist()), returns) == pytest.approx(theirs, rel=1e-6)


def test_a_fit_that_hangs_costs_its_time_and_no_more() -> None:
    began = time.monotonic()

    found = fit_windows([[0.0], [1.0], [0.0]], timeout_s=2, fit=fits.hang_on_the_second)

    late = "no parameters within 2 s"
    assert found[0] in (fits.GARCH, late), "a busy machine may not even start a process in time"
    assert found[1:] == (late, late)
    assert time.monotonic() - began < 20
    assert multiprocessing.active_children() == []


def test_a_worker_that_dies_takes_nobody_with_it() -> None:
    found = fit_windows([[0.0], [1.0], [0.0]], fit=fits.die_on_the_second)

    assert found == (fits.GARCH, "the worker ended", "the worker ended")


def test_a_fit_that_fails_says_why_and_no_windows_need_no_worker() -> None:
    assert fit_windows([[0.0, 0.1]], fit=fits.fail) == ("2 returns do not fit",)
    assert fit_windows([], fit=fits.fail) == ()


def test_without_arch_a_fit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arch", None)

    with pytest.raises(FitFailed, match="install the extra: risk"):
        fit_garch([0.01] * 300)


def test_returns_that_nothing_fits_are_a_fault() -> None:
    with pytest.raises(FitFailed):
        fit_garch([0.0] * 300)
