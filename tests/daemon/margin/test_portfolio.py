import math
from dataclasses import replace

import numpy as np
import pytest

from chains.model.derivatives import OptionKind
from daemon.margin.correlation import Correlation
from daemon.margin.netting import NettingSet
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import PortfolioReport, PortfolioSettings
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import Family, span_rows, standard_rows, tail_rows
from daemon.margin.scenario_rows import Ranges as ScanRanges
from daemon.margin.scenarios import Domain, InvalidRiskInput, RiskBook, Route
from tests.daemon.margin.risk_books import (
    CHAINS,
    DAY_S,
    NOW,
    debt,
    make_book,
    option,
    perp,
    spot,
)

HEDGED = make_book(
    spot(20_000.0),
    debt(15_000.0),
    replace(perp(-20_000.0, domain="b"), chain="venue:perps"),
    b=Domain(id="b", chain="venue:perps", venue="perps", published=True),
)
"""10 ETH at 2,000 on a market, 15,000 owed, and as many ETH short elsewhere."""


def measure(book: RiskBook, **given: object) -> PortfolioReport:
    settings = replace(PortfolioSettings(published_gains=True), **given)  # type: ignore[arg-type] # fields of the settings
    return evaluate_portfolio(book, settings, now=NOW)


@pytest.mark.parametrize(("kappa", "factor"), [(1.0, 1.248439), (0.7, 1.230012), (0.0, 1.081081)])
def test_a_hedge_elsewhere_counts_as_far_as_its_gains_arrive(kappa: float, factor: float) -> None:
    assert measure(HEDGED, kappa=kappa).factor == pytest.approx(factor, abs=1e-6)


def test_published_gains_decide_nothing_unless_they_are_asked_for() -> None:
    assert measure(HEDGED, kappa=1.0, published_gains=False).factor == pytest.approx(1.081081)


def test_without_a_route_a_hedge_elsewhere_is_no_hedge() -> None:
    report = measure(HEDGED)

    assert report.factor == pytest.approx(1.081081)
    assert {group.outside for group in report.groups} == {NettingSet.N3}
    assert {group.reason for group in report.groups} == {"no route"}


def test_the_worst_scenario_is_named_with_what_each_group_and_factor_adds() -> None:
    report = measure(HEDGED, kappa=0.0)

    assert report.worst is not None
    assert report.worst.name == "tims: majors +20 %, alts +35 %"
    assert report.worst.loss == pytest.approx(4_000)
    assert report.worst.groups == pytest.approx({"a": 0, "b": -4_000})
    assert report.worst.factors == pytest.approx({"ETH": 0, "USDC": 0})
    assert report.binding == "scenarios"


def test_every_figure_says_where_it_comes_from() -> None:
    report = measure(HEDGED, kappa=0.7)

    named = {found.name: found for found in report.components}
    assert all(found.source for found in report.components)
    assert len(named) == len(report.components)
    c0 = ("collateral", "cash", "gains", "long options")
    assert math.fsum(named[name].usd for name in c0) == report.c0
    r0 = ("debts", "losses", "short options", "isolated")
    assert math.fsum(named[name].usd for name in r0) == report.r0
    assert named["scenarios"].source == "SR: tims: majors +20 %, alts +35 %"
    parts = ("MMR market", "MMR perps", "MMR naked shorts", "MMR oracles")
    assert max(math.fsum(named[name].usd for name in parts), named["MMR floor"].usd) == (
        report.maintenance
    )


@pytest.mark.parametrize(
    ("underlying", "haircut", "least", "most"),
    [("ETH", 0.015, 0.15, 0.17), ("LINK", 0.07, 0.3, 0.42), ("USDC", 0.004, 0.02, 0.035)],
)
def test_a_single_asset_asks_for_about_what_its_tier_takes_off(
    underlying: str, haircut: float, least: float, most: float
) -> None:
    book = make_book(spot(100.0, underlying=underlying, haircut=haircut))

    report = measure(book, rows=(*span_rows(ScanRanges()), *tail_rows()), phi=0.0)

    assert least <= (100 - report.c0 + report.maintenance) / 100 <= most


