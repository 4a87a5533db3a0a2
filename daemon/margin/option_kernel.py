"""Black-76 compiled: one pass over the options, in vector registers; numba is needed to import it.

Nothing here calls a library or branches, so that the compiler may take eight options at once:
logarithm and exponential are series after the usual reductions, and both normal probabilities of an
option come from one exponential, since F n(d1) = K n(d2), times the rational of Hart (1968, in the
form of West 2005, "Better approximations to cumulative normal functions"), a continued fraction
beyond 7.07. Prices agree with scipy's to 1e-15 of the forward. A figure that is negative or not
finite makes its price NaN: 0 times its root is.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.book.compiling import compiled_fused

Floats = NDArray[np.float64]
Options = tuple[Floats, Floats, Floats, Floats, Floats, Floats]

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


@compiled_fused
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


@compiled_fused
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


@compiled_fused
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


@compiled_fused
def price_rows(low: int, high: int, figures: Options, out: Floats) -> None:
    """Write the prices of options `low` to `high`.

    `figures` are side, forward, strike, years, volatility and discount.
    """
    side, forward, strike = figures[0][low:high], figures[1][low:high], figures[2][low:high]
    years, vol, discount = figures[3][low:high], figures[4][low:high], figures[5][low:high]
    prices = out[low:high]
    for i in range(prices.size):
        root = np.sqrt(years[i])
        invalid = 0.0 * (root + np.sqrt(forward[i]) + np.sqrt(strike[i]) + np.sqrt(vol[i]))
        total = vol[i] * root
        total = total if total > LEAST_TOTAL_VOL else LEAST_TOTAL_VOL  # noqa: FURB136 - max() does too
        ratio = forward[i] / strike[i]
        d1 = _logarithm(ratio) / total + 0.5 * total
        d2 = d1 - total
        nearer = d1 * d1 < d2 * d2
        density = _exponential(0.5 * (d1 * d1 if nearer else d2 * d2))
        held = forward[i] * _probability(side[i] * d1, density if nearer else density / ratio)
        paid = strike[i] * _probability(side[i] * d2, density * ratio if nearer else density)
        prices[i] = discount[i] * side[i] * (held - paid) + invalid
