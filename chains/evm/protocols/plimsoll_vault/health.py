"""The unified health of a vault account at one chain's prices, bit for bit: pure integers.

Two bounds. The low one: chains unread beyond grace have no collateral and owe their last debt with
the greatest interest, or what their lines carried at most; locked units are gone. The high one,
which alone opens a seizure: last quantities, top-ups that are not final counted, open orders as if
they were filled. Source: contracts/vault/health.vy, part by part in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chains.evm.protocols.plimsoll_vault.curve import calculate_health
from chains.evm.protocols.plimsoll_vault.state import (
    Abroad,
    Entry,
    Legs,
    Open,
    Quote,
    SeizureTerms,
    Subject,
)
from chains.model.units import BPS, WAD, div_down, div_up

YEAR_S: Final = 365 * 86_400
NEVER: Final = 2**256 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What one chain's entry weighs (USD x 1e8); `weight` is collateral times threshold."""

    weight: int = 0
    debt: int = 0
    low_weight: int = 0
    low_debt: int = 0
    lines_in: int = 0
    locked: int = 0
    locked_weight: int = 0
    matters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a chain makes of an account; `weight` and `debt` are the high bound, orders filled.

    `own_weight` is this chain's part of the weight and `read_weight` that of chains which are not
    unread, `gross_weight` is before orders, which repay `filled`. `abroad` says that there is more
    than dust, or a line, on another chain, `never` that one with a line was not read since that was
    told, `unread` that one is beyond grace, `busy` that an order is open somewhere. `oldest` is the
    earliest time at which another read chain with collateral was read.
    """

    weight: int = 0
    debt: int = 0
    low_weight: int = 0
    low_debt: int = 0
    own_weight: int = 0
    read_weight: int = 0
    gross_weight: int = 0
    filled: int = 0
    abroad: bool = False
    never: bool = False
    unread: bool = False
    busy: bool = False
    oldest: int = NEVER

    @property
    def low(self) -> int:
        """HF_low."""
        return calculate_health(self.low_weight, self.low_debt)

    @property
    def high(self) -> int:
        """HF_high: only under 1 may anything be seized."""
        return calculate_health(self.weight, self.debt)


def judge(subject: Subject) -> Judged:
    """Judge an account as its chain would in a block of that time."""
    legs, market, terms = subject.legs, subject.market, subject.terms
    judged = _add_own(subject, _weigh(_own(legs), market, terms.min_leg, 0))
    judged = replace(judged, abroad=_value_lines(legs, market) >= terms.min_leg)
    for other in subject.abroad:
        if other.lost:
            continue
        if other.entry is None:
            judged = _add_unknown(judged, other, legs, market, terms.min_leg)
        else:
            judged = _add_read(judged, other.entry, market, terms, subject.now)
            old = other.entry.height < other.told_at
            judged = replace(judged, never=judged.never or old)
    return replace(judged, debt=judged.debt - min(judged.filled, judged.debt))


def is_unread(entry: Entry | None, grace_s: int, *, now: int) -> bool:
    """Say whether a chain's entry is older than the grace."""
    return (entry.time if entry else 0) + grace_s < now


def counts(subject: Subject, order: Open) -> bool:
    """Say whether an order counts as filled: not while nobody would fill it."""
    price = subject.market[order.collateral_asset].high
    if order.resting or div_down(order.locked * price, WAD) < order.left:
        return False
    entry = next((o.entry for o in subject.abroad if o.chain == order.debt_chain), None)
    return not is_unread(entry, subject.terms.grace_s, now=subject.now)


def _add_own(subject: Subject, weighed: Weighed) -> Judged:
    filled = gone = 0
    for order in subject.orders:
        if counts(subject, order):
            filled += order.unfilled
            threshold = subject.market[order.collateral_asset].threshold
            gone += div_down(order.unfilled * (BPS + order.bonus_bps) * threshold, BPS * BPS)
    own = weighed.weight - min(gone, weighed.weight)
    return Judged(
        weight=own,
        debt=weighed.debt,
        filled=filled,
        low_weight=weighed.low_weight,
        low_debt=weighed.low_debt,
        own_weight=own,
        read_weight=own,
        gross_weight=weighed.weight,
        busy=bool(subject.orders),
    )


