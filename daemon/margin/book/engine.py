"""Which loops value the fleet: numba's where it is installed, scipy's where it is not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Final

THREADS: Final = 2
_ALONE: Final = 20_000
"""So few rows are not worth a second thread."""
_SHARES: Final = 16
"""Threads take so many parts as they get on, so that neither waits long for the other."""

Loop = Callable[..., object]


class Engine(StrEnum):
    """Compiled loops over padded columns, or scipy's sparse products."""

    COMPILED = "numba"
    SPARSE = "scipy"


@cache
def load_kernels() -> ModuleType | None:
    """Give the compiled loops, None without numba. Takes most of a second the first time."""
    try:
        from daemon.margin.book import kernels  # noqa: PLC0415 -- numba is an extra, and slow
    except ImportError:
        return None
    return kernels


def choose_engine() -> Engine:
    """Give the fastest engine there is."""
    return Engine.SPARSE if load_kernels() is None else Engine.COMPILED


def find_kernels(engine: Engine) -> ModuleType | None:
    """Give the compiled loops where the engine uses them; ImportError where it has none."""
    if engine is Engine.SPARSE:
        return None
    if (kernels := load_kernels()) is None:
        raise ImportError("compiled loops need numba: install the extra `fast`")
    return kernels


@cache
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS - 1, thread_name_prefix="book")


def share_out(
    loop: Loop, size: int, *arguments: object, threads: int = THREADS, alone: int = _ALONE
) -> None:
    """Run a loop over all rows, on two threads unless there are fewer rows than `alone`."""
    if threads < THREADS or size < alone:
        loop(0, size, *arguments)
        return
    bounds = [size * part // _SHARES for part in range(_SHARES + 1)]
    shares = iter(list(pairwise(bounds)))

    def work() -> None:
        for low, high in shares:
            loop(low, high, *arguments)

    second = _helper().submit(work)
    work()
    if not second.cancel():
        second.result()