def test_a_stable_is_bound_by_the_loss_of_its_peg() -> None:
    report = measure(make_book(spot(100.0, underlying="USDC", lt=0.98)))

    assert report.worst is not None
    assert report.worst.name == "depeg: stables -10 %, crypto -5 %"
    assert report.maintenance == pytest.approx(8.0)


def test_the_table_holds_sixteen_rows_of_span_for_crypto_and_no_name_twice() -> None:
    rows = standard_rows()

    crypto = [
        row for row in rows if row.family is Family.SPAN and row.name.startswith("span: prices")
    ]
    assert len(crypto) == 16
    assert [row.weight for row in crypto if abs(row.moves[Tier.MAJOR]) > 0.5] == [1 / 3, 1 / 3]
    assert len({row.name for row in rows}) == len(rows)
    assert {row.family for row in rows} >= {
        Family.SPAN, Family.TIMS, Family.TAIL, Family.SKEW, Family.TERM, Family.SYSTEMIC,
        Family.DEPEG, Family.FUNDING,
    }  # fmt: skip


def test_no_price_falls_by_more_than_95_percent() -> None:
    report = measure(make_book(spot(100.0, underlying="LINK")))

    extreme = next(found for found in report.scenarios if "-300 % of range" in found.name)
    assert extreme.loss == pytest.approx(95 / 3)


def test_volatility_widens_what_is_scanned_and_nothing_else() -> None:
    book = make_book(spot(100.0))
    calm, wild = measure(book), measure(book, multipliers={"ETH": 2.0})

    losses = [{found.name: found.loss for found in r.scenarios} for r in (calm, wild)]
    assert losses[1]["span: prices -3/3 of range, vol up"] == pytest.approx(36)
    assert losses[0]["span: prices -3/3 of range, vol up"] == pytest.approx(18)
    assert (
        losses[1]["tims: majors -20 %, alts -35 %"] == losses[0]["tims: majors -20 %, alts -35 %"]
    )


def test_short_options_are_revalued_so_that_a_delta_hedge_does_not_free_them() -> None:
    strangle = (
        option(-5.0, strike=2_400.0, id="call"),
        option(-5.0, strike=1_600.0, kind=OptionKind.PUT, id="put"),
    )
    report = measure(make_book(*strangle), kappa=1.0)

    losses = {found.name: found.loss for found in report.scenarios}
    up, down = losses["tims: majors +20 %, alts +35 %"], losses["tims: majors -20 %, alts -35 %"]
    assert up > 0, "gamma loses both ways"
    assert down > 0, "gamma loses both ways"
    assert losses["span: prices unchanged, vol up"] > 0 > losses["span: prices unchanged, vol down"]
    assert report.greeks["ETH"]["gamma"] < 0
    assert report.greeks["ETH"]["vega"] < 0 < report.greeks["ETH"]["theta"]


def test_a_long_option_loses_its_mark_at_most() -> None:
    report = measure(make_book(option(3.0, mark=10.0)))

    assert max(found.loss for found in report.scenarios) == pytest.approx(30.0)


def test_turns_of_the_smile_and_its_term_structure_move_wings_and_ends_apart() -> None:
    near = option(-1.0, strike=3_000.0, id="near", expiry=NOW + 7 * DAY_S)
    far = option(1.0, strike=3_000.0, id="far", expiry=NOW + 200 * DAY_S)

    losses = {
        found.name: found.loss for found in measure(make_book(near, far), kappa=1.0).scenarios
    }

    assert losses["term: near vol up, far vol down"] > 0 > losses["term: near vol down, far vol up"]
    assert losses["skew: upper wing down"] > 0 > losses["skew: upper wing up"]
    assert losses["skew: both wings down"] > 0


