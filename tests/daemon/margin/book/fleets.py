"""Fleets made at random, the same in every run: plain ones, and accounts at the very boundary."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from chains.evm.protocols.aave_v3.math import accrue_index, collateral_accrual, variable_accrual
from chains.evm.protocols.aave_v3.rounding import RAY
from chains.evm.protocols.aave_v3.state import Category, Holding, Market, Reserve, User, Version
from chains.model.position import Side
from chains.model.units import BPS, USD
from daemon.margin.book.arrays import Floats
from daemon.margin.book.columns import Columns
from daemon.margin.book.factors import Factors, Formula
from tests.chains.evm.protocols.aave_v3.building import NOW, market_of, reserve

DECIMALS = (18, 8, 6, 2, 18, 6)
PRICES = (2_000, 60_000, 1, 0.99, 0.000_01, 1.01)
BOOK_ASSETS = 12
DUST = 10**3


def make_factors(values: Floats, *, formula: Formula = Formula.SUM) -> Factors:
    """Give factors of as many collaterals as debts, which come after them."""
    half = len(values) // 2
    numbers = np.arange(len(values))
    thresholds = np.where(numbers > half, BPS, 7_000 + 37 * numbers).astype(np.float64)
    thresholds[0] = 0
    return Factors(
        formula=formula,
        values=values,
        thresholds=thresholds,
        errors=np.where(numbers > 0, 1 + values * 1e-3, 0.0),
        owed=numbers > half,
    )


def make_values(rng: np.random.Generator, assets: int = BOOK_ASSETS) -> Floats:
    """Give a value for each number, the first of padding."""
    return np.concatenate([[0.0], rng.uniform(0.5, 20, 2 * assets)])


def make_columns(rng: np.random.Generator, size: int, assets: int = BOOK_ASSETS) -> Columns:
    """Give rows of none to nine positions, pairs and wide ones among them."""
    counts = rng.choice([0, 1, 2, 2, 3, 4, 5, 6, 7, 9], size)
    total = int(counts.sum())
    second = np.zeros(total, np.bool_)
    second[(np.cumsum(counts) - counts)[counts > 1] + 1] = True
    owed = second | (rng.random(total) < 0.2)
    numbers = rng.integers(1, assets + 1, total) + assets * owed
    amounts = rng.lognormal(15, 1.5, total)
    return Columns.of(counts, numbers.astype(np.uint16), amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """A market and users whose health is 1 give or take 1e-15 to 1e-6, dust among them."""

    market: Market
    users: list[User]


def make_boundary(version: Version, size: int, seed: int) -> Boundary:
    """Make a market with interest that grew since, eMode and odd decimals, and its users."""
    source = random.Random(seed)  # noqa: S311 -- the same fleet each time
    market = _make_market(version, source)
    return Boundary(market=market, users=list(_make_users(market, source, size)))


def _make_market(version: Version, source: random.Random) -> Market:
    reserves = [
        replace(
            reserve(
                number,
                decimals=decimals,
                price=max(1, round(price * USD * source.uniform(0.7, 1.4))),
                threshold=source.choice([0, 1, *[6_500, 7_777, 8_250, 9_300] * 4]),
                liquidity_index=source.randint(RAY, 2 * RAY),
                borrow_index=source.randint(RAY, 2 * RAY),
                rate=source.randint(0, RAY // 5),
                updated_at=NOW - source.randint(0, 10**6),
            ),
            category=number % 2,
        )
        for number, (decimals, price) in enumerate(zip(DECIMALS, PRICES, strict=True))
    ]
    category = Category(
        number=1,
        ltv=9_000,
        liquidation_threshold=9_350,
        liquidation_bonus=10_100,
        collateral_bitmap=0b101010,
        price_source=None,
    )
    return market_of(version, *reserves, categories=(category,))


def _make_users(market: Market, source: random.Random, size: int) -> Iterator[User]:
    for _ in range(size):
        held = source.sample(range(len(DECIMALS)), source.randint(1, 5))
        owed = source.sample(range(len(DECIMALS)), source.randint(1, 4))
        supplies = {number: _choose_units(source, DECIMALS[number]) for number in held}
        debts = {number: _choose_units(source, DECIMALS[number]) // 10 for number in owed[1:]}
        category = source.choice([0, 0, 1])
        debts[owed[0]] = _balance(market, source, category, supplies, debts, owed[0])
        yield User(holdings=_hold(supplies, debts), category=category)


def _choose_units(source: random.Random, decimals: int) -> int:
    """Give dust, or anything between a cent and a billion dollars' worth."""
    if source.random() < 0.1:
        return source.randint(1, DUST)
    return int(10 ** source.uniform(0, decimals + 6)) + 1


def _hold(supplies: dict[int, int], debts: dict[int, int]) -> tuple[Holding, ...]:
    return tuple(
        Holding(
            number=number,
            scaled_collateral=supplies.get(number, 0),
            scaled_debt=debts.get(number, 0),
            used_as_collateral=number in supplies,
            borrowed=number in debts,
        )
        for number in sorted({*supplies, *debts})
    )


def _balance(
    market: Market,
    source: random.Random,
    category: int,
    supplies: dict[int, int],
    debts: dict[int, int],
    last: int,
) -> int:
    """Give what of the last debt brings the health to 1, but for 1e-15 to 1e-6, in integers."""
    weighted, collateral = 0, 0
    for number, units in supplies.items():
        value, threshold = _value(market, Side.COLLATERAL, number, units, category)
        weighted, collateral = weighted + value * threshold, collateral + value * bool(threshold)
    if market.version is Version.V3_0 and collateral and source.random() < 0.5:
        weighted = collateral * (weighted // collateral)
    owed = sum(_value(market, Side.DEBT, number, units, 0)[0] for number, units in debts.items())
    one, _ = _value(market, Side.DEBT, last, 1, 0)
    room = max(weighted - owed * BPS, 0)
    off = source.choice([-1, 1]) * 10 ** source.uniform(-15, -6)
    target = room + (weighted + 1) * round(off * 10**24) // 10**24
    return max(target // (one * BPS), 1)


def _value(market: Market, side: Side, number: int, units: int, category: int) -> tuple[int, int]:
    """Give a value in USD x 1e8 x ray x 1e18, and the threshold it counts with."""
    each: Reserve = market.reserves[number]
    accrual = collateral_accrual if side is Side.COLLATERAL else variable_accrual
    index = accrue_index(market.version, side, accrual(each, Holding(number=number)), market.now)
    covered = bool(category) and number % 2 == 1
    threshold = 9_350 if covered else each.liquidation_threshold
    if market.version is Version.V3_0 and each.liquidation_threshold == 0:
        threshold = 0
    return units * index * (each.price or 0) * 10 ** (18 - each.decimals), threshold


def spread_health(user: User, factor: float) -> User:
    """Give the same account with all its debt times a factor."""
    return replace(
        user,
        holdings=tuple(
            replace(
                one, scaled_debt=max(math.ceil(one.scaled_debt * factor), bool(one.scaled_debt))
            )
            for one in user.holdings
        ),
    )
