"""Standard mode is the sum of the parts, by the model's own worked cases."""

import pytest

from chains.model.health import Health
from chains.model.units import USD, WAD, Bps, Usd
from daemon.margin.report import MarginReport
from daemon.margin.risk import Underlying
from tests.daemon.margin import venues_story as s
from tests.support import books as b
from tests.support import values as v


def health(collateral: float, requirement: float) -> Health:
    return Health(
        collateral=Usd(round(collateral * USD)), requirement=Usd(round(requirement * USD))
    )


def maintenance(found: MarginReport) -> Health:
    assert found.standard is not None
    return found.standard.maintenance


def test_the_worked_case_of_a_hedge_on_another_venue() -> None:
    hedge = s.book(b.part("0", perps=[b.perp()]))
    found = s.report(s.weth(10), s.usdc(15_000), books=(hedge,))
    standard = maintenance(found)
    assert standard == health(17_000, 15_400)
    assert (standard.factor or 0) / WAD == pytest.approx(1.103896103896104, rel=1e-9)


def test_lending_alone_is_the_unified_figure() -> None:
    found = s.report(s.weth(10), s.usdc(8_500))
    assert maintenance(found) == found.unified


def test_the_initial_figure_takes_ltv_and_initial_margins() -> None:
    found = s.report(s.weth(10), s.usdc(15_000), books=(s.book(b.part(perps=[b.perp()])),))
    assert found.standard is not None
    assert found.standard.initial == health(16_000, 16_000)


@pytest.mark.parametrize(("size", "pnl"), [("10", -2_000), ("-10", 0)])
def test_a_mark_better_than_the_chains_prices_does_not_count(size: str, pnl: int) -> None:
    """The chains say 2000: neither a long at 2200 nor a short at 1800 gains by its own mark."""
    mark = "2200" if size == "10" else "1800"
    entry = "2200" if size == "10" else "2000"
    found = s.report(books=(s.book(b.part(perps=[b.perp(size, entry, mark)])),))
    [part] = found.published[0].parts
    margin = 2 * (2_200 if size == "10" else 2_000) * 10 // 100
    assert part.standard.maintenance == health(0, (margin - pnl))


def test_gains_and_cash_count_by_the_books_weights() -> None:
    gained = b.part("1000", perps=[b.perp("10", "1900", "2000")])
    whole, halved = (
        maintenance(s.report(books=(s.book(gained, gain_weight=w, haircut=h),)))
        for w, h in ((10_000, 0), (5_000, 1_000))
    )
    assert whole.collateral == 2_000 * USD
    assert halved.collateral == (500 + 900) * USD
    assert whole.requirement == halved.requirement == 400 * USD


def test_long_options_are_held_and_short_ones_required_with_their_margin() -> None:
    long = maintenance(s.report(books=(s.book(b.part(options=[b.option("2")])),)))
    assert long == health(160, 0)
    short = s.report(books=(s.book(b.part(options=[b.option("-2")])),))
    assert short.standard is not None
    assert short.standard.maintenance.requirement == 460_825_000_00
    assert short.standard.initial.requirement == 561_100_000_00


def test_a_short_put_asks_for_its_strike_at_most() -> None:
    near = b.option("-1", "put", strike_usd="100", mark_usd="0.5")
    found = maintenance(s.report(books=(s.book(b.part(options=[near])),)))
    assert found.requirement == 100 * USD


def test_spot_at_a_venue_counts_at_the_worse_price_with_its_tiers_threshold() -> None:
    held = b.spot("1", price="2500")
    owed = b.spot("100", "USDC", "1.01")
    found = maintenance(s.report(books=(s.book(b.part(spot=[held], debts=[owed])),)))
    assert found == health(1_700, 101)


def test_haircuts_and_borrow_factors_of_the_underlying_count_at_a_venue_too() -> None:
    risk = v.risk_table(
        WETH=Underlying(symbol="WETH", haircut=Bps(1_000)),
        USDC=Underlying(symbol="USDC", debt_weight=Bps(11_000)),
    )
    held = b.part(spot=[b.spot("1")], debts=[b.spot("100", "USDC", "1")])
    found = maintenance(s.report(books=(s.book(held),), risk=risk))
    assert found == health(1_530, 110)


def test_an_isolated_part_gives_nothing_and_loses_its_margin_at_most() -> None:
    rich = b.part("5000", isolated=True, perps=[b.perp()])
    poor = b.part("100", isolated=True, perps=[b.perp("-10", "1000", "2000")])
    found = s.report(books=(s.book(rich, poor),))
    assert maintenance(found) == health(0, 100)
    assert [part.standard.maintenance.equity for part in found.published[0].parts] == [
        4_600 * USD,
        -10_300 * USD,
    ]


def test_each_subaccount_has_a_health_of_its_own() -> None:
    parts = [
        b.part("1000", subaccount="a", perps=[b.perp()]),
        b.part("200", subaccount="b", perps=[b.perp()]),
    ]
    found = s.report(books=(s.book(*parts),))
    factors = [part.standard.maintenance.factor for part in found.published[0].parts]
    assert factors == [5 * WAD // 2, WAD // 2]
