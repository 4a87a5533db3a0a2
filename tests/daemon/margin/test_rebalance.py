"""Transfers reach every target at the least cost, or say what keeps them from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.rebalance import Bridge, Place, plan_rebalancing
from daemon.margin.scenarios import InvalidRiskInput

LOW = Place(id="base", collateral=8_000, requirement=9_000, target=1.1, weight=0.8)
RICH = Place(
    id="mainnet",
    collateral=40_000,
    requirement=10_000,
    target=1.1,
    weight=0.8,
    withdrawable=20_000,
)


def bridge(
    fee: float = 0.001, cap: float = 1e6, time_s: float = 60, source: str = "mainnet"
) -> Bridge:
    return Bridge(source=source, target="base", fee=fee, cap=cap, time_s=time_s)


def late(place: Place, seconds: float) -> Place:
    return Place(
        id=place.id,
        collateral=place.collateral,
        requirement=place.requirement,
        target=place.target,
        weight=place.weight,
        withdrawable=place.withdrawable,
        time_left_s=seconds,
    )


def test_the_cheapest_bridge_carries_just_what_the_target_needs() -> None:
    found = plan_rebalancing([LOW, RICH], [bridge(0.003), bridge(0.001)])
    assert [t.bridge.fee for t in found.transfers] == [0.001]
    assert found.health["base"] == pytest.approx(1.1)
    assert found.transfers[0].sent == pytest.approx(1_900 / 0.8 / 0.999)
    assert found.feasible


def test_a_full_bridge_leaves_the_rest_to_the_next() -> None:
    found = plan_rebalancing([LOW, RICH], [bridge(0.003), bridge(0.001, cap=1_000)])
    assert [round(t.sent) for t in found.transfers] == [1_380, 1_000]
    assert found.feasible


def test_a_repaid_debt_counts_its_target_per_dollar() -> None:
    repaying = Place(
        id="base", collateral=8_000, requirement=9_000, target=1.1, weight=0.8, repays=True
    )
    found = plan_rebalancing([repaying, RICH], [bridge(0.0)])
    assert found.transfers[0].sent == pytest.approx(1_900 / 1.1)
    assert found.health["base"] == pytest.approx(1.1)


def test_a_bridge_slower_than_liquidation_is_not_used_and_is_named() -> None:
    found = plan_rebalancing([late(LOW, 600), RICH], [bridge(time_s=900)])
    assert not found.feasible
    assert found.short == pytest.approx({"base": 1_900})
    assert found.blocked == ("mainnet -> base: takes 900 s, 600 s are left",)


def test_an_infeasible_programme_names_the_cap_or_the_source() -> None:
    capped = plan_rebalancing([LOW, RICH], [bridge(cap=100)])
    assert capped.blocked == ("mainnet -> base: carries 100.00 USD at most",)
    poor = Place(
        id="mainnet", collateral=40_000, requirement=1, target=1, weight=0.8, withdrawable=50
    )
    assert plan_rebalancing([LOW, poor], [bridge()]).blocked == (
        "mainnet: only 50.00 USD can leave",
    )
    assert plan_rebalancing([LOW], []).blocked == ("base: no route leads there",)


def test_a_source_keeps_its_own_target() -> None:
    tight = Place(
        id="mainnet",
        collateral=11_400,
        requirement=10_000,
        target=1.1,
        weight=0.8,
        withdrawable=20_000,
    )
    found = plan_rebalancing([LOW, tight], [bridge()])
    assert not found.feasible
    assert found.blocked == ("no place has collateral above its own target to give",)
    assert found.health["mainnet"] == pytest.approx(1.1)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="no place moon"):
        plan_rebalancing([LOW, RICH], [bridge(source="moon")])
    with pytest.raises(InvalidRiskInput, match="fee or its cap"):
        plan_rebalancing([LOW, RICH], [bridge(fee=1.0)])


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(1, 1e5), st.floats(0, 1e5)), min_size=2, max_size=4
    ),
    st.floats(0, 0.01),
    st.floats(0, 1e5),
)
def test_no_plan_sends_what_is_not_there_or_lowers_a_source_below_its_target(
    rows: list[tuple[float, float, float]], fee: float, cap: float
) -> None:
    places = [
        Place(id=str(i), collateral=c, requirement=r, target=1.1, weight=0.8, withdrawable=free)
        for i, (c, r, free) in enumerate(rows)
    ]
    bridges = [
        Bridge(source=a.id, target=b.id, fee=fee, cap=cap, time_s=1)
        for a in places
        for b in places
        if a is not b
    ]
    found = plan_rebalancing(places, bridges)
    for place in places:
        sent = sum(t.sent for t in found.transfers if t.bridge.source == place.id)
        assert sent <= place.withdrawable + 0.02
        health = found.health[place.id]
        assert health is not None
        if place.id not in found.short:
            assert health * place.requirement >= 1.1 * place.requirement - 0.1
    assert all(t.sent <= cap + 1e-6 for t in found.transfers)
    assert bool(found.blocked) == (not found.feasible)
