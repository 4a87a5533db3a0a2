"""Columns: numbers as near as claimed, keys found among many, and a screen that misses nobody."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.model.units import WAD, Wad
from chains.solana.columns import (
    HealthColumns,
    KeyTable,
    StoredHealth,
    Words,
    add_known,
    to_floats,
    to_int,
    view_rows,
)
from chains.solana.zerocopy import Field, Kind, Layout

U = Fraction(1, 2**53)
LAYOUT = Layout(
    name="Thing",
    size=60,
    discriminator=b"thing...",
    fields={
        "key": Field(8, Kind.KEY),
        "backing": Field(40, Kind.U64),
        "flag": Field(48, Kind.U8),
        "last": Field(52, Kind.I64),
    },
)
keys = st.lists(
    st.binary(min_size=32, max_size=32), min_size=1, max_size=8, unique_by=lambda k: k[:8]
)


def words_of(*numbers: int, size: int = 16, signed: bool = False) -> Words:
    packed = b"".join(number.to_bytes(size, "little", signed=signed) for number in numbers)
    return np.frombuffer(packed, dtype="<u8").reshape(len(numbers), size // 8)


@given(st.integers(0, 2**128 - 1))
def test_a_wide_number_is_off_by_at_most_four_units_in_the_last_place(number: int) -> None:
    [found] = to_floats(words_of(number))
    assert abs(Fraction(float(found)) - number) <= 4 * U * number
    assert to_int(words_of(number)[0]) == number


@given(st.integers(0, 2**256 - 1))
def test_a_number_of_four_words_is_off_by_at_most_eight(number: int) -> None:
    [found] = to_floats(words_of(number, size=32))
    assert abs(Fraction(float(found)) - number) <= 8 * U * number


@given(st.integers(-(2**127), 2**127 - 1) | st.integers(-5, 5))
def test_nothing_cancels_in_a_negative_number(number: int) -> None:
    words = words_of(number, signed=True)
    [found] = to_floats(words, signed=True)
    assert abs(Fraction(float(found)) - number) <= 5 * U * abs(number)
    assert to_int(words[0], signed=True) == number


@given(keys, st.lists(st.binary(min_size=32, max_size=32), max_size=4))
def test_keys_are_found_where_they_stand_and_others_nowhere(
    known: list[bytes], others: list[bytes]
) -> None:
    alike = [key[:8] + bytes(24) for key in known]
    asked = [*known, *alike, *others]
    column = np.frombuffer(b"".join(asked), dtype="V32").reshape(len(asked), 1)
    expected = [known.index(key) if key in known else len(known) for key in asked]
    assert KeyTable.of(known).find(column)[:, 0].tolist() == expected
    assert KeyTable.of([]).find(column)[:, 0].tolist() == [0] * len(asked)


def test_keys_that_begin_alike_are_no_table() -> None:
    with pytest.raises(ValueError, match="begin alike"):
        KeyTable.of([bytes(32), bytes(31) + b"\1"])


def test_rows_are_the_accounts_and_nothing_else_is_a_row() -> None:
    data = b"thing..." + bytes(range(32)) + (77).to_bytes(8, "little") + bytes(12)
    rows = view_rows(LAYOUT, [data, data])
    assert rows["backing"].tolist() == [77, 77]
    assert rows["key"][1].tobytes() == bytes(range(32))
    assert len(view_rows(LAYOUT, [])) == 0
    for bad in (data[:-1], data + b"\0", bytes(60)):
        with pytest.raises(ValueError, match="no Thing"):
            view_rows(LAYOUT, [data, bad])


def test_a_part_is_cut_from_a_struct_and_read_by_its_own_table() -> None:
    part = LAYOUT.part("backing", "flag")
    assert (part.offset, part.layout.size, list(part.layout.fields)) == (40, 9, ["backing", "flag"])
    data = b"thing..." + bytes(32) + (5).to_bytes(8, "little") + b"\x09" + bytes(11)
    rows = view_rows(part.layout, [part.cut(data)])
    assert (rows["backing"].tolist(), rows["flag"].tolist()) == ([5], [9])


def stored(pairs: list[tuple[int, int]]) -> StoredHealth:
    backing, owed = words_of(*(b for b, _ in pairs)), words_of(*(o for _, o in pairs))
    columns = HealthColumns(
        keys=tuple(Pubkey(n.to_bytes(32, "big")) for n in range(len(pairs))),
        backing=to_floats(backing),
        owed=to_floats(owed),
        unknown=np.zeros(len(pairs), dtype=np.bool_),
    )
    return StoredHealth(columns=columns, backing=backing, owed=owed)


near = st.tuples(st.integers(1, 2**127), st.integers(-3, 3)).map(
    lambda pair: (max(pair[0] + pair[1], 0), pair[0])
)


@given(st.lists(near, min_size=1, max_size=20))
def test_who_is_at_the_limit_by_the_last_unit_is_screened_and_found(
    pairs: list[tuple[int, int]],
) -> None:
    health = stored(pairs)
    exact = {row for row, (backing, owed) in enumerate(pairs) if backing <= owed}
    assert exact <= set(health.columns.screen(Wad(WAD)).tolist())
    assert set(health.find(Wad(WAD))) == exact


@given(
    st.lists(st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1)), min_size=1),
    st.integers(1, 10 * WAD),
)
def test_at_any_limit_nobody_is_missed(pairs: list[tuple[int, int]], limit: int) -> None:
    expected = [r for r, (b, o) in enumerate(pairs) if o and b * WAD <= o * limit]
    assert list(stored(pairs).find(Wad(limit))) == expected


def test_who_owes_nothing_has_no_end_of_health_and_who_is_unknown_none() -> None:
    columns = HealthColumns(
        keys=(),
        backing=np.array([3.0, 1.0, 1.0]),
        owed=np.array([2.0, 0.0, 5.0]),
        unknown=np.array([False, False, True]),
    )
    assert columns.ratios()[:2].tolist() == [1.5, np.inf]
    assert np.isnan(columns.ratios()[2])
    assert columns.screen(Wad(2 * WAD)).tolist() == [0]


def test_only_what_counts_is_added_and_what_is_not_known_is_said() -> None:
    counted = np.array([[True, False], [True, True], [True, True]])
    known = np.array([[True, False], [True, False], [True, True]])
    values = np.array([[2.0, np.nan], [3.0, 4.0], [1.0, np.nan]])
    total, sure = add_known(counted, known, values)
    assert total[:2].tolist() == [2.0, 3.0]
    assert sure.tolist() == [True, False, False]
