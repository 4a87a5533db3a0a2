"""Which liquidation of a user is worth most: every pair, at the sizes where the rules bend.

A pair is tried at the most the pool allows, at the keeper's own limit, and, on 3.6, at the most
that still leaves no dust. Gains are gross: the oracle's prices, before gas and swaps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chains.evm.protocols.aave_v3.liquidation import (
    EVERYTHING,
    MIN_LEFTOVER,
    Liquidation,
    calculate_max_debt,
    collateral_for,
    liquidate_pair,
)
from chains.evm.protocols.aave_v3.math import counts_as_collateral
from chains.evm.protocols.aave_v3.pair import Blocked, Pair, find_pair
from chains.evm.protocols.aave_v3.state import Holding, Market, User, Version
from chains.model.units import div_down, div_up


class Size(StrEnum):
    """What bounds the amount of a liquidation."""

    MAXIMUM = "maximum"
    LIMIT = "limit"
    DUST_EDGE = "dust_edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One liquidation that the pool would accept.

    `debt_to_cover` is what to send: for MAXIMUM it is EVERYTHING, because the debt grows by
    inclusion and the exact figure would then leave dust; `outcome.debt_repaid` is what it costs
    at the market's time.
    """

    size: Size
    debt_to_cover: int
    outcome: Liquidation


def rank_liquidations(
    market: Market, user: User, limits: Mapping[int, int] | None = None
) -> tuple[Choice, ...]:
    """Give every acceptable liquidation, the highest gross bonus first, ties by reserve numbers.

    `limits` caps the debt to cover (base units) per debt reserve number.
    """
    choices = [
        choice
        for held in user.holdings
        if counts_as_collateral(market.version, market.reserves[held.number], held)
        for owed in user.holdings
        if owed.borrowed
        for choice in _choose(market, user, held, owed, (limits or {}).get(owed.number))
    ]
    choices.sort(key=lambda c: (-c.outcome.gross_bonus, c.outcome.collateral, c.outcome.debt))
    return tuple(choices)


def _choose(
    market: Market, user: User, held: Holding, owed: Holding, limit: int | None
) -> Iterator[Choice]:
    pair = find_pair(market, user, collateral=held.number, debt=owed.number)
    if isinstance(pair, Blocked):
        return
    for size, cover in _sizes(pair, limit):
        outcome = liquidate_pair(pair, cover)
        if not isinstance(outcome, Blocked):
            yield Choice(size=size, debt_to_cover=cover, outcome=outcome)


def _sizes(pair: Pair, limit: int | None) -> Iterator[tuple[Size, int]]:
    most = calculate_max_debt(pair)
    if limit is None or limit >= most:
        yield Size.MAXIMUM, EVERYTHING
    else:
        most = limit
        yield Size.LIMIT, limit
    if pair.market.version is Version.V3_6 and 0 < (edge := find_dust_edge(pair)) < most:
        yield Size.DUST_EDGE, edge


def find_dust_edge(pair: Pair) -> int:
    """Give the most debt to cover that leaves MIN_LEFTOVER on both sides; at most 0 for none."""
    least_debt = div_down((MIN_LEFTOVER - 1) * pair.debt.unit, pair.debt_price) + 1
    least_collateral = div_up(MIN_LEFTOVER * pair.collateral.unit, pair.collateral_price)
    return min(
        pair.total_debt - least_debt,
        _cover_taking(pair, pair.collateral_balance - least_collateral),
    )


def _cover_taking(pair: Pair, collateral: int) -> int:
    """Give the most debt whose cover takes at most `collateral` units; negative for none."""
    if collateral < 0:
        return -1
    low, high = 0, pair.total_debt
    while low < high:
        middle = (low + high + 1) // 2
        if collateral_for(pair, middle) <= collateral:
            low = middle
        else:
            high = middle - 1
    return low
