"""Rules of venues for perps on a domain of a risk book, and what no book tells."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import AccountId
from chains.model.units import WAD
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioSettings
from daemon.margin.scenarios import InvalidRiskInput, RiskLeg
from daemon.margin.venues import drift, drift_liquidation, dydx_v4, hyperliquid, synthetix_v3
from daemon.margin.venues.perp_rules import build_synthetix_rule
from daemon.margin.venues.rules import apply_rules
from tests.daemon.margin import venues_story as s
from tests.daemon.margin.risk_books import NOW, debt, option, perp, spot
from tests.daemon.margin.test_risk_book import build
from tests.daemon.margin.venues.test_rules import book_at, judge
from tests.support import books as b
from tests.support import values as v

USDC_VENUES = ("dydx_v4", "drift", "hyperliquid")
MARKET = synthetix_v3.Market(
    skew_scale=1_000 * WAD,
    initial_fraction=2 * WAD,
    least_initial=WAD // 100,
    maintenance=WAD // 2,
    least_margin=50 * WAD,
    reward=WAD // 1_000,
)


@pytest.mark.parametrize("venue", USDC_VENUES)
@pytest.mark.parametrize("side", [1, -1])
def test_a_perp_asks_for_the_fractions_that_its_book_states(venue: str, side: int) -> None:
    moved = perp(side * 10_000.0, mark=1_990.0, initial=0.05, maintenance=0.03, funding=-7.0)

    found = judge(venue, moved, margin=5_000.0)

    notional, pnl = 5 * 1_990.0, -side * 50.0 - 7.0
    assert found.worth == pytest.approx(5_000 + pnl)
    assert found.maintenance == pytest.approx(notional * 0.03)
    counted = max(pnl, 0) if venue == "drift" else 0
    assert found.initial == pytest.approx(notional * 0.05 + counted)


@pytest.mark.parametrize("venue", USDC_VENUES)
def test_positions_in_one_account_stand_in_for_one_another(venue: str) -> None:
    long = perp(10_000.0, mark=2_200.0, maintenance=0.03)
    short = perp(-6_000.0, underlying="BTC", mark=66_000.0, maintenance=0.05)

    found = judge(venue, long, short, margin=100.0)

    assert found.worth == pytest.approx(100 + 1_000 - 600)
    assert found.maintenance == pytest.approx(11_000 * 0.03 + 6_600 * 0.05)
    assert found.factor == pytest.approx(500 / 660)


def test_a_gain_on_drift_keeps_an_account_but_opens_nothing() -> None:
    found = judge("drift", perp(10_000.0, mark=2_200.0), margin=1_000.0)

    assert found.worth - found.maintenance == pytest.approx(2_000 - 11_000 * 0.02)
    assert found.worth - found.initial == pytest.approx(1_000 - 11_000 * 0.04)


def test_tokens_on_drift_count_with_their_weights_and_usdc_that_is_owed_whole() -> None:
    found = judge("drift", spot(10_000.0, lt=0.9, ltv=0.8), debt(4_000.0))

    assert found.worth == pytest.approx(6_000)
    assert found.maintenance == pytest.approx(1_000)
    assert found.initial == pytest.approx(2_000)


def test_synthetix_asks_for_more_of_a_larger_part_of_the_skew_and_for_the_reward() -> None:
    rules = {"synthetix_v3": build_synthetix_rule({"ETH": MARKET})}
    legs = (perp(-40_000.0), spot(2_000.0, lt=0.9, ltv=0.8))
    book = book_at("synthetix_v3", *legs, margin=5_000.0)

    found = apply_rules(book, rules, NOW)["a"]

    ratio = 20 / 1_000 * 2 + 0.01
    assert found.worth == pytest.approx(7_000)
    assert found.maintenance == pytest.approx(40_000 * ratio / 2 + 50 + 40 + 200)
    assert found.initial == pytest.approx(40_000 * ratio + 50 + 40 + 400)
    whole = evaluate_portfolio(book, PortfolioSettings(rules=rules), now=NOW)
    assert whole.standard_maintenance == pytest.approx(found.maintenance)


@pytest.mark.parametrize(
    ("venue", "leg", "said"),
    [
        ("dydx_v4", option(1.0), "the venue has no options"),
        ("drift", option(1.0), "the venue has no options"),
        ("hyperliquid", option(1.0), "the venue has no options"),
        ("synthetix_v3", option(1.0), "the venue has no options"),
        ("dydx_v4", spot(1.0), "USDC alone"),
        ("dydx_v4", debt(1.0), "USDC alone"),
        ("hyperliquid", spot(1.0), "no book tells the caps"),
        ("hyperliquid", debt(1.0), "no book tells the caps"),
        ("drift", debt(1.0, underlying="ETH"), "no book tells the weight of a debt"),
        ("synthetix_v3", perp(1.0), "the terms of ETH's market"),
        ("dydx_v4", perp(1.0, initial=0.0), "initial is 0.0"),
        ("hyperliquid", perp(1.0, maintenance=0.0), "maintenance is 0.0"),
    ],
)
def test_what_no_book_tells_is_an_error_that_names_it(venue: str, leg: RiskLeg, said: str) -> None:
    with pytest.raises(InvalidRiskInput, match=rf"{leg.id}: .*{said}"):
        judge(venue, leg)


@pytest.mark.parametrize("venue", USDC_VENUES)
def test_a_published_book_is_judged_by_the_rule_of_the_venue_it_names(venue: str) -> None:
    told = s.book(b.part("5000", perps=[b.perp("-10", initial_bps=700, maintenance_bps=300)]))
    named = replace(told, account=AccountId.parse(f"venue:{venue}:1"))

    book = build(s.weth(10), s.usdc(1_000), books=(named,))
    report = evaluate_portfolio(book, PortfolioSettings(published_gains=True), now=v.NOW)

    [found] = report.venues.values()
    assert found.maintenance == pytest.approx(20_000 * 0.03)
    assert found.initial == pytest.approx(20_000 * 0.07)
    assert found.worth == pytest.approx(5_000)


SIZES = st.integers(-(10**12), 10**12).filter(bool)
TIER = dydx_v4.LiquidityTier(initial_ppm=50_000, maintenance_ppm=600_000)
BITCOIN = dydx_v4.Market(price=6 * 10**9, exponent=-5, resolution=-10, tier=TIER)


@given(SIZES, st.integers(-(10**12), 10**12), st.fractions(Fraction(1, 100), 1))
def test_who_closes_on_dydx_at_the_bankruptcy_price_keeps_the_ratio(
    size: int, quote: int, part: Fraction
) -> None:
    account = dydx_v4.measure_account(quote, [(BITCOIN, size)])
    delta = -round(size * part) or -size
    price = dydx_v4.calculate_bankruptcy_price(account, BITCOIN, size, delta)
    after = dydx_v4.measure_account(quote + price, [(BITCOIN, size + delta)])

    assert abs(after.net * account.maintenance - account.net * after.maintenance) <= abs(
        account.maintenance
    )


@pytest.mark.parametrize(("net", "price"), [(5, -1), (-5, 2)])
def test_a_bankruptcy_price_on_dydx_rounds_up_whatever_the_sign(net: int, price: int) -> None:
    free = replace(BITCOIN, price=0)
    account = dydx_v4.Risk(net=net, initial=8, maintenance=3)
    small = replace(BITCOIN, price=1, exponent=0, resolution=-6)

    assert dydx_v4.calculate_bankruptcy_price(account, free, 10, -5) == 0
    assert dydx_v4.calculate_bankruptcy_price(account, small, 1, -1) == 1 + price


@pytest.mark.parametrize("delta", [1, -11, 0])
def test_only_a_part_of_a_position_on_dydx_may_be_closed(delta: int) -> None:
    account = dydx_v4.measure_account(0, [(BITCOIN, 10)])

    with pytest.raises(InvalidRiskInput, match=f"delta is {delta}"):
        dydx_v4.calculate_bankruptcy_price(account, BITCOIN, 10, delta)


def test_an_account_on_dydx_that_requires_nothing_has_no_liquidation_price() -> None:
    nothing = dydx_v4.Risk(net=-5, initial=0, maintenance=0)

    with pytest.raises(InvalidRiskInput, match="maintenance is 0"):
        dydx_v4.calculate_fillable_price(
            nothing, BITCOIN, 10, adjustment_ppm=1_000_000, spread_ppm=100_000
        )


@given(st.integers(0, 10**24), st.integers(0, 10**24), st.integers(0, 10**6))
def test_size_on_drift_never_raises_assets_nor_lowers_liabilities(
    one: int, other: int, factor: int
) -> None:
    small, large = sorted((one, other))

    assert (
        drift.lower_asset_weight(large, factor, 9_000)
        <= drift.lower_asset_weight(small, factor, 9_000)
        <= 9_000
    )
    assert (
        drift.raise_liability_weight(large, factor, 11_000)
        >= drift.raise_liability_weight(small, factor, 11_000)
        >= 11_000
    )


def test_a_user_of_drift_may_ask_more_of_themselves() -> None:
    market = drift.SpotMarket(
        decimals=9,
        asset_initial=8_000,
        asset_maintenance=9_000,
        liability_initial=12_000,
        liability_maintenance=11_000,
    )
    price = drift.StrictPrice(price=100 * drift.PRICE)
    held = drift.SpotPosition(market=market, price=price, amount=10**9)

    def collateral(requirement: drift.Requirement, user_ratio: int) -> int:
        found = drift.margin_account(0, [held], requirement=requirement, user_ratio=user_ratio)
        return found.collateral // drift.PRICE

    assert collateral(drift.Requirement.INITIAL, 0) == 80
    assert collateral(drift.Requirement.INITIAL, 1_000) == 80
    assert collateral(drift.Requirement.INITIAL, 4_000) == 60
    assert collateral(drift.Requirement.INITIAL, 20_000) == 0
    assert collateral(drift.Requirement.MAINTENANCE, 4_000) == 90


@pytest.mark.parametrize(("quote", "counted"), [(-90, 9), (-110, -12)])
def test_gains_on_drift_count_at_the_lower_quote_price_and_losses_at_the_higher(
    quote: int, counted: int
) -> None:
    perp = drift.PerpPosition(
        market=drift.PerpMarket(initial=1_000, maintenance=500),
        base=drift.BASE,
        quote=quote * drift.PRICE,
        price=100 * drift.PRICE,
    )
    strict = drift.StrictPrice(price=9 * drift.PRICE // 10, average=12 * drift.PRICE // 10)

    found = drift.margin_account(
        0, perps=[perp], requirement=drift.Requirement.MAINTENANCE, quote_price=strict
    )

    assert found.collateral == counted * drift.PRICE
    assert found.requirement == 6 * drift.PRICE


def test_a_buffer_on_drift_is_a_part_of_what_is_owed() -> None:
    perp = drift.PerpPosition(
        market=drift.PerpMarket(initial=1_000, maintenance=500),
        base=-drift.BASE,
        quote=100 * drift.PRICE,
        price=100 * drift.PRICE,
    )

    found = drift.margin_account(
        -50 * drift.PRICE, perps=[perp], requirement=drift.Requirement.MAINTENANCE, buffer=100
    )

    assert found.requirement == 55 * drift.PRICE
    assert found.buffered_requirement == found.requirement + 3 * drift.PRICE // 2


def test_a_shortage_on_drift_that_no_part_covers_takes_everything() -> None:
    terms = {"fee": 0, "insurance_fee": 0, "price": 100_000_000, "quote_price": 1_000_000}
    cover = drift_liquidation.calculate_base_to_cover

    assert cover(1, margin_ratio=0, **terms) == drift_liquidation.EVERYTHING
    assert (
        cover(1, margin_ratio=100, **(terms | {"insurance_fee": 10_000}))
        == drift_liquidation.EVERYTHING
    )
    assert (
        drift_liquidation.calculate_liability_transfer(
            1,
            asset_weight=12_000,
            asset_multiplier=1_000_000,
            liability_weight=12_000,
            liability_multiplier=1_000_000,
            liability_decimals=9,
            liability_price=100_000_000,
            insurance_fee=0,
        )
        == drift_liquidation.EVERYTHING
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: drift.StrictPrice(price=-1), "price is -1"),
        (lambda: hyperliquid.calculate_borrow_rate(1.1), "utilisation is 1.1"),
        (lambda: hyperliquid.require_maintenance(1.0, 0.0), "max_leverage is 0.0"),
        (
            lambda: hyperliquid.calculate_liquidation_price(
                0, 1.0, 1.0, margin=1.0, max_leverage=3.0
            ),
            "side is 0",
        ),
        (
            lambda: synthetix_v3.measure_account(
                0, [synthetix_v3.Position(market=MARKET, size=1, entry=1, price=-1)]
            ),
            "price -1",
        ),
    ],
)
def test_a_figure_that_a_venue_cannot_take_is_named(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        call()
