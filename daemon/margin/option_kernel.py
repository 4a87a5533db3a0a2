"""Black-76 compiled: one pass over the options on all cores, in vector registers.

Without numba `COMPILED` is False, and `daemon.margin.options` does the work with scipy. Nothing
here calls a library or branches, so that the compiler may take eight options at once: logarithm
and exponential are series after the usual reductions, and both normal probabilities of an option
come from one exponential, since F n(d1) = K n(d2), times the rational of Hart (1968, in the form
of West 2005, "Better approximations to cumulative normal functions"), a continued fraction beyond
7.07. Prices agree with scipy's to 1e-15 of the forward. A figure that is negative or not
finite makes its price NaN: 0 times its root is.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

try:
    import numba
except ImportError:
    COMPILED = False
else:
    COMPILED = True

LOG2_E: Final = 1.4426950408889634
LN2_HIGH: Final = 6.93147180369123816490e-01
LN2_LOW: Final = 1.90821492927058770002e-10
ROOT_2: Final = 1.4142135623730951
ROOT_TWO_PI: Final = 2.5066282746310002
FAR: Final = 7.07106781186547
FARTHEST: Final = 60.0
LAST_EXPONENT: Final = 700.0
LEAST_TOTAL_VOL: Final = 1e-18
EXPONENT_BIAS: Final = 1023
MANTISSA_BITS: Final = 52
MANTISSA_MASK: Final = 0x000FFFFFFFFFFFFF
ONE_BITS: Final = 0x3FF0000000000000


def _exponential(y: float) -> float:
    """Give exp(-y) for y >= 0: 2^-n times the Taylor series of what is left."""
    y = y if y < LAST_EXPONENT else LAST_EXPONENT  # noqa: FURB136 - min() stops vectorising
    n = np.floor(y * LOG2_E + 0.5)
    r = (n * LN2_HIGH - y) + n * LN2_LOW
    series = 1.0 / 6227020800.0 * r + 1.0 / 479001600.0
    series = series * r + 1.0 / 39916800.0
    series = series * r + 1.0 / 3628800.0
    series = series * r + 1.0 / 362880.0
    series = series * r + 1.0 / 40320.0
    series = series * r + 1.0 / 5040.0
    series = series * r + 1.0 / 720.0
    series = series * r + 1.0 / 120.0
    series = series * r + 1.0 / 24.0
    series = series * r + 1.0 / 6.0
    series = ((series * r + 0.5) * r + 1.0) * r + 1.0
    bits = (np.int64(EXPONENT_BIAS) - np.int64(n)) << np.int64(MANTISSA_BITS)
    return float(series * np.int64(bits).view(np.float64))


def _logarithm(x: float) -> float:
    """Give ln x of a normal positive number: n ln 2 plus 2 artanh((m - 1) / (m + 1))."""
    bits = np.float64(x).view(np.int64)
    exponent = np.float64((bits >> np.int64(MANTISSA_BITS)) - np.int64(EXPONENT_BIAS))
    m = np.int64((bits & np.int64(MANTISSA_MASK)) | np.int64(ONE_BITS)).view(np.float64)
    exponent = exponent + 1.0 if m > ROOT_2 else exponent
    m = 0.5 * m if m > ROOT_2 else m
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 1.0 / 21.0 * z + 1.0 / 19.0
    series = series * z + 1.0 / 17.0
    series = series * z + 1.0 / 15.0
    series = series * z + 1.0 / 13.0
    series = series * z + 1.0 / 11.0
    series = series * z + 1.0 / 9.0
    series = series * z + 1.0 / 7.0
    series = series * z + 1.0 / 5.0
    series = series * z + 1.0 / 3.0
    return float(exponent * LN2_HIGH + (exponent * LN2_LOW + (2.0 * s + 2.0 * s * z * series)))


def _probability(x: float, density: float) -> float:
    """Give N(x) from exp(-x^2 / 2)."""
    a = abs(x)
    a = a if a < FARTHEST else FARTHEST  # noqa: FURB136 - min() stops vectorising
    above = 3.52624965998911e-02 * a + 0.700383064443688
    above = above * a + 6.37396220353165
    above = above * a + 33.912866078383
    above = above * a + 112.079291497871
    above = above * a + 221.213596169931
    above = above * a + 220.206867912376
    below = 8.83883476483184e-02 * a + 1.75566716318264
    below = below * a + 16.064177579207
    below = below * a + 86.7807322029461
    below = below * a + 296.564248779674
    below = below * a + 637.333633378831
    below = below * a + 793.826512519948
    below = below * a + 440.413735824752
    third = a * (a * (a + 0.65) + 4.0) + 3.0 * (a + 0.65)
    fourth = a * third + 2.0 * (a * (a + 0.65) + 4.0)
    above = fourth if a > FAR else above
    below = ROOT_TWO_PI * (a * fourth + third) if a > FAR else below
    tail = density * above / below
    return 1.0 - tail if x > 0 else tail


def _price_all(
    side: "Floats",
    forward: "Floats",
    strike: "Floats",
    years: "Floats",
    vol: "Floats",
    discount: "Floats",
) -> "Floats":
    prices = np.empty(side.size)
    for i in numba.prange(side.size):
        root = np.sqrt(years[i])
        invalid = 0.0 * (root + np.sqrt(forward[i]) + np.sqrt(strike[i]) + np.sqrt(vol[i]))
        total = vol[i] * root
        total = total if total > LEAST_TOTAL_VOL else LEAST_TOTAL_VOL  # noqa: FURB136 - max() does too
        ratio = forward[i] / strike[i]
        d1 = _log(ratio) / total + 0.5 * total
        d2 = d1 - total
        nearer = d1 * d1 < d2 * d2
        density = _exp(0.5 * (d1 * d1 if nearer else d2 * d2))
        held = forward[i] * _cumulate(side[i] * d1, density if nearer else density / ratio)
        paid = strike[i] * _cumulate(side[i] * d2, density * ratio if nearer else density)
        prices[i] = discount[i] * side[i] * (held - paid) + invalid
    return prices


def _compile(function: Any, *, parallel: bool = False) -> Any:  # noqa: ANN401 - numba has no types
    return numba.njit(parallel=parallel, cache=True, error_model="numpy", fastmath={"contract"})(
        function
    )


if COMPILED:
    _exp = _compile(_exponential)
    _log = _compile(_logarithm)
    _cumulate = _compile(_probability)
    price = _compile(_price_all, parallel=True)