def test_a_forward_that_moves_alone_costs_more_the_later_it_expires() -> None:
    def basis(days: int) -> float:
        leg = option(-1.0, strike=100.0, mark=1_900.0, expiry=NOW + days * DAY_S)
        found = measure(make_book(leg)).scenarios
        return next(row.loss for row in found if row.family is Family.BASIS)

    assert basis(365) == pytest.approx(0.045 * 2_000 * 2.5, rel=1e-3)
    assert basis(30) < basis(365)


def test_a_funding_spike_costs_the_side_that_pays() -> None:
    for notional, name in ((1_000.0, "funding: +1 % in 8 h"), (-1_000.0, "funding: -1 % in 8 h")):
        losses = {row.name: row.loss for row in measure(make_book(perp(notional))).scenarios}
        assert losses[name] == pytest.approx(10)


def test_a_chain_that_is_cut_off_leaves_its_hedges_bare() -> None:
    report = measure(HEDGED, kappa=0.7)

    cut = {row.name: row.loss for row in report.scenarios if row.family is Family.OUTAGE}
    assert cut == {
        "outage: eip155:1 is cut off": pytest.approx(800),
        "outage: venue:perps is cut off": pytest.approx(800),
    }
    assert report.minimum == pytest.approx(260)


def test_a_venue_whose_oracle_sleeps_shows_its_losses_and_no_gains() -> None:
    lags = [row for row in measure(HEDGED, kappa=0.7).scenarios if row.family is Family.LAG]

    losses = {row.name: row.loss for row in lags}
    assert losses["lag: a stands still while prices move +100 % of range"] == pytest.approx(1_200)
    assert losses["lag: b stands still while prices move +100 % of range"] == pytest.approx(360)
    assert not [row for row in measure(HEDGED, kappa=1.0).scenarios if row.family is Family.LAG]


def test_an_offset_across_majors_earns_half_at_most() -> None:
    pair = make_book(spot(10_000.0), perp(-10_000.0, underlying="BTC"))
    same = make_book(spot(10_000.0), perp(-10_000.0))

    assert measure(same).risk == pytest.approx(100), "one underlying nets in full but for funding"
    alone = 0.18 * 10_000
    assert measure(pair).risk >= alone * (1 - 1e-9)


def test_a_staked_form_bears_its_ratio_beside_its_underlying() -> None:
    book = make_book(spot(10_000.0, staked=True), debt(10_000.0, underlying="ETH"))

    report = measure(book)

    assert report.worst is not None
    assert {found.factor for found in report.factors} == {"ETH", "ETH staked"}
    ratio = next(row for row in report.scenarios if row.name == "span: staked ratios -5 %")
    assert ratio.loss == pytest.approx(500)


def test_returns_add_the_shortfall_of_history_and_of_todays_volatility() -> None:
    quiet, wild = [0.01, -0.01] * 50, [0.01, -0.3, 0.3] * 4
    returns = {"ETH": quiet + wild, "USDC": [0.0] * 112}

    report = measure(make_book(spot(10_000.0), debt(5_000.0)), returns=returns)

    assert report.tails is not None
    assert report.tails.days == 112
    assert report.tails.var == pytest.approx(3_000)
    assert report.tails.historical == pytest.approx(3_000)
    assert report.tails.filtered >= report.tails.historical
    assert report.risk >= report.tails.shortfall
    assert report.binding == "shortfall"


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        ({"ETH": [0.1, 0.2, 0.1]}, "returns of USDC are missing"),
        ({"ETH": [0.1, math.nan, 0.1], "USDC": [0.0] * 3}, "returns of ETH"),
        ({"ETH": [0.1, 0.2], "USDC": [0.0, 0.0]}, "returns: 3 or more"),
        ({"ETH": [0.1, 0.2, 0.1], "USDC": [0.0] * 4}, "returns: every underlying needs the same"),
    ],
)
def test_returns_that_say_nothing_are_named(returns: dict[str, list[float]], said: str) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        measure(make_book(spot(), debt()), returns=returns)


