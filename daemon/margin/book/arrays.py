"""The arrays of the book, and the one check of figures that come from outside."""

import numpy as np
import numpy.typing as npt

from daemon.margin.scenarios import InvalidRiskInput

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.uint16]
Places = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Verdicts = npt.NDArray[np.int8]


def check_finite(name: str, values: npt.NDArray[np.floating]) -> None:
    """Raise InvalidRiskInput, naming the field and the first place, for NaN or infinity."""
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values.ravel()))[0])
        raise InvalidRiskInput(f"{name}[{place}] is {values.ravel()[place]}, not a number")


def check_amounts(name: str, values: Floats) -> None:
    """Raise InvalidRiskInput, naming the field and the first place, for what is no amount."""
    check_finite(name, values)
    if values.size and values.min() < 0:
        place = int(np.argmax(values.ravel() < 0))
        raise InvalidRiskInput(f"{name}[{place}] is {values.ravel()[place]}, an amount under 0")
