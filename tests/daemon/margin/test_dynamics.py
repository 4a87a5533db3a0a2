"""The measures beside health: with the volatility of everything held, and without."""

import math
from dataclasses import replace
from datetime import date

import pytest

from chains.model.position import Accrual
from daemon.margin.dynamics import NO_HISTORY, Dynamics, Outlooks, measure_dynamics
from daemon.margin.measures import NO_OUTLOOKS, measure_portfolio
from daemon.margin.outlook import InForce, Outlook
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioSettings
from daemon.margin.scenarios import RiskBook, Route
from daemon.margin.volatility import MODEL, Forecast, Way
from tests.daemon.margin import venues_story as s
from tests.daemon.margin.risk_books import NOW, debt, make_book, option, perp, spot
from tests.daemon.margin.test_risk_book import table


def outlook(volatility: float, underlying: str = "ETH") -> Outlook:
    return Outlook(
        underlying=underlying,
        model=MODEL,
        fitted_at=NOW,
        first=date(2022, 1, 1),
        last=date(2027, 1, 14),
        inputs=bytes(32),
        forecast=Forecast(parts={Way.EWMA: volatility}),
        in_force=InForce(volatility=volatility, at=NOW),
    )


def known(**volatilities: float) -> Outlooks:
    return Outlooks(
        known={name: outlook(found, name) for name, found in volatilities.items()}, faults={}
    )


LENDING = make_book(spot(20_000.0), debt(15_000.0))
HEDGED = make_book(spot(20_000.0), debt(15_000.0), perp(-5_000.0))


def measure(book: RiskBook, outlooks: Outlooks = NO_OUTLOOKS) -> Dynamics:
    return measure_dynamics(book, outlooks, now=NOW)


def test_without_price_history_there_are_distances_but_no_probabilities() -> None:
    found = measure(LENDING)

    assert found.distance.down == pytest.approx(1 - 15 / 17)
    assert found.unknown == {"ETH": NO_HISTORY}
    assert found.cures.repay == pytest.approx((1.25 * 15_000 - 17_000) / 1.25)
    assert found.cured_by == "ETH"
    chances = (found.volatility, found.sigmas, found.time, found.standard, found.portfolio)
    assert chances == (None,) * 5
    assert found.shortfall.expected is None


def test_a_file_that_cannot_be_used_says_why() -> None:
    found = measure(LENDING, Outlooks(known={}, faults={"ETH": "row 3: close: nan"}))

    assert found.unknown == {"ETH": "row 3: close: nan"}


def test_one_underlying_without_history_leaves_no_probability_at_all() -> None:
    both = make_book(spot(20_000.0), debt(1_000.0, underlying="BTC"), debt(9_000.0))

    assert measure(both, known(ETH=0.6)).unknown == {"BTC": NO_HISTORY}
    assert measure(both, known(ETH=0.6)).sigmas is None
    assert measure(both, known(ETH=0.6, BTC=0.5)).volatility == 0.6


def test_volatility_tells_how_far_and_how_soon() -> None:
    found = measure(LENDING, known(ETH=0.6))

    assert found.sigmas == pytest.approx(-math.log(15 / 17) / (0.6 / math.sqrt(365)))
    assert found.time is not None
    assert found.time.least == found.time.diffusive
    assert found.shortfall.expected is not None
    assert found.shortfall.expected >= 0


def test_interest_that_is_owed_takes_time_too() -> None:
    found = measure_dynamics(LENDING, known(ETH=0.001), now=NOW, rates=(0.08, 0.02))

    assert found.time is not None
    days = math.log(17 / 15) / 0.06 * 365
    assert found.time.least == found.time.carry == pytest.approx(days)


@pytest.mark.parametrize(("earning", "told"), [(0.02, True), (None, False)])
def test_rates_are_those_of_the_legs_and_all_of_them_or_none(
    earning: float | None, *, told: bool
) -> None:
    def accrue(rate: float) -> Accrual:
        return Accrual(scaled=1, index_ray=10**27, rate_ray=round(rate * 10**27), updated_at=NOW)

    held = replace(s.weth(10), accrual=None if earning is None else accrue(earning))
    taken = s.snapshot(held, replace(s.usdc(15_000), accrual=accrue(0.08)))
    report = s.judge(taken, table())
    outlooks = known(WETH=0.001)

    found = measure_portfolio(report, taken, table(), now=NOW, outlooks=outlooks).dynamics

    assert found is not None
    assert found.time is not None
    assert found.time.carry == (pytest.approx(math.log(17 / 15) / 0.06 * 365) if told else None)


def test_an_alt_moves_majors_terms_by_its_own_share() -> None:
    found = measure(make_book(spot(20_000.0, underlying="LINK"), debt(9_000.0)), known(LINK=1.4))

    assert found.volatility == pytest.approx(1.4 * 18 / 35)


def test_wild_markets_lower_what_counts_and_raise_what_is_asked_for() -> None:
    calm, wild = measure(HEDGED, known(ETH=0.6)), measure(HEDGED, known(ETH=1.2))

    assert calm.multipliers == {"ETH": 1}
    assert wild.multipliers == {"ETH": 2}
    own = evaluate_portfolio(HEDGED, PortfolioSettings(published_gains=True), now=NOW)
    assert calm.portfolio == own.factor
    assert calm.standard is not None
    assert calm.standard == pytest.approx(17_000 / 15_100)
    assert wild.standard == pytest.approx(17_000 / 15_200)
    assert wild.portfolio is not None
    assert own.factor is not None
    assert wild.portfolio < own.factor


def test_wild_markets_raise_what_short_options_ask_for() -> None:
    book = make_book(spot(5_000.0, underlying="USDC", lt=0.9), option(-1.0, mark=100.0))

    calm, wild = measure(book, known(ETH=0.6)), measure(book, known(ETH=1.2))

    assert calm.standard == pytest.approx(4_500 / (100 + 0.075 * 2_000))
    assert wild.standard == pytest.approx(4_500 / (100 + 2 * 0.075 * 2_000))


def test_a_slow_route_and_a_doubtful_price_lower_thresholds() -> None:
    route = Route(healthy=True, finality_s=86_400 * 40, execution_s=0, withdrawable=0)
    slow = replace(LENDING, domains={"a": replace(LENDING.domains["a"], route=route)})
    doubtful = make_book(spot(20_000.0, confidence=0.9), debt(15_000.0))

    [plain] = measure(LENDING, known(ETH=0.6)).lowered
    assert plain.effective == plain.threshold == 0.85
    for book in (slow, doubtful):
        [leg] = measure(book, known(ETH=0.6)).lowered
        assert leg.effective == pytest.approx(1 - leg.haircut.total)
        assert leg.effective < 0.85


def test_a_book_of_stables_has_nothing_that_moves() -> None:
    found = measure(make_book(spot(100.0, underlying="USDC"), debt(50.0)), known())

    assert found.unknown == {}
    assert found.sigmas is None
    assert measure(make_book()).cured_by is None
