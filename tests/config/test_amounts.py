from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.amounts import format_amount, parse_amount


@given(st.integers(min_value=0, max_value=10**40), st.integers(min_value=0, max_value=27))
def test_an_amount_survives_being_written_and_read(units: int, decimals: int) -> None:
    assert parse_amount(format_amount(units, decimals), decimals) == units


@given(st.decimals(min_value=0, max_value=10**12, places=8, allow_nan=False, allow_infinity=False))
def test_decimal_text_is_converted_exactly(value: Decimal) -> None:
    assert parse_amount(f"{value:f}", 8) == int(value.scaleb(8))


def test_whole_numbers_and_separators_are_taken() -> None:
    assert parse_amount(5, 8) == 500_000_000
    assert parse_amount("1_000.5", 2) == 100_050


def test_trailing_zeros_beyond_the_unit_lose_nothing() -> None:
    assert parse_amount("0.500000000", 1) == 5


@pytest.mark.parametrize(
    "wrong",
    [5.0, 0.1, True, None, [], "", ".5", "5.", "-1", "+1", "1e3", "1,5", "0x10", " 1", "1 ", "٣"],
)
def test_what_is_no_plain_decimal_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_amount(wrong, 8)


def test_more_decimals_than_the_unit_holds_are_refused_not_rounded() -> None:
    with pytest.raises(ValueError, match="at most 8 decimals"):
        parse_amount("0.123456789", 8)
