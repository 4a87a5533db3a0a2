"""Which cures are planned: native floors first, each within every bound, each a real help."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.action import Instrument
from chains.model.health import calculate_health
from chains.model.ids import Address
from chains.model.position import Position, Side
from chains.model.snapshot import ChainGap, ChainSnapshot, IdleFund, MandateKind
from chains.model.units import USD, WAD, Bps, Usd, Wad
from daemon.keeper.plan import (
    Activity,
    Cure,
    Need,
    Situation,
    native_key,
    plan_cures,
    unified_key,
)
from daemon.margin.policy import Band
from daemon.margin.unified import evaluate
from tests.daemon.keeper import stage
from tests.support import values as v

UNITS = 10**6


def endangered(funds: list[IdleFund], *, floored: bool = False) -> ChainSnapshot:
    """Health 1.05 at the market, with an idle fund or more beside it."""
    legs = [v.leg(v.DEAR, "WBTC", Side.COLLATERAL, 1), v.leg(v.DEAR, "USDC", Side.DEBT, 42_857)]
    return stage.chain(stage.position(v.DEAR, legs, floored=floored), funds)


def only_need(*chains: ChainSnapshot | ChainGap, **terms: object) -> Need:
    (need,) = plan_cures(stage.situation(*chains, **terms))  # type: ignore[arg-type] # keywords pass through
    return need


def after(position: Position, cure: Cure, units: int, *, floored: bool = False) -> Position:
    """Do the cure on the position as the market would."""
    side = Side.DEBT if cure.instrument is Instrument.REPAY else Side.COLLATERAL
    sign = -1 if side is Side.DEBT else 1
    legs = {(leg.asset, leg.side): leg for leg in (*position.suppliable, *position.legs)}
    key = cure.fund.asset, side
    legs[key] = replace(legs[key], units=legs[key].units + sign * units)
    changed = replace(position, legs=tuple(leg for leg in legs.values() if leg.units))
    return stage.at_market(changed, floored=floored)


def test_a_healthy_account_needs_nothing() -> None:
    assert plan_cures(stage.situation(stage.collateral_heavy(eth=100), stage.debt_heavy())) == ()


def test_an_endangered_native_health_is_cured_on_its_own_chain_only() -> None:
    elsewhere = stage.collateral_heavy([stage.fund(v.CHEAP, "USDC", 50_000)])
    here = endangered([stage.fund(v.DEAR, "USDC", 50_000)])
    need = only_need(elsewhere, here)
    assert need.kind is MandateKind.NATIVE
    assert need.key == native_key(here.positions[0])
    assert {cure.position.account.chain for cure in need.cures} == {v.DEAR}
    assert {cure.instrument for cure in need.cures} == {Instrument.REPAY, Instrument.SUPPLY}
    assert all(cure.kind is MandateKind.NATIVE and cure.reaches for cure in need.cures)


def test_an_endangered_native_health_without_any_cure_does_not_block_the_unified_one() -> None:
    elsewhere = stage.collateral_heavy([stage.fund(v.CHEAP, "WETH", 50)], eth=1)
    native, unified = plan_cures(stage.situation(elsewhere, endangered([])))
    assert native.cures == ()
    assert unified.kind is MandateKind.UNIFIED
    assert unified.cures


def test_a_low_unified_health_can_be_cured_on_any_chain() -> None:
    funds = [stage.fund(v.CHEAP, "USDC", 50_000), stage.fund(v.CHEAP, "WETH", 50)]
    others = [stage.fund(v.DEAR, "USDC", 50_000), stage.fund(v.DEAR, "WBTC", 5)]
    need = only_need(stage.collateral_heavy(funds, eth=1), stage.debt_heavy(others, usdc=38_000))
    assert need.kind is MandateKind.UNIFIED
    assert need.key == unified_key("alice")
    found = {
        (c.position.account.chain, c.fund.symbol, c.instrument.value, c.reaches) for c in need.cures
    }
    assert found == {
        (v.CHEAP, "USDC", "supply", True),
        (v.CHEAP, "WETH", "supply", True),
        (v.DEAR, "USDC", "repay", True),
        (v.DEAR, "USDC", "supply", True),
        (v.DEAR, "WBTC", "supply", True),
    }


def test_a_gap_leaves_native_cures_and_stops_unified_ones() -> None:
    gap = ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW)
    here = endangered([stage.fund(v.DEAR, "USDC", 50_000)])
    (need,) = plan_cures(stage.situation(gap, here))
    assert need.kind is MandateKind.NATIVE
    low = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=38_000)
    assert plan_cures(stage.situation(gap, low)) == ()


def test_without_an_attestation_there_is_no_unified_cure() -> None:
    low = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=38_000)
    assert only_need(low).cures
    assert only_need(low, attested=False).cures == ()


def test_an_attestation_that_the_mandate_would_refuse_is_not_used() -> None:
    low = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=38_000)
    fresh = stage.situation(low)
    assert fresh.header is not None
    for header in (
        replace(fresh.header, account_set_root=bytes(32)),
        replace(fresh.header, status=1),
        replace(fresh.header, health_factor_e18=150 * WAD // 100),
        replace(fresh.header, issued_at=v.NOW - 31),
        replace(fresh.header, expires_at=v.NOW - 1),
        replace(fresh.header, sequence=0),
    ):
        (need,) = plan_cures(replace(fresh, header=header))
        assert need.cures == ()


def test_an_attestation_from_before_a_mandates_last_action_is_not_used() -> None:
    good = stage.mandate(v.DEAR, "USDC", MandateKind.UNIFIED)
    for acted_at, cures in ((v.NOW - 1, True), (v.NOW, False), (v.NOW + 1, False)):
        used = replace(good, acted_at=acted_at)
        low = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000, [used])], usdc=38_000)
        assert bool(only_need(low).cures) is cures


def test_what_a_mandate_forbids_is_not_planned() -> None:
    good = stage.mandate(v.DEAR, "USDC", MandateKind.NATIVE, trigger=110, target=120)
    for bad in (
        replace(good, keeper=v.address(1)),
        replace(good, deadline=v.NOW - 1),
        replace(good, ready_at=v.NOW + 1),
        replace(good, available=0),
        replace(good, trigger=Wad(104 * WAD // 100)),
        replace(good, market=v.account(v.DEAR, 5)),
        replace(good, kind=MandateKind.UNIFIED),
        replace(good, instruments=frozenset()),
        replace(good, min_action=10**15, available=100 * UNITS),
    ):
        need = plan_cures(stage.situation(endangered([stage.fund(v.DEAR, "USDC", 50_000, [bad])])))
        assert need[0].cures == (), bad
    ok = plan_cures(stage.situation(endangered([stage.fund(v.DEAR, "USDC", 50_000, [good])])))
    assert len(ok[0].cures) == 2


def test_a_fund_of_somebody_else_is_never_spent() -> None:
    theirs = replace(stage.fund(v.DEAR, "USDC", 50_000), owner=v.account(v.DEAR, 0xB0B))
    assert plan_cures(stage.situation(endangered([theirs])))[0].cures == ()


def test_less_than_the_least_size_is_not_worth_an_action() -> None:
    crumbs = stage.fund(v.DEAR, "USDC", 9.99)
    assert plan_cures(stage.situation(endangered([crumbs])))[0].cures == ()


def test_a_cure_too_small_for_the_target_is_kept_as_partial() -> None:
    need = only_need(endangered([stage.fund(v.DEAR, "USDC", 100)]))
    assert [cure.reaches for cure in need.cures] == [False, False]
    assert all(cure.expected and cure.expected > need.health for cure in need.cures)


def test_what_is_in_flight_or_resting_is_left_alone() -> None:
    here = endangered([stage.fund(v.DEAR, "USDC", 50_000)])
    (position,) = here.positions
    place = position.account, position.market
    height = position.anchor.height
    for activity in (
        Activity(places=frozenset({place})),
        Activity(resting={native_key(position): v.NOW + 1}),
        Activity(seen_from={place: height + 1}),
    ):
        needs = plan_cures(stage.situation(here, activity=activity))
        assert MandateKind.NATIVE not in {need.kind for need in needs}
    for activity in (
        Activity(resting={native_key(position): v.NOW}),
        Activity(seen_from={place: height}),
    ):
        assert only_need(here, activity=activity).kind is MandateKind.NATIVE


def test_the_unified_need_waits_while_any_position_is_in_flight() -> None:
    low = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=38_000)
    (position,) = low.positions
    flying = Activity(places=frozenset({(position.account, position.market)}))
    assert plan_cures(stage.situation(low, activity=flying)) == ()
    resting = Activity(resting={unified_key("alice"): v.NOW + 1})
    assert plan_cures(stage.situation(low, activity=resting)) == ()


def test_a_price_that_is_not_positive_plans_nothing() -> None:
    worthless = replace(v.price(v.DEAR, "USDC"), usd=Usd(0))
    found = endangered([replace(stage.fund(v.DEAR, "USDC", 50_000), price=worthless)])
    assert plan_cures(stage.situation(found))[0].cures == ()


AMOUNTS = st.floats(0.001, 200_000, allow_nan=False)
TARGETS = st.integers(111, 400)


@given(AMOUNTS, AMOUNTS, st.floats(0.3, 1.09), TARGETS, st.sampled_from(["3.0", "3.6"]), st.data())
def test_every_native_cure_lifts_the_markets_own_health_within_its_bounds(
    idle: float, limit: float, ratio: float, target: int, version: str, data: st.DataObject
) -> None:
    floored = version == "3.0"
    symbol = data.draw(st.sampled_from(["USDC", "WETH", "WBTC"]))
    allowed = stage.mandate(
        v.DEAR, symbol, MandateKind.NATIVE, amount=limit, trigger=110, target=target
    )
    legs = [
        v.leg(v.DEAR, "WBTC", Side.COLLATERAL, 1),
        v.leg(v.DEAR, "WETH", Side.COLLATERAL, 2.123),
        v.leg(v.DEAR, "USDC", Side.DEBT, (45_000 + 3_502.95) / ratio),
    ]
    found = stage.position(v.DEAR, legs, floored=floored)
    idle_fund = stage.fund(v.DEAR, symbol, idle, [allowed])
    rules = replace(
        v.policy(),
        native=Band(trigger=Wad(110 * WAD // 100), target=Wad(target * WAD // 100)),
        min_size=Usd(0),
    )
    need = plan_cures(stage.situation(stage.chain(found, [idle_fund]), policy=rules))[0]
    for cure in need.cures:
        assert 0 < cure.units <= min(idle_fund.balance, allowed.available)
        if cure.instrument is Instrument.REPAY:
            assert cure.units <= found.debts[0].units
        cured = after(found, cure, cure.units, floored=floored).native_health
        assert cured is None or cured > need.health
        if cure.expected is not None and cured is not None:
            assert cured >= cure.expected
        if cure.reaches:
            assert cured is None or cured >= need.target


@given(st.floats(1, 60_000), st.floats(31_000, 44_000), st.integers(151, 300), st.data())
def test_every_unified_cure_lifts_the_unified_health_and_never_lowers_a_native_one(
    idle: float, owed: float, target: int, data: st.DataObject
) -> None:
    chain = data.draw(st.sampled_from([v.CHEAP, v.DEAR]))
    symbol = data.draw(st.sampled_from(["USDC", "WETH", "WBTC"]))
    allowed = stage.mandate(chain, symbol, MandateKind.UNIFIED, target=target)
    funds = [stage.fund(chain, symbol, idle, [allowed])]
    cheap = stage.collateral_heavy(funds if chain == v.CHEAP else [], eth=0.5)
    dear = stage.debt_heavy(funds if chain == v.DEAR else [], usdc=owed)
    rules = replace(
        v.policy(), native=None, unified=Band(trigger=Wad(3 * WAD // 2), target=Wad(2 * WAD))
    )
    situation = stage.situation(cheap, dear, policy=rules)
    for need in plan_cures(situation):
        for cure in need.cures:
            cured = after(cure.position, cure, cure.units)
            chains = [
                stage.chain(cured if cured.account == p.account else p)
                for p in situation.report.positions
            ]
            report = evaluate(v.snapshot(*chains), rules, v.risk_table(), max_skew_s=60)
            assert report.unified is not None
            assert report.unified.factor == cure.expected
            assert cure.expected is None or cure.expected > need.health
            assert cure.reaches == (cure.expected is None or cure.expected >= need.target)
            before = cure.position.native_health
            assert before is None or cured.native_health is None or cured.native_health >= before


@given(TARGETS, TARGETS)
def test_a_higher_target_never_plans_a_smaller_cure(one: int, other: int) -> None:
    def sizes(target: int) -> list[int]:
        wanted = stage.mandate(v.DEAR, "USDC", MandateKind.NATIVE, trigger=110, target=target)
        found = endangered([stage.fund(v.DEAR, "USDC", 20_000, [wanted])])
        return [cure.units for cure in plan_cures(stage.situation(found))[0].cures]

    low, high = sizes(min(one, other)), sizes(max(one, other))
    assert all(small <= large for small, large in zip(low, high, strict=True))


def test_the_attested_figures_bound_a_unified_cure() -> None:
    low = stage.debt_heavy([stage.fund(v.DEAR, "USDC", 50_000)], usdc=38_000)
    unbounded = only_need(low)
    situation = stage.situation(low)
    assert situation.header is not None
    nearly_well = replace(situation.header, health_factor_e18=149 * WAD // 100, net_equity_e8=USD)
    (bounded,) = plan_cures(replace(situation, header=nearly_well))
    sizes = {c.instrument: c.units for c in bounded.cures}
    assert all(sizes.get(c.instrument, 0) < c.units for c in unbounded.cures)


def test_the_unified_health_counts_as_the_report_does() -> None:
    situation = stage.situation(stage.debt_heavy(usdc=38_000))
    weighted = [leg.weighted for leg in situation.report.legs]
    assert situation.report.unified == calculate_health(weighted)


def obliged(found: ChainSnapshot, obligation: str, mandated: str) -> ChainSnapshot:
    """Name the position's obligation, and the one that every mandate is for."""
    [position] = found.positions
    funds = [
        replace(
            fund, mandates=tuple(replace(m, obligation=Address(mandated)) for m in fund.mandates)
        )
        for fund in found.funds
    ]
    named = replace(position, obligation=Address(obligation))
    return replace(found, positions=(named,), funds=tuple(funds))