def _add_read(
    judged: Judged, entry: Entry, market: Sequence[Quote], terms: SeizureTerms, now: int
) -> Judged:
    age = now - entry.time
    unread = age > terms.grace_s
    w = _weigh(entry, market, terms.min_leg, age if unread else 0)
    filled = gone = 0
    if entry.ordered > 0 and w.locked >= entry.ordered:
        filled = entry.ordered
        gone = min(div_down(entry.ordered * w.locked_weight, w.locked), w.weight)
    fresh = not unread
    return replace(
        judged,
        weight=judged.weight + w.weight - gone,
        debt=judged.debt + w.debt,
        filled=judged.filled + filled,
        low_weight=judged.low_weight + w.low_weight,
        low_debt=judged.low_debt + (max(w.low_debt, w.lines_in) if unread else w.low_debt),
        read_weight=judged.read_weight + (w.weight - gone if fresh else 0),
        gross_weight=judged.gross_weight + w.weight,
        abroad=judged.abroad or w.matters,
        unread=judged.unread or unread,
        busy=judged.busy or entry.ordered > 0 or w.locked >= terms.min_leg,
        oldest=min(judged.oldest, entry.time) if fresh and w.weight > 0 else judged.oldest,
    )


def _add_unknown(
    judged: Judged, other: Abroad, legs: Legs, market: Sequence[Quote], min_leg: int
) -> Judged:
    """Add a chain that no statement told of: only lines say what may be there."""
    never, lines = judged.never, 0
    for number in range(len(legs.lines_out)):
        if legs.lines_out[number] > 0:
            lines += div_up(other.line_out[number] * market[number].carry, WAD)
        if legs.lines_in[number] > 0:
            never = never or div_up(other.line_in[number] * market[number].high, WAD) >= min_leg
    return replace(
        judged,
        low_debt=judged.low_debt + lines,
        never=never or lines >= min_leg,
        unread=True,
    )


def _weigh(entry: Entry, market: Sequence[Quote], min_leg: int, age: int) -> Weighed:
    """Weigh an entry; an age other than 0 is that of an unread chain."""
    total = Weighed()
    for number, quote in enumerate(market):
        total = _add_asset(total, entry, number, quote, min_leg, age)
    return total


def _add_asset(
    total: Weighed, entry: Entry, number: int, quote: Quote, min_leg: int, age: int
) -> Weighed:
    collateral, debt, locked = entry.collateral[number], entry.debt[number], entry.locked[number]
    held = div_down((collateral + entry.added[number]) * quote.high, WAD)
    kept = div_down((collateral - min(locked, collateral)) * quote.low, WAD)
    owed = debt - min(entry.repaid[number], debt)
    grown = debt + div_up(debt * quote.max_rate * age, WAD * YEAR_S)
    most = div_up(grown * quote.high, WAD)
    locked_value = div_down(locked * quote.high, WAD)
    threshold = quote.threshold
    return Weighed(
        weight=total.weight + (div_down(held * threshold, BPS) if held >= min_leg else 0),
        debt=total.debt + div_up(owed * quote.low, WAD),
        low_weight=total.low_weight
        + (div_down(kept * threshold, BPS) if kept >= min_leg and age == 0 else 0),
        low_debt=total.low_debt + most,
        lines_in=total.lines_in + div_up(entry.lines_in[number] * quote.carry, WAD),
        locked=total.locked + locked_value,
        locked_weight=total.locked_weight + div_down(locked_value * threshold, BPS),
        matters=total.matters or held >= min_leg or most >= min_leg,
    )


def _own(legs: Legs) -> Entry:
    nothing = (0,) * len(legs.collateral)
    return Entry(
        height=0,
        time=0,
        collateral=legs.collateral,
        debt=legs.debt,
        locked=legs.locked,
        added=nothing,
        repaid=nothing,
        lines_in=legs.lines_in,
        ordered=0,
    )


def _value_lines(legs: Legs, market: Sequence[Quote]) -> int:
    return sum(
        div_up((legs.lines_in[number] + legs.lines_out[number]) * market[number].high, WAD)
        for number in range(len(legs.lines_in))
    )
