"""Unsigned fixed point as Kamino Lend computes: 68 bits before the point, 60 behind.

Every operation rounds down. What would overflow the program's 128 bits raises Overflow, for the
program aborts there. Pure.
"""

from typing import Final

BITS: Final = 60
ONE: Final = 1 << BITS
_U128: Final = 1 << 128


class Overflow(ValueError):
    """A number is outside of what the program can hold, so it would abort."""


def whole(number: int) -> int:
    """Give a whole number as a fraction."""
    return check(number << BITS)


def percent(number: int) -> int:
    """Give hundredths as a fraction."""
    return whole(number) // 100


def bps(number: int) -> int:
    """Give ten-thousandths as a fraction."""
    return whole(number) // 10_000


def mul(a: int, b: int) -> int:
    """Multiply two fractions."""
    return check((a * b) >> BITS)


def div(a: int, b: int) -> int:
    """Divide two fractions; Overflow for a divisor of 0."""
    if b <= 0:
        raise Overflow("a division by 0")
    return check((a << BITS) // b)


def sub(a: int, b: int) -> int:
    """Subtract; Overflow below 0."""
    return check(a - b)


def floor(a: int) -> int:
    """Give the whole part."""
    return a >> BITS


def ceil(a: int) -> int:
    """Give the smallest whole number not below."""
    return -(-a >> BITS)


def check(a: int) -> int:
    """Give a number that fits into 128 bits; Overflow for another."""
    if not 0 <= a < _U128:
        raise Overflow(f"{a} does not fit into a fraction of 128 bits")
    return a