def test_a_mandate_for_one_obligation_cures_no_other() -> None:
    here = endangered([stage.fund(v.DEAR, "USDC", 50_000)])
    mine = stage.situation(obliged(here, "one", "one"))
    assert only_cures(mine)
    assert only_cures(stage.situation(obliged(here, "one", "other"))) == ()
    keys = {native_key(obliged(here, name, name).positions[0]) for name in ("one", "two")}
    assert len(keys) == 2


def test_a_mandate_for_our_key_on_another_chain_is_not_ours() -> None:
    here = stage.situation(endangered([stage.fund(v.DEAR, "USDC", 50_000)]))
    assert only_cures(here)
    assert only_cures(replace(here, keepers={v.CHEAP: stage.KEEPER})) == ()
    elsewhere = {v.CHEAP: stage.KEEPER, v.DEAR: v.address(7)}
    assert only_cures(replace(here, keepers=elsewhere)) == ()


def only_cures(found: Situation) -> tuple[Cure, ...]:
    return plan_cures(found)[0].cures


def test_a_debt_weighs_natively_what_its_protocol_says() -> None:
    fund = stage.fund(v.DEAR, "USDC", 50_000)
    plain = endangered([fund])
    [position] = plain.positions
    legs = tuple(
        replace(leg, debt_weight=Bps(20_000)) if leg.side is Side.DEBT else leg
        for leg in position.legs
    )
    doubled = Usd(2 * position.native_debt)
    halved = Wad((position.native_health or 0) // 2)
    weighted = replace(position, legs=legs, native_debt=doubled, native_health=halved)
    [cure] = (c for c in only_need(replace(plain, positions=(weighted,))).cures if repays(c))
    left = sum(leg.units for leg in position.debts) - cure.units
    collateral = halved * doubled // WAD
    assert cure.expected == pytest.approx(collateral * WAD // (left * 2 * 100), rel=1e-9)


def repays(cure: Cure) -> bool:
    return cure.instrument is Instrument.REPAY
