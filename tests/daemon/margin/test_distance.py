"""How far prices are from liquidating a book, how soon they may, what is lost, what would help."""

import math
from dataclasses import replace

import pytest

from chains.model.derivatives import OptionKind
from daemon.margin.cure import calculate_cures
from daemon.margin.distance import (
    Distance,
    calculate_carry_days,
    calculate_diffusive_days,
    count_sigmas,
    find_sigmas,
    measure_assets,
    measure_distance,
    measure_time,
)
from daemon.margin.scenarios import Domain, InvalidRiskInput, RiskBook
from daemon.margin.shortfall import Recovery, measure_shortfall
from tests.daemon.margin.risk_books import CHAINS, NOW, debt, make_book, option, perp, spot


def of(book: RiskBook) -> Distance:
    return measure_distance(book, now=NOW)


def test_lending_is_liquidated_where_collateral_covers_its_debt_no_more() -> None:
    [found, _] = measure_assets(make_book(spot(20_000.0), debt(8_500.0)), now=NOW)

    assert found.underlying == "ETH"
    assert found.falls_to == pytest.approx(1_000, rel=1e-12)
    assert found.rises_to is None
    assert found.distance.monotone
    assert not found.distance.returns


def test_a_debt_has_a_liquidation_price_above() -> None:
    held, owed = spot(20_000.0, underlying="USDC", lt=0.9), debt(12_000.0, underlying="ETH")
    found = {each.underlying: each for each in measure_assets(make_book(held, owed), now=NOW)}

    assert found["ETH"].rises_to == pytest.approx(3_000)
    assert found["ETH"].falls_to is None
    assert found["USDC"].falls_to == pytest.approx(12 / 18)


def test_a_staked_form_alone_is_named_by_its_own_price() -> None:
    held = spot(20_000.0, staked=True, price=2_400.0, units=20_000 / 2_400)
    [found, _] = measure_assets(make_book(held, debt(8_500.0)), now=NOW)

    assert found.price == 2_400
    assert found.falls_to == pytest.approx(1_200)


def test_alts_and_staked_ratios_fall_further_than_majors_together() -> None:
    owed = debt(8_500.0)
    major = of(make_book(spot(20_000.0), owed)).down
    alt = of(make_book(spot(20_000.0, underlying="LINK"), owed)).down
    staked = of(make_book(spot(20_000.0, staked=True), owed)).down

    assert major == pytest.approx(0.5)
    assert alt == pytest.approx(0.5 * 18 / 35)
    assert staked is not None
    assert (1 - staked) * (1 - staked * 5 / 18) == pytest.approx(0.5)


def test_a_short_strangle_is_liquidated_on_both_sides() -> None:
    legs = (
        spot(3_000.0, underlying="USDC", lt=0.98),
        option(-3.0, id="call", strike=2_400.0, mark=30.0, vol=0.5),
        option(-3.0, id="put", strike=1_600.0, mark=30.0, vol=0.5, kind=OptionKind.PUT),
    )
    found = of(make_book(*legs))

    assert found.down is not None
    assert found.up is not None
    assert 0.1 < found.down < 0.95
    assert found.nearest == min(found.down, found.up)
    assert not found.monotone
    assert not found.returns


def test_a_book_that_gets_healthy_again_beyond_its_crossing_says_so() -> None:
    legs = (
        spot(4_000.0, underlying="USDC", lt=0.98),
        option(-10.0, id="short", strike=2_100.0, mark=40.0, vol=0.3),
        option(30.0, id="long", strike=2_600.0, mark=1.0, vol=0.3),
    )
    found = of(make_book(*legs))

    assert found.up is not None
    assert found.up < 0.6
    assert found.returns
    assert not found.monotone


def test_what_can_be_liquidated_now_is_no_distance_away() -> None:
    found = of(make_book(spot(10_000.0), debt(9_000.0)))

    assert (found.down, found.up) == (0, 0)
    assert find_sigmas(found, 0.6) == 0


def test_an_isolated_domain_brings_its_posted_margin_down_and_no_more() -> None:
    alone = Domain(id="b", chain=CHAINS[0], venue="perps", margin=1_000.0, isolated=True)
    short = perp(-10_000.0, domain="b", underlying="BTC")
    book = make_book(spot(20_000.0), debt(16_500.0), short, b=alone)

    [btc, eth, _] = measure_assets(book, now=NOW)

    assert btc.distance.up == pytest.approx((1_000 - 200 + 500) / (10_000 * 1.02), rel=1e-9)
    assert eth.distance.down == pytest.approx(1 - 16_500 / 17_000)
    richer = replace(book, debts=(debt(15_000.0),))
    assert measure_assets(richer, now=NOW)[0].distance.up is None


def test_an_empty_book_is_never_liquidated() -> None:
    empty = make_book(a=Domain(id="a", chain=CHAINS[0], venue="market"))

    assert of(empty) == Distance(down=None, up=None, monotone=True, returns=False)
    assert measure_assets(empty, now=NOW) == ()
    assert measure_shortfall(empty, now=NOW, volatility=0.6).expected == 0


