"""Fits in a process of its own, so that one that hangs or dies costs no more than its time.

A process and a pipe, not a pool: a pool cannot end a call that hangs. What was fitted before the
time ran out counts, the rest is a fault; whoever asks goes on without these parameters.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Final

from daemon.margin.volatility import Garch
from daemon.risk.garch import FitFailed, fit_garch

TIMEOUT_S: Final = 120.0
ENDING_S: Final = 5.0
Window = Sequence[float]
Fit = Callable[[Window], Garch]
Fitted = Garch | str
"""The parameters, or why there are none."""


def fit_windows(
    windows: Sequence[Window], *, timeout_s: float = TIMEOUT_S, fit: Fit = fit_garch
) -> tuple[Fitted, ...]:
    """Fit each window of returns within `timeout_s` for all; it never raises for a fit.

    It blocks: a loop calls it in a thread. `fit` must be importable by the worker.
    """
    if not windows:
        return ()
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(windows, fit, writer), daemon=True)
    process.start()
    writer.close()
    try:
        found = _collect(reader, len(windows), time.monotonic() + timeout_s)
    finally:
        reader.close()
        process.terminate()
        process.join(ENDING_S)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
    said = f"no parameters within {timeout_s:g} s" if found.late else "the worker ended"
    return (*found.fitted, *(said for _ in range(len(windows) - len(found.fitted))))


class _Found:
    def __init__(self) -> None:
        self.fitted: list[Fitted] = []
        self.late = False


def _collect(reader: Connection, count: int, deadline: float) -> _Found:
    found = _Found()
    while len(found.fitted) < count:
        if not reader.poll(max(0.0, deadline - time.monotonic())):
            found.late = True
            break
        try:
            found.fitted.append(reader.recv())
        except EOFError:
            break
    return found


def _serve(windows: Sequence[Window], fit: Fit, writer: Connection) -> None:
    for window in windows:
        try:
            writer.send(fit(window))
        except FitFailed as error:
            writer.send(str(error))
    writer.close()
