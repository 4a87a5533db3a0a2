"""A fall reaches every leg, and what its liquidation takes follows from the curves."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.compare import compare_modes
from daemon.margin.scenario_rows import Ranges
from daemon.margin.scenarios import Domain, RiskBook
from daemon.margin.stress import (
    DomainStress,
    StressTerms,
    calculate_equity,
    move_book,
    stress_book,
)
from tests.daemon.margin.risk_books import CHAINS, NOW, books, debt, make_book, option, perp, spot


def one(book: RiskBook, move: float) -> DomainStress:
    [row] = stress_book(book, [move], now=NOW)
    [found] = row.domains
    return found


def lend(venue: str) -> Domain:
    return Domain(id="a", chain=CHAINS[0], venue=venue)


def test_alts_fall_farther_staked_ratios_too_and_stables_stay() -> None:
    book = make_book(
        spot(underlying="LINK"), spot(underlying="ETH", id="staked", staked=True), debt()
    )
    moved = move_book(book, -0.18, Ranges(), now=NOW)
    prices = {leg.underlying: leg.price for leg in moved.spots}
    prices |= {leg.underlying: leg.price for leg in moved.debts}
    assert prices == pytest.approx({"LINK": 12 * 0.65, "ETH": 2_000 * 0.82 * 0.95, "USDC": 1.0})


def test_a_market_liquidates_by_its_protocols_curve() -> None:
    book = make_book(spot(20_000.0), debt(15_000.0), a=lend("aave_v3"))
    assert one(book, -0.1).repaid == 0
    half = one(book, -0.12)
    assert half.health == pytest.approx(20_000 * 0.88 * 0.85 / 15_000)
    assert half.repaid == pytest.approx(7_500)
    assert half.seized == pytest.approx(7_500 * 1.05)
    kamino = one(replace(book, domains={"a": lend("klend")}), -0.12)
    assert kamino.repaid == pytest.approx(3_000)


def test_our_haircuts_and_debt_weights_liquidate_nobody() -> None:
    book = make_book(spot(20_000.0, haircut=0.2), debt(15_000.0, weight=1.2), a=lend("aave_v3"))
    found = one(book, 0.0)
    assert found.health is not None
    assert found.health < 1
    assert found.repaid == 0


def test_the_markets_own_priority_orders_what_is_sold() -> None:
    legs = (spot(8_000.0, underlying="LINK", lt=0.4), spot(20_000.0), debt(18_000.0))
    found = one(make_book(*legs, a=lend("klend")), -0.1)
    assert [part.lot.id for part in found.sales] == ["a LINK held"]
    free = one(make_book(*legs, a=lend("aave_v3")), -0.15)
    assert {part.lot.id for part in free.sales} == {"a LINK held", "a ETH held"}
    assert sum(part.sold for part in free.sales) == pytest.approx(free.seized)


def test_an_account_under_its_margin_is_auctioned_and_an_insolvent_one_paid_for() -> None:
    domain = Domain(id="a", chain=CHAINS[0], venue="desk", margin=2_000.0)
    book = make_book(perp(10_000.0), a=domain)
    solvent = one(book, -0.185).sale
    assert solvent is not None
    assert solvent.paid > 0
    insolvent = one(book, -0.25).sale
    assert insolvent is not None
    assert insolvent.paid < 0
    assert one(book, -0.25).bad_debt == pytest.approx(500)
    assert one(book, 0.1).sale is None


def test_what_one_account_lacks_its_venue_takes_from_fund_others_and_winners() -> None:
    domains = {
        name: Domain(id=name, chain=CHAINS[0], venue="desk", margin=margin)
        for name, margin in (("a", 1_000.0), ("b", 1_000.0))
    }
    legs = (perp(10_000.0, domain="a"), perp(-4_000.0, domain="b"))
    [row] = stress_book(
        make_book(*legs, **domains), [-0.25], StressTerms(fund=200.0, most_factor=0.5), now=NOW
    )
    paid = row.waterfalls["desk"]
    assert paid.drawn == 200
    assert paid.socialised == pytest.approx(0.5 * 2_000)
    assert paid.deleveraged == {"b ETH perp": pytest.approx(300)}
    assert paid.uncovered == pytest.approx(0)


def test_options_are_priced_again() -> None:
    domain = Domain(id="a", chain=CHAINS[0], venue="desk", margin=2_000.0)
    book = make_book(option(1.0, strike=2_000.0), a=domain)
    [down, up] = stress_book(book, [-0.1, 0.1], now=NOW)
    assert -0.1 * 2_000 < down.change < 0
    assert up.change > -down.change


@given(books(), st.floats(-0.9, 0.0))
def test_the_book_is_its_domains_together(book: RiskBook, move: float) -> None:
    [row] = stress_book(book, [move], now=NOW)
    assert row.equity == pytest.approx(
        sum(found.equity for found in row.domains), rel=1e-9, abs=1e-3
    )
    assert row.change == pytest.approx(row.equity - calculate_equity(book), rel=1e-9, abs=1e-3)
    assert all(found.bad_debt >= 0 for found in row.domains)


@given(books(options=False))
def test_cross_margin_never_requires_more_than_its_parts(book: RiskBook) -> None:
    found = compare_modes(book, now=NOW)
    assert found.saved >= -1e-6 * max(1.0, found.isolated.required)
    assert found.cross.worst <= found.isolated.worst * (1 + 1e-9) + 1e-6
    assert found.isolated.contagion == 0
    paid = found.cross.contagion + found.cross.lost
    assert paid >= found.isolated.lost * (1 - 1e-9) - 1e-6


def test_cross_margin_pays_what_isolated_margin_leaves_to_others() -> None:
    book = make_book(
        spot(10_000.0),
        debt(9_000.0),
        spot(50_000.0, domain="b", underlying="USDC"),
    )
    found = compare_modes(book, now=NOW)
    assert found.isolated.lost == pytest.approx(1_000)
    assert found.cross.contagion == pytest.approx(1_000)
    assert found.cross.lost == 0
    assert found.isolated.factor is not None
    assert found.cross.factor is not None
    assert found.cross.factor > 1 > found.isolated.factor
