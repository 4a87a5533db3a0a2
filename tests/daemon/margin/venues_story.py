"""An account with lending on one chain and a book at a venue, for tests of standard mode."""

from dataclasses import replace
from typing import Any

from chains.book.document import parse_book
from chains.model.ids import Address
from chains.model.position import Leg, Side
from chains.model.snapshot import BookGap, PublishedBook, Snapshot
from chains.model.units import BPS, Bps
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable
from daemon.margin.unified import evaluate
from tests.support import books as b
from tests.support import values as v


def book(
    *parts: dict[str, Any],
    publisher: Address | None = b.PUBLISHER.address,
    gain_weight: int = BPS,
    haircut: int = 0,
) -> PublishedBook:
    terms = b.terms(publisher=publisher, gain_weight=gain_weight, haircut=haircut)
    return parse_book(b.encode(b.document(*parts)), terms).book


def weth(amount: float, threshold: int = 8_500) -> Leg:
    held = v.leg(v.CHEAP, "WETH", Side.COLLATERAL, amount)
    return replace(held, ltv=Bps(threshold - 500), liquidation_threshold=Bps(threshold))


def usdc(amount: float) -> Leg:
    return v.leg(v.CHEAP, "USDC", Side.DEBT, amount)


def snapshot(*legs: Leg, books: tuple[PublishedBook | BookGap, ...] = ()) -> Snapshot:
    suppliable = v.leg(v.CHEAP, "USDC", Side.COLLATERAL, 0)
    position = v.position(
        v.CHEAP, legs, native_health=None if not legs else 2 * 10**18, suppliable=[suppliable]
    )
    return replace(v.snapshot(v.chain_snapshot(v.CHEAP, [position])), books=books)


def report(
    *legs: Leg,
    books: tuple[PublishedBook | BookGap, ...] = (),
    risk: RiskTable | None = None,
) -> MarginReport:
    return judge(snapshot(*legs, books=books), risk)


def judge(taken: Snapshot, risk: RiskTable | None = None) -> MarginReport:
    return evaluate(taken, v.policy(), risk or v.risk_table(), max_skew_s=30)
