"""What a configured route makes of an account's own netting."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.load import load
from daemon.margin.measures import measure_portfolio
from daemon.margin.netting import NettingTerms
from daemon.margin.portfolio_report import PortfolioReport
from daemon.margin.risk import RiskTable, Tier
from daemon.margin.routes import RouteTerms, choose_routes
from daemon.margin.scenarios import Route
from daemon.translate import build_routes
from tests.config.samples import GOOD, SECOND_CHAIN, write
from tests.daemon.margin import venues_story as s
from tests.support import books as b
from tests.support import values as v

TIERS = {"WETH": Tier.MAJOR, "USDC": Tier.STABLE}
LENDING, VENUE = str(v.CHEAP), str(b.ACCOUNT.chain)
BOOK = f"""
[[books]]
account = "alice"
venue_account = "{b.ACCOUNT}"
path = "/var/lib/plimsoll/books/desk.json"
"""
ROUTE = f"""
[[routes]]
from = "{VENUE}"
to = "{LENDING}"
p99_s = 900
time_to_liquidation_s = 7200
unlocked_usd = "100000"
cap_usd = "100000"
kappa_bps = 7000
"""
BACK = ROUTE.replace(VENUE, "x").replace(LENDING, VENUE).replace('"x"', f'"{LENDING}"')


def table() -> RiskTable:
    plain = v.risk_table()
    underlyings = {
        name: replace(found, tier=TIERS.get(name, found.tier))
        for name, found in plain.underlyings.items()
    }
    return replace(plain, underlyings=underlyings)


def measure(routes: tuple[RouteTerms, ...]) -> PortfolioReport:
    """Measure 10 WETH against 15 000 USDC, hedged at a venue."""
    taken = s.snapshot(s.weth(10), s.usdc(15_000), books=(s.book(b.part(perps=[b.perp()])),))
    found = measure_portfolio(s.judge(taken, table()), taken, table(), now=v.NOW, routes=routes)
    assert found.own is not None, found.unknown
    return found.own


def kappas(report: PortfolioReport) -> dict[str, float]:
    return {group.chain: group.kappa for group in report.groups}


def test_a_configured_route_is_worth_its_kappa_in_the_accounts_own_netting(tmp_path: Path) -> None:
    settings = load(
        [write(tmp_path, GOOD.replace("eip155:31337", LENDING) + BOOK + ROUTE + BACK)], {}
    )

    found = measure(build_routes(settings))

    assert found.factor == pytest.approx(1.230012, abs=1e-6)
    assert kappas(found) == {VENUE: 0.7, LENDING: 0.7}


@given(
    healthy=st.booleans(),
    delay=st.integers(1, 10_000),
    left=st.integers(1, 20_000),
    cap=st.one_of(st.just(0), st.integers(5_000, 10_000)),
)
def test_gains_count_only_where_a_route_is_healthy_fast_and_open(
    *, healthy: bool, delay: int, left: int, cap: int
) -> None:
    route = Route(
        healthy=healthy,
        finality_s=float(delay),
        execution_s=0.0,
        withdrawable=1e9,
        cap=float(cap),
        kappa=0.7,
    )
    terms = RouteTerms(source=VENUE, target=LENDING, route=route, time_to_liquidation_s=float(left))
    found = measure((terms, replace(terms, source=LENDING, target=VENUE)))
    counts = healthy and delay <= NettingTerms().delay_part * left and cap > 0
    assert [min(group.kappa, group.cap) > 0 for group in found.groups] == [counts, counts]
    assert found.factor is not None
    if counts:
        assert found.factor > 1.2
    else:
        assert found.factor == pytest.approx(1.081081, abs=1e-6)


def test_a_chain_that_does_not_reach_all_others_has_no_route() -> None:
    near, far = (
        Route(healthy=True, finality_s=delay, execution_s=1.0, withdrawable=10.0, cap=cap)
        for delay, cap in ((10.0, 5.0), (50.0, 8.0))
    )
    terms = [
        RouteTerms(source="a", target=target, route=route, time_to_liquidation_s=100.0)
        for target, route in (("b", near), ("c", far))
    ]
    assert choose_routes(terms[:1], ["a", "b", "c"]) == {}
    chosen = choose_routes(terms, ["a", "b", "c"])
    assert list(chosen) == ["a"]
    assert (chosen["a"].delay_s, chosen["a"].cap) == (51.0, 5.0)
    assert choose_routes(terms, ["a", "a", "b", "c"]) == {}
    assert choose_routes(terms, ["a"]) == {}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (ROUTE.replace(VENUE, "venue:nobody"), "routes[0].from: venue:nobody is neither"),
        (ROUTE.replace(LENDING, "eip155:9"), "routes[0].to: eip155:9 is neither"),
        (ROUTE.replace(LENDING, "nonsense"), "routes[0].to: "),
        (ROUTE.replace("kappa_bps = 7000", "kappa_bps = 9000"), "routes[0].kappa_bps: "),
        (ROUTE.replace("p99_s = 900\n", ""), "routes[0].p99_s: "),
        (ROUTE.replace('"100000"', "1.5"), "routes[0].unlocked_usd: "),
        (ROUTE + ROUTE, f"routes[1]: {VENUE} to {LENDING} stands twice"),
    ],
)
def test_a_route_that_makes_no_sense_is_refused_by_its_field(
    tmp_path: Path, spoilt: str, said: str
) -> None:
    good = GOOD.replace("eip155:31337", LENDING) + SECOND_CHAIN.replace("31338", "77")
    with pytest.raises(ConfigError) as caught:
        load([write(tmp_path, good + BOOK + spoilt)], {})
    assert any(problem.startswith(said) for problem in caught.value.problems), caught.value.problems
