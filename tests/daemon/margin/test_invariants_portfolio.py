"""What holds of portfolio margin for every book."""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioReport, PortfolioSettings
from daemon.margin.scenario_rows import Scenario, standard_rows
from daemon.margin.scenarios import Domain, Perp, RiskBook, RiskLeg
from tests.daemon.margin.risk_books import (
    CHAINS,
    NOW,
    UNDERLYINGS,
    books,
    debt,
    legs,
    make_book,
    scale,
    spot,
)

SLACK: Final = 1e-9
Leg = TypeVar("Leg")
kappas = st.floats(0, 1)


def measure(
    book: RiskBook, kappa: float | None = None, rows: tuple[Scenario, ...] | None = None
) -> PortfolioReport:
    return evaluate_portfolio(book, PortfolioSettings(kappa=kappa, rows=rows), now=NOW)


def below(smaller: float, larger: float) -> bool:
    return smaller <= larger + SLACK * max(1.0, abs(larger))


def merge(first: RiskBook, second: RiskBook) -> RiskBook:
    return replace(
        first,
        domains={**second.domains, **first.domains},
        spots=(*first.spots, *(replace(leg, id=f"{leg.id} too") for leg in second.spots)),
        debts=(*first.debts, *(replace(leg, id=f"{leg.id} too") for leg in second.debts)),
        perps=(*first.perps, *(replace(leg, id=f"{leg.id} too") for leg in second.perps)),
        options=(*first.options, *(replace(leg, id=f"{leg.id} too") for leg in second.options)),
    )


@given(books(), st.none() | kappas)
def test_every_figure_is_a_number_and_the_risk_is_never_negative(
    book: RiskBook, kappa: float | None
) -> None:
    report = measure(book, kappa)

    figures = [report.c0, report.r0, report.maintenance, report.initial, report.minimum]
    figures += [found.usd for found in report.components]
    figures += [found.loss for found in report.scenarios]
    figures += [greek for found in report.greeks.values() for greek in found.values()]
    assert all(math.isfinite(figure) for figure in figures)
    assert report.risk >= 0
    assert report.minimum >= 0
    assert report.initial >= report.maintenance >= 0
    assert report.factor is None or report.factor >= 0


@given(books(), kappas, kappas)
def test_more_recognition_never_asks_for_more(book: RiskBook, one: float, other: float) -> None:
    less, more = sorted((one, other))

    assert below(measure(book, more).maintenance, measure(book, less).maintenance)


@given(books(), books())
def test_scenarios_of_two_books_are_together_at_most_their_sum(
    first: RiskBook, second: RiskBook
) -> None:
    rows = standard_rows()

    def lose(book: RiskBook) -> float:
        report = measure(book, 1.0, rows=rows)
        return report.worst.loss if report.worst else 0.0

    assert below(lose(merge(first, second)), lose(first) + lose(second))


@given(books(options=False), books(options=False))
def test_risk_of_two_linear_books_is_together_at_most_their_sum(
    first: RiskBook, second: RiskBook
) -> None:
    together = measure(merge(first, second), 1.0)
    apart = measure(first, 1.0), measure(second, 1.0)

    assert below(together.risk, apart[0].risk + apart[1].risk)
    assert below(together.minimum, apart[0].minimum + apart[1].minimum)


@given(books(options=False))
def test_a_portfolio_asks_for_at_most_what_its_domains_ask_for_alone(book: RiskBook) -> None:
    alone = math.fsum(measure(book.of_domain(name)).maintenance for name in book.domains)

    assert below(measure(book, 1.0).maintenance, alone)


@given(books(), st.randoms(use_true_random=False))
def test_the_order_of_legs_changes_nothing(book: RiskBook, random: Random) -> None:
    def shuffle(found: Sequence[Leg]) -> tuple[Leg, ...]:
        return tuple(random.sample(found, len(found)))

    shuffled = RiskBook(
        domains=dict(reversed(list(book.domains.items()))),
        spots=shuffle(book.spots),
        debts=shuffle(book.debts),
        perps=shuffle(book.perps),
        options=shuffle(book.options),
    )

    assert measure(shuffled, 0.7) == measure(book, 0.7)


