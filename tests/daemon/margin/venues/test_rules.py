"""Venues' rules on a domain of a risk book, and what they refuse."""

import math
from dataclasses import astuple, replace

import pytest

from chains.model.derivatives import OptionKind
from daemon.margin.options import CALL, PUT, Svi, price_black76
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.scenarios import Domain, InvalidRiskInput, RiskBook
from daemon.margin.venues import deribit, derive_pmrm2, derive_srm, paradex, span
from daemon.margin.venues.documented import DERIBIT, DERIVE_PMRM2, DERIVE_SRM
from daemon.margin.venues.margin import VenueMargin
from daemon.margin.venues.rules import DOCUMENTED_RULES, apply_rules
from tests.daemon.margin.risk_books import CHAINS, DAY_S, NOW, make_book, option, perp, spot
from tests.vectors.derive import read_parameters
from tests.vectors.reading import read_document

PERPS_ONLY = {"dydx_v4", "drift", "hyperliquid", "synthetix_v3"}


def book_at(venue: str, *legs: object, margin: float = 0.0) -> RiskBook:
    domain = Domain(id="a", chain=CHAINS[0], venue=venue, margin=margin)
    return make_book(*legs, a=domain)  # type: ignore[arg-type] # legs


def judge(venue: str, *legs: object, margin: float = 0.0) -> VenueMargin:
    return apply_rules(book_at(venue, *legs, margin=margin), DOCUMENTED_RULES, NOW)["a"]


def test_the_parameters_that_are_documented_are_those_of_the_makers_tests() -> None:
    base = read_document("derive_pmrm2")["parameter_sets"]["829fb4ed75"]
    theirs, ours = read_parameters(base), DERIVE_PMRM2

    assert [row.vol for row in ours.scenarios] == [row.vol for row in theirs.scenarios]
    for row, other in zip(ours.scenarios, theirs.scenarios, strict=True):
        assert (row.spot, row.damping) == pytest.approx((other.spot, other.damping))
    assert (ours.vol, ours.skew, ours.margin) == (theirs.vol, theirs.skew, theirs.margin)
    assert astuple(ours.contingency) == pytest.approx(astuple(theirs.contingency))


@pytest.mark.parametrize(
    ("venue", "maintenance", "initial"),
    [
        ("derive_srm", 0.05, 0.065),
        ("derive_pmrm2", 0.8 * 0.18 + 0.015, 0.18 + 0.02),
        ("deribit_pm", 0.8 * (0.16 / 0.84 + 0.01), 0.16 / 0.84 + 0.01),
        ("paradex_pm", 0.5 * 0.66 * 0.18 if 0.66 * 0.18 > 0.16 else 0.08, 0.16),
        ("span", 0.18, 0.18),
    ],
)
def test_a_long_perp_asks_for_what_its_venue_asks_for(
    venue: str, maintenance: float, initial: float
) -> None:
    found = judge(venue, perp(10_000.0), margin=5_000.0)

    assert found.worth == pytest.approx(5_000)
    assert found.maintenance == pytest.approx(10_000 * maintenance)
    assert found.initial == pytest.approx(10_000 * initial)
    assert found.factor == pytest.approx(5_000 / found.maintenance)


@pytest.mark.parametrize("venue", sorted(DOCUMENTED_RULES.keys() - PERPS_ONLY))
def test_a_spread_asks_for_less_than_its_short_leg(venue: str) -> None:
    short = option(-1.0, strike=2_100.0, id="short")
    long = option(1.0, strike=2_300.0, id="long")
    naked, spread = judge(venue, short), judge(venue, short, long)

    assert 0 < spread.maintenance < naked.maintenance
    assert naked.maintenance <= naked.initial
    assert spread.maintenance <= spread.initial


@pytest.mark.parametrize("venue", ["derive_srm", "derive_pmrm2"])
def test_collateral_counts_with_the_venues_own_part(venue: str) -> None:
    found = judge(venue, spot(1_000.0, underlying="USDC", lt=0.9, ltv=0.8), perp(100.0))
    alone = judge(venue, perp(100.0))

    assert found.worth - alone.worth == pytest.approx(1_000)
    assert found.maintenance - alone.maintenance == pytest.approx(100)
    assert found.initial - alone.initial == pytest.approx(200)


def test_a_domain_of_such_a_venue_has_its_margin_in_place_of_standard_modes() -> None:
    legs = (perp(10_000.0), spot(1_000.0))
    plain = evaluate_portfolio(book_at("elsewhere", *legs), now=NOW)
    ruled = evaluate_portfolio(book_at("derive_srm", *legs), now=NOW)

    assert plain.venues == {}
    assert plain.standard_maintenance == pytest.approx(200 + 150)
    assert set(ruled.venues) == {"a"}
    assert ruled.standard_maintenance == ruled.venues["a"].maintenance == pytest.approx(500 + 150)
    assert ruled.risk == plain.risk


def test_pmrm2_has_one_underlying_per_account() -> None:
    with pytest.raises(InvalidRiskInput, match="one underlying per account"):
        judge("derive_pmrm2", perp(1.0), perp(1.0, underlying="BTC"))


EXPIRY = derive_pmrm2.Expiry(
    seconds=30 * DAY_S,
    forward=2_000.0,
    rate=0.05,
    confidence=1.0,
    options=(derive_pmrm2.Option(strike=2_000.0, is_call=True, amount=-1.0, vol=0.6),),
)
PORTFOLIO = derive_pmrm2.Portfolio(
    cash=1_000.0,
    spot=2_000.0,
    spot_confidence=1.0,
    stable_price=1.0,
    perp=derive_pmrm2.Perp(),
    collaterals=(),
    expiries=(EXPIRY,),
)


