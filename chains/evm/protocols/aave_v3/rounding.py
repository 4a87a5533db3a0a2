"""Aave's fixed-point arithmetic on Python integers, one function per way to round.

Percent is 1e4, wad 1e18, ray 1e27. The contracts round half up where a name says nothing else;
the floor and ceil forms came with the later versions. A divisor of 0 raises ZeroDivisionError,
where the contract reverts.
Source: PercentageMath.sol, WadRayMath.sol of @aave/core-v3 and @aave-dao/aave-v3-origin.
"""

from typing import Final

from chains.model.units import BPS, WAD, div_down, div_up

RAY: Final = 10**27


def div_half_up(numerator: int, denominator: int) -> int:
    """Divide and round half up, as the contracts do: half of the divisor is rounded down."""
    return div_down(numerator + denominator // 2, denominator)


def percent_mul(value: int, percentage: int) -> int:
    """Multiply by basis points, half up."""
    return div_half_up(value * percentage, BPS)


def percent_mul_floor(value: int, percentage: int) -> int:
    """Multiply by basis points, rounded down."""
    return div_down(value * percentage, BPS)


def percent_mul_ceil(value: int, percentage: int) -> int:
    """Multiply by basis points, rounded up."""
    return div_up(value * percentage, BPS)


def percent_div(value: int, percentage: int) -> int:
    """Divide by basis points, half up."""
    return div_half_up(value * BPS, percentage)


def percent_div_floor(value: int, percentage: int) -> int:
    """Divide by basis points, rounded down."""
    return div_down(value * BPS, percentage)


def percent_div_ceil(value: int, percentage: int) -> int:
    """Divide by basis points, rounded up."""
    return div_up(value * BPS, percentage)


def wad_div(a: int, b: int) -> int:
    """Divide to 1e18, half up."""
    return div_half_up(a * WAD, b)


def ray_mul(a: int, b: int) -> int:
    """Multiply at 1e27, half up."""
    return div_half_up(a * b, RAY)


def ray_mul_floor(a: int, b: int) -> int:
    """Multiply at 1e27, rounded down."""
    return div_down(a * b, RAY)


def ray_mul_ceil(a: int, b: int) -> int:
    """Multiply at 1e27, rounded up."""
    return div_up(a * b, RAY)


def ray_div(a: int, b: int) -> int:
    """Divide at 1e27, half up."""
    return div_half_up(a * RAY, b)


def ray_div_floor(a: int, b: int) -> int:
    """Divide at 1e27, rounded down."""
    return div_down(a * RAY, b)


def ray_div_ceil(a: int, b: int) -> int:
    """Divide at 1e27, rounded up."""
    return div_up(a * RAY, b)
