"""Liquidations that move prices that cause liquidations: run to its fixed point.

Each round: health at the prices of now; every account that is due is liquidated once by its
venue's curve, the collateral of the lowest threshold first; what was seized is sold; prices fall
to p exp(-Y sigma sqrt(Q / ADV)) of everything sold so far, and staked, bridged and parent assets
move along. Sales only add up and prices only fall, so there is a fixed point. What is still owed by
an account that holds nothing is bad debt: the venue's fund pays, then its lenders.
Every dollar is followed: accounts, lenders, liquidators, funds and the market together keep what
there was. Liquidators are taken to hold the asset that they repay: buying it moves no price.
Figures are float64 USD.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from daemon.margin.cascade_book import CascadeBook
from daemon.margin.curves import Floats
from daemon.margin.fund import Waterfall, absorb_loss
from daemon.margin.liquidation import liquidate
from daemon.margin.ordering import IMPACT
from daemon.margin.scenarios import InvalidRiskInput

MOST_ROUNDS: Final = 1_000
NOTHING: Final = 1e-6
"""What an account holds or owes below this (USD) is nothing."""
SIGHT: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shock:
    """Relative `moves` of market prices by asset, and of the `marks` that each venue (row) sees."""

    moves: Floats
    marks: Floats

    @classmethod
    def none(cls, book: CascadeBook) -> Self:
        """Move nothing."""
        shape = (len(book.venues), len(book.assets))
        return cls(moves=np.zeros(shape[1]), marks=np.zeros(shape))


def shock_asset(book: CascadeBook, asset: str, move: float) -> Shock:
    """Move an asset and all that follow it."""
    shock = Shock.none(book)
    for column, found in enumerate(book.assets):
        if asset in (found.id, found.parent):
            shock.moves[column] = move
    return shock


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What each party has gained since before the shock (USD); the sum is nothing."""

    accounts: float
    lenders: float
    liquidators: float
    funds: float
    market: float

    @property
    def residual(self) -> float:
        """What was made out of nothing: rounding, or a mistake."""
        parts = (self.accounts, self.lenders, self.liquidators, self.funds, self.market)
        return math.fsum(parts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CascadeReport:
    """What a shock came to.

    `amplification` is the whole fall of the value of all collateral over that of the shock alone,
    None where the shock moves no price. `bad_debt`, `sold`, `liquidated` (accounts) and `equity`
    (change, no account below 0) are by venue, `moves` by asset. `settled` is false where rounds
    ran out.
    """

    rounds: int
    settled: bool
    initial_move: float
    total_move: float
    moves: Floats
    bad_debt: Floats
    sold: Floats
    liquidated: NDArray[np.intp]
    equity: Floats
    waterfalls: tuple[Waterfall, ...]
    ledger: Ledger

    @property
    def amplification(self) -> float | None:
        """The whole move over the first one."""
        return self.total_move / self.initial_move if self.initial_move else None


def run_cascade(
    book: CascadeBook, shock: Shock, *, most_rounds: int = MOST_ROUNDS
) -> CascadeReport:
    """Run a shock to its fixed point; InvalidRiskInput where a price would not stay positive."""
    if min(shock.moves.min(initial=0.0), shock.marks.min(initial=0.0)) <= -1:
        raise InvalidRiskInput("shock is -100 % or more: a price must stay above nothing")
    run = _Run(book, shock)
    rounds = 0
    while rounds < most_rounds and run.step():
        rounds += 1
    return run.report(rounds, settled=rounds < most_rounds)


class _Run:
    """A cascade on its way: what is left, what was sold, who has what."""

    def __init__(self, book: CascadeBook, shock: Shock) -> None:
        self._book = book
        self._held, self._owed = book.held.copy(), book.owed.copy()
        self._start = book.prices
        self._shocked = self._start * (1 + shock.moves)
        self._prices = self._shocked.copy()
        self._marks = 1 + shock.marks
        self._links = book.link_assets()
        self._volumes = np.array([asset.volume for asset in book.assets])
        self._depth = np.array([IMPACT * asset.daily_vol for asset in book.assets])
        self._thresholds = book.thresholds
        self._orders = np.argsort(self._thresholds, axis=1, kind="stable")
        self._sold_usd = np.zeros(len(book.assets))
        venues = len(book.venues)
        self._sold, self._bad_debt = np.zeros(venues), np.zeros(venues)
        self._touched = np.zeros(len(book.held), dtype=np.bool_)
        self._cash = self._liquidators = self._market = 0.0
        self._move_market(self._start, self._held)

    def step(self) -> bool:
        """Liquidate whoever is due once, write off who has nothing, move prices; or say no."""
        before = self._held.copy()
        taken = np.zeros_like(self._held)
        for number in range(len(self._book.venues)):
            self._visit(number, taken)
        seized = taken.sum(axis=0)
        if not self._write_off() and not seized.any():
            return False
        self._sold_usd += seized * self._prices
        own = -self._depth * np.sqrt(self._sold_usd / self._volumes)
        old, self._prices = self._prices, self._shocked * np.exp(self._links @ own)
        self._liquidators += math.fsum((seized * self._prices).tolist())
        self._move_market(old, before)
        return True

    def report(self, rounds: int, *, settled: bool) -> CascadeReport:
        """Give what came of it."""
        waterfalls = self._absorb()
        drawn = math.fsum(found.drawn for found in waterfalls)
        owed_now, owed_then = self._value(self._owed, self._prices), self._before(self._book.owed)
        lenders = owed_now + self._cash + drawn - owed_then
        accounts = self._value(self._held, self._prices) - owed_now
        accounts -= self._before(self._book.held) - owed_then
        return CascadeReport(
            rounds=rounds,
            settled=settled,
            initial_move=self._index(self._shocked),
            total_move=self._index(self._prices),
            moves=self._prices / self._start - 1,
            bad_debt=self._bad_debt,
            sold=self._sold,
            liquidated=self._by_venue(self._touched.astype(np.float64)).astype(np.intp),
            equity=self._by_venue(self._equity() - self._equity_before()),
            waterfalls=waterfalls,
            ledger=Ledger(
                accounts=accounts,
                lenders=lenders,
                liquidators=self._liquidators,
                funds=-drawn,
                market=self._market,
            ),
        )

    def _visit(self, number: int, taken: Floats) -> None:
        """Liquidate one venue's accounts by what the venue sees."""
        rows = np.flatnonzero((self._book.venue == number) & self._owed.any(axis=1))
        thresholds = self._thresholds[number]
        seen = self._held[rows] * (self._prices * self._marks[number]) * (thresholds > 0)
        value, debt = seen.sum(axis=1), self._owed[rows] @ self._prices
        worth = np.where(value > 0, value, 1.0)
        found = liquidate(value, (seen @ thresholds) / worth, debt, self._book.venues[number].curve)
        due = found.repaid > 0
        rows, seen, seized = rows[due], seen[due], found.seized[due]
        self._touched[rows] = True
        self._take(number, rows, seen, seized, taken)
        self._sold[number] += float((taken[rows] @ self._prices).sum())
        part = found.repaid[due] / debt[due]
        repaid = self._owed[rows] * part[:, None]
        self._owed[rows] -= repaid
        paid = math.fsum((repaid @ self._prices).tolist())
        self._cash += paid
        self._liquidators -= paid

    def _take(
        self, number: int, rows: NDArray[np.intp], seen: Floats, seized: Floats, taken: Floats
    ) -> None:
        """Seize collateral in the venue's order until it is worth what is due."""
        order = self._orders[number]
        ordered = seen[:, order]
        earlier = np.cumsum(ordered, axis=1) - ordered
        filled = np.clip(seized[:, None] - earlier, 0.0, ordered)
        parts = np.divide(filled, ordered, out=np.zeros_like(ordered), where=ordered > 0)
        parts[parts > 1 - SIGHT] = 1.0
        back = np.empty_like(parts)
        back[:, order] = parts
        taken[rows] = self._held[rows] * back
        self._held[rows] -= taken[rows]

    def _write_off(self) -> bool:
        """Turn what is owed by those who hold nothing into bad debt."""
        thresholds = self._thresholds[self._book.venue]
        backing = (self._held * self._prices * (thresholds > 0)).sum(axis=1)
        debt = self._owed @ self._prices
        gone = np.flatnonzero((backing < NOTHING) & (debt > 0))
        np.add.at(self._bad_debt, self._book.venue[gone], debt[gone])
        self._owed[gone] = 0.0
        return bool((debt[gone] > NOTHING).any())

    def _absorb(self) -> tuple[Waterfall, ...]:
        claims = self._by_venue(self._owed @ self._prices)
        return tuple(
            absorb_loss(float(loss), venue.fund, float(claim))
            for venue, loss, claim in zip(self._book.venues, self._bad_debt, claims, strict=True)
        )

    def _move_market(self, old: Floats, held: Floats) -> None:
        """Book what held collateral lost as the market's gain; debts only change sides."""
        self._market += self._value(held, old) - self._value(held, self._prices)

    def _index(self, prices: Floats) -> float:
        """Give the relative change of the value of all collateral at the start."""
        before = self._before(self._book.held)
        return self._value(self._book.held, prices) / before - 1 if before else 0.0

    def _before(self, units: Floats) -> float:
        return self._value(units, self._start)

    @staticmethod
    def _value(units: Floats, prices: Floats) -> float:
        return math.fsum((units.sum(axis=0) * prices).tolist())

    def _by_venue(self, figures: Floats) -> Floats:
        count = len(self._book.venues)
        found = np.bincount(self._book.venue, weights=figures, minlength=count)
        return np.asarray(found, dtype=np.float64)

    def _equity(self) -> Floats:
        return np.maximum((self._held - self._owed) @ self._prices, 0.0)

    def _equity_before(self) -> Floats:
        return np.maximum((self._book.held - self._book.owed) @ self._start, 0.0)
