"""The one signed formula: rounding always against the account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.health import WeightedLeg, calculate_health
from chains.model.position import Side
from chains.model.units import WAD, Bps, Usd

values = st.integers(min_value=0, max_value=2**96).map(Usd)
bps = st.integers(min_value=0, max_value=10_000).map(Bps)
legs = st.builds(
    WeightedLeg,
    side=st.sampled_from(Side),
    value=values,
    liquidation_threshold=bps,
    haircut=bps,
    debt_weight=st.integers(min_value=10_000, max_value=20_000).map(Bps),
)


@given(st.lists(legs, max_size=6))
def test_health_is_rounded_against_the_account(found: list[WeightedLeg]) -> None:
    health = calculate_health(found)
    scale = 10**8
    exact_c = sum(
        leg.value * leg.liquidation_threshold * (10**4 - leg.haircut)
        for leg in found
        if leg.side is Side.COLLATERAL
    )
    exact_r = sum(leg.value * leg.debt_weight for leg in found if leg.side is not Side.COLLATERAL)
    assert health.collateral * scale <= exact_c
    assert health.requirement * 10**4 >= exact_r
    if health.factor is not None:
        assert health.factor * exact_r * 10**4 <= exact_c * WAD
        assert (health.factor < WAD) == (health.equity < 0)
    else:
        assert exact_r == 0


def test_one_bps_of_one_cent_still_counts_as_debt() -> None:
    assert calculate_health([WeightedLeg(side=Side.DEBT, value=Usd(1))]).requirement == 1


def test_no_collateral_against_debt_is_a_factor_of_nought() -> None:
    assert calculate_health([WeightedLeg(side=Side.DEBT, value=Usd(5))]).factor == 0


@pytest.mark.parametrize(
    "leg",
    [
        WeightedLeg(side=Side.COLLATERAL, value=Usd(-1)),
        WeightedLeg(side=Side.COLLATERAL, value=Usd(1), haircut=Bps(10_001)),
        WeightedLeg(side=Side.COLLATERAL, value=Usd(1), liquidation_threshold=Bps(10_001)),
    ],
)
def test_a_leg_out_of_range_is_refused(leg: WeightedLeg) -> None:
    with pytest.raises(ValueError, match="out of range"):
        calculate_health([leg])
