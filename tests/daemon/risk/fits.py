"""Fits that go wrong, where a worker process can import them."""

import os
import time
from collections.abc import Sequence

from daemon.margin.volatility import Garch
from daemon.risk.garch import FitFailed

GARCH = Garch(omega=1e-5, alpha=0.05, gamma=0.1, beta=0.8, nu=5.0)


def hang_on_the_second(window: Sequence[float]) -> Garch:
    """Fit a window that begins with 0 at once, any other never."""
    if window[0] != 0:
        time.sleep(3_600)
    return GARCH


def die_on_the_second(window: Sequence[float]) -> Garch:
    """Fit a window that begins with 0; end the process for any other."""
    if window[0] != 0:
        os._exit(9)
    return GARCH


def fail(window: Sequence[float]) -> Garch:
    """Find no parameters."""
    raise FitFailed(f"{len(window)} returns do not fit")
