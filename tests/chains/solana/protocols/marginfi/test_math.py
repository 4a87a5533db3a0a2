"""marginfi's arithmetic: what must hold for every bank, account and liquidation."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.solana.protocols.marginfi.fixed import (
    ONE,
    Overflow,
    div,
    floor,
    mul,
    ratio,
    whole,
)
from chains.solana.protocols.marginfi.liquidation import (
    Liquidation,
    Refused,
    find_largest,
    predict_liquidation,
)
from chains.solana.protocols.marginfi.math import (
    MAX_BIAS,
    MissingBank,
    Requirement,
    TooUncertain,
    accrue_bank,
    asset_weight,
    base_rate,
    bias_price,
    calculate_health,
    find_emode,
    scale_pyth,
    scale_switchboard,
)
from chains.solana.protocols.marginfi.state import (
    Account,
    Bank,
    BankPrices,
    EmodeWeights,
    PriceRange,
)
from tests.chains.solana.protocols.marginfi.building import (
    account_of,
    bank_of,
    exact,
    group_of,
    held,
    interest_of,
    key_of,
    owed,
)

NOW = 1_700_000_000
YEAR = 31_536_000
amounts = st.integers(1, 10**12)


def pair(lent: Bank | None = None) -> dict[bytes, Bank]:
    lent = lent or bank_of(1, asset_weight=ratio(8, 10))
    return {lent.key: lent, key_of(2): bank_of(2, liability_weight=ratio(11, 10))}


def at_par(banks: dict[bytes, Bank]) -> dict[bytes, BankPrices]:
    return {key: exact(ONE) for key in banks}


def test_products_round_down_and_quotients_towards_zero() -> None:
    assert mul(-1, 1) == -1
    assert div(-1, whole(2)) == 0
    assert div(whole(-7), whole(2)) == -7 * ONE // 2
    with pytest.raises(Overflow):
        div(1, 0)
    with pytest.raises(Overflow):
        whole(1 << 79)


def test_oracle_numbers_become_fixed_point() -> None:
    assert scale_pyth(15_000, -2) == whole(150)
    assert scale_pyth(15, 1) == whole(150)
    assert scale_pyth(150, 0) == whole(150)
    assert scale_switchboard(15 * 10**17) == whole(3) // 2


@given(st.integers(10**6, 10**20), st.integers(0, 10**19))
def test_a_bias_is_the_confidence_up_to_five_percent(price: int, confidence: int) -> None:
    try:
        found = bias_price(price, confidence, 0)
    except TooUncertain:
        assert confidence * 10 >= price - price // 10**6
        return
    bias = min(confidence, mul(price, MAX_BIAS))
    assert (found.low, found.high) == (price - bias, price + bias)


def test_a_bank_may_allow_less_or_more_uncertainty() -> None:
    percent = (2**32 - 1) // 100
    with pytest.raises(TooUncertain):
        bias_price(whole(100), whole(2), percent)
    assert bias_price(whole(100), whole(20), 30 * percent).low == whole(100) - mul(
        whole(100), MAX_BIAS
    )


def test_assets_count_at_the_low_price_and_liabilities_at_the_high_one() -> None:
    banks = pair()
    wide = BankPrices(
        spot=PriceRange(low=whole(9), high=whole(11)),
        smoothed=PriceRange(low=whole(8), high=whole(12)),
    )
    prices = dict.fromkeys(banks, wide)
    account = account_of(held(1, whole(10**6)), owed(2, whole(10**6)))
    health = calculate_health(account, banks, prices)
    assert health.assets == mul(mul(whole(10**6), ratio(8, 10)), whole(9)) // 10**6
    assert health.liabilities == mul(mul(whole(10**6), ratio(11, 10)), whole(11)) // 10**6
    initial = calculate_health(account, banks, prices, Requirement.INITIAL)
    assert initial.assets < health.assets
    assert initial.liabilities > health.liabilities
    equity = calculate_health(account, banks, prices, Requirement.EQUITY)
    assert equity.assets == equity.liabilities == whole(10)


@given(amounts, amounts, amounts)
def test_more_collateral_never_lowers_health_and_more_debt_never_raises_it(
    deposit: int, debt: int, more: int
) -> None:
    banks = pair()

    def net(kept: int, due: int) -> int:
        account = account_of(held(1, whole(kept)), owed(2, whole(due)))
        return calculate_health(account, banks, at_par(banks)).net

    assert net(deposit + more, debt) >= net(deposit, debt) >= net(deposit, debt + more)


def test_dust_isolated_and_reduced_assets_count_for_nothing() -> None:
    banks = pair(bank_of(1, isolated=True))
    account = account_of(held(1, whole(10**9)), owed(2, ONE - 1))
    assert calculate_health(account, banks, at_par(banks)).net == 0
    reduced = pair(bank_of(1, asset_weight=ratio(8, 10), state=2))
    initial = calculate_health(account, reduced, at_par(reduced), Requirement.INITIAL)
    kept = calculate_health(account, reduced, at_par(reduced))
    assert (initial.assets, kept.assets) == (0, mul(whole(10**9), ratio(8, 10)) // 10**6)


def test_a_bank_over_its_value_limit_lends_less_on_its_assets() -> None:
    banks = pair(bank_of(1, asset_value_limit=500_000))  # a million USD lies in it
    account = account_of(held(1, whole(10**9)))
    initial = calculate_health(account, banks, at_par(banks), Requirement.INITIAL)
    kept = calculate_health(account, banks, at_par(banks))
    assert abs(initial.assets * 2 - kept.assets) <= 2 * 10**4


def test_what_is_not_at_hand_is_named() -> None:
    account = account_of(owed(9, whole(10)))
    with pytest.raises(MissingBank, match="not read"):
        calculate_health(account, {}, {})
    with pytest.raises(MissingBank, match="no price"):
        calculate_health(account, {key_of(9): bank_of(9)}, {})


def test_emode_counts_where_all_debts_grant_it_and_never_lowers() -> None:
    grant = {5: EmodeWeights(init=ratio(9, 10), maint=ratio(95, 100))}
    low = {5: EmodeWeights(init=ratio(1, 10), maint=ratio(1, 10))}
    banks = {
        key_of(1): bank_of(1, asset_weight=ratio(8, 10), emode_tag=5),
        key_of(2): bank_of(2, emode=grant),
        key_of(3): bank_of(3, emode=low),
        key_of(4): bank_of(4),
    }
    one = account_of(held(1, whole(10)), owed(2, whole(10)))
    lent = banks[key_of(1)]

    def weight(account: Account) -> int:
        return asset_weight(lent, find_emode(account, banks), Requirement.MAINTENANCE)

    assert weight(one) == ratio(95, 100)
    assert weight(replace(one, balances=(*one.balances, owed(3, whole(10))))) == ratio(8, 10)
    assert weight(replace(one, balances=(*one.balances, owed(4, whole(10))))) == ratio(8, 10)
    assert weight(account_of(held(1, whole(10)))) == ratio(8, 10)
    assert asset_weight(lent, {}, Requirement.EQUITY) == ONE


@given(st.integers(1, 10 * YEAR), st.sampled_from([0, 1]))
def test_interest_grows_both_sides_and_borrowers_pay_more(elapsed: int, curve: int) -> None:
    before = bank_of(1, curve=curve)
    after = accrue_bank(before, group_of(program_rate=ratio(1, 100)), NOW + elapsed)
    assert after.liability_share_value > before.liability_share_value
    assert ONE <= after.asset_share_value < after.liability_share_value
    assert after.updated_at == NOW + elapsed


def test_a_year_of_interest_is_simple() -> None:
    after = accrue_bank(bank_of(1), group_of(), NOW + YEAR)
    base = Fraction(3, 4) * Fraction(1, 10)  # 60 % used of an optimum of 80 %, plateau 10 %
    lent = Fraction(after.asset_share_value, ONE) - 1
    paid = Fraction(after.liability_share_value, ONE) - 1
    assert abs(lent - base * Fraction(6, 10)) < Fraction(1, 10**12)
    assert abs(paid - (base * Fraction(115, 100) + Fraction(1, 100))) < Fraction(1, 10**12)


def test_a_bank_that_is_fresh_or_unused_stays_as_it_is() -> None:
    bank = bank_of(1)
    assert accrue_bank(bank, group_of(), NOW) is bank
    unused = replace(bank, liability_shares=0)
    assert accrue_bank(unused, group_of(), NOW + YEAR) is unused


def test_rates_follow_the_curve_of_their_generation() -> None:
    legacy, points = interest_of(), interest_of(curve=1)
    assert base_rate(legacy, ratio(8, 10)) == ratio(1, 10)
    assert abs(base_rate(legacy, ONE) - ratio(2, 1)) <= 2
    assert base_rate(points, 0) == 0
    assert abs(base_rate(points, ratio(4, 10)) - ratio(5, 100)) < 10**8
    assert abs(base_rate(points, whole(2)) - ratio(2, 1)) < 10**8
    falling = replace(points, zero_rate=2**31)
    with pytest.raises(Overflow):
        base_rate(falling, ratio(1, 10))


def unhealthy() -> tuple[Account, dict[bytes, Bank], dict[bytes, BankPrices]]:
    banks = pair()
    account = account_of(held(1, whole(100 * 10**6)), owed(2, whole(80 * 10**6)))
    return account, banks, at_par(banks)


def liquidate(units: int) -> Liquidation:
    account, banks, prices = unhealthy()
    return predict_liquidation(
        account, banks, prices, asset=key_of(1), liability=key_of(2), units=units
    )


@given(st.integers(10, 30 * 10**6))
def test_a_liquidation_helps_and_pays_liquidator_and_insurance(units: int) -> None:
    found = liquidate(units)
    assert found.before.net < found.after.net <= 0
    assert found.amounts.settled <= found.amounts.paid <= whole(units)
    assert floor(found.amounts.paid) in range(units * 975 // 1000 - 1, units * 975 // 1000 + 2)
    assert found.amounts.insurance in range(units * 25 // 1000 - 1, units * 25 // 1000 + 2)


def test_the_largest_liquidation_is_the_last_one_not_refused() -> None:
    account, banks, prices = unhealthy()
    best = find_largest(account, banks, prices, asset=key_of(1), liability=key_of(2))
    assert 0 < best.units < 100 * 10**6
    with pytest.raises(Refused, match="rise above"):
        liquidate(best.units + 1)


def test_what_the_program_refuses_is_refused() -> None:
    account, banks, prices = unhealthy()
    legs = {"asset": key_of(1), "liability": key_of(2)}
    with pytest.raises(Refused, match="hold that much"):
        liquidate(101 * 10**6)
    with pytest.raises(Refused, match="of one bank"):
        predict_liquidation(account, banks, prices, asset=key_of(1), liability=key_of(1), units=1)
    with pytest.raises(Refused, match="no balance"):
        predict_liquidation(account, banks, prices, asset=key_of(1), liability=key_of(9), units=1)
    with pytest.raises(Refused, match="owes nothing"):
        predict_liquidation(account, banks, prices, asset=key_of(2), liability=key_of(1), units=1)
    healthy = replace(account, balances=(account.balances[0], owed(2, whole(10**6))))
    with pytest.raises(Refused, match="healthy"):
        predict_liquidation(healthy, banks, prices, **legs, units=1)
    small = account_of(held(1, whole(10**6)), owed(2, whole(900_000)))
    with pytest.raises(Refused, match="exhausted"):
        predict_liquidation(small, banks, prices, **legs, units=10**6)
    strong = {**banks, key_of(1): bank_of(1, asset_weight=ratio(12, 10))}
    poor = account_of(held(1, whole(10**6)), owed(2, whole(2 * 10**6)))
    with pytest.raises(Refused, match="better off"):
        find_largest(poor, strong, prices, **legs)
