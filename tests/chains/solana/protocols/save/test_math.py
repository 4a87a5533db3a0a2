"""Save's arithmetic by itself: rates, interest, exchange, and what holds of health always."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.units import WAD
from chains.solana.protocols.save.decimals import PERCENT, MathOverflow, whole
from chains.solana.protocols.save.liquidation import Refusal, predict_liquidation
from chains.solana.protocols.save.math import (
    SLOTS_PER_YEAR,
    MissingReserve,
    accrue,
    calculate_borrow_rate,
    calculate_health,
    calculate_repay,
    refresh_obligation,
    to_collateral,
    to_liquidity,
)
from chains.solana.protocols.save.state import Borrow, Deposit, Obligation, Reserve
from tests.chains.solana.protocols.save.states import COLLATERAL, DEBT, obligation, reserve

amounts = st.integers(1, 10**15)


def used(percent: int) -> Reserve:
    return replace(reserve(), available=(100 - percent) * 10**6, borrowed=whole(percent * 10**6))


@pytest.mark.parametrize(
    ("utilization", "rate"),
    [(0, 0), (40, 4), (80, 8), (95, 50), (100, 150)],
)
def test_the_rate_climbs_through_its_corners(utilization: int, rate: int) -> None:
    assert calculate_borrow_rate(used(utilization)) == rate * PERCENT


def test_the_rate_without_liquidity_is_the_least() -> None:
    empty = replace(reserve(min_rate=3), available=0, borrowed=0)
    assert calculate_borrow_rate(empty) == 3 * PERCENT
    assert calculate_borrow_rate(replace(empty, terms=replace(empty.terms, optimal_utilization=0)))


def test_a_year_of_slots_compounds_the_rate() -> None:
    year = accrue(used(80), 1_000 + SLOTS_PER_YEAR)
    assert year.cumulative_rate / WAD == pytest.approx(2.718281828**0.08, rel=1e-6)
    interest = year.borrowed - used(80).borrowed
    assert year.protocol_fees == interest // 10


def test_a_slot_already_charged_changes_nothing_and_an_earlier_one_fails() -> None:
    assert accrue(reserve(), 1_000) == reserve()
    with pytest.raises(MathOverflow):
        accrue(reserve(), 999)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_interest_never_falls(first: int, second: int) -> None:
    before = accrue(reserve(), 1_000 + first)
    after = accrue(before, before.slot + second)
    assert after.cumulative_rate >= before.cumulative_rate
    assert after.borrowed >= before.borrowed


@given(amounts)
def test_exchanging_there_and_back_never_gains(units: int) -> None:
    state = accrue(reserve(), 5_000_000)
    assert to_liquidity(state, to_collateral(state, units)) <= whole(units)


def test_the_first_deposit_is_exchanged_one_to_one() -> None:
    empty = replace(reserve(), available=0, borrowed=0, collateral_minted=0)
    assert to_collateral(empty, 123) == 123


@given(st.integers(1, 10**30), st.integers(1, (1 << 64) - 1))
def test_a_repayment_settles_at_most_what_it_pays(owed: int, wanted: int) -> None:
    settled, paid = calculate_repay(owed, wanted)
    assert settled <= owed
    assert settled <= whole(paid) < settled + WAD


def value(held: int, owed: int, *, price: int = WAD, weight_bps: int = 0) -> Obligation:
    state = replace(
        obligation(),
        deposits=(Deposit(reserve=COLLATERAL, amount=held, value=0),),
        borrows=(Borrow(reserve=DEBT, cumulative_rate=WAD, amount=whole(owed), value=0),),
    )
    reserves = {
        COLLATERAL: replace(reserve(), price=price),
        DEBT: reserve(DEBT, added_weight_bps=weight_bps),
    }
    return refresh_obligation(state, reserves, 1_000)


@given(amounts, amounts, amounts)
def test_more_collateral_never_lowers_health_and_more_debt_never_raises_it(
    held: int, owed: int, more: int
) -> None:
    health = calculate_health(value(held, owed))
    richer, deeper = (
        calculate_health(value(held + more, owed)),
        calculate_health(value(held, owed + more)),
    )
    assert health is not None
    assert richer is not None
    assert deeper is not None
    assert richer >= health >= deeper


@given(amounts, amounts, st.integers(1, 10**24), st.integers(0, 10**23))
def test_a_rising_price_of_collateral_never_lowers_health(
    held: int, owed: int, price: int, rise: int
) -> None:
    low, high = (calculate_health(value(held, owed, price=p)) for p in (price, price + rise))
    assert low is not None
    assert high is not None
    assert high >= low


def test_borrow_weight_counts_in_health_and_not_in_the_plain_debt() -> None:
    plain, weighted = value(10**6, 10**5), value(10**6, 10**5, weight_bps=10_000)
    assert calculate_health(plain) == 8 * WAD
    assert calculate_health(weighted) == 4 * WAD
    assert weighted.unweighted_value == plain.unweighted_value == plain.borrowed_value


def test_no_debt_has_no_health() -> None:
    assert calculate_health(obligation(unhealthy_value=5)) is None


def test_the_lower_price_allows_and_the_higher_one_counts_against_borrowing() -> None:
    state = value(10**6, 10**5)
    base = {COLLATERAL: reserve(), DEBT: reserve(DEBT)}
    smoothed = {
        COLLATERAL: replace(base[COLLATERAL], smoothed_price=WAD // 2),
        DEBT: replace(base[DEBT], extra_price=3 * WAD),
    }
    other = refresh_obligation(state, smoothed, 1_000)
    assert other.allowed_value == state.allowed_value // 2
    assert other.borrowed_upper_value == 3 * state.borrowed_upper_value
    assert calculate_health(other) == calculate_health(state)


def test_an_obligation_with_an_unknown_reserve_cannot_be_valued() -> None:
    with pytest.raises(MissingReserve):
        refresh_obligation(obligation(), {}, 1_000)


def test_what_the_program_cannot_hold_fails() -> None:
    with pytest.raises(MathOverflow):
        value(1 << 63, 1, price=(1 << 128) - 1)


@pytest.mark.parametrize(
    ("repay", "withdraw", "refusal"),
    [
        (DEBT, COLLATERAL, Refusal.HEALTHY),
        (DEBT, DEBT, Refusal.NO_COLLATERAL),
        (COLLATERAL, COLLATERAL, Refusal.NO_DEBT),
    ],
)
def test_refusals_name_what_is_missing(repay: bytes, withdraw: bytes, refusal: Refusal) -> None:
    reserves = {COLLATERAL: reserve(), DEBT: reserve(DEBT)}
    healthy = value(10**9, 10**6)
    assert predict_liquidation(healthy, reserves, repay=repay, withdraw=withdraw) is refusal


@given(st.integers(10**7, 10**12), st.integers(1, 10**12))
def test_a_liquidation_takes_at_most_a_fifth_and_gives_at_most_the_bonus(
    held: int, wanted: int
) -> None:
    owed = held * 82 // 100
    state = value(held, owed)
    deep = replace(reserve(), available=10**15, borrowed=0, collateral_minted=10**15)
    done = predict_liquidation(
        state,
        {COLLATERAL: deep, DEBT: reserve(DEBT)},
        repay=DEBT,
        withdraw=COLLATERAL,
        wanted=wanted,
    )
    assert not isinstance(done, Refusal)
    assert done.amounts.repaid <= min(owed // 5 + 1, wanted)
    assert done.received == done.amounts.withdrawn <= done.amounts.repaid * 125 // 100
    assert 1 <= done.fee <= done.received
    assert done.kept_collateral == 0
