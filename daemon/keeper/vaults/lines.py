"""Which lines an account should have: a greedy rule, pure.

A chain is short where the account owes and its spending power (its own collateral that is neither
lent nor locked, and what is lent to it, at loan-to-value) lies under the policy's trigger times its
debt. It is brought to the target: first by taking back what it lent and is not needed there, then
by collateral of the chain with the most to spare. No chain is brought under its own target by what
it lends or gives back. Units are wad, power and debt Usd at each chain's own feeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chains.model.ids import ChainId
from chains.model.units import BPS, WAD, Usd, div_down, div_up
from daemon.margin.policy import Band

Key = tuple[ChainId, ChainId, int]
"""A line: from which chain, to which, in which asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lendable:
    """An asset of an account on a chain: `free` units are neither lent nor locked.

    `price` and `ltv` are the chain's own, 0 where the asset counts nothing there.
    """

    free: int
    price: Usd
    ltv: int

    def power(self, units: int) -> Usd:
        """Give the spending power of units here, rounded down."""
        return Usd(div_down(units * self.price * self.ltv, WAD * BPS))

    def units_for(self, power: int) -> int:
        """Give the fewest units with so much power; none where the asset counts nothing."""
        weight = self.price * self.ltv
        return div_up(power * WAD * BPS, weight) if weight else 0

    def units_within(self, power: int) -> int:
        """Give the most units with at most so much power."""
        return div_down(power * WAD * BPS, self.price * self.ltv)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account's spending on one chain, by its assets' numbers."""

    chain: ChainId
    debt: Usd
    power: Usd
    assets: Mapping[int, Lendable]

    def lacks(self, ratio: int) -> int:
        """Give the power missing to `ratio` (1e18) times the debt; negative is to spare."""
        return div_up(self.debt * ratio, WAD) - self.power


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBook:
    """An account's lines and what more is allowed.

    `lines` are the units that the borrower's chain counts, `rooms` what may be added to each; a
    line without a room may not be raised.
    """

    standings: Mapping[ChainId, Standing]
    lines: Mapping[Key, int]
    rooms: Mapping[Key, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """A line to be raised (on `source`) or lowered (on `borrower`), by units of an asset."""

    raises: bool
    source: ChainId
    borrower: ChainId
    asset: int
    units: int

    @property
    def chain(self) -> ChainId:
        """Where the owner asks for it."""
        return self.source if self.raises else self.borrower


def plan_lines(book: LineBook, band: Band, *, min_size: Usd) -> tuple[LineChange, ...]:
    """Give the changes that bring every short chain to the target, as far as there is to spare.

    What is worth less than `min_size` where it is to count is left out.
    """
    changes: list[LineChange] = []
    short = [s for s in book.standings.values() if s.debt > 0 and s.lacks(band.trigger) > 0]
    for standing in sorted(short, key=lambda s: (div_down(s.power * WAD, s.debt), s.chain)):
        for change in _list_changes(book, standing.chain):
            sized = _size(book, change, band)
            if sized.units and _value(book, sized) >= min_size:
                changes.append(sized)
                book = _apply(book, sized)
    return tuple(changes)


def _list_changes(book: LineBook, chain: ChainId) -> Iterator[LineChange]:
    """Give what could help a chain: first what it lent, then what others have to spare."""
    for source, borrower, asset in sorted(book.lines):
        if source == chain:
            yield LineChange(raises=False, source=chain, borrower=borrower, asset=asset, units=0)
    others = [s for s in book.standings.values() if s.chain != chain]
    for standing in sorted(others, key=lambda s: (-s.power + s.debt, s.chain)):
        for asset in sorted(standing.assets):
            yield LineChange(
                raises=True, source=standing.chain, borrower=chain, asset=asset, units=0
            )


def _size(book: LineBook, change: LineChange, band: Band) -> LineChange:
    """Give a change with as many units as are needed, allowed and to spare."""
    key = change.source, change.borrower, change.asset
    taken, given = (
        (change.source, change.borrower) if change.raises else (change.borrower, change.source)
    )
    giver, getter = book.standings[taken], book.standings[given]
    mine, theirs = giver.assets.get(change.asset), getter.assets.get(change.asset)
    wanted, spare = getter.lacks(band.target), -giver.lacks(band.target)
    if mine is None or theirs is None or not theirs.price * theirs.ltv:
        return change
    if wanted <= 0 or spare <= 0:
        return change
    free = min(mine.free, book.rooms.get(key, 0)) if change.raises else book.lines.get(key, 0)
    if mine.price * mine.ltv:
        free = min(free, mine.units_within(spare))
    return replace(change, units=min(free, theirs.units_for(wanted)))


def _value(book: LineBook, change: LineChange) -> Usd:
    getter = book.standings[change.borrower if change.raises else change.source]
    return Usd(div_down(change.units * getter.assets[change.asset].price, WAD))


def _apply(book: LineBook, change: LineChange) -> LineBook:
    """Give the book as it stands once a change has arrived on both chains."""
    key = change.source, change.borrower, change.asset
    sign = 1 if change.raises else -1
    source = _move(book.standings[change.source], change.asset, -sign * change.units, own=True)
    borrower = _move(book.standings[change.borrower], change.asset, sign * change.units, own=False)
    return LineBook(
        standings={**book.standings, change.source: source, change.borrower: borrower},
        lines={**book.lines, key: book.lines.get(key, 0) + sign * change.units},
        rooms={**book.rooms, key: book.rooms.get(key, 0) - sign * change.units},
    )


def _move(standing: Standing, asset: int, units: int, *, own: bool) -> Standing:
    lendable = standing.assets[asset]
    moved = replace(lendable, free=lendable.free + units) if own else lendable
    weight = lendable.price * lendable.ltv
    power = div_down(units * weight, WAD * BPS)
    return replace(
        standing,
        power=Usd(standing.power + power),
        assets={**standing.assets, asset: moved},
    )


def list_short(book: LineBook, band: Band, changes: Sequence[LineChange]) -> tuple[ChainId, ...]:
    """Give the chains that stay short of the trigger even with the changes."""
    for change in changes:
        book = _apply(book, change)
    found = (s.chain for s in book.standings.values() if s.debt > 0 and s.lacks(band.trigger) > 0)
    return tuple(sorted(found))