@given(books(), st.floats(1e-3, 1e3))
def test_a_book_of_another_size_asks_for_as_much_in_parts(book: RiskBook, factor: float) -> None:
    small, large = measure(book, 0.7), measure(scale(book, factor), 0.7)

    assert large.maintenance == pytest.approx(small.maintenance * factor, rel=1e-9, abs=1e-9)
    if small.factor is None:
        assert large.factor is None
    else:
        assert large.factor == pytest.approx(small.factor, rel=1e-9)


@given(books(), st.floats(1.0, 1e6))
def test_more_stable_collateral_never_lowers_the_factor(book: RiskBook, value: float) -> None:
    before = measure(book, 1.0)
    added = spot(value, domain="a", underlying="USDC", lt=0.98, id="added")
    after = measure(replace(book, spots=(*book.spots, added)), 1.0)

    if before.factor is not None and before.factor <= 1 and before.c0 > 0:
        assert after.factor is not None
        assert after.factor >= before.factor * (1 - SLACK)


@given(books(), st.floats(1.0, 1e6))
def test_more_debt_never_raises_what_is_left(book: RiskBook, value: float) -> None:
    owed = debt(value, domain="a", id="added", underlying="USDC")
    before = measure(book, 1.0)
    after = measure(replace(book, debts=(*book.debts, owed)), 1.0)

    assert after.c0 - after.r0 < before.c0 - before.r0
    assert below(after.equity, before.equity + 0.1 * value)


@given(legs("a"), legs("b"))
def test_published_legs_never_add_to_what_decides(
    own: Sequence[RiskLeg], told: Sequence[RiskLeg]
) -> None:
    read = make_book(*own)
    domains = {"b": Domain(id="b", chain=CHAINS[1], venue="perps", published=True, margin=1e6)}
    both = make_book(*own, *told, **domains)

    alone, together = measure(read), measure(both)

    assert together.c0 <= alone.c0
    assert together.r0 >= alone.r0
    assert below(alone.maintenance, together.maintenance)


@given(legs("a"), st.floats(0, 1e4))
def test_an_isolated_domain_takes_what_was_posted_at_most(
    own: Sequence[RiskLeg], margin: float
) -> None:
    isolated = Domain(id="b", chain=CHAINS[0], venue="pair", isolated=True, margin=margin)
    bet = Perp(
        id="bet",
        domain="b",
        chain=CHAINS[0],
        underlying="LINK",
        tier=spot(underlying="LINK").tier,
        size=-1e5,
        entry=6.0,
        mark=12.0,
        initial=0.1,
        maintenance=0.05,
    )
    with_it = measure(make_book(*own, bet, b=isolated))
    without = measure(make_book(*own))

    assert with_it.r0 - without.r0 == pytest.approx(margin, rel=1e-9, abs=1e-6)
    assert with_it.c0 == without.c0
    assert with_it.maintenance == without.maintenance


@given(books(), st.floats(1, 2.5), st.floats(1, 2.5))
def test_more_volatility_never_asks_for_less(book: RiskBook, one: float, other: float) -> None:
    def ask(multiplier: float) -> float:
        wider = dict.fromkeys(UNDERLYINGS, multiplier)
        linear = replace(book, options=())
        return evaluate_portfolio(linear, PortfolioSettings(multipliers=wider), now=NOW).maintenance

    calm, wild = sorted((one, other))

    assert below(ask(calm), ask(wild))


@given(books(), st.floats(0.1, 0.9))
def test_a_position_in_two_parts_asks_for_as_much_as_whole(book: RiskBook, part: float) -> None:
    halves = merge(scale(book, part), scale(book, 1 - part))

    whole, split = measure(book, 0.7), measure(halves, 0.7)

    assert split.r0 == pytest.approx(whole.r0, rel=1e-9, abs=1e-6)
    assert split.maintenance == pytest.approx(whole.maintenance, rel=1e-9, abs=1e-6)
