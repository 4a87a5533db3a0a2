"""The unified health of one margin account: one price range per underlying, or an interval.

Across the account's chains an underlying has one price range; collateral counts at its lowest
validated protocol price and debt at its highest, a staked form at that times its ratio. A chain
that was not read, or a leg whose price or ratio is not valid, leaves no unified figure but an
interval: low holds its collateral at 0 and keeps its last debt, high holds the last quantities at
current prices. What venues publish adds its losses here, and its gains to `standard` alone.
Rounding: chains.model.health.
"""

from collections.abc import Iterable, Iterator

from chains.model.health import Health, WeightedLeg, calculate_health
from chains.model.position import Leg, Position, Side
from chains.model.price import Ratio
from chains.model.snapshot import BookGap, ChainGap, ScannedMarket, Snapshot
from chains.model.units import WAD, Wad, div_down
from daemon.margin.policy import Policy
from daemon.margin.published import weigh_book
from daemon.margin.report import ONE, BookReport, MarginLeg, MarginReport
from daemon.margin.rescuable import calculate_rescuable
from daemon.margin.risk import RiskTable
from daemon.margin.standard import calculate_standard
from daemon.margin.weights import Ranges, known_ratios, price_for, price_ranges, weigh_leg


def evaluate(
    snapshot: Snapshot, policy: Policy, risk: RiskTable, *, max_skew_s: int
) -> MarginReport:
    """Give the four numbers of a margin account at the snapshot's moment."""
    ratios = known_ratios(_ratios_of(snapshot), risk)
    ranges = price_ranges((p for chain in snapshot.read for p in chain.prices), risk, ratios)
    positions = tuple(p for chain in snapshot.read for p in chain.positions)
    legs = tuple(_margin_leg(p, leg, ranges, risk) for p in positions for leg in p.legs)
    books = tuple(weigh_book(book, snapshot, ranges, risk) for book in snapshot.published)
    required = tuple(book.weighted for book in books)
    incomplete = _what_is_missing(snapshot, legs, max_skew_s)
    unified = None if incomplete else calculate_health((*(leg.weighted for leg in legs), *required))
    low, high = (unified, unified) if unified else _interval(snapshot, legs, ranges, risk)
    stated = tuple(book.leg for book in books if book.leg)
    return MarginReport(
        account=snapshot.account,
        members=snapshot.members,
        taken_at=snapshot.taken_at,
        positions=positions,
        anchors=tuple(chain.anchor for chain in snapshot.read),
        gaps=snapshot.gaps,
        incomplete=incomplete,
        skew_s=snapshot.skew_s,
        max_skew_s=max_skew_s,
        ranges=tuple(ranges.values()),
        legs=legs + stated,
        unified=unified,
        low=low,
        high=high,
        rescuable=None
        if incomplete
        else calculate_rescuable(snapshot, ranges, policy, risk, required),
        scanned=tuple(market for chain in snapshot.read for market in chain.scanned)
        + tuple(_book_market(leg.position) for leg in stated),
        unvalued=tuple(
            f"{account}: {reason}" for chain in snapshot.read for account, reason in chain.unvalued
        ),
        books=books + tuple(book for book in snapshot.books if isinstance(book, BookGap)),
        standard=calculate_standard(legs, (book.standard for book in books)) if unified else None,
        decision=calculate_decision(policy, positions, books, unified),
    )


def calculate_decision(
    policy: Policy,
    positions: Iterable[Position],
    books: Iterable[BookReport],
    unified: Health | None,
) -> Wad | None:
    """Give the least of every native factor and the unified one, each in parts of its floor.

    The floors are the policy's triggers, 1 where it has none. A native factor that a venue states
    of itself can only lower the figure.
    """
    if unified is None:
        return None
    floors = [band.trigger if band else ONE for band in (policy.native, policy.unified)]
    native = [position.native_health for position in positions]
    native += [part.position.native_health for book in books for part in book.parts]
    factors = [(factor, floors[0]) for factor in native] + [(unified.factor, floors[1])]
    return min(
        (Wad(div_down(factor * WAD, floor)) for factor, floor in factors if factor is not None),
        default=None,
    )


