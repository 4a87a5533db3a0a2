"""How the book's loops are compiled: without the GIL, kept in numba's cache where there is one."""

from collections.abc import Callable
from typing import Final, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])
_LOOSE: Final = {"nnan", "nsz", "contract", "reassoc"}


def compiled(function: F) -> F:
    """Have a function compiled when it is first called."""
    return _compile(function, set())


def compiled_fused(function: F) -> F:
    """Have a function compiled that may round a product and a sum once instead of twice."""
    return _compile(function, {"contract"})


def compiled_loosely(function: F) -> F:
    """Have a sum of finite figures compiled that may be added up in any order."""
    return _compile(function, _LOOSE)


def _compile(function: F, fastmath: set[str]) -> F:
    try:
        made = njit(nogil=True, error_model="numpy", fastmath=fastmath, cache=True)(function)
    except RuntimeError:  # no directory for the cache may be written
        made = njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
    return cast("F", made)
