"""Kamino Lend's loans by the thousand: stored health, and health at a market's prices now.

Stored health is of the last refresh: what was borrowed or fell since is not in it. Its bytes lie
together (`STORED`), so a scan need not ask for more. Pure; for the
bounds see `chains.solana.columns`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from solders.pubkey import Pubkey

from chains.solana.columns import (
    Floats,
    HealthColumns,
    KeyTable,
    StoredHealth,
    add_known,
    is_named,
    to_floats,
    view_rows,
)
from chains.solana.protocols.klend.fraction import BITS, ONE, percent
from chains.solana.protocols.klend.layout import OBLIGATION
from chains.solana.protocols.klend.math import borrow_factor, total_supply, weigh_deposit
from chains.solana.protocols.klend.state import LendingMarket, Reserve

STORED: Final = OBLIGATION.part("adjusted_debt_sf", "has_debt")
LOANS: Final = OBLIGATION.part("deposits", "has_debt")
"""The part of an obligation that its health at other prices follows from."""
_USD: Final = 2.0**-BITS


def view_stored(keys: Sequence[Pubkey], parts: Sequence[bytes]) -> StoredHealth:
    """Give the health that obligations store, of the bytes of `STORED`.

    Of a debt that no refresh has valued yet nothing is known. ValueError for other bytes.
    """
    rows = view_rows(STORED.layout, parts)
    owed = to_floats(rows["adjusted_debt_sf"]) * _USD
    columns = HealthColumns(
        keys=tuple(keys),
        backing=to_floats(rows["unhealthy_sf"]) * _USD,
        owed=owed,
        unknown=(rows["has_debt"] != 0) & (owed == 0),
    )
    return StoredHealth(
        columns=columns, backing=rows["unhealthy_sf"], owed=rows["adjusted_debt_sf"]
    )


def calculate_columns(
    keys: Sequence[Pubkey],
    parts: Sequence[bytes],
    market: LendingMarket,
    reserves: Mapping[bytes, Reserve],
) -> HealthColumns:
    """Give the health of obligations, of the bytes of `LOANS`, with reserves that are fresh.

    Unknown is who names another reserve. ValueError for other bytes.
    """
    rows = view_rows(LOANS.layout, parts)
    held, owing = rows["deposits"], rows["borrows"]
    table, listed = KeyTable.of(tuple(reserves)), tuple(reserves.values())
    groups, group_of = np.unique(rows["elevation_group"], return_inverse=True)
    weights = _to_table(groups, listed, lambda each, group: _weigh_unit(market, each, group))
    at, against = table.find(held["reserve"]), table.find(owing["reserve"])
    values = held["amount"] * weights[group_of[:, None], at]
    backing, lent = add_known(is_named(held["reserve"]), at < len(listed), values)
    debts = _to_table(groups, listed, _weigh_debt)[group_of[:, None], against]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = to_floats(owing["amount_sf"]) * debts / to_floats(owing["rate_sf"])
    owed, borrowed = add_known(is_named(owing["reserve"]), against < len(listed), values)
    return HealthColumns(
        keys=tuple(keys),
        backing=backing,
        owed=owed,
        unknown=~(lent & borrowed),
        lost=held.shape[1] * max(map(_most_lost, listed), default=0.0),
    )


def _to_table(
    groups: Iterable[int], reserves: Sequence[Reserve], weigh: Callable[[Reserve, int], float]
) -> Floats:
    """Give a row for each elevation group, a column for each reserve, and 0 for what is none."""
    return np.array([[*(weigh(each, int(group)) for each in reserves), 0.0] for group in groups])


def _weigh_unit(market: LendingMarket, reserve: Reserve, group: int) -> float:
    """Give what a c-token backs, in USD."""
    supply, minted = total_supply(reserve), reserve.collateral_supply
    owned, tokens = (supply, minted) if supply and minted else (ONE, 1)
    weight = percent(weigh_deposit(market, reserve, group).threshold_pct)
    unit: int = 10**reserve.decimals
    return owned * reserve.price_sf * weight / (tokens * ONE**3 * unit)


def _weigh_debt(reserve: Reserve, group: int) -> float:
    """Give what a base unit of debt counts, in USD, where the loan's own rate divides it."""
    factor = reserve.rate_sf * reserve.price_sf * borrow_factor(reserve, group)
    unit: int = 10**reserve.decimals
    return factor / (ONE**3 * unit)


def _most_lost(reserve: Reserve) -> float:
    """Give the most that a deposit's value loses: 2^-60 of a base unit, and thrice 2^-60 USD.

    Twice that, for its own rounding.
    """
    unit: int = 10**reserve.decimals
    return 2 * (reserve.price_sf * _USD / unit + 3) * _USD
