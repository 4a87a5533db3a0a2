"""What the margin engine found out about one margin account."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from chains.model.anchor import BlockAnchor
from chains.model.health import Health, WeightedLeg
from chains.model.ids import AccountId, AssetId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.snapshot import BookGap, ChainGap, PublishedBook, ScannedMarket
from chains.model.units import BPS, WAD, Usd, Wad, div_down, div_up
from daemon.margin.risk import Form, Tier

ONE: Final = Wad(WAD)
"""The ratio of whatever is not staked."""


def convert_price(price: Price, *, held: Wad, wanted: Wad, side: Side) -> Price:
    """Give the price of a form with ratio `wanted` that follows from that of one with `held`.

    Rounded once, against the account: down for collateral, up for the other sides. Between equal
    ratios it is the very price.
    """
    if held == wanted:
        return price
    divide = div_down if side is Side.COLLATERAL else div_up
    return replace(
        price,
        usd=Usd(divide(price.usd * wanted, held)),
        confidence=Usd(div_up(price.confidence * wanted, held)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRange:
    """One underlying's lowest and highest validated protocol price over the account's chains.

    `low` and `high` are prices as their feeds gave them, of whichever form; `ratios` are those of
    the underlying's staked forms, by which prices of forms are compared and converted.
    """

    symbol: str
    low: Price
    high: Price
    tier: Tier = Tier.ALT
    ratios: Mapping[AssetId, Wad] = field(default_factory=dict)

    def ratio_of(self, asset: AssetId) -> Wad:
        """Give a form's ratio; that of a form which is not staked is 1."""
        return self.ratios.get(asset, ONE)

    def price_of(self, asset: AssetId, side: Side) -> Price:
        """Give the price at which a form counts: the range's low for collateral, else its high."""
        return self._convert(side, self.ratio_of(asset))

    def usd(self, side: Side) -> Usd:
        """Give the range's end for a side, per whole token of the underlying itself."""
        return self._convert(side, ONE).usd

    def _convert(self, side: Side, wanted: Wad) -> Price:
        end = self.low if side is Side.COLLATERAL else self.high
        return convert_price(end, held=self.ratio_of(end.asset), wanted=wanted, side=side)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginLeg:
    """A leg with the price and the weights it counts with in the unified figure.

    `form` is None for an asset that is not declared; `ratio` that of a staked form, None for
    others and where it is not known. `published` is the digest of the book that a requirement
    follows from, None for what was read on a chain.
    """

    position: Position
    leg: Leg
    underlying: str
    form: Form | None
    ratio: Wad | None
    price: Price
    weighted: WeightedLeg
    published: bytes | None = None

    @property
    def valid(self) -> bool:
        """Whether both the protocol's own price and the one it counts at may be believed."""
        return self.leg.price.valid and self.price.valid

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
class Standard:
    """Health in standard mode: with maintenance margins and thresholds, and with initial ones."""

    maintenance: Health
    initial: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a venue's account by itself: a sub-account, or an isolated position."""

    position: Position
    standard: Standard


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReport:
    """What a published book adds: its losses to every figure, its gains to `standard` alone.

    `required` is what its losses and margins ask of the unified figure; `leg` states that beside
    what was read on an EVM chain, None where it cannot be stated or nobody signed it.
    """

    book: PublishedBook
    parts: tuple[Part, ...]
    standard: Standard
    required: Usd
    leg: MarginLeg | None = None

    @property
    def weighted(self) -> WeightedLeg:
        """What the book enters the unified figure with."""
        return (
            self.leg.weighted
            if self.leg
            else WeightedLeg(side=Side.REQUIREMENT, value=self.required)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReport:
    """The four numbers of one margin account, and how far they can be trusted.

    `unified` is None while anything is missing (`incomplete` says what); `low` and `high` are
    then the interval, both None where a chain or a member was never read. `scanned` are the
    markets looked through on the chains that were read. `unvalued` says who has something without
    debts that counts as nothing, since it cannot be valued. `minimum_native` is
    the lowest native health of the positions read, None without debt. `rescuable` is the unified
    factor after what mandates and idle funds allow. `standard` counts published gains too, so it
    is only ever shown. `decision` is the least factor in parts of its floor: below 1 something is
    due; None while the unified figure is unknown, or where nothing is owed.
    """

    account: str
    members: tuple[AccountId, ...]
    taken_at: int
    positions: tuple[Position, ...]
    anchors: tuple[BlockAnchor, ...]
    gaps: tuple[ChainGap, ...]
    incomplete: tuple[str, ...]
    skew_s: int
    max_skew_s: int
    ranges: tuple[PriceRange, ...]
    legs: tuple[MarginLeg, ...]
    unified: Health | None
    low: Health | None
    high: Health | None
    rescuable: Wad | None
    scanned: tuple[ScannedMarket, ...] = ()
    unvalued: tuple[str, ...] = ()
    books: tuple[BookReport | BookGap, ...] = ()
    standard: Standard | None = None
    decision: Wad | None = None

    @property
    def published(self) -> tuple[BookReport, ...]:
        """The books that may be relied on."""
        return tuple(book for book in self.books if isinstance(book, BookReport))

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
