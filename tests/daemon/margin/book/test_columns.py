"""Rows of positions: what is put in is what is found, and what is no amount is named."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.book.columns import MOST_POSITIONS, SLOTS, Columns
from daemon.margin.scenarios import InvalidRiskInput

POSITIONS = st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1e30)), max_size=2 * SLOTS)


def show(columns: Columns) -> list[list[tuple[int, float]]]:
    flat = columns.flatten()
    pairs = list(zip(flat.numbers.tolist(), flat.amounts.tolist(), strict=True))
    return [pairs[a:b] for a, b in zip(flat.starts[:-1], flat.starts[1:], strict=True)]


@given(st.lists(POSITIONS, max_size=12), st.data())
def test_rows_hold_what_was_put_last_however_wide(
    rows: list[list[tuple[int, float]]], data: st.DataObject
) -> None:
    columns = Columns.empty()
    for positions in rows:
        columns.append(positions)
    assert show(columns) == rows
    if rows:
        row = data.draw(st.integers(0, len(rows) - 1))
        rows[row] = data.draw(POSITIONS)
        columns.put(row, rows[row])
        assert show(columns) == rows


@given(st.lists(POSITIONS, max_size=12))
def test_many_rows_at_once_are_the_same_as_one_after_the_other(
    rows: list[list[tuple[int, float]]],
) -> None:
    flat = [each for positions in rows for each in positions]
    columns = Columns.of(
        np.array([len(positions) for positions in rows], np.int64),
        np.array([number for number, _ in flat], np.uint16),
        np.array([amount for _, amount in flat], np.float64),
    )
    assert show(columns) == rows


def test_columns_grow_by_doubling() -> None:
    columns = Columns.empty()
    for place in range(200):
        assert columns.append([(1, float(place))]) == place
    assert columns.amounts[0, 150] == 150


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ([(1, 1.0), (2, math.nan)], r"amounts\[1\] is nan"),
        ([(1, math.inf)], r"amounts\[0\] is inf"),
        ([(1, -0.5)], r"amounts\[0\] is -0\.5, an amount under 0"),
        ([(0, 1.0)], "numbers: a position's number is from 1"),
        ([(2**16, 1.0)], "numbers: a position's number is from 1 to 65535"),
        ([(1, 1.0)] * (MOST_POSITIONS + 1), "positions: 1001 in one account"),
    ],
)
def test_what_is_no_position_is_named_and_changes_nothing(
    positions: list[tuple[int, float]], message: str
) -> None:
    columns = Columns.empty()
    columns.append([(3, 7.0)])
    with pytest.raises(InvalidRiskInput, match=message):
        columns.put(0, positions)
    assert show(columns) == [[(3, 7.0)]]


def test_fields_of_other_lengths_are_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="counts say 2 positions, numbers 1"):
        Columns.of(np.array([2]), np.array([1], np.uint16), np.array([1.0]))
