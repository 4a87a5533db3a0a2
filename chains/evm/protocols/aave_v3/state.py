"""What Aave's arithmetic works on: reserves, eMode categories and one user's holdings.

Amounts are base units, prices USD x 1e8 (the oracle's base unit), thresholds basis points,
indices and rates 1e27, times seconds. Pure values; the adapter fills them from a chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from chains.model.ids import Address


class Version(StrEnum):
    """The releases whose arithmetic is replicated."""

    V3_0 = "3.0"
    V3_6 = "3.6"


REVISIONS: Final[Mapping[int, Version]] = MappingProxyType({1: Version.V3_0, 10: Version.V3_6})
"""`POOL_REVISION` of the pool to its release."""


class UnknownRevision(ValueError):
    """The pool's revision is not one whose arithmetic is known: it is refused, not guessed."""


def version_of_revision(revision: int) -> Version:
    """Give the release of a pool's `POOL_REVISION`; UnknownRevision for any other."""
    if (version := REVISIONS.get(revision)) is None:
        known = ", ".join(f"{number} ({name})" for number, name in REVISIONS.items())
        raise UnknownRevision(f"Aave pool revision {revision} is unknown; known are {known}")
    return version


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """One reserve as it stands in the pool, its interest last brought up at `updated_at`.

    `number` is its place in the pool's list and in the bitmaps. `price` is None where the
    oracle gives none. `category` is the eMode category the asset belongs to (3.0 only);
    `grace_until` the time up to which liquidations wait (3.6 only). `debt_ceiling` is not 0 for
    collateral that isolates its user.
    """

    number: int
    asset: Address
    decimals: int
    ltv: int
    liquidation_threshold: int
    liquidation_bonus: int
    protocol_fee: int
    liquidity_index: int
    liquidity_rate: int
    borrow_index: int
    borrow_rate: int
    updated_at: int
    price: int | None
    active: bool = True
    frozen: bool = False
    paused: bool = False
    category: int = 0
    grace_until: int = 0
    debt_ceiling: int = 0

    @property
    def unit(self) -> int:
        """Base units of one whole token."""
        return int(10**self.decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One eMode category.

    3.0: `price` is the category's own price, None where it has no price source; reserves name
    their category. 3.6: reserves belong by the two bitmaps.
    """

    number: int
    ltv: int
    liquidation_threshold: int
    liquidation_bonus: int
    collateral_bitmap: int = 0
    ltv_zero_bitmap: int = 0
    price_source: Address | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StableDebt:
    """Debt at a fixed rate (3.0 only): principal, its yearly rate, and when both were set."""

    principal: int
    rate: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one user has in one reserve: balances at index 1, and the user's two flags."""

    number: int
    scaled_collateral: int = 0
    scaled_debt: int = 0
    stable_debt: StableDebt | None = None
    used_as_collateral: bool = False
    borrowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user's eMode category (0 for none) and holdings in the order of the reserves."""

    holdings: tuple[Holding, ...]
    category: int = 0

    @property
    def empty(self) -> bool:
        """Whether the user has no flag set, which the pool takes for an empty account."""
        return not any(h.used_as_collateral or h.borrowed for h in self.holdings)

    def holding(self, number: int) -> Holding:
        """Give what the user has in a reserve."""
        for holding in self.holdings:
            if holding.number == number:
                return holding
        return Holding(number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A pool at the time `now` of its block.

    `sentinel_allows` is what the price oracle's sentinel says of liquidations; True without one.
    """

    version: Version
    now: int
    reserves: Mapping[int, Reserve]
    categories: Mapping[int, Category] = field(default_factory=dict)
    sentinel_allows: bool = True

    def find(self, asset: Address) -> Reserve:
        """Give the reserve of an asset; ValueError where the pool lists none."""
        for reserve in self.reserves.values():
            if reserve.asset == asset:
                return reserve
        raise ValueError(f"{asset} is not a reserve of this market")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountData:
    """What `getUserAccountData` returns; `health` is 2**256 - 1 without debt."""

    collateral: int
    debt: int
    available_borrows: int
    liquidation_threshold: int
    ltv: int
    health: int
