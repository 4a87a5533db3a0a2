"""Price files: what is read, and the one line that names what cannot be."""

from datetime import date
from pathlib import Path

import pytest

from daemon.risk.closes import InvalidCloses, parse_closes, read_closes
from daemon.risk.shapes import SHAPES, generate_closes, write_closes

GOOD = "date,close\n2024-08-04,2900.5\n2024-08-05,2.4e3\n"


def test_a_file_of_one_column_is_anybodys_and_named_columns_are_their_own() -> None:
    single = parse_closes(GOOD)
    assert single.days == (date(2024, 8, 4), date(2024, 8, 5))
    assert single.of("WETH") == (2_900.5, 2_400.0)
    assert single.generated is None

    named = parse_closes("date,WETH,SOL\n2024-08-04,1,2\n2024-08-05,3,4\n")
    assert named.of("SOL") == (2, 4)
    assert named.of("close") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "row 1: there is no header"),
        ("day,close\n", "row 1: date: the header begins with 'day'"),
        ("date\n", "row 1: close: the header names no column"),
        ("date,a b\n", "row 1: column 2: 'a b' is no name"),
        ("date,x,x\n", "row 1: x: the column stands twice"),
        ("# a note\ndate,x\n", "row 3: there are no closes"),
        (GOOD + "2024-08-06,nan\n", "row 4: close: 'nan' is no positive number"),
        (GOOD + "2024-08-06,inf\n", "row 4: close: 'inf' is no positive number"),
        (GOOD + "2024-08-06,1e999\n", "row 4: close: '1e999' is no positive number"),
        (GOOD + "2024-08-06,-1\n", "row 4: close: '-1' is no positive number"),
        (GOOD + "2024-08-06,0\n", "row 4: close: '0' is no positive number"),
        (GOOD + "2024-08-06,1_0\n", "row 4: close: '1_0' is no positive number"),
        (GOOD + "2024-08-06,\n", "row 4: close: '' is no positive number"),
        (GOOD + "2024-08-06\n", "row 4: it has 1 fields, the header 2"),
        (GOOD + "\n", "row 4: it has 1 fields"),
        (GOOD + "2024-08-05,1\n", "row 4: date: 2024-08-05 stands twice"),
        (GOOD + "2024-08-03,1\n", "row 4: date: 2024-08-03 follows 2024-08-05; sort the rows"),
        (GOOD + "2024-08-07,1\n", "row 4: date: 2024-08-07 follows 2024-08-05; days are missing"),
        (GOOD + "20240806,1\n", "row 4: date: '20240806' is no day"),
        (GOOD + "2024-02-30,1\n", "row 4: date: '2024-02-30' is no day"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_field(text: str, said: str) -> None:
    with pytest.raises(InvalidCloses) as caught:
        parse_closes(text)
    assert str(caught.value).startswith(said)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "closes.csv"
    with pytest.raises(InvalidCloses, match="No such file"):
        read_closes(path)
    path.write_bytes("date,é\n".encode())
    with pytest.raises(InvalidCloses, match=r"closes\.csv: byte 5 is no ASCII"):
        read_closes(path)
    path.write_text("date,x\n")
    with pytest.raises(InvalidCloses, match=r"closes\.csv: row 2: there are no closes"):
        read_closes(path)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_generated_file_has_the_days_shape_and_says_what_it_is(name: str) -> None:
    made = generate_closes([name], seed=3)
    again = parse_closes(write_closes(made))

    assert again == made
    assert again.generated is not None
    assert name in again.generated
    assert "no market ever showed them" in again.generated
    where = again.days.index(SHAPES[name].day)
    assert where == 800
    for column, closes in again.prices.items():
        told = SHAPES[name].percent[column][SHAPES[name].before]
        assert closes[where] / closes[where - 1] - 1 == pytest.approx(told / 100, abs=1e-6)


def test_a_seed_makes_one_file_and_another_seed_another() -> None:
    name = "2024-08-05"

    assert generate_closes([name], 1) == generate_closes([name], 1)
    assert generate_closes([name], 1).prices != generate_closes([name], 2).prices
