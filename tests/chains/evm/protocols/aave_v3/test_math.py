"""Aave's arithmetic at its edges, and what must hold of any account."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chains.evm.protocols.aave_v3.math import (
    NO_DEBT,
    SECONDS_PER_YEAR,
    PriceMissing,
    accrue_index,
    accrue_units,
    calculate_account_data,
    calculate_compounded_interest,
    calculate_linear_interest,
    may_supply,
)
from chains.evm.protocols.aave_v3.rounding import RAY, div_half_up, ray_mul
from chains.evm.protocols.aave_v3.state import (
    Category,
    Market,
    StableDebt,
    UnknownRevision,
    User,
    Version,
    version_of_revision,
)
from chains.model.ids import Address
from chains.model.position import Accrual, Side
from chains.model.units import USD, WAD
from tests.chains.evm.protocols.aave_v3.building import NOW, holding, market_of, reserve, user_of

VERSIONS = st.sampled_from(Version)
BALANCES = st.integers(0, 10**24)
PRICES = st.integers(1, 10**13)
RATES = st.integers(0, RAY)
ELAPSED = st.integers(0, 2 * SECONDS_PER_YEAR)


@pytest.mark.parametrize(("revision", "version"), [(1, Version.V3_0), (10, Version.V3_6)])
def test_a_known_revision_selects_its_arithmetic(revision: int, version: Version) -> None:
    assert version_of_revision(revision) is version


@pytest.mark.parametrize("revision", [0, 2, 3, 9, 11, 2**255])
def test_an_unknown_revision_is_refused(revision: int) -> None:
    with pytest.raises(UnknownRevision, match=r"is unknown; known are 1 \(3\.0\), 10 \(3\.6\)"):
        version_of_revision(revision)


@given(numerator=st.integers(0, 10**40), denominator=st.integers(1, 10**30))
def test_half_up_is_the_nearest_integer(numerator: int, denominator: int) -> None:
    result = div_half_up(numerator, denominator)
    assert abs(result * denominator - numerator) <= (denominator + 1) // 2


@given(version=VERSIONS, rate=RATES, elapsed=ELAPSED)
def test_debt_never_grows_slower_than_supply_at_one_rate(
    version: Version, rate: int, elapsed: int
) -> None:
    compounded = calculate_compounded_interest(version, rate, elapsed)
    assert compounded + elapsed**3 >= calculate_linear_interest(rate, elapsed) >= RAY


@given(rate=RATES, elapsed=ELAPSED)
def test_both_series_agree_closely_but_not_exactly(rate: int, elapsed: int) -> None:
    old = calculate_compounded_interest(Version.V3_0, rate, elapsed)
    new = calculate_compounded_interest(Version.V3_6, rate, elapsed)
    lost = elapsed**3 // 6 + elapsed**2 * 10**5 + elapsed * 10**12 + 10
    assert abs(new - old) <= lost


def test_a_year_at_ten_percent_differs_between_the_versions_in_its_last_digits() -> None:
    rate = RAY // 10
    old = calculate_compounded_interest(Version.V3_0, rate, SECONDS_PER_YEAR)
    new = calculate_compounded_interest(Version.V3_6, rate, SECONDS_PER_YEAR)
    assert new == RAY + RAY // 10 + ray_mul(RAY // 10, RAY // 20 + ray_mul(RAY // 10, RAY // 60))
    assert old != new
    assert abs(old - new) < RAY // 10**5


def test_an_index_from_the_future_is_refused() -> None:
    accrual = Accrual(scaled=1, index_ray=RAY, rate_ray=0, updated_at=NOW + 1)
    with pytest.raises(ValueError, match="after"):
        accrue_index(Version.V3_6, Side.DEBT, accrual, NOW)


@given(scaled=BALANCES, index=st.integers(RAY, 3 * RAY), version=VERSIONS)
def test_three_six_rounds_against_the_user_and_three_zero_to_the_nearest(
    scaled: int, index: int, version: Version
) -> None:
    accrual = Accrual(scaled=scaled, index_ray=index, rate_ray=0, updated_at=NOW)
    held = accrue_units(version, Side.COLLATERAL, accrual, NOW)
    owed = accrue_units(version, Side.DEBT, accrual, NOW)
    exact = scaled * index
    if version is Version.V3_6:
        assert held * RAY <= exact <= owed * RAY
        assert owed - held == (exact % RAY != 0)
    else:
        assert held == owed == (exact + RAY // 2) // RAY


def simple(version: Version, held: int, owed: int, price: int = 2_000 * USD) -> tuple[Market, User]:
    state = market_of(version, reserve(0, price=price), reserve(1, decimals=6))
    return state, user_of(holding(0, held=held), holding(1, owed=owed))


@pytest.mark.parametrize("version", list(Version))
def test_no_debt_is_the_largest_number(version: Version) -> None:
    assert calculate_account_data(*simple(version, 10**18, 0)).health == NO_DEBT


@pytest.mark.parametrize("version", list(Version))
def test_debt_without_collateral_is_health_zero(version: Version) -> None:
    assert calculate_account_data(*simple(version, 0, 10**6)).health == 0


@pytest.mark.parametrize("version", list(Version))
def test_an_empty_account_needs_no_price(version: Version) -> None:
    state = market_of(version, reserve(0, price=None))
    assert calculate_account_data(state, user_of(holding(0))).health == NO_DEBT


def test_one_unit_of_debt_is_worth_something_on_36_and_nothing_on_30() -> None:
    cheap = 10
    for version, debt in ((Version.V3_0, 0), (Version.V3_6, 1)):
        state = market_of(version, reserve(0), reserve(1, decimals=6, price=cheap))
        data = calculate_account_data(state, user_of(holding(0, held=1), holding(1, owed=1)))
        assert data.debt == debt
        assert (data.health == NO_DEBT) == (version is Version.V3_0)


@pytest.mark.parametrize("version", list(Version))
def test_a_missing_price_of_a_used_asset_is_an_error_and_of_an_unused_one_is_not(
    version: Version,
) -> None:
    state = market_of(version, reserve(0), reserve(1, price=None))
    assert calculate_account_data(state, user_of(holding(0, held=1), holding(1))).debt == 0
    with pytest.raises(PriceMissing):
        calculate_account_data(state, user_of(holding(0, held=1), holding(1, owed=1)))


@pytest.mark.parametrize("version", list(Version))
def test_a_price_of_zero_is_worth_nothing(version: Version) -> None:
    data = calculate_account_data(*simple(version, 10**18, 10**6, price=0))
    assert (data.collateral, data.health) == (0, 0)


@pytest.mark.parametrize("version", list(Version))
def test_collateral_that_is_not_used_does_not_count(version: Version) -> None:
    state, _ = simple(version, 0, 0)
    user = user_of(holding(0, held=10**18, used=False), holding(1, owed=10**6))
    assert calculate_account_data(state, user).collateral == 0


def test_three_zero_floors_the_average_threshold_before_it_is_used() -> None:
    for version, exact in ((Version.V3_0, False), (Version.V3_6, True)):
        state = market_of(
            version,
            reserve(0, decimals=0, threshold=8_001),
            reserve(1, decimals=0, threshold=8_000),
            reserve(2, decimals=0),
        )
        user = user_of(holding(0, held=1), holding(1, held=1), holding(2, owed=1))
        data = calculate_account_data(state, user)
        assert data.liquidation_threshold == 8_000
        assert data.health == (16_001 if exact else 16_000) * WAD // 10_000


def test_a_threshold_of_zero_is_left_out_by_30_and_added_by_36() -> None:
    for version, collateral in ((Version.V3_0, 0), (Version.V3_6, USD)):
        state = market_of(version, reserve(0, threshold=0))
        data = calculate_account_data(state, user_of(holding(0, held=10**18)))
        assert (data.collateral, data.liquidation_threshold) == (collateral, 0)


BOOSTED = Category(number=3, ltv=9_000, liquidation_threshold=9_500, liquidation_bonus=10_100)


def boosted(version: Version, category: Category = BOOSTED) -> Market:
    """A market whose reserve 0 is in the category and whose reserve 1 is not."""
    inside = replace(reserve(0), category=3 if version is Version.V3_0 else 0)
    category = replace(category, collateral_bitmap=0b01)
    return market_of(version, inside, reserve(1), categories=(category,))


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(("number", "threshold"), [(0, 9_500), (1, 8_000)])
def test_a_category_lifts_its_own_assets_only(
    version: Version, number: int, threshold: int
) -> None:
    user = user_of(holding(number, held=10**18), category=3)
    data = calculate_account_data(boosted(version), user)
    assert data.liquidation_threshold == threshold


@pytest.mark.parametrize("version", list(Version))
def test_outside_the_mode_the_category_does_not_count(version: Version) -> None:
    data = calculate_account_data(boosted(version), user_of(holding(0, held=10**18)))
    assert data.liquidation_threshold == 8_000


@pytest.mark.parametrize("version", list(Version))
def test_a_category_that_was_not_read_is_an_error(version: Version) -> None:
    with pytest.raises(ValueError, match="category 4"):
        calculate_account_data(boosted(version), user_of(holding(0, held=1), category=4))


def test_the_price_source_of_a_category_replaces_its_assets_prices_on_30() -> None:
    source = replace(BOOSTED, price=3 * USD, price_source=Address("0x" + "ee" * 20))
    user = user_of(holding(0, held=10**18), holding(1, held=10**18), category=3)
    assert calculate_account_data(boosted(Version.V3_0, source), user).collateral == 4 * USD
    assert calculate_account_data(boosted(Version.V3_6, source), user).collateral == 2 * USD


def test_ltv_zero_in_the_mode_keeps_the_threshold_on_36() -> None:
    category = replace(BOOSTED, ltv_zero_bitmap=0b01)
    data = calculate_account_data(
        boosted(Version.V3_6, category), user_of(holding(0, held=10**18), category=3)
    )
    assert (data.ltv, data.liquidation_threshold) == (0, 9_500)


@given(
    version=VERSIONS,
    held=st.integers(10**12, 10**24),
    owed=st.integers(1, 10**13),
    more=BALANCES,
    price=PRICES,
)
def test_more_collateral_never_lowers_health_and_more_debt_never_raises_it(
    version: Version, held: int, owed: int, more: int, price: int
) -> None:
    before = calculate_account_data(*simple(version, held, owed, price)).health
    assert calculate_account_data(*simple(version, held + more, owed, price)).health >= before
    assert calculate_account_data(*simple(version, held, owed + more, price)).health <= before


@given(version=VERSIONS, held=BALANCES, owed=st.integers(1, 10**13), price=PRICES, rise=PRICES)
def test_a_rising_collateral_price_never_lowers_health(
    version: Version, held: int, owed: int, price: int, rise: int
) -> None:
    before = calculate_account_data(*simple(version, held, owed, price)).health
    assert calculate_account_data(*simple(version, held, owed, price + rise)).health >= before


@given(version=VERSIONS, balances=st.lists(st.tuples(BALANCES, BALANCES), min_size=2, max_size=4))
def test_the_order_of_holdings_does_not_matter(
    version: Version, balances: list[tuple[int, int]]
) -> None:
    state = market_of(version, *(reserve(n, price=(n + 1) * USD) for n in range(len(balances))))
    holdings = [holding(n, held=held, owed=owed) for n, (held, owed) in enumerate(balances)]
    assert calculate_account_data(state, user_of(*holdings)) == calculate_account_data(
        state, user_of(*reversed(holdings))
    )


@given(version=VERSIONS, owed=st.integers(1, 10**20), rate=st.integers(1, RAY), elapsed=ELAPSED)
def test_time_never_lowers_debt(version: Version, owed: int, rate: int, elapsed: int) -> None:
    state = market_of(version, reserve(0, rate=rate))
    user = user_of(holding(0, owed=owed))
    later = replace(state, now=NOW + elapsed)
    assert calculate_account_data(later, user).debt >= calculate_account_data(state, user).debt


def test_stable_debt_grows_from_its_own_time_at_its_own_rate() -> None:
    stable = StableDebt(principal=10**18, rate=RAY // 10, updated_at=NOW - SECONDS_PER_YEAR)
    owing = replace(holding(0, owed=10**18), stable_debt=stable)
    data = calculate_account_data(market_of(Version.V3_0, reserve(0)), user_of(owing))
    assert data.debt == 2_10516204


@pytest.mark.parametrize("version", list(Version))
def test_what_may_be_supplied_as_collateral(version: Version) -> None:
    open_one, frozen, isolating = reserve(0), replace(reserve(1), frozen=True), reserve(2)
    isolating = replace(isolating, debt_ceiling=1)
    paused, worthless = replace(reserve(3), paused=True), reserve(4, threshold=0)
    state = market_of(version, open_one, frozen, isolating, paused, worthless)
    fresh = user_of(*(holding(number) for number in range(5)))
    allowed = [r.number for r in state.reserves.values() if may_supply(state, fresh, r)]
    assert allowed == [0]


@pytest.mark.parametrize("version", list(Version))
def test_an_isolated_user_may_only_add_to_the_isolating_collateral(version: Version) -> None:
    state = market_of(version, reserve(0), replace(reserve(1), debt_ceiling=1))
    isolated = user_of(holding(0), holding(1, held=1))
    assert [may_supply(state, isolated, r) for r in state.reserves.values()] == [False, True]


@pytest.mark.parametrize("version", list(Version))
def test_collateral_turned_off_by_its_user_is_not_turned_on_by_supplying(version: Version) -> None:
    state = market_of(version, reserve(0))
    off = user_of(holding(0, held=1, used=False))
    assert not may_supply(state, off, state.reserves[0])


@given(version=VERSIONS, held=BALANCES, owed=BALANCES, price=PRICES)
def test_borrowing_power_is_never_negative(
    version: Version, held: int, owed: int, price: int
) -> None:
    data = calculate_account_data(*simple(version, held, owed, price))
    assume(data.debt > data.collateral)
    assert data.available_borrows == 0
