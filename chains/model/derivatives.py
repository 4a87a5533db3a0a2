"""Perpetual futures and options as a venue states them: pure values, integers only.

Sizes are whole units of the underlying x 1e18, long positive and short negative; prices are USD
x 1e8 per whole unit. `underlying` is the symbol of the risk table, so that positions of several
venues meet under one name.
"""

from dataclasses import dataclass
from enum import StrEnum

from chains.model.units import WAD, Bps, Usd, Wad, div_down, div_up


class OptionKind(StrEnum):
    """The right that an option gives."""

    CALL = "call"
    PUT = "put"


class OptionStyle(StrEnum):
    """When an option may be exercised."""

    EUROPEAN = "european"
    AMERICAN = "american"


@dataclass(frozen=True, slots=True, kw_only=True)
class Perp:
    """A perpetual future: `size` at `entry`, worth `mark` now.

    `funding` is what has accrued and is not settled, positive where it is owed to the account.
    `initial_bps` and `maintenance_bps` are the venue's margin, as parts of the notional at mark.
    """

    underlying: str
    size: int
    entry: Usd
    mark: Usd
    initial_bps: Bps
    maintenance_bps: Bps
    funding: Usd = Usd(0)

    @property
    def notional(self) -> Usd:
        """The absolute value at mark, rounded up."""
        return self.notional_at(self.mark)

    @property
    def pnl(self) -> Usd:
        """What the position has gained since its entry, funding included, rounded down."""
        return self.pnl_at(self.mark)

    def notional_at(self, price: Usd) -> Usd:
        """Give the absolute value at a price per whole unit, rounded up."""
        return Usd(div_up(abs(self.size) * price, WAD))

    def pnl_at(self, price: Usd) -> Usd:
        """Give the gain at a price per whole unit, funding included, rounded down."""
        return Usd(div_down(self.size * (price - self.entry), WAD) + self.funding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option: `size` contracts on one whole unit each, worth `mark` USD each.

    `expiry` is a time in seconds, `mark_vol` the annual volatility behind the mark (1e18 = 100 %),
    `forward` the price of the underlying at expiry.
    """

    underlying: str
    kind: OptionKind
    style: OptionStyle
    strike: Usd
    expiry: int
    size: int
    mark: Usd
    mark_vol: Wad
    forward: Usd

    @property
    def value(self) -> Usd:
        """The signed value at mark, rounded down: a short option's is negative."""
        return Usd(div_down(self.size * self.mark, WAD))
