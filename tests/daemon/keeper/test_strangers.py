"""Which strangers are liquidated, and for how much at least."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chains.model.price import PriceStatus
from chains.model.units import BPS, USD, WAD, Usd, Wad
from daemon.keeper.strangers import (
    Prey,
    Sale,
    eligible,
    flash_premium,
    least_profit_units,
    order_sales,
    rank,
    with_interest,
)
from tests.support import values as v

WETH, USDC, WBTC = (v.asset(v.CHEAP, symbol) for symbol in ("WETH", "USDC", "WBTC"))
PREY = Prey(
    market=v.market(v.CHEAP),
    account=v.account(v.CHEAP, 9),
    health=Wad(99 * WAD // 100),
    collateral=WETH,
    debt=USDC,
    seized=10**18,
    repaid=1_900 * 10**6,
    borrowed=with_interest(1_900 * 10**6),
    decimals=6,
    price=v.price(v.CHEAP, "USDC"),
)


def sale(profit: float, prey: Prey = PREY) -> Sale:
    premium = 10**6
    return Sale(prey=prey, proceeds=prey.repaid + premium + round(profit * 10**6), premium=premium)


def test_a_health_of_one_is_never_liquidated() -> None:
    assert eligible([PREY], lambda _: False) == (PREY,)
    assert eligible([replace(PREY, health=Wad(WAD))], lambda _: False) == ()
    assert eligible([replace(PREY, health=Wad(WAD - 1))], lambda _: False) != ()


def test_a_latch_on_either_asset_stops_it() -> None:
    assert eligible([PREY], lambda asset: asset == WETH) == ()
    assert eligible([PREY], lambda asset: asset == USDC) == ()
    assert eligible([PREY], lambda asset: asset == WBTC) == (PREY,)


def test_a_price_nobody_stands_behind_stops_it() -> None:
    for status in (PriceStatus.STALE, PriceStatus.SEQUENCER_GRACE):
        doubtful = replace(PREY, price=v.price(v.CHEAP, "USDC", status=status))
        assert eligible([doubtful], lambda _: False) == ()


def test_the_most_profitable_goes_first_and_each_account_once() -> None:
    other = replace(PREY, account=v.account(v.CHEAP, 10))
    same = replace(PREY, collateral=WBTC)
    found = rank([sale(20), sale(30, same), sale(25, other)], Usd(5 * USD))
    assert [s.prey for s in found] == [same, other]


def test_what_does_not_pass_the_floor_is_left() -> None:
    assert rank([sale(5)], Usd(5 * USD)) == ()
    assert rank([sale(5.01)], Usd(5 * USD)) != ()
    assert rank([Sale(prey=PREY, proceeds=None, premium=0)], Usd(0)) == ()


def test_a_pool_that_is_sold_through_takes_no_second_sale_in_either_direction() -> None:
    back = replace(PREY, collateral=USDC, debt=WETH)
    other = replace(PREY, collateral=WBTC)
    sales = [sale(30), sale(20, back), sale(10, other)]
    found = order_sales(sales, selling=[PREY.pool], refused=[])
    assert [s.prey for s in found] == [other]


def test_a_liquidation_without_a_sale_waits_for_no_pool() -> None:
    same = replace(PREY, collateral=USDC)
    assert order_sales([sale(30, same)], selling=[PREY.pool], refused=[]) == [sale(30, same)]


def test_what_was_refused_lately_keeps_nothing_else_back() -> None:
    other = replace(PREY, account=v.account(v.CHEAP, 10))
    found = order_sales([sale(30), sale(10, other)], selling=[], refused=[PREY.need])
    assert [s.prey for s in found] == [other, PREY]


def test_the_contract_must_insist_on_the_floor_and_the_gas() -> None:
    assert least_profit_units(sale(20), Usd(3 * USD), Usd(5 * USD)) == 8 * 10**6
    assert least_profit_units(sale(7.999999), Usd(3 * USD), Usd(5 * USD)) is None


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**10), st.integers(0, 10**10))
def test_a_sale_that_is_taken_pays_for_gas_and_floor(profit: int, gas: int, floor: int) -> None:
    found = Sale(prey=PREY, proceeds=PREY.repaid + profit, premium=0)
    least = least_profit_units(found, Usd(gas), Usd(floor))
    if least is not None:
        assert found.gross >= gas + floor
        assert least <= found.gross_units


def test_more_than_the_debt_is_borrowed_for_the_interest_until_inclusion() -> None:
    assert PREY.borrowed > PREY.repaid
    assert PREY.borrowed - PREY.repaid < PREY.repaid // 1_000


@given(st.integers(1, 10**24), st.integers(0, BPS))
def test_the_flash_premium_is_never_underestimated(borrowed: int, bps: int) -> None:
    assert flash_premium(borrowed, bps) * BPS >= borrowed * bps
