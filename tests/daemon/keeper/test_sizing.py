"""Sizes: to the last unit, never short of the target."""

from hypothesis import assume, given
from hypothesis import strategies as st

from chains.model.health import Health
from chains.model.units import WAD, Bps, Usd, Wad
from daemon.keeper.sizing import CollateralLeg, DebtLeg, repay, size_repay, size_supply, supply

USDS = st.integers(1, 10**16)
PRICES = st.integers(1, 10**13)
DECIMALS = st.integers(0, 18)
TARGETS = st.integers(WAD // 10, 10 * WAD).map(Wad)
THRESHOLDS = st.integers(1, 10_000).map(Bps)
HAIRCUTS = st.integers(0, 9_999).map(Bps)
WEIGHTS = st.integers(10_000, 20_000).map(Bps)


@st.composite
def debts(draw: st.DrawFn) -> tuple[Health, DebtLeg]:
    """A debt leg and a health whose requirement contains it."""
    decimals = draw(DECIMALS)
    leg = DebtLeg(
        units=draw(st.integers(1, 10 ** (decimals + 6))),
        decimals=decimals,
        price=Usd(draw(PRICES)),
        weight=draw(WEIGHTS),
    )
    others = draw(st.integers(0, 10**14))
    requirement = Usd(leg.counted(leg.units) + others)
    return Health(collateral=Usd(draw(st.integers(0, 10**16))), requirement=requirement), leg


@st.composite
def collaterals(draw: st.DrawFn) -> tuple[Health, CollateralLeg]:
    """A collateral leg and a health whose collateral contains it."""
    decimals = draw(DECIMALS)
    leg = CollateralLeg(
        units=draw(st.integers(0, 10 ** (decimals + 6))),
        decimals=decimals,
        price=Usd(draw(PRICES)),
        threshold=draw(THRESHOLDS),
        haircut=draw(HAIRCUTS),
    )
    others = draw(st.integers(0, 10**14))
    collateral = Usd(leg.counted(leg.units) + others)
    return Health(collateral=collateral, requirement=Usd(draw(USDS))), leg


def reached(health: Health, target: Wad) -> bool:
    return health.factor is None or health.factor >= target


@given(debts(), TARGETS)
def test_the_repayment_found_reaches_the_target_and_one_unit_less_does_not(
    debt: tuple[Health, DebtLeg], target: Wad
) -> None:
    health, leg = debt
    units = size_repay(health, leg, target)
    if units is None:
        assert not reached(repay(health, leg, leg.units), target)
        return
    assert 0 <= units <= leg.units
    assert reached(repay(health, leg, units), target)
    if units:
        assert not reached(repay(health, leg, units - 1), target)


@given(collaterals(), TARGETS)
def test_the_supply_found_reaches_the_target_and_one_unit_less_does_not(
    collateral: tuple[Health, CollateralLeg], target: Wad
) -> None:
    health, leg = collateral
    units = size_supply(health, leg, target)
    assert units is not None
    assert reached(supply(health, leg, units), target)
    if units:
        assert not reached(supply(health, leg, units - 1), target)


@given(debts(), TARGETS, TARGETS)
def test_a_higher_target_never_takes_a_smaller_repayment(
    debt: tuple[Health, DebtLeg], one: Wad, other: Wad
) -> None:
    health, leg = debt
    low, high = size_repay(health, leg, min(one, other)), size_repay(health, leg, max(one, other))
    assume(high is not None)
    assert low is not None
    assert high is not None
    assert low <= high


def test_collateral_that_counts_nothing_is_no_supply() -> None:
    nothing = CollateralLeg(units=0, decimals=6, price=Usd(10**8), threshold=Bps(0))
    assert size_supply(Health(collateral=Usd(1), requirement=Usd(2)), nothing, Wad(WAD)) is None


def test_a_target_that_holds_already_needs_nothing() -> None:
    health = Health(collateral=Usd(300), requirement=Usd(100))
    debt = DebtLeg(units=100, decimals=0, price=Usd(1))
    held = CollateralLeg(units=0, decimals=0, price=Usd(1), threshold=Bps(5_000))
    assert size_repay(health, debt, Wad(3 * WAD)) == 0
    assert size_supply(health, held, Wad(3 * WAD)) == 0
