"""The program's 192-bit arithmetic against Python's integers, at its edges and at random."""

import struct
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.transaction_metadata import TransactionMetadata

from chains.model.units import WAD
from chains.solana.protocols.save import decimals
from tests.chains.solana.programs.lab import Lab, Refused

PROBE = Pubkey(b"P" * 32)
TOP = (1 << 192) - 1
MATH_OVERFLOW = 14
LIMB = 1 << 32

numbers = st.integers(0, 192).flatmap(lambda bits: st.integers(0, (1 << bits) - 1 if bits else 0))
POWERS = (0, 32, 64, 96, 127, 128, 160, 191)
EDGES = (TOP, WAD - 1, WAD, *(1 << bits for bits in POWERS), *((1 << bits) - 1 for bits in POWERS))
edges = st.sampled_from(EDGES)
any_number = numbers | edges


@cache
def machine() -> Lab:
    lab = Lab()
    lab.load("probe", PROBE)
    return lab


def run(operation: int, a: int, b: int) -> int | None:
    """Give the program's result; None where it marks its arithmetic as failed."""
    data = bytes([operation]) + a.to_bytes(24, "little") + b.to_bytes(24, "little")
    try:
        done: TransactionMetadata = machine().send(Instruction(PROBE, data, []))
    except Refused as refused:
        if refused.code != MATH_OVERFLOW:
            raise
        return None
    return int.from_bytes(done.return_data().data, "little")


def expect(calculate: Callable[[], int], most: int = TOP) -> int | None:
    """Give Python's result; None where it is negative, too large, or divided by zero."""
    try:
        result = calculate()
    except (decimals.MathOverflow, ZeroDivisionError):
        return None
    return result if 0 <= result <= most else None


@given(any_number, any_number)
@example(TOP, 1)
@example(TOP, 0)
def test_addition_marks_a_carry_out(a: int, b: int) -> None:
    assert run(0, a, b) == expect(lambda: a + b)


@given(any_number, any_number)
@example(0, 1)
@example(1 << 191, 1)
def test_subtraction_marks_a_result_below_zero(a: int, b: int) -> None:
    assert run(1, a, b) == expect(lambda: a - b)


@given(any_number, any_number)
@example(TOP, 1)
@example(1 << 96, 1 << 95)
@example(1 << 96, 1 << 96)
def test_multiplication_marks_what_exceeds_192_bits(a: int, b: int) -> None:
    assert run(2, a, b) == expect(lambda: a * b)


@given(any_number, any_number)
@example(TOP, 0)
@example(TOP, LIMB - 1)
@example(TOP, TOP)
@example(TOP - 1, TOP)
@example(1 << 191, (1 << 128) - 1)
# Knuth's rare case, in which the guessed digit is one too many and the divisor is added back.
@example(0x8000_0000_0000_0000_0000_0003, 0x2000_0000_0000_0000_0001)
@example(0x7FFF_FFFF_8000_0000_0000_0000_0000_0000, 0x8000_0000_0000_0000_0000_0001)
def test_division_rounds_down(a: int, b: int) -> None:
    assert run(3, a, b) == expect(lambda: a // b)


@given(any_number, any_number)
def test_decimals_multiply_and_divide_as_in_python(a: int, b: int) -> None:
    assert run(4, a, b) == expect(lambda: decimals.multiply(a, b))
    assert run(5, a, b) == expect(lambda: decimals.divide(a, b))


@given(st.integers(WAD, WAD + 10**13), st.integers(0, 10**7))
@example(WAD, (1 << 64) - 1)
@example(2 * WAD, 200)
def test_powers_round_down_at_each_step(base: int, exponent: int) -> None:
    assert run(6, base, exponent) == expect(lambda: decimals.power(base, exponent))


@given(any_number, any_number)
@example(TOP, TOP)
def test_comparison_tells_equal_less_and_greater(a: int, b: int) -> None:
    assert run(7, a, b) == (0 if a == b else 1 if a < b else 2)


@given(any_number)
@example(WAD - 1)
@example(((1 << 64) - 1) * WAD)
@example(((1 << 64) - 1) * WAD + 1)
@example(TOP)
def test_whole_units_are_marked_beyond_64_bits(a: int) -> None:
    assert run(8, a, 0) == expect(lambda: decimals.floor_units(a))
    up = None if a + WAD - 1 > TOP else expect(lambda: decimals.ceil_units(a))
    assert run(9, a, 0) == up


@pytest.mark.parametrize("bits", [127, 128, 129, 191])
def test_what_is_stored_fits_into_128_bits(bits: int) -> None:
    number = (1 << bits) - 1
    assert run(10, number, 0) == expect(lambda: decimals.stored(number))


def test_data_of_another_size_is_refused() -> None:
    machine()
    with pytest.raises(Refused) as refused:
        machine().send(Instruction(PROBE, struct.pack("<B", 0), []))
    assert refused.value.code == 1
