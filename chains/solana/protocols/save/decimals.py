"""Save's decimals: integers x 1e18 in 192 bits, every result rounded down.

A product, before it is divided again, must fit into 192 bits; what is stored into 128. What does
not fit makes the program fail, so it raises MathOverflow here.
"""

from typing import Final

from chains.model.units import WAD, div_down, div_up

PERCENT: Final = WAD // 100
BPS_WAD: Final = WAD // 10_000
TENTH_PERCENT: Final = WAD // 1_000
_WIDE: Final = 1 << 192
_STORED: Final = 1 << 128
_UNITS: Final = 1 << 64


class MathOverflow(ValueError):
    """The program's arithmetic fails here: too large, below zero, or divided by zero."""


def wide(number: int) -> int:
    """Give a number that 192 bits hold."""
    if not 0 <= number < _WIDE:
        raise MathOverflow(f"{number} is not within 192 bits")
    return number


def stored(number: int) -> int:
    """Give a number that an account's field of 128 bits holds."""
    if not 0 <= number < _STORED:
        raise MathOverflow(f"{number} is not within 128 bits")
    return number


def units(number: int) -> int:
    """Give a token amount, which 64 bits hold."""
    if not 0 <= number < _UNITS:
        raise MathOverflow(f"{number} is not within 64 bits")
    return number


def multiply(a: int, b: int) -> int:
    """Multiply two decimals."""
    return wide(a * b) // WAD


def divide(a: int, b: int) -> int:
    """Divide two decimals."""
    if b == 0:
        raise MathOverflow(f"{a} is divided by zero")
    return div_down(wide(a * WAD), b)


def power(base: int, exponent: int) -> int:
    """Raise a decimal to a whole power by squaring, rounding down at each step."""
    result = WAD
    while exponent:
        if exponent & 1:
            result = multiply(result, base)
        exponent >>= 1
        if exponent:
            base = multiply(base, base)
    return result


def whole(amount: int) -> int:
    """Give an amount of units as a decimal."""
    return wide(amount * WAD)


def floor_units(number: int) -> int:
    """Give a decimal's whole units, rounded down."""
    return units(div_down(number, WAD))


def ceil_units(number: int) -> int:
    """Give a decimal's whole units, rounded up."""
    return units(div_up(number, WAD))
