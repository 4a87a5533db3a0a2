"""The book's index: after any move of prices it finds whom a full pass finds, and no others."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.protocols.aave_v3.state import Version
from daemon.margin.book.aave_v3 import AaveNumbers, is_liquidatable
from daemon.margin.book.arrays import Floats
from daemon.margin.book.book import MOST_DIRTY, Book
from daemon.margin.book.certificate import CAP, certify, find_candidates
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import Engine
from daemon.margin.book.exact import bound
from daemon.margin.book.factors import Factors, Formula
from daemon.margin.book.sorted_prices import LEAST_ROWS, PairPrices, find_pairs
from daemon.margin.book.valuation import sum_rows, value_all
from daemon.margin.scenarios import InvalidRiskInput
from tests.daemon.margin.book.fleets import (
    make_boundary,
    make_columns,
    make_factors,
    make_values,
    spread_health,
)

ROUNDS = 200
SIZE = 3_000


def find_all(columns: Columns, factors: Factors, limit: float) -> list[int]:
    """Give the rows whose lower bound is under a limit, by a pass over everybody."""
    sums = sum_rows(columns, factors, np.arange(columns.size))
    return np.flatnonzero(bound(sums, factors.formula).health_low < limit).tolist()


def move(rng: np.random.Generator, values: Floats) -> Floats:
    """Move some prices a little or much, now and then one by far or to nothing."""
    size = rng.choice([1e-4, 3e-3, 0.02, 0.2])
    moved = values * np.exp(rng.normal(0, size, len(values)) * (rng.random(len(values)) < 0.4))
    if rng.random() < 0.1:
        moved[rng.integers(1, len(values))] *= rng.choice([0.0, 1e-3, 30.0])
    return moved


@pytest.mark.parametrize("formula", Formula)
def test_a_tick_finds_the_set_that_a_full_pass_finds_in_200_rounds(formula: Formula) -> None:
    rng = np.random.default_rng(8)
    values = make_values(rng)
    book = Book(make_columns(rng, SIZE))
    looked_at, crossed = 0, 0
    for _ in range(ROUNDS):
        factors = make_factors(move(rng, values), formula=formula)
        for row in rng.integers(0, SIZE, rng.integers(0, 3)):
            book.put(int(row), [(1 + int(rng.integers(24)), rng.lognormal(15, 1)) for _ in "abc"])
        limit = float(rng.choice([1.0, 1.05]))
        rows = book.find_rows(factors, limit=limit)
        found = book.find(factors, limit=limit)
        assert sorted(found.rows.tolist()) == find_all(book.columns, factors, limit)
        looked_at += len(rows)
        crossed += len(found.rows)
        if book.due:
            book.rebase(factors)
    assert crossed <= looked_at < ROUNDS * SIZE * 0.75


@pytest.mark.parametrize("version", Version)
def test_whom_the_pool_would_let_go_is_found_also_among_dust_and_after_a_move(
    version: Version,
) -> None:
    fleet, rng = make_boundary(version, 400, 3), np.random.default_rng(3)
    users = [spread_health(user, rng.uniform(0.7, 1.1)) for user in fleet.users]
    numbers, book = AaveNumbers(), Book()
    for user in users:
        book.append(numbers.describe(user))
    book.rebase(numbers.build_factors(fleet.market))
    for _ in range(4):
        market = fleet.market
        moved = {
            number: replace(one, price=max(1, round((one.price or 0) * rng.uniform(0.97, 1.03))))
            for number, one in market.reserves.items()
        }
        market = replace(market, reserves=moved)
        found = book.find(numbers.build_factors(market)).rows.tolist()
        assert {row for row, user in enumerate(users) if is_liquidatable(market, user)} <= set(
            found
        )


def test_beyond_the_cap_certificates_say_nothing() -> None:
    rng = np.random.default_rng(2)
    values = make_values(rng)
    columns, factors = make_columns(rng, 500), make_factors(values)
    certificates = certify(columns, factors)
    fallen = values.copy()
    fallen[1] *= 0.5
    assert find_candidates(certificates, make_factors(fallen)) is None
    assert find_candidates(certificates, factors, limit=CAP * 1.01) is None
    again = find_candidates(certificates, factors)
    assert again is not None
    assert len(again) < 500


def test_a_dirty_row_is_looked_at_until_it_is_certified() -> None:
    factors = make_factors(np.array([0.0, 1.0, 1.0]))
    book = Book()
    row = book.append([(1, 1e9), (2, 1e6)])
    book.rebase(factors)
    assert book.find_rows(factors).tolist() == []
    book.put(row, [(1, 1e9), (2, 1e9)])
    assert book.find(factors).rows.tolist() == [row]
    book.put(row, [])
    assert book.find(factors).rows.tolist() == []
    book.rebase(factors)
    assert book.find_rows(factors).tolist() == []


@pytest.mark.parametrize("formula", Formula)
def test_both_engines_certify_alike_and_only_who_is_not_kept_apart(formula: Formula) -> None:
    rng = np.random.default_rng(6)
    columns, factors = make_columns(rng, 2_000), make_factors(make_values(rng), formula=formula)
    apart = np.arange(0, 2_000, 3)
    one, other = (certify(columns, factors, apart, engine=engine) for engine in Engine)
    np.testing.assert_allclose(one.ranked, other.ranked, rtol=1e-13)
    assert sorted(one.rows.tolist()) == sorted(other.rows.tolist())
    assert len(one.rows) > 100
    assert not set(one.rows.tolist()) & set(apart.tolist())
    for name in ("held", "owing"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    lonely = Columns.empty()
    lonely.append([(1, 5.0), (14, 1.0)])
    lonely.append([(2, 5.0)] * 8 + [(15, 1.0)])
    lonely.append([(3, 5.0), (16, 1.0)])
    kept = certify(lonely, factors, np.array([0]))
    assert (kept.held.tolist(), kept.owing.tolist()) == ([2, 3], [15, 16])


def test_a_move_too_large_for_the_certificates_has_everybody_certified_anew() -> None:
    rng = np.random.default_rng(2)
    values = make_values(rng)
    book = Book(make_columns(rng, SIZE))
    book.rebase(make_factors(values))
    fallen = values.copy()
    fallen[1] *= 0.3
    factors = make_factors(fallen)
    assert len(book.find_rows(factors)) < SIZE
    assert sorted(book.find(factors).rows.tolist()) == find_all(book.columns, factors, 1.0)


def test_a_rebase_is_due_after_many_changes_which_are_looked_at_meanwhile() -> None:
    rng = np.random.default_rng(2)
    factors = make_factors(make_values(rng))
    book = Book(make_columns(rng, 3 * MOST_DIRTY))
    book.rebase(factors)
    dues = []
    for row in range(MOST_DIRTY + 1):
        dues.append(book.due)
        book.put(row, [(1, 1.0), (14, 1e9)])
    assert not any(dues)
    assert book.due
    assert set(range(MOST_DIRTY + 1)) <= set(book.find(factors).rows.tolist())


async def test_an_event_loop_goes_on_while_a_book_is_certified_in_a_thread() -> None:
    rng = np.random.default_rng(2)
    book, factors = Book(make_columns(rng, 300_000)), make_factors(make_values(rng))
    book.rebase(factors)
    turns = 0
    async with asyncio.TaskGroup() as group:
        work = group.create_task(asyncio.to_thread(book.rebase, factors))
        while not work.done():
            await asyncio.sleep(0)
            turns += 1
    assert turns > 20


@given(st.floats(0.3, 3.0), st.floats(0.3, 3.0))
def test_pairs_are_found_by_the_price_at_which_they_cross(fall: float, rise: float) -> None:
    rng = np.random.default_rng(4)
    columns = Columns.empty()
    for place in range(60):
        held, owed = (1, rng.lognormal(20, 1)), (4, rng.lognormal(19, 1))
        columns.append([held, owed] if place % 2 else [owed, held])
    values = np.array([0.0, 3.0, 1.0, 1.0, 2.0, 1.0, 1.0])
    then = make_factors(values)
    rows = find_pairs(columns, then)
    assert rows.tolist() == list(range(60))
    prices = PairPrices.of(columns, then, rows)
    now = make_factors(values * np.array([0, fall, 1, 1, rise, 1, 1]))
    found = set(prices.find_candidates(now).tolist())
    health = value_all(columns, now)
    under = set(np.flatnonzero(health < 1).tolist())
    assert under <= found
    assert all(health[row] < 1 + 1e-6 for row in found)


def test_rare_pairs_are_left_to_the_certificates() -> None:
    columns = Columns.empty()
    for _ in range(LEAST_ROWS - 1):
        columns.append([(1, 5.0), (4, 1.0)])
    factors = make_factors(np.array([0.0, 1, 1, 1, 1, 1, 1]))
    assert find_pairs(columns, factors).tolist() == []
    columns.append([(1, 5.0), (4, 1.0)])
    assert len(find_pairs(columns, factors)) == LEAST_ROWS


def test_an_asset_without_a_value_hides_nobody() -> None:
    values = np.array([0.0, 1.0, 1.0])
    good = make_factors(values)
    book = Book()
    book.append([(1, 1e9), (2, 1.0)])
    book.rebase(good)
    errors = good.errors.copy()
    errors[1] = np.inf
    blind = Factors(
        formula=Formula.SUM,
        values=np.array([0.0, 0.0, 1.0]),
        thresholds=good.thresholds,
        errors=errors,
        owed=good.owed,
    )
    assert book.find(blind).rows.tolist() == [0]
    assert book.find(good).rows.tolist() == []


@pytest.mark.parametrize("limit", [0.0, -1.0, CAP, float("nan")])
def test_a_limit_out_of_range_is_named(limit: float) -> None:
    with pytest.raises(InvalidRiskInput, match="limit: "):
        Book().find(make_factors(np.array([0.0, 1.0, 1.0])), limit=limit)
