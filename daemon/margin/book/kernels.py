"""The loops over columns, compiled by numba: imported through `engine`, which does without.

A loop works on the rows from `low` up to `high` and writes into `out`.
"""

from typing import Final

import numpy as np

from daemon.margin.book.arrays import Bools, Floats, Numbers, Rows
from daemon.margin.book.compiling import compiled
from daemon.margin.book.loss_kernels import measure_rows

__all__ = ["certify_rows", "health_rows", "keep_lowest", "measure_rows", "sum_rows"]

_SLOTS: Final = 6


@compiled
def health_rows(
    low: int, high: int, numbers: Numbers, amounts: Floats, weights: Floats, out: Floats
) -> None:
    """Write each row's health, infinite where nothing is owed; `weights` of debts are negative."""
    for row in range(low, high):
        backing = 0.0
        owed = 0.0
        for slot in range(_SLOTS):
            term = amounts[slot, row] * weights[numbers[slot, row]]
            backing += max(0.0, term)
            owed -= min(0.0, term)
        ratio = backing / owed
        out[row] = ratio if owed > 0.0 else np.inf


@compiled
def sum_rows(
    low: int,
    high: int,
    rows: Rows,
    numbers: Numbers,
    amounts: Floats,
    table: Floats,
    out: Floats,
) -> None:
    """Write the sums of `rows[low:high]`, one line each; for `table` see valuation.build_table."""
    for place in range(low, high):
        row = rows[place]
        weighted = collateral = debt = lost_weighted = lost_collateral = lost_debt = 0.0
        least, most, count = np.inf, 0.0, 0.0
        for slot in range(_SLOTS):
            each = table[numbers[slot, row]]
            amount = amounts[slot, row]
            weighted += amount * each[0]
            collateral += amount * each[1]
            debt += amount * each[2]
            lost_weighted += each[3]
            lost_collateral += each[4]
            lost_debt += each[5]
            least = min(least, each[6])
            most = max(most, each[7])
            count += each[8]
        line = out[place]
        line[0], line[1], line[2] = weighted, collateral, debt
        line[3], line[4], line[5] = lost_weighted, lost_collateral, lost_debt
        line[6], line[7], line[8] = least, most, count


@compiled
def certify_rows(
    low: int,
    high: int,
    numbers: Numbers,
    amounts: Floats,
    table: Floats,
    apart: Bools,
    used: Bools,
    out: Floats,
) -> None:
    """Write each row's certified health, infinite where nothing is owed or the row is `apart`.

    A line of `table` is what a unit of a number backs and owes, and what a position of it takes
    off either; its last line is taken off once. Which numbers there are is noted in a line of
    `used`, best one that no other thread writes to at the time.
    """
    mine = used[low % len(used)]
    once = table[-1]
    for row in range(low, high):
        out[row] = np.inf
        if apart[row]:
            continue
        backing, owed = once[2], once[3]
        for slot in range(_SLOTS):
            number = numbers[slot, row]
            each = table[number]
            amount = amounts[slot, row]
            mine[number] = True
            backing += amount * each[0] + each[2]
            owed += amount * each[1] + each[3]
        if owed > 0.0:
            out[row] = max(backing, 0.0) / owed


@compiled
def keep_lowest(health: Floats, values: Floats, places: Rows) -> None:
    """Fill `values` and `places` with the lowest healths there are, in no order.

    They are a heap with the highest on top; to begin with every value is infinite, every place -1.
    """
    for row in range(len(health)):
        if health[row] < values[0]:
            hole = _sift(values, health[row], places)
            values[hole], places[hole] = health[row], row


@compiled
def _sift(values: Floats, fresh: float, places: Rows) -> int:
    """Take the top off a heap and give the hole where a lower value belongs."""
    at = 0
    while 2 * at + 1 < len(values):
        child = 2 * at + 1
        if child + 1 < len(values) and values[child + 1] > values[child]:
            child += 1
        if values[child] <= fresh:
            break
        values[at], places[at] = values[child], places[child]
        at = child
    return at
