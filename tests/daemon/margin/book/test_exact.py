"""No certificate is wrong: what floats decide, the contract's integers decide alike."""

import os
import random

import numpy as np
import pytest

from chains.evm.protocols.aave_v3.math import calculate_account_data
from chains.evm.protocols.aave_v3.state import Version
from chains.model.units import USD, WAD
from daemon.margin.book.aave_v3 import AaveNumbers, is_liquidatable
from daemon.margin.book.book import Book
from daemon.margin.book.engine import Engine
from daemon.margin.book.exact import Verdict, bound, decide
from daemon.margin.book.factors import Factors
from daemon.margin.book.valuation import Sums, sum_rows
from tests.daemon.margin.book.fleets import Boundary, make_boundary, spread_health

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
ACCOUNTS = 5_000
SEEDS = 100 if DEEP else 1
"""For each release: 500,000 accounts in `make deep`, a hundredth of that otherwise."""
SPREADS = 50 if DEEP else 2
"""As many times 2,500 ordinary accounts for each release."""


def fill(fleet: Boundary) -> tuple[Book, Factors]:
    numbers, book = AaveNumbers(), Book()
    for user in fleet.users:
        book.append(numbers.describe(user))
    return book, numbers.build_factors(fleet.market)


def sum_all(book: Book, factors: Factors, engine: Engine | None = None) -> Sums:
    rows = np.arange(book.columns.size)
    return sum_rows(book.columns, factors, rows, engine=engine)


def compare(fleet: Boundary) -> tuple[int, int, int]:
    """Give how many certificates are wrong, how many rows undecided, how many under 1."""
    book, factors = fill(fleet)
    verdicts = bound(sum_all(book, factors), factors.formula).judge()
    under = np.array([is_liquidatable(fleet.market, user) for user in fleet.users])
    wrong = ((verdicts == Verdict.HEALTHY) & under) | ((verdicts == Verdict.LIQUIDATABLE) & ~under)
    undecided = verdicts == Verdict.UNDECIDED
    return int(wrong.sum()), int(undecided.sum()), int(under.sum())


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_certificate_at_the_boundary_is_wrong(version: Version, seed: int) -> None:
    wrong, undecided, under = compare(make_boundary(version, ACCOUNTS, seed))

    assert wrong == 0
    assert 0 < undecided < ACCOUNTS
    assert ACCOUNTS // 20 < under < ACCOUNTS * 19 // 20, "both sides of the boundary are met"


@pytest.mark.parametrize("version", Version)
def test_ordinary_accounts_above_a_dollar_are_decided_by_floats(version: Version) -> None:
    spread = [make_ordinary(version, seed) for seed in range(SPREADS)]

    found = [compare(fleet) for fleet in spread]

    accounts = sum(len(fleet.users) for fleet in spread)
    assert not any(wrong for wrong, _, _ in found)
    assert accounts > 2_000 * SPREADS
    assert sum(undecided for _, undecided, _ in found) < accounts / 1_000


def make_ordinary(version: Version, seed: int) -> Boundary:
    """Make accounts that owe more than a dollar at healths from a third to three."""
    source = random.Random(seed)  # noqa: S311 -- the same accounts each time
    fleet = make_boundary(version, 2_500, 1_000 + seed)
    users = [spread_health(user, 10 ** source.uniform(-0.5, 0.5)) for user in fleet.users]
    data = [calculate_account_data(fleet.market, user) for user in users]
    users = [user for user, each in zip(users, data, strict=True) if each.debt > USD]
    return Boundary(market=fleet.market, users=users)


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("engine", Engine)
def test_integers_decide_whom_floats_cannot_and_nobody_else(
    version: Version, engine: Engine
) -> None:
    fleet = make_boundary(version, 500, 7)
    book, factors = fill(fleet)
    verdicts = bound(sum_all(book, factors, engine), factors.formula).judge()
    asked: list[int] = []

    def is_under(row: int) -> bool:
        asked.append(row)
        return is_liquidatable(fleet.market, fleet.users[row])

    found = decide(np.arange(500), verdicts, is_under)

    exact = [row for row, user in enumerate(fleet.users) if is_liquidatable(fleet.market, user)]
    assert found.tolist() == exact
    assert asked == np.flatnonzero(verdicts == Verdict.UNDECIDED).tolist()


@pytest.mark.parametrize("version", Version)
def test_a_lower_bound_is_never_above_the_pools_own_health(version: Version) -> None:
    fleet = make_boundary(version, 500, 11)
    book, factors = fill(fleet)
    low = bound(sum_all(book, factors), factors.formula).health_low

    for user, least in zip(fleet.users, low.tolist(), strict=True):
        shown = calculate_account_data(fleet.market, user).health + 1
        assert least <= shown / WAD * (1 + 1e-15)
