"""What was read becomes the legs that risk is measured on."""

from dataclasses import replace

import pytest

from chains.model.position import Leg
from chains.model.price import PriceStatus
from chains.model.snapshot import PublishedBook
from chains.model.units import Bps, Usd
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioSettings
from daemon.margin.risk import RiskTable, Tier
from daemon.margin.risk_book import build_risk_book
from daemon.margin.routes import RouteTerms
from daemon.margin.scenarios import InvalidRiskInput, RiskBook, Route
from tests.daemon.margin import venues_story as s
from tests.support import books as b
from tests.support import values as v

TIERS = {"WETH": Tier.MAJOR, "WBTC": Tier.MAJOR, "USDC": Tier.STABLE}


def table() -> RiskTable:
    plain = v.risk_table()
    underlyings = {
        name: replace(found, tier=TIERS.get(name, found.tier))
        for name, found in plain.underlyings.items()
    }
    return replace(plain, underlyings=underlyings)


def build(*legs: Leg, books: tuple[PublishedBook, ...] = ()) -> RiskBook:
    taken = s.snapshot(*legs, books=books)
    return build_risk_book(s.judge(taken, table()), taken, table())


def test_a_market_and_a_venue_are_domains_of_their_own() -> None:
    book = build(
        s.weth(10),
        s.usdc(15_000),
        books=(s.book(b.part("500", perps=[b.perp()]), gain_weight=9_000, haircut=200),),
    )

    market, venue = sorted(book.domains.values(), key=lambda domain: domain.published)
    assert (market.chain, market.venue, market.native_health) == (str(v.CHEAP), "aave_v3", 2.0)
    assert (venue.id, venue.chain, venue.venue) == (str(b.ACCOUNT), "venue:deribit", "deribit")
    assert (venue.margin, venue.haircut, venue.gain_weight) == (500.0, 0.02, 0.9)
    [held] = book.spots
    assert (held.underlying, held.tier, held.value) == ("WETH", Tier.MAJOR, 20_000.0)
    assert (held.lt, held.ltv) == (0.85, 0.8)
    [owed] = book.debts
    assert (owed.domain, owed.underlying, owed.value) == (market.id, "USDC", 15_000.0)
    [short] = book.perps
    assert (short.domain, short.size, short.mark, short.maintenance) == (
        venue.id,
        -10.0,
        2_000.0,
        0.02,
    )


@pytest.mark.parametrize(("kappa", "factor"), [(1.0, 1.248439), (0.7, 1.230012), (0.0, 1.081081)])
def test_the_account_of_the_example_has_its_portfolio_margin(kappa: float, factor: float) -> None:
    book = build(s.weth(10), s.usdc(15_000), books=(s.book(b.part(perps=[b.perp()])),))

    settings = PortfolioSettings(kappa=kappa, published_gains=True)

    assert evaluate_portfolio(book, settings, now=v.NOW).factor == pytest.approx(factor, abs=1e-6)


def test_options_of_a_book_keep_their_terms() -> None:
    book = build(s.weth(1), books=(s.book(b.part(options=[b.option("-2", "put")])),))

    [leg] = book.options
    assert (leg.size, leg.strike, leg.vol, leg.forward, leg.mark) == (
        -2.0,
        2_200.0,
        0.65,
        2_005.5,
        80.0,
    )
    assert leg.expiry == v.NOW + 30 * 86_400
    report = evaluate_portfolio(book, now=v.NOW)
    assert report.worst is not None
    assert report.greeks["WETH"]["delta"] > 0


def test_a_short_perp_is_marked_at_the_dearest_price_of_its_underlying() -> None:
    perps = [b.perp("-10", mark="1990"), b.perp("10", mark="1990")]

    book = build(s.weth(1), books=(s.book(b.part(perps=perps)),))

    assert {leg.size: leg.mark for leg in book.perps} == {-10.0: 2_000.0, 10.0: 1_990.0}


def test_subaccounts_and_isolated_parts_share_nothing() -> None:
    parts = (
        b.part("100", perps=[b.perp()], subaccount="one"),
        b.part("100", perps=[b.perp()], subaccount="two"),
        b.part("100", perps=[b.perp()], subaccount="three", isolated=True),
    )

    book = build(s.weth(1), books=(s.book(*parts),))

    told = [domain for domain in book.domains.values() if domain.published]
    assert sorted(domain.id.split("/")[1] for domain in told) == ["one", "three", "two"]
    assert [domain.id for domain in told if domain.isolated] == [f"{b.ACCOUNT}/three/isolated 2"]


def test_collateral_that_does_not_count_is_left_out() -> None:
    assert build(s.weth(1), s.weth(3, threshold=500)).spots != ()
    unused = replace(s.weth(3), liquidation_threshold=Bps(0), ltv=Bps(0))
    assert [leg.value for leg in build(s.weth(1), unused).spots] == [2_000.0]


def test_a_price_in_doubt_is_trusted_less() -> None:
    leg = s.weth(1)
    doubtful = replace(leg, price=replace(leg.price, confidence=Usd(leg.price.usd // 4)))
    taken = s.snapshot(doubtful)
    [chain] = taken.read
    prices = tuple(doubtful.price if price.asset == leg.asset else price for price in chain.prices)
    taken = replace(taken, chains=(replace(chain, prices=prices),))

    book = build_risk_book(s.judge(taken), taken, table())

    assert book.spots[0].confidence == pytest.approx(0.75)


def test_routes_and_atomic_chains_are_those_that_are_told() -> None:
    route = Route(healthy=True, finality_s=900.0, execution_s=60.0, withdrawable=5_000.0)
    taken = s.snapshot(s.weth(10), s.usdc(1_000), books=(s.book(b.part(perps=[b.perp()])),))

    book = build_risk_book(
        s.judge(taken),
        taken,
        table(),
        routes=[
            RouteTerms(
                source=str(v.CHEAP),
                target=str(b.ACCOUNT.chain),
                route=route,
                time_to_liquidation_s=7_200.0,
            )
        ],
        atomic={str(v.CHEAP)},
    )

    market, venue = sorted(book.domains.values(), key=lambda domain: domain.published)
    assert market.route is not None
    assert (market.route.delay_s, market.route.withdrawable) == (960.0, 5_000.0)
    assert market.atomic
    assert (venue.route, venue.atomic) == (None, False)
    assert market.time_to_liquidation_s == venue.time_to_liquidation_s == 7_200.0


def test_an_account_that_is_not_fully_known_has_no_book() -> None:
    leg = s.weth(1)
    stale = replace(leg, price=replace(leg.price, status=PriceStatus.STALE))

    with pytest.raises(InvalidRiskInput, match=r"not fully known: .*stale"):
        build(stale, s.usdc(10))
