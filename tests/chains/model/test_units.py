"""Units: the two divisions, and amounts that do not mix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import AssetId, ChainId, parse_address
from chains.model.units import (
    MixedAssets,
    TokenAmount,
    Usd,
    div_down,
    div_up,
    units_down,
    units_up,
    value_down,
    value_up,
)

whole = st.integers(min_value=0, max_value=2**128)
positive = st.integers(min_value=1, max_value=2**64)
decimals = st.integers(min_value=0, max_value=18)


@given(n=st.integers(min_value=-(2**128), max_value=2**128), d=positive)
def test_the_divisions_bracket_the_quotient_and_meet_when_it_is_whole(n: int, d: int) -> None:
    assert div_down(n, d) * d <= n <= div_up(n, d) * d
    assert div_up(n, d) - div_down(n, d) == (n % d != 0)


@pytest.mark.parametrize("divide", [div_down, div_up])
@pytest.mark.parametrize("denominator", [0, -1])
def test_a_denominator_that_is_not_positive_is_refused(divide: object, denominator: int) -> None:
    assert callable(divide)
    with pytest.raises(ZeroDivisionError):
        divide(1, denominator)


@given(units=whole, price=positive, places=decimals)
def test_values_bracket_and_units_for_a_value_cover_it(units: int, price: int, places: int) -> None:
    low, high = value_down(units, Usd(price), places), value_up(units, Usd(price), places)
    assert high - low in {0, 1}
    assert value_down(units_up(low, Usd(price), places), Usd(price), places) >= low
    assert value_up(units_down(low, Usd(price), places), Usd(price), places) <= low


def test_amounts_of_different_assets_do_not_mix() -> None:
    chain = ChainId.evm(1)
    one, other = (AssetId.erc20(chain, parse_address(f"0x{n:040x}")) for n in (1, 2))
    assert TokenAmount(one, 1) + TokenAmount(one, 2) == TokenAmount(one, 3)
    assert TokenAmount(one, 1) < TokenAmount(one, 2) <= TokenAmount(one, 2)
    with pytest.raises(MixedAssets):
        TokenAmount(one, 1) - TokenAmount(other, 1)
    with pytest.raises(MixedAssets):
        assert TokenAmount(one, 1) < TokenAmount(other, 2)
