"""The unified health of a vault account: what must hold of both bounds whatever the figures."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chains.evm.protocols.plimsoll_vault.curve import (
    calculate_bonus,
    calculate_covered,
    calculate_needed,
    calculate_reserve,
)
from chains.evm.protocols.plimsoll_vault.health import judge
from chains.evm.protocols.plimsoll_vault.state import (
    NO_DEBT,
    Abroad,
    Entry,
    Legs,
    Quote,
    SeizureTerms,
    Subject,
)
from chains.model.units import BPS, USD, WAD, div_down

NOW = 1_700_000_000
TERMS = SeizureTerms(
    grace_s=600,
    max_age_s=120,
    order_life_s=900,
    veto_s=3_600,
    target=115 * WAD // 100,
    floor=80 * WAD // 100,
    min_bonus_bps=300,
    max_bonus_bps=1_000,
    fund_bonus_bps=300,
    buffer_bps=300,
    tolerance_bps=200,
    min_leg=100 * USD,
    min_debt=100 * USD,
    min_order=50 * USD,
)
QUOTES = (
    Quote(low=2_000 * USD, high=2_000 * USD, ltv=8_000, threshold=8_250, max_rate=WAD),
    Quote(low=USD, high=USD, ltv=8_500, threshold=9_000, max_rate=WAD),
)


def subject(weth: int, owed: int, *, age: int = 0, max_rate: int = WAD) -> Subject:
    """Collateral in whole WETH here, debt in whole USDC on chain 2, read `age` seconds ago."""
    nothing = (0, 0)
    entry = Entry(
        height=1,
        time=NOW - age,
        collateral=nothing,
        debt=(0, owed * WAD),
        locked=nothing,
        added=nothing,
        repaid=nothing,
        lines_in=nothing,
        ordered=0,
    )
    legs = Legs(
        collateral=(weth * WAD, 0),
        debt=nothing,
        locked=nothing,
        lines_in=nothing,
        lines_out=nothing,
    )
    market = tuple(replace(quote, max_rate=max_rate) for quote in QUOTES)
    other = Abroad(chain=2, entry=entry, lost=False, line_out=nothing, line_in=nothing)
    return Subject(now=NOW, legs=legs, abroad=(other,), orders=(), market=market, terms=TERMS)


weth = st.integers(0, 1_000)
owed = st.integers(0, 3_000_000)
age = st.integers(0, 100_000)


def test_collateral_here_and_debt_there_are_one_health() -> None:
    judged = judge(subject(10, 15_000))
    assert judged.high == judged.low == 10 * 2_000 * 8_250 * WAD // (15_000 * 10_000)


def test_who_owes_nothing_has_no_health() -> None:
    assert judge(subject(10, 0)).high == NO_DEBT


@given(weth, owed, age)
def test_the_low_bound_is_never_above_the_high_one(held: int, debt: int, since: int) -> None:
    judged = judge(subject(held, debt, age=since))
    assert judged.low <= judged.high


@given(weth, owed, age, weth)
def test_more_collateral_lowers_no_bound(held: int, debt: int, since: int, more: int) -> None:
    before, after = (judge(subject(h, debt, age=since)) for h in (held, held + more))
    assert after.low >= before.low
    assert after.high >= before.high


@given(weth, owed, age)
def test_an_outage_alone_never_lowers_the_high_bound(held: int, debt: int, since: int) -> None:
    assert judge(subject(held, debt, age=since)).high == judge(subject(held, debt)).high


def test_an_unread_debt_grows_at_the_greatest_rate_in_the_low_bound_only() -> None:
    judged = judge(subject(10, 15_000, age=365 * 86_400))
    assert judged.unread
    assert judged.low_debt == 2 * 15_000 * USD
    assert judged.debt == 15_000 * USD


@given(
    health=st.integers(WAD // 2, WAD - 1),
    threshold=st.integers(5_000, 9_500),
    debt=st.integers(1_000 * USD, 10**7 * USD),
)
def test_a_liquidation_of_the_needed_size_reaches_the_target_or_never_lowers_health(
    health: int, threshold: int, debt: int
) -> None:
    weight = div_down(health * debt, WAD)
    bonus = calculate_bonus(
        div_down(weight * WAD, debt), threshold, least=300, most=1_000, floor=8 * WAD // 10
    )
    repaid = calculate_needed(weight, debt, threshold, bonus, TERMS.target)
    taken = div_down(repaid * (BPS + bonus) * threshold, BPS * BPS)
    if repaid == debt:
        return
    after = div_down((weight - taken) * WAD, debt - repaid)
    assert after >= div_down(weight * WAD, debt) - 10**10
    if weight > taken:
        assert after >= TERMS.target - 10**10


@given(
    value=st.integers(1, 10**15),
    bonus=st.integers(0, 2_000),
    buffer=st.integers(0, 2_000),
    price=st.integers(1, 10**14),
)
def test_what_is_locked_for_a_value_covers_it(
    value: int, bonus: int, buffer: int, price: int
) -> None:
    units = calculate_reserve(value, bonus, buffer, price)
    assert calculate_covered(units, bonus, buffer, price) >= value