def test_a_correlation_that_is_given_takes_the_place_of_what_is_assumed() -> None:
    book = make_book(spot(10_000.0), spot(10_000.0, underlying="BTC"))
    apart = Correlation(names=("BTC", "ETH"), matrix=np.eye(2))

    assumed, given = (
        next(c.usd for c in measure(book, correlation=matrix).components if c.name == "correlation")
        for matrix in (None, apart)
    )

    assert given == pytest.approx(1_800 * math.sqrt(2 + 2 * 0.5))
    assert assumed == pytest.approx(1_800 * math.sqrt(2 + 2 * 0.9))


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "not positive semidefinite"),
        ([[1.0, math.nan], [math.nan, 1.0]], "not finite"),
        ([[1.0, 0.5], [0.4, 1.0]], "not symmetric"),
        ([[1.0, 0.5], [0.5, 0.9]], "diagonal"),
        ([[1.0]], "do not fit"),
    ],
)
def test_a_matrix_that_is_no_correlation_is_one_clear_error(
    matrix: list[list[float]], said: str
) -> None:
    with pytest.raises(InvalidRiskInput, match=f"correlation: .*{said}"):
        Correlation(names=("BTC", "ETH"), matrix=np.array(matrix))


def test_a_correlation_without_an_underlying_of_the_book_is_an_error() -> None:
    matrix = Correlation(names=("ETH",), matrix=np.eye(1))

    with pytest.raises(InvalidRiskInput, match="correlation: BTC is not in the matrix"):
        measure(make_book(spot(), spot(underlying="BTC")), correlation=matrix)


@pytest.mark.parametrize(
    ("leg", "field", "bad", "said"),
    [
        (spot(), "price", math.nan, "spot a ETH held: price is nan"),
        (spot(), "units", -1.0, "spot a ETH held: units is -1.0"),
        (spot(), "lt", 1.5, "spot a ETH held: lt is 1.5"),
        (debt(), "units", math.inf, "debt a USDC owed: units is inf"),
        (perp(1.0), "mark", -1.0, "perp a ETH perp: mark is -1.0"),
        (perp(1.0), "size", math.nan, "perp a ETH perp: size is nan"),
        (option(1.0), "vol", 0.0, "option a ETH option: vol is 0.0"),
        (option(1.0), "vol", math.nan, "option a ETH option: vol is nan"),
        (option(1.0), "strike", 0.0, "option a ETH option: strike is 0.0"),
    ],
)
def test_a_leg_with_a_figure_that_is_none_is_named(
    leg: object, field: str, bad: float, said: str
) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        make_book(replace(leg, **{field: bad}))  # type: ignore[type-var, arg-type] # a leg


def test_an_expired_option_is_named() -> None:
    with pytest.raises(InvalidRiskInput, match=r"option a ETH option: expiry .* has passed"):
        measure(make_book(option(1.0, expiry=NOW)))


def test_a_leg_of_an_unknown_domain_and_an_underlying_of_two_tiers_are_named() -> None:
    with pytest.raises(InvalidRiskInput, match="its domain 'a' is not in the book"):
        RiskBook(domains={}, spots=(spot(),))
    with pytest.raises(InvalidRiskInput, match="its tier is"):
        measure(make_book(spot(tier=Tier.ALT), perp(1.0)))


@pytest.mark.parametrize("kappa", [-0.1, 1.1, math.nan])
def test_a_kappa_outside_of_its_range_is_named(kappa: float) -> None:
    with pytest.raises(InvalidRiskInput, match="kappa is"):
        measure(HEDGED, kappa=kappa)


def test_nothing_held_and_nothing_owed_has_no_factor() -> None:
    report = measure(make_book(a=Domain(id="a", chain=CHAINS[0], venue="market")))

    assert report.factor is None
    assert report.worst is None
    assert measure(make_book(debt())).factor == 0


