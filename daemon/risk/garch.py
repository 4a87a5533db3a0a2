"""Fitting a GJR-GARCH with Student's t through arch: only ever called in a worker process."""

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np

from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.volatility import Garch

LEAST_RETURNS: Final = 250
SCALE: Final = 100.0
BORDER: Final = 1e-8
"""How far beyond its own constraints the optimiser may end; what is, is put on the border."""


class FitFailed(Exception):
    """There are no parameters; the message says why in one line."""


def fit_garch(returns: Sequence[float]) -> Garch:
    """Fit daily returns; FitFailed without arch, with too few returns or where nothing converges.

    Returns are scaled to per cent for the optimiser, the parameters back to parts.
    """
    if len(returns) < LEAST_RETURNS:
        raise FitFailed(f"{len(returns)} returns are too few; {LEAST_RETURNS} are needed")
    try:
        from arch import arch_model  # noqa: PLC0415 # an extra
    except ImportError as error:
        raise FitFailed("arch is not installed; install the extra: risk") from error
    scaled = np.asarray(returns, dtype=np.float64) * SCALE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = arch_model(
                scaled, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False
            )
            found = model.fit(disp="off", show_warning=False)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise FitFailed(f"the fit failed: {' '.join(str(error).split())}") from error
    if found.convergence_flag != 0:
        raise FitFailed(f"the fit did not converge: the optimiser said {found.convergence_flag}")
    figures = {name: float(value) for name, value in found.params.items()}
    try:
        return Garch(
            omega=figures["omega"] / SCALE**2,
            alpha=_keep(figures["alpha[1]"], 0.0),
            gamma=_keep(figures["gamma[1]"], -_keep(figures["alpha[1]"], 0.0)),
            beta=_keep(figures["beta[1]"], 0.0),
            nu=figures["nu"],
        )
    except InvalidRiskInput as error:
        raise FitFailed(f"the fit makes no sense: {error}") from error


def _keep(figure: float, least: float) -> float:
    return least if least - BORDER <= figure < least else figure