def test_an_option_without_a_volatility_takes_that_of_its_smile() -> None:
    smile = Svi(a=0.02, b=0.1, rho=-0.2, m=0.0, sigma=0.1, forward=2_000.0, years=30 / 365)
    [held] = EXPIRY.options
    bare = replace(EXPIRY, options=(replace(held, vol=None),))
    given = replace(EXPIRY, options=(replace(held, vol=smile.vol(2_000.0)),))

    by_smile = derive_pmrm2.calculate_margin(
        replace(PORTFOLIO, expiries=(replace(bare, svi=smile),)), DERIVE_PMRM2
    )

    assert by_smile == derive_pmrm2.calculate_margin(
        replace(PORTFOLIO, expiries=(given,)), DERIVE_PMRM2
    )
    with pytest.raises(InvalidRiskInput, match="vol is missing"):
        derive_pmrm2.calculate_margin(replace(PORTFOLIO, expiries=(bare,)), DERIVE_PMRM2)


@pytest.mark.parametrize(
    ("portfolio", "said"),
    [
        (replace(PORTFOLIO, spot=0.0), "spot is 0.0"),
        (replace(PORTFOLIO, cash=math.nan), "cash is nan"),
        (replace(PORTFOLIO, stable_price=-1.0), "stable_price is -1.0"),
        (replace(PORTFOLIO, perp=derive_pmrm2.Perp(size=math.inf)), "perp_size is inf"),
        (replace(PORTFOLIO, expiries=(replace(EXPIRY, forward=0.0),)), "forward is 0.0"),
    ],
)
def test_a_figure_that_pmrm2_cannot_take_is_named(
    portfolio: derive_pmrm2.Portfolio, said: str
) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        derive_pmrm2.calculate_margin(portfolio, DERIVE_PMRM2)


def test_figures_that_other_rules_cannot_take_are_named() -> None:
    market = derive_srm.Market(spot=math.nan, confidence=1.0)
    with pytest.raises(InvalidRiskInput, match="spot is nan"):
        derive_srm.calculate_margin(0.0, 1.0, [(market, DERIVE_SRM)])
    with pytest.raises(InvalidRiskInput, match="future_size is nan"):
        deribit.calculate_margin([deribit.Future(size=math.nan)], (), DERIBIT)
    with pytest.raises(InvalidRiskInput, match="cannot fall by 100 %"):
        deribit.gain_of_future(1.0, [-1.0])
    with pytest.raises(InvalidRiskInput, match="risk array of call"):
        span.calculate_span({"call": [1.0]}, {"call": 1.0})
    with pytest.raises(InvalidRiskInput, match=r"spot is -1\.0"):
        paradex.margin_deltas(-1.0, [1.0], paradex.MAJOR_TERMS)
    with pytest.raises(InvalidRiskInput, match="tail_weights"):
        paradex.list_scan_rows(0.04, 0.4, 0.22, (0.1,))


def test_deribits_far_table_is_damped_by_distance() -> None:
    naked = deribit.Option(
        size=-10.0, is_call=True, strike=6_000.0, forward=2_000.0, vol=0.6, seconds=30 * DAY_S
    )
    undamped = replace(DERIBIT, extended_dampener=0.0)

    near = deribit.calculate_margin((), (naked,), DERIBIT)
    far = deribit.calculate_margin((), (naked,), undamped)

    assert near.worst_case < 1 < far.worst_case


def test_gains_of_other_pairs_offset_a_part() -> None:
    future = deribit.Future(size=1.0)
    terms = replace(DERIBIT, gain_part=0.5)

    alone = deribit.calculate_margin([future], (), terms)
    helped = deribit.calculate_margin([future], (), terms, offset=0.1)

    assert alone.worst_case - helped.worst_case == pytest.approx(0.05)


def test_paradex_has_24_rows_and_closes_as_little_as_heals() -> None:
    rows = paradex.MAJOR_TERMS.rows
    assert len(rows) == 24
    assert rows[0] == paradex.ScanRow(spot=0.16, vol=0.40)
    assert rows[15] == paradex.ScanRow(spot=-0.16, vol=0.40)
    assert rows[16].weight == 0.18

    assert paradex.choose_share(80.0, 88.8, fee=0.5).share == pytest.approx(0.4)
    assert paradex.choose_share(10.0, 88.8, fee=0.5).share == 1.0


def test_span_charges_spreads_and_never_less_than_its_short_options() -> None:
    array = {"call": [float(-row) for row in range(16)]}

    charged = span.calculate_span(array, {"call": 1.0}, spread_charge=4.0, spread_credit=1.0)
    least = span.calculate_span(array, {"call": 1.0}, short_options=2.0, short_minimum=50.0)

    assert (charged.scan_risk, charged.worst, charged.requirement) == (15.0, 15, 18.0)
    assert least.requirement == 100.0


def test_a_rule_marks_options_at_the_volatility_they_are_told_with() -> None:
    call = option(-2.0, strike=2_200.0)
    put = option(-1.0, strike=1_800.0, kind=OptionKind.PUT, id="put")

    found = judge("derive_srm", call, put)

    marks = [
        float(price_black76(side, 2_000.0, strike, 30 / 365, 0.6))
        for side, strike in ((CALL, 2_200.0), (PUT, 1_800.0))
    ]
    assert found.worth == pytest.approx(-2 * marks[0] - marks[1])