def test_distances_are_told_in_days_standard_deviations() -> None:
    daily = 0.6 / math.sqrt(365)

    assert count_sigmas(1 - math.exp(-2 * daily), 0.6) == pytest.approx(2)
    down, up = 1 - math.exp(-3 * daily), math.expm1(daily)
    both = Distance(down=down, up=up, monotone=False, returns=False)
    assert find_sigmas(both, 0.6) == pytest.approx(1)
    assert find_sigmas(replace(both, up=None), 0.6) == pytest.approx(3)
    assert find_sigmas(replace(both, up=None, down=None), 0.6) is None


def test_the_least_time_counts_and_interest_that_is_earned_takes_none() -> None:
    found = replace(of(make_book(spot(), debt(8_500.0))), down=0.1)

    by_chance = measure_time(found, 0.6)
    assert by_chance.diffusive == pytest.approx(1.6963363931)
    assert by_chance.carry is None
    by_interest = measure_time(found, 0.001, factor=1.05, rates=(0.08, 0.02))
    assert by_interest.least == by_interest.carry == pytest.approx(296.8, abs=0.1)
    assert calculate_carry_days(1.05, 0.02, 0.02) is None
    assert measure_time(replace(found, down=None), 0.6).least is None
    assert calculate_diffusive_days(1.0, 0.6) == math.inf


def test_shortfall_is_what_lacks_and_bad_debt_what_closing_leaves() -> None:
    book = make_book(spot(10_000.0), debt(9_800.0))

    found = measure_shortfall(book, now=NOW, volatility=0.6, recovery=Recovery(bonus=0.05))

    assert found.lacking == pytest.approx(9_800 - 8_500)
    assert found.bad_debt == pytest.approx(9_800 - 10_000 / 1.05)
    assert found.expected is not None
    assert found.expected > found.bad_debt
    assert measure_shortfall(book, now=NOW).expected is None


def test_more_volatility_and_less_depth_leave_more_bad_debt() -> None:
    book = make_book(spot(10_000.0), debt(8_000.0))

    def expect(volatility: float, impact: float = 0.0) -> float:
        recovery = Recovery(impact=impact)
        return (
            measure_shortfall(book, now=NOW, volatility=volatility, recovery=recovery).expected
            or 0.0
        )

    assert 0 < expect(0.5) < expect(1.0) < expect(1.0, impact=0.1)


def test_surplus_in_one_place_pays_no_bad_debt_in_another() -> None:
    poor, rich = spot(9_000.0), spot(90_000.0, domain="b")

    assert measure_shortfall(make_book(poor, debt(9_000.0), rich), now=NOW).bad_debt > 400


def test_cures_bring_the_factor_back_exactly() -> None:
    found = calculate_cures(
        collateral=9_000, requirement=10_000, target=1.1, threshold=0.85, cost=0.01
    )

    assert found.supply is not None
    assert found.deleverage is not None
    assert (9_000 + found.supply * 0.85) / 10_000 == pytest.approx(1.1)
    assert 9_000 / (10_000 - found.repay) == pytest.approx(1.1)
    sold = found.deleverage * 1.01
    assert (9_000 - sold * 0.85) / (10_000 - found.deleverage) == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"threshold": 0.95, "target": 0.95}, "selling takes as much health as repaying gives"),
        ({"threshold": 0.85, "held": 5_000.0}, "more would have to be sold than is held"),
        ({"collateral": 100.0}, "more would have to be repaid than is owed"),
    ],
)
def test_selling_that_cannot_cure_says_so(given: dict[str, float], said: str) -> None:
    figures = {"collateral": 9_000.0, "requirement": 10_000.0, "target": 1.1, "threshold": 0.85}
    found = calculate_cures(**(figures | given))

    assert found.deleverage is None
    assert found.unable == said


def test_nothing_is_to_be_cured_above_the_target_and_worthless_supply_cures_nothing() -> None:
    healthy = calculate_cures(collateral=12_000, requirement=10_000, target=1.1, threshold=0.0)
    assert (healthy.supply, healthy.repay, healthy.deleverage) == (0, 0, 0)
    hurt = calculate_cures(collateral=9_000, requirement=10_000, target=1.1, threshold=0.0)
    assert hurt.supply is None
    assert hurt.repay > 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"collateral": math.nan}, "collateral is nan"),
        ({"target": 0.0}, "target is 0.0"),
        ({"cost": -0.1}, "cure: an amount is negative"),
        ({"threshold": 1.5}, "cure: .* threshold outside of 0 to 1"),
    ],
)
def test_a_cure_of_figures_that_are_none_is_named(given: dict[str, float], said: str) -> None:
    figures = {"collateral": 9_000.0, "requirement": 10_000.0, "target": 1.1, "threshold": 0.85}
    with pytest.raises(InvalidRiskInput, match=said):
        calculate_cures(**(figures | given))
