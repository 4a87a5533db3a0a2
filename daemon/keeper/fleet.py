"""The borrowers of one Aave market whose positions are known, as a book: pure.

At each head the market's state is new and the positions are as they were read. Whether they still
hold is seen whenever the pool is asked: its figures lie within the bounds of ours, or the account
is read again.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import numpy as np

from chains.evm.protocols.aave_v3.math import NO_DEBT, PriceMissing, calculate_account_data
from chains.evm.protocols.aave_v3.state import AccountData, Market, User
from chains.model.ids import AccountId
from chains.model.units import WAD, Usd, Wad
from daemon.margin.book.aave_v3 import AaveNumbers, is_liquidatable
from daemon.margin.book.arrays import Bools, Floats
from daemon.margin.book.book import Book
from daemon.margin.book.exact import Bounds, bound, decide
from daemon.margin.book.factors import Factors
from daemon.margin.book.valuation import Sums, sum_rows

MOST_DECIDED: Final = 100
_SLACK: Final = 1e-9
"""Covers the figures' own last digits where they are compared as floats."""

_LAST_DIGIT: Final = 2 / WAD


class Fleet:
    """Known positions at the newest state of their market."""

    def __init__(self) -> None:
        self._numbers: Final = AaveNumbers()
        self._book: Final = Book()
        self._rows: dict[AccountId, int] = {}
        self._accounts: list[AccountId] = []
        self._users: dict[AccountId, User] = {}
        self._market: Market | None = None
        self._factors: Factors | None = None

    @property
    def accounts(self) -> Collection[AccountId]:
        """Whose positions are known."""
        return self._users.keys()

    def move(self, market: Market) -> None:
        """Take up the market's newest state."""
        self._market, self._factors = market, None

    @property
    def due(self) -> bool:
        """Say whether a rebase would make it faster to find who is near."""
        return bool(self._users) and self._book.due

    def rebase(self) -> None:
        """Certify everybody at the newest state: tens of milliseconds for a million accounts."""
        if (factors := self._build_factors()) is not None:
            self._book.rebase(factors)

    def put(self, account: AccountId, user: User) -> None:
        """Keep an account's positions; for stable debt InvalidRiskInput, and none are kept."""
        self.forget(account)
        positions = self._numbers.describe(user)
        if (row := self._rows.get(account)) is None:
            self._rows[account] = self._book.append(positions)
            self._accounts.append(account)
        else:
            self._book.put(row, positions)
        self._users[account] = user

    def forget(self, account: AccountId) -> None:
        """Drop an account's positions."""
        if self._users.pop(account, None) is not None:
            self._book.put(self._rows[account], ())

    def find_near(self, limit: Wad) -> frozenset[AccountId]:
        """Give who may be under a limit at the state as it was last read."""
        if (factors := self._build_factors()) is None:
            return frozenset()
        found = self._book.find(factors, limit=limit / WAD)
        return frozenset(self._accounts[row] for row in found.rows)

    def find_unhealthy(self, *, least_debt: Usd) -> Mapping[AccountId, AccountData]:
        """Give, in the pool's own integers, who is under 1: MOST_DECIDED of the largest debts."""
        market, factors = self._market, self._build_factors()
        if market is None or factors is None:
            return {}
        found = self._book.find(factors)
        worth = np.flatnonzero(found.bounds.debt_high >= least_debt)
        worth = worth[np.argsort(-found.sums.debt[worth], kind="stable")][:MOST_DECIDED]
        under = decide(found.rows[worth], found.bounds.judge()[worth], self._is_under(market))
        users = {self._accounts[row]: self._users[self._accounts[row]] for row in under}
        return {who: calculate_account_data(market, user) for who, user in users.items()}

    def find_changed(self, reported: Mapping[AccountId, AccountData]) -> list[AccountId]:
        """Give those the pool values otherwise than we do, in the order they came in.

        Whose positions are not known is among them. `reported` is of the state last taken up.
        """
        factors = self._build_factors()
        if factors is None:
            return list(reported)
        known = [account for account in reported if account in self._users]
        rows = np.array([self._rows[account] for account in known], np.int64)
        sums = sum_rows(self._book.columns, factors, rows)
        bounds = bound(sums, factors.formula)
        alike = _match([reported[account] for account in known], sums, bounds)
        same = {account for account, holds in zip(known, alike.tolist(), strict=True) if holds}
        return [account for account in reported if account not in same]

    def _is_under(self, market: Market) -> Callable[[int], bool]:
        def is_under(row: int) -> bool:
            try:
                return is_liquidatable(market, self._users[self._accounts[row]])
            except PriceMissing:
                return False

        return is_under

    def _build_factors(self) -> Factors | None:
        """Give what positions count at the newest state; None before there is one."""
        stale = self._factors is None or len(self._factors) != len(self._numbers)
        if stale and self._market is not None:
            self._factors = self._numbers.build_factors(self._market)
        return self._factors


def _match(reported: list[AccountData], sums: Sums, bounds: Bounds) -> Bools:
    """Say whose reported figures our positions explain."""
    collateral = np.array([float(one.collateral) for one in reported])
    debt = np.array([float(one.debt) for one in reported])
    health = np.array([one.health / WAD if one.health != NO_DEBT else np.inf for one in reported])
    with np.errstate(divide="ignore", invalid="ignore"):
        highest = bounds.backing_high / np.maximum(bounds.debt_low, 0)
    found: Bools = (
        (np.abs(collateral - sums.collateral) <= _allow(sums.collateral, sums.lost_collateral))
        & (np.abs(debt - sums.debt) <= _allow(sums.debt, sums.lost_debt))
        & (health + _LAST_DIGIT >= bounds.health_low * (1 - _SLACK))
        & ~(health > highest * (1 + _SLACK))
    )
    return found


def _allow(total: Floats, lost: Floats) -> Floats:
    return total * _SLACK + lost * (1 + _SLACK)
