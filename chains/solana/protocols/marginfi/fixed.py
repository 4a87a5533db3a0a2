"""Signed fixed point as marginfi computes (I80F48): 80 bits before the point, 48 behind.

Products round down, quotients towards zero. What would overflow the program's 128 bits raises
Overflow, for the program aborts there. Pure.
"""

from typing import Final

BITS: Final = 48
ONE: Final = 1 << BITS
_LIMIT: Final = 1 << 127


class Overflow(ValueError):
    """A number is outside of what the program can hold, so it would abort."""


def whole(number: int) -> int:
    """Give a whole number as fixed point."""
    return check(number << BITS)


def ratio(numerator: int, denominator: int) -> int:
    """Give a constant as its source writes it: the nearest number."""
    return (2 * numerator * ONE + denominator) // (2 * denominator)


def mul(a: int, b: int) -> int:
    """Multiply, rounded down."""
    return check((a * b) >> BITS)


def div(a: int, b: int) -> int:
    """Divide, rounded towards zero; Overflow for a divisor of 0."""
    if b == 0:
        raise Overflow("a division by 0")
    quotient = (abs(a) << BITS) // abs(b)
    return check(quotient if (a < 0) == (b < 0) else -quotient)


def floor(a: int) -> int:
    """Give the whole part, rounded down."""
    return a >> BITS


def ceil(a: int) -> int:
    """Give the smallest whole number not below."""
    return -(-a >> BITS)


def check(a: int) -> int:
    """Give a number that fits into 128 bits; Overflow for another."""
    if not -_LIMIT <= a < _LIMIT:
        raise Overflow(f"{a} does not fit into a fixed point of 128 bits")
    return a
