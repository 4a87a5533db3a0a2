"""What the margin engine found out about one margin account."""

from dataclasses import dataclass

from chains.model.anchor import BlockAnchor
from chains.model.health import Health, WeightedLeg
from chains.model.ids import AccountId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.snapshot import ChainGap
from chains.model.units import BPS, Usd, Wad


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRange:
    """One underlying's lowest and highest validated protocol price over the account's chains."""

    symbol: str
    low: Price
    high: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginLeg:
    """A leg with the price and the weights it counts with in the unified figure."""

    position: Position
    leg: Leg
    underlying: str
    price: Price
    weighted: WeightedLeg

    @property
    def counts(self) -> bool:
        """Whether it moves the figure: collateral without threshold or worth does not.

        Anybody can give such collateral to anybody, so it may neither spoil a report nor be
        attested.
        """
        weighted = self.weighted
        if weighted.side is not Side.COLLATERAL:
            return True
        return weighted.liquidation_threshold > 0 and weighted.haircut < BPS

    @property
    def value(self) -> Usd:
        """The value at `price`: collateral rounded down, debt up."""
        return self.weighted.value


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReport:
    """The four numbers of one margin account, and how far they can be trusted.

    `unified` is None while anything is missing (`incomplete` says what); `low` and `high` are
    then the interval, both None where a chain or a member was never read. `minimum_native` is
    the lowest native health of the positions read, None without debt. `rescuable` is the unified
    factor after what mandates and idle funds allow.
    """

    account: str
    members: tuple[AccountId, ...]
    taken_at: int
    positions: tuple[Position, ...]
    anchors: tuple[BlockAnchor, ...]
    gaps: tuple[ChainGap, ...]
    incomplete: tuple[str, ...]
    skew_s: int
    ranges: tuple[PriceRange, ...]
    legs: tuple[MarginLeg, ...]
    unified: Health | None
    low: Health | None
    high: Health | None
    rescuable: Wad | None

    @property
    def complete(self) -> bool:
        """Whether every chain was read, freshly, with valid prices."""
        return not self.incomplete

    @property
    def minimum_native(self) -> Wad | None:
        """The lowest native health factor of the positions read."""
        return min(
            (p.native_health for p in self.positions if p.native_health is not None), default=None
        )
