"""The unified health of one margin account: one price range per underlying, or an interval.

Across the account's chains an underlying has one price range; collateral counts at its lowest
validated protocol price and debt at its highest, a staked form at that times its ratio. A chain
that was not read, or a leg whose price or ratio is not valid, leaves no unified figure but an
interval: low holds its collateral at 0 and keeps its last debt, high holds the last quantities at
current prices. Rounding: chains.model.health.
"""

from collections.abc import Iterable, Iterator

from chains.model.health import Health, WeightedLeg, calculate_health
from chains.model.position import Leg, Position, Side
from chains.model.price import Ratio
from chains.model.snapshot import ChainGap, Snapshot
from daemon.margin.policy import Policy
from daemon.margin.report import MarginLeg, MarginReport
from daemon.margin.rescuable import calculate_rescuable
from daemon.margin.risk import RiskTable
from daemon.margin.weights import Ranges, known_ratios, price_for, price_ranges, weigh_leg


def evaluate(
    snapshot: Snapshot, policy: Policy, risk: RiskTable, *, max_skew_s: int
) -> MarginReport:
    """Give the four numbers of a margin account at the snapshot's moment."""
    ratios = known_ratios(_ratios_of(snapshot), risk)
    ranges = price_ranges((p for chain in snapshot.read for p in chain.prices), risk, ratios)
    positions = tuple(p for chain in snapshot.read for p in chain.positions)
    legs = tuple(_margin_leg(p, leg, ranges, risk) for p in positions for leg in p.legs)
    incomplete = _what_is_missing(snapshot, legs, max_skew_s)
    unified = None if incomplete else calculate_health(leg.weighted for leg in legs)
    low, high = (unified, unified) if unified else _interval(snapshot, legs, ranges, risk)
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
        legs=legs,
        unified=unified,
        low=low,
        high=high,
        rescuable=None if incomplete else calculate_rescuable(snapshot, ranges, policy, risk),
        scanned=tuple(market for chain in snapshot.read for market in chain.scanned),
        unvalued=tuple(
            f"{account}: {reason}" for chain in snapshot.read for account, reason in chain.unvalued
        ),
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
    """Give the low and the high figure; None for both where a chain or a member is unknown."""
    if any(gap.last is None for gap in snapshot.gaps) or any(
        chain.unreadable for chain in snapshot.read
    ):
        return None, None
    last = tuple(
        _margin_leg(position, leg, ranges, risk)
        for gap in snapshot.gaps
        for position in _last_positions(gap)
        for leg in position.legs
    )
    certain = [leg.weighted for leg in read if leg.valid]
    doubtful = [*(leg for leg in read if not leg.valid), *last]
    low = calculate_health([*certain, *_debts_at_their_worst(doubtful, risk)])
    high = calculate_health([*certain, *(leg.weighted for leg in doubtful)])
    return low, high


def _last_positions(gap: ChainGap) -> tuple[Position, ...]:
    return gap.last.positions if gap.last else ()


def _debts_at_their_worst(legs: Iterable[MarginLeg], risk: RiskTable) -> Iterator[WeightedLeg]:
    for leg in legs:
        if leg.leg.side is not Side.COLLATERAL:
            dearest = max(leg.price, leg.leg.price, key=lambda price: price.usd)
            yield weigh_leg(leg.leg, dearest, risk)
