"""Kamino Lend's arithmetic: what must hold for every reserve, loan and liquidation."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.solana.protocols.klend.fraction import ONE, Overflow, bps, ceil, div, mul, sub, whole
from chains.solana.protocols.klend.liquidation import (
    Bonuses,
    Healthy,
    NoSuchPart,
    calculate_bonus,
    gather_bonuses,
    ltv,
    predict_liquidation,
)
from chains.solana.protocols.klend.math import (
    SLOTS_PER_YEAR,
    MissingReserve,
    accrue_borrow,
    accrue_reserve,
    borrow_factor,
    borrow_rate,
    compound,
    redeemable,
    refresh_obligation,
    total_supply,
    utilization,
    weigh_deposit,
)
from chains.solana.protocols.klend.state import ElevationGroup, Obligation, Reserve
from tests.chains.solana.protocols.klend.building import (
    CURVE,
    borrow,
    config_of,
    deposit,
    key_of,
    market_of,
    obligation_of,
    reserve_of,
)

GROUP = 3
rates = st.integers(0, 5 * ONE)
amounts = st.integers(0, 10**15)


def refresh(loan: Obligation, *reserves: Reserve) -> Obligation:
    return refresh_obligation(loan, market_of(), {each.key: each for each in reserves})


@given(rates, st.integers(0, SLOTS_PER_YEAR))
def test_growth_lies_between_simple_and_continuous_interest(rate: int, slots: int) -> None:
    growth = compound(rate, slots)
    base = Fraction(rate // SLOTS_PER_YEAR, ONE)
    assert Fraction(growth, ONE) >= 1 + base * slots - Fraction(1, ONE)
    x = base * slots
    assert Fraction(growth, ONE) <= 1 + x + x**2 / 2 + x**3 / 6


def test_a_year_at_five_hundred_percent_is_three_terms_of_the_series() -> None:
    growth = compound(5 * ONE, SLOTS_PER_YEAR)
    assert abs(growth / ONE - (1 + 5 + 25 / 2 + 125 / 6)) < 1e-5


def test_few_slots_compound_exactly() -> None:
    rate = SLOTS_PER_YEAR * ONE // 1_000_000
    step = ONE + rate // SLOTS_PER_YEAR
    powers = [ONE, step, mul(step, step), mul(mul(step, step), step)]
    assert [compound(rate, slots) for slots in range(4)] == powers
    assert compound(rate, 4) == mul(powers[2], powers[2])


def test_rate_is_the_curves_at_its_points_and_linear_between_them() -> None:
    assert borrow_rate(CURVE, 0) == bps(1)
    assert borrow_rate(CURVE, bps(8_000) + ONE // 20_000) == bps(500)
    assert borrow_rate(CURVE, ONE * 3) == bps(8_000)
    half = borrow_rate(CURVE, bps(4_000))
    assert half == bps(4_000) * 499 // 8_000 + bps(1)


def test_a_curve_that_falls_is_refused() -> None:
    with pytest.raises(Overflow):
        borrow_rate(CURVE[::-1], bps(5_000))
    falls = (replace(CURVE[0], rate_bps=9_000), CURVE[2])
    with pytest.raises(Overflow):
        borrow_rate(falls, bps(5_000))


@given(st.integers(1, 10**7))
def test_interest_feeds_lenders_and_fees_and_no_one_else(slots: int) -> None:
    before = reserve_of(1, config=config_of(host_rate_bps=50))
    after = accrue_reserve(before, market_of(referral_fee_bps=500), before.slot + slots)
    paid = after.borrowed_sf - before.borrowed_sf
    fees = after.protocol_fees_sf + after.pending_fees_sf - before.protocol_fees_sf
    assert 0 <= fees <= paid
    assert total_supply(after) - total_supply(before) == paid - fees
    assert after.rate_sf >= before.rate_sf
    assert after.slot == before.slot + slots


def test_fees_are_the_hosts_interest_and_a_part_of_the_rest() -> None:
    before = reserve_of(1, config=config_of(host_rate_bps=100))
    slots = SLOTS_PER_YEAR // 365
    after = accrue_reserve(before, market_of(referral_fee_bps=1_000), before.slot + slots)
    debt = before.borrowed_sf
    host = debt * (compound(bps(100), slots) - ONE) // ONE
    rest = after.borrowed_sf - debt - host
    assert after.pending_fees_sf == pytest.approx(rest * 0.2 * 0.1, rel=1e-9)
    gained = after.protocol_fees_sf - before.protocol_fees_sf
    assert gained == pytest.approx(host + rest * 0.2 * 0.9, rel=1e-9)


def test_a_reserve_of_this_slot_or_a_later_one_stays_as_it_is() -> None:
    reserve = reserve_of(1)
    assert accrue_reserve(reserve, market_of(), reserve.slot) is reserve
    assert accrue_reserve(reserve, market_of(), reserve.slot - 1) is reserve


def test_an_empty_reserve_lends_nothing_and_redeems_one_to_one() -> None:
    empty = replace(reserve_of(1, available=0, borrowed=0, collateral_supply=0), protocol_fees_sf=0)
    assert utilization(empty) == 0
    assert redeemable(empty, 7) == whole(7)


@given(amounts)
def test_redeeming_never_gives_more_than_the_share(ctokens: int) -> None:
    reserve = reserve_of(1)
    share = Fraction(ctokens * total_supply(reserve), reserve.collateral_supply)
    assert 0 <= share - redeemable(reserve, ctokens) < 1


def test_a_loan_grows_with_its_reserves_rate() -> None:
    owed = borrow(amount_sf=whole(1_000), rate_sf=ONE)
    assert accrue_borrow(owed, reserve_of(2)).amount_sf == whole(1_000) * (ONE * 11 // 10) // ONE
    with pytest.raises(Overflow):
        accrue_borrow(replace(owed, rate_sf=ONE * 2), reserve_of(2))
    with pytest.raises(Overflow):
        accrue_borrow(replace(owed, rate_sf=0), reserve_of(2))


def test_a_missing_reserve_is_named() -> None:
    with pytest.raises(MissingReserve, match=key_of(1).hex()):
        refresh(obligation_of((deposit(1),)))


@given(amounts, amounts, st.integers(1, 10**9))
def test_more_collateral_never_lowers_health_and_more_debt_never_raises_it(
    held: int, owed: int, more: int
) -> None:
    reserves = (reserve_of(1, usd=2), reserve_of(2))
    base = refresh(obligation_of((deposit(1, held),), (borrow(2, whole(owed)),)), *reserves)
    richer = refresh(
        obligation_of((deposit(1, held + more),), (borrow(2, whole(owed)),)), *reserves
    )
    poorer = refresh(
        obligation_of((deposit(1, held),), (borrow(2, whole(owed + more)),)), *reserves
    )
    assert richer.values.unhealthy_sf >= base.values.unhealthy_sf
    assert richer.values.adjusted_debt_sf == base.values.adjusted_debt_sf
    assert poorer.values.adjusted_debt_sf >= base.values.adjusted_debt_sf


def test_borrow_factors_weigh_debts_outside_of_a_group_only() -> None:
    reserve = reserve_of(2, config=config_of(borrow_factor_pct=125))
    assert borrow_factor(reserve, 0) == ONE * 5 // 4
    assert borrow_factor(reserve, GROUP) == ONE
    assert borrow_factor(reserve_of(2, config=config_of(borrow_factor_pct=0)), 0) == ONE


def test_a_group_lends_its_own_terms_to_its_members() -> None:
    market = market_of(
        groups={GROUP: ElevationGroup(ltv_pct=90, threshold_pct=95, max_bonus_bps=100)}
    )
    member = reserve_of(1, config=config_of(elevation_groups=frozenset({GROUP})))
    assert weigh_deposit(market, member, GROUP).threshold_pct == 95
    assert weigh_deposit(market, member, 0).threshold_pct == 80
    assert weigh_deposit(market, reserve_of(1), GROUP).threshold_pct == 80


def test_a_groups_bonus_counts_only_where_no_reserve_has_a_lower_one() -> None:
    wide, narrow = config_of(max_bonus_bps=500), config_of(max_bonus_bps=90)
    group = ElevationGroup(ltv_pct=90, threshold_pct=95, max_bonus_bps=100)
    assert gather_bonuses(wide, wide, group).group == 100
    assert gather_bonuses(wide, narrow, group).group == 65_535
    assert gather_bonuses(wide, wide, replace(group, max_bonus_bps=0)).group == 65_535
    assert gather_bonuses(wide, wide, None).group == 65_535


def test_near_bad_debt_the_bonus_is_the_larger_of_its_own_and_the_equity() -> None:
    bonuses = Bonuses(least=200, most=500, bad_debt=10, group=65_535)
    for plain, bonus in ((bps(9_920), ONE - bps(9_920)), (bps(9_995), bps(10)), (ONE, bps(10))):
        found = calculate_bonus(
            bonuses, user_ltv=ONE, user_plain_ltv=plain, max_allowed_ltv=bps(8_000)
        )
        assert found == bonus


def unhealthy(usd: int = 1) -> tuple[Obligation, Reserve, Reserve]:
    collateral, debt = reserve_of(1, usd=usd), reserve_of(2)
    loan = obligation_of((deposit(1, 10**9),), (borrow(2, whole(850 * 10**6)),))
    return refresh(loan, collateral, debt), collateral, debt


@given(st.integers(1, 10**10))
def test_a_liquidation_stays_inside_the_debt_and_the_deposit(units: int) -> None:
    loan, collateral, debt = unhealthy()
    found = predict_liquidation(loan, market_of(), collateral=collateral, debt=debt, units=units)
    assert 0 < found.amounts.repaid <= units
    assert found.amounts.repaid <= ceil(loan.borrows[0].amount_sf)
    assert found.amounts.withdrawn <= loan.deposits[0].amount
    assert found.received == found.redeemed - found.protocol_fee


def test_the_close_factor_limits_one_liquidation() -> None:
    loan, collateral, debt = unhealthy()
    assert ltv(loan.values) < bps(9_500)
    most = predict_liquidation(
        loan, market_of(), collateral=collateral, debt=debt, units=10**12
    ).amounts.repaid
    assert most <= ceil(loan.borrows[0].amount_sf // 5) <= most + 1


def test_a_small_debt_goes_at_once() -> None:
    loan, collateral, debt = unhealthy()
    market = market_of(min_full_liquidation_value=10**6)
    found = predict_liquidation(loan, market, collateral=collateral, debt=debt, units=1)
    assert found.amounts.repaid == ceil(loan.borrows[0].amount_sf)


def test_a_healthy_loan_and_a_part_it_does_not_have_are_refused() -> None:
    loan, collateral, debt = unhealthy(usd=5)
    with pytest.raises(Healthy):
        predict_liquidation(loan, market_of(), collateral=collateral, debt=debt, units=1)
    with pytest.raises(NoSuchPart):
        predict_liquidation(loan, market_of(), collateral=debt, debt=debt, units=1)
    with pytest.raises(NoSuchPart):
        predict_liquidation(loan, market_of(), collateral=collateral, debt=collateral, units=1)


def test_what_the_program_cannot_hold_is_an_overflow() -> None:
    with pytest.raises(Overflow):
        whole(1 << 68)
    with pytest.raises(Overflow):
        sub(1, 2)
    with pytest.raises(Overflow):
        div(ONE, 0)