def test_an_oracle_in_doubt_asks_for_more_only_initially() -> None:
    sure, unsure = (measure(make_book(spot(100.0, confidence=c))) for c in (1.0, 0.4))

    assert unsure.maintenance == sure.maintenance
    assert unsure.initial - sure.initial == pytest.approx(60)


def test_a_short_call_that_a_long_put_of_its_strike_covers_is_not_naked() -> None:
    naked = make_book(option(-2.0))
    covered = make_book(option(-2.0), option(2.0, kind=OptionKind.PUT, id="put"))

    def charge(book: RiskBook) -> float:
        return next(c.usd for c in measure(book).components if c.name == "MMR naked shorts")

    assert charge(naked) == pytest.approx(0.003 * 2 * 2_000)
    assert charge(covered) == 0


ROUTE = Route(healthy=True, finality_s=900.0, execution_s=60.0, withdrawable=1e6)


@pytest.mark.parametrize(
    ("given", "kappa", "reason"),
    [
        ({}, 0.8, "help takes 960 s"),
        ({"time_to_liquidation_s": 1_920.0}, 0.6, "help takes 960 s"),
        ({"time_to_liquidation_s": 1_900.0}, 0.0, "help takes 960 s, 950 s are allowed"),
        ({"time_to_liquidation_s": 3_840.0}, 0.7, "help takes 960 s"),
        ({"route": replace(ROUTE, healthy=False)}, 0.0, "its route is not healthy"),
        ({"stale": True}, 0.0, "stale"),
        ({"paused": True}, 0.0, "paused"),
        ({"gain_weight": 0.0}, 0.0, "its gains count as nothing"),
    ],
)
def test_surplus_counts_elsewhere_as_its_route_allows(
    given: dict[str, object], kappa: float, reason: str
) -> None:
    figures = {"id": "b", "chain": CHAINS[1], "venue": "market", "route": ROUTE} | given
    helper = Domain(**figures)  # type: ignore[arg-type] # fields of a domain
    book = make_book(spot(), replace(perp(-20_000.0, domain="b"), chain=CHAINS[1]), b=helper)

    group = next(group for group in measure(book).groups if group.name == "b")

    assert group.kappa == pytest.approx(kappa)
    assert group.reason == reason


def test_no_more_counts_than_can_be_moved() -> None:
    def risk(withdrawable: float, liquidity: float = math.inf) -> float:
        route = replace(ROUTE, withdrawable=withdrawable, liquidity=liquidity)
        helper = Domain(id="b", chain=CHAINS[1], venue="market", route=route)
        short = replace(perp(-20_000.0, domain="b"), chain=CHAINS[1])
        found = measure(make_book(spot(), short, b=helper)).scenarios
        return next(row.loss for row in found if row.name == "tims: majors -20 %, alts -35 %")

    assert risk(1e6) == pytest.approx(4_000 - 0.8 * 4_000)
    assert risk(1_000.0) == pytest.approx(4_000 - 0.8 * 1_000)
    assert risk(1e6, liquidity=500.0) == pytest.approx(4_000 - 0.8 * 500)


def test_domains_that_one_transaction_reaches_net_but_for_slippage() -> None:
    domains = {name: Domain(id=name, chain=CHAINS[0], venue="market", atomic=True) for name in "ab"}
    book = make_book(spot(), perp(-20_000.0, domain="b"), **domains)
    terms = replace(PortfolioSettings().netting, slippage=0.01)

    report, costly = measure(book), measure(book, netting=terms)

    assert [(g.inside, g.domains) for g in report.groups] == [(NettingSet.N1, ("a", "b"))]
    losses = [{row.name: row.loss for row in found.scenarios} for found in (report, costly)]
    name = "tims: majors -20 %, alts -35 %"
    assert [found[name] for found in losses] == pytest.approx([0, 40])
