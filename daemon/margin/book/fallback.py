"""The same figures without a compiler: scipy's sparse products, and numpy.

Wide accounts are few; both engines add theirs up here.
"""

from typing import Final

import numpy as np
from scipy import sparse

from daemon.margin.book.arrays import Floats, Rows
from daemon.margin.book.columns import SLOTS, Columns, Flat

_PER_UNIT: Final = (0, 1, 2)
"""The sums that amounts count in; the others count positions."""
_COMBINE: Final = {6: np.minimum, 7: np.maximum}


def value_all(columns: Columns, weights: Floats, out: Floats) -> Floats:
    """Write every row's health; `weights` of debts are negative."""
    flat = columns.flatten()
    shape = (columns.size, len(weights))
    matrix = sparse.csr_array((flat.amounts, flat.numbers, flat.starts), shape=shape)
    backing, owed = matrix @ np.maximum(weights, 0), matrix @ np.maximum(-weights, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(backing, owed, out=out)
    out[owed == 0] = np.inf
    return out


def value_flat(flat: Flat, weights: Floats) -> Floats:
    """Give the health of a few rows."""
    terms = flat.amounts * weights[flat.numbers]
    backing = np.add.reduceat(np.maximum(terms, 0), flat.starts[:-1])
    owed = np.add.reduceat(np.maximum(-terms, 0), flat.starts[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(owed > 0, backing / owed, np.inf)


def sum_rows(columns: Columns, rows: Rows, table: Floats, out: Floats) -> None:
    """Write the sums of some rows that are not wide, a line each."""
    parts = [(columns.numbers[slot, rows], columns.amounts[slot, rows]) for slot in range(SLOTS)]
    for entry in range(table.shape[1]):
        column = table[:, entry]
        terms = [column[numbers] for numbers, _ in parts]
        if entry in _PER_UNIT:
            terms = [amounts * each for each, (_, amounts) in zip(terms, parts, strict=True)]
        out[:, entry] = _COMBINE.get(entry, np.add).reduce(terms)


def sum_wide(columns: Columns, rows: Rows, table: Floats, out: Floats) -> None:
    """Write the sums of those of the rows that are wide."""
    wide = columns.flatten_wide()
    places = np.minimum(np.searchsorted(wide.rows, rows), len(wide.rows) - 1)
    found = np.flatnonzero(wide.rows[places] == rows)
    if not len(found):
        return
    part = wide.take(places[found])
    for entry in range(table.shape[1]):
        terms = table[part.numbers, entry]
        if entry in _PER_UNIT:
            terms = terms * part.amounts
        out[found, entry] = _COMBINE.get(entry, np.add).reduceat(terms, part.starts[:-1])