def _book_market(position: Position) -> ScannedMarket:
    return ScannedMarket(
        market=position.market, protocol=position.protocol, version=position.version
    )


def _ratios_of(snapshot: Snapshot) -> Iterator[Ratio]:
    """Give every ratio read, and the last known ones of chains that were not."""
    for chain in snapshot.chains:
        known = chain.last if isinstance(chain, ChainGap) else chain
        yield from known.ratios if known else ()


def _margin_leg(position: Position, leg: Leg, ranges: Ranges, risk: RiskTable) -> MarginLeg:
    price = price_for(leg, ranges, risk)
    underlying = risk.underlying_of(leg.asset).symbol
    found = ranges.get(underlying)
    return MarginLeg(
        position=position,
        leg=leg,
        underlying=underlying,
        form=risk.form_of(leg.asset),
        ratio=found.ratios.get(leg.asset) if found else None,
        price=price,
        weighted=weigh_leg(leg, price, risk),
    )


def _what_is_missing(
    snapshot: Snapshot, legs: Iterable[MarginLeg], max_skew_s: int
) -> tuple[str, ...]:
    missing = [f"{gap.chain}: {gap.reason}" for gap in snapshot.gaps]
    missing += [f"{gap.account}: {gap.reason}" for gap in _book_gaps(snapshot)]
    missing += snapshot.doubts
    missing += [
        f"{account}: {reason}" for chain in snapshot.read for account, reason in chain.unreadable
    ]
    missing += [
        _say_unpriced(leg) for leg in legs if leg.leg.units and leg.counts and not leg.valid
    ]
    if snapshot.skew_s > max_skew_s:
        missing.append(f"the chains' blocks are {snapshot.skew_s} s apart, {max_skew_s} s allowed")
    return tuple(dict.fromkeys(missing))


def _say_unpriced(leg: MarginLeg) -> str:
    price = leg.leg.price
    if price.valid:
        return f"{leg.leg.asset}: its ratio to {leg.underlying} is not known"
    return f"{leg.leg.asset}: the price of feed {price.feed} is {price.status}"


def _interval(
    snapshot: Snapshot, read: tuple[MarginLeg, ...], ranges: Ranges, risk: RiskTable
) -> tuple[Health | None, Health | None]:
    """Give the low and the high figure; None for both where a chain or a member is unknown.

    A book that cannot be relied on keeps its last losses in both.
    """
    lost = _book_gaps(snapshot)
    unknown = (
        any(gap.last is None for gap in snapshot.gaps)
        or any(gap.last is None for gap in lost)
        or any(chain.unreadable for chain in snapshot.read)
    )
    if unknown:
        return None, None
    books = [*snapshot.published, *(gap.last for gap in lost if gap.last)]
    required = [weigh_book(book, snapshot, ranges, risk).weighted for book in books]
    last = tuple(
        _margin_leg(position, leg, ranges, risk)
        for gap in snapshot.gaps
        for position in _last_positions(gap)
        for leg in position.legs
    )
    certain = [*required, *(leg.weighted for leg in read if leg.valid)]
    doubtful = [*(leg for leg in read if not leg.valid), *last]
    low = calculate_health([*certain, *_debts_at_their_worst(doubtful, risk)])
    high = calculate_health([*certain, *(leg.weighted for leg in doubtful)])
    return low, high


def _book_gaps(snapshot: Snapshot) -> tuple[BookGap, ...]:
    return tuple(book for book in snapshot.books if isinstance(book, BookGap))


def _last_positions(gap: ChainGap) -> tuple[Position, ...]:
    return gap.last.positions if gap.last else ()


def _debts_at_their_worst(legs: Iterable[MarginLeg], risk: RiskTable) -> Iterator[WeightedLeg]:
    for leg in legs:
        if leg.leg.side is not Side.COLLATERAL:
            dearest = max(leg.price, leg.leg.price, key=lambda price: price.usd)
            yield weigh_leg(leg.leg, dearest, risk)
