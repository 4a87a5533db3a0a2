"""Save's obligations by the thousand: stored health, and health at a market's prices now.

Stored health is of the last refresh: what was borrowed or fell since is not in it. Its bytes lie
together (`STORED`), so a scan need not ask for more. Pure; for the
bounds see `chains.solana.columns`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from solders.pubkey import Pubkey

from chains.model.units import WAD
from chains.solana.columns import (
    Bools,
    HealthColumns,
    KeyTable,
    Places,
    Rows,
    StoredHealth,
    add_known,
    to_dtype,
    to_floats,
    view_rows,
)
from chains.solana.protocols.save.layout import (
    BORROW,
    DEPOSIT,
    ENTRIES_AT,
    MAX_ENTRIES,
    OBLIGATION,
)
from chains.solana.protocols.save.math import calculate_borrow_weight, calculate_exchange_rate
from chains.solana.protocols.save.state import Reserve
from chains.solana.zerocopy import Layout

STORED: Final = OBLIGATION.part("borrowed_value", "borrow_count")
_ENTRIES: Final = OBLIGATION.size - ENTRIES_AT


def view_stored(keys: Sequence[Pubkey], parts: Sequence[bytes]) -> StoredHealth:
    """Give the health that obligations store, of the bytes of `STORED`.

    Of a debt that no refresh has valued yet nothing is known. ValueError for other bytes.
    """
    rows = view_rows(STORED.layout, parts)
    owed = to_floats(rows["borrowed_value"]) / WAD
    columns = HealthColumns(
        keys=tuple(keys),
        backing=to_floats(rows["unhealthy_value"]) / WAD,
        owed=owed,
        unknown=(rows["borrow_count"] != 0) & (owed == 0),
    )
    return StoredHealth(
        columns=columns, backing=rows["unhealthy_value"], owed=rows["borrowed_value"]
    )


def calculate_columns(
    keys: Sequence[Pubkey], accounts: Sequence[bytes], reserves: Mapping[bytes, Reserve]
) -> HealthColumns:
    """Give the health of whole obligations as below; ValueError for other bytes."""
    return calculate_rows(keys, view_rows(OBLIGATION, accounts), reserves)


def calculate_rows(
    keys: Sequence[Pubkey], rows: Rows, reserves: Mapping[bytes, Reserve]
) -> HealthColumns:
    """Give the health of a table of obligations with reserves that are fresh.

    Unknown is who names another reserve, or more entries than fit.
    """
    table, listed = KeyTable.of(tuple(reserves)), tuple(reserves.values())
    units = np.array([*map(_weigh_unit, listed), 0.0])
    debts = np.array([*map(_weigh_debt, listed), 0.0])
    backing, owed = np.zeros(len(rows)), np.zeros(len(rows))
    known = np.zeros(len(rows), dtype=np.bool_)
    for at, held, owing in _split(rows):
        place, against = table.find(held["reserve"]), table.find(owing["reserve"])
        values = held["amount"] * units[place]
        backing[at], lent = add_known(_all(place), place < len(listed), values)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = to_floats(owing["amount"]) * debts[against]
            values = values / to_floats(owing["cumulative_rate"])
        owed[at], borrowed = add_known(_all(against), against < len(listed), values)
        known[at] = lent & borrowed
    return HealthColumns(
        keys=tuple(keys),
        backing=backing,
        owed=owed,
        unknown=~known,
        lost=MAX_ENTRIES * max(map(_most_lost, listed), default=0.0),
    )


def _split(rows: Rows) -> Iterator[tuple[Places, Rows, Rows]]:
    """Give the rows by how many deposits and borrows they have, with these as tables."""
    counts = rows["deposit_count"].astype(np.intp) * 256 + rows["borrow_count"]
    for count in np.unique(counts):
        deposits, borrows = divmod(int(count), 256)
        behind = DEPOSIT.size * deposits
        if deposits + borrows > MAX_ENTRIES or behind + BORROW.size * borrows > _ENTRIES:
            continue
        at = np.flatnonzero(counts == count)
        packed = rows["entries"][at].tobytes()
        yield (
            at,
            _view_entries(packed, DEPOSIT, start=0, count=deposits),
            _view_entries(packed, BORROW, start=behind, count=borrows),
        )


def _all(entries: Places) -> Bools:
    return np.ones(entries.shape, dtype=np.bool_)


def _view_entries(packed: bytes, layout: Layout, *, start: int, count: int) -> Rows:
    return np.ndarray(
        (len(packed) // _ENTRIES, count),
        dtype=to_dtype(layout),
        buffer=packed,
        offset=start,
        strides=(_ENTRIES, layout.size),
    )


def _weigh_unit(reserve: Reserve) -> float:
    """Give what a collateral token backs, in USD; NaN where the program cannot value it."""
    rate = calculate_exchange_rate(reserve)
    if rate == 0:
        return math.nan
    unit: int = 10**reserve.decimals
    return reserve.price * reserve.terms.threshold / (rate * 100 * unit)


def _weigh_debt(reserve: Reserve) -> float:
    """Give what 1e-18 base units of debt count, in USD, where the loan's own rate divides it."""
    factor = reserve.cumulative_rate * reserve.price * calculate_borrow_weight(reserve)
    unit: int = 10**reserve.decimals
    return factor / (WAD**3 * unit)


def _most_lost(reserve: Reserve) -> float:
    """Give the most that a deposit's value loses: 1e-18 of a base unit, and thrice 1e-18 USD.

    Twice that, for its own rounding.
    """
    unit: int = 10**reserve.decimals
    return 2 * (reserve.price / (WAD * unit) + 3) / WAD
