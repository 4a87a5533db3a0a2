"""Integer units and the only two ways to divide them.

USD is held at 1e8 (`Usd`), health at 1e18 (`Wad`), rates and thresholds in basis points (`Bps`).
"""

from dataclasses import dataclass
from typing import Final, NewType

from chains.model.ids import AssetId

Usd = NewType("Usd", int)
"""US dollars x 1e8."""
Wad = NewType("Wad", int)
"""A ratio x 1e18."""
Bps = NewType("Bps", int)
"""A ratio x 1e4."""

USD: Final = 10**8
WAD: Final = 10**18
BPS: Final = 10**4


def div_down(numerator: int, denominator: int) -> int:
    """Divide and round towards minus infinity; the denominator must be positive."""
    if denominator <= 0:
        raise ZeroDivisionError(f"{numerator} / {denominator}: the denominator must be positive")
    return numerator // denominator


def div_up(numerator: int, denominator: int) -> int:
    """Divide and round towards plus infinity; the denominator must be positive."""
    if denominator <= 0:
        raise ZeroDivisionError(f"{numerator} / {denominator}: the denominator must be positive")
    return -(-numerator // denominator)


class MixedAssets(ValueError):
    """Amounts of different assets were added or compared."""


@dataclass(frozen=True, slots=True)
class TokenAmount:
    """Base units of one asset; mixing assets raises MixedAssets."""

    asset: AssetId
    units: int

    def _same(self, other: "TokenAmount") -> int:
        if self.asset != other.asset:
            raise MixedAssets(f"{self.asset} and {other.asset} do not mix")
        return other.units

    def __add__(self, other: "TokenAmount") -> "TokenAmount":
        return TokenAmount(self.asset, self.units + self._same(other))

    def __sub__(self, other: "TokenAmount") -> "TokenAmount":
        return TokenAmount(self.asset, self.units - self._same(other))

    def __lt__(self, other: "TokenAmount") -> bool:
        return self.units < self._same(other)

    def __le__(self, other: "TokenAmount") -> bool:
        return self.units <= self._same(other)


def value_down(units: int, price: Usd, decimals: int) -> Usd:
    """Give the value of base units at a price per whole token, rounded down (collateral)."""
    return Usd(div_down(units * price, 10**decimals))


def value_up(units: int, price: Usd, decimals: int) -> Usd:
    """Give the value of base units at a price per whole token, rounded up (debt)."""
    return Usd(div_up(units * price, 10**decimals))


def units_up(value: Usd, price: Usd, decimals: int) -> int:
    """Give the fewest base units worth at least `value`."""
    return div_up(value * 10**decimals, price)


def units_down(value: Usd, price: Usd, decimals: int) -> int:
    """Give the most base units worth at most `value`."""
    return div_down(value * 10**decimals, price)
