"""Every state of small worlds: the protocol's invariants hold, and a broken rule breaks one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.model.explore import Exploration, explore
from tests.model.invariants import check
from tests.model.scenes import (
    COMMITTEE,
    ETHER,
    JUDGEMENT,
    LENT,
    LINES,
    LOAN,
    MOVING,
    ORDERS,
    OUTAGE,
    SCENES,
    STOLEN,
    Scene,
)
from tests.model.state import USDC, WETH, Action, Fault

STATES = 1_200
DEEP_STATES = 250_000
FAULTS: dict[Fault, tuple[Scene, str]] = {
    Fault.EARLY_RAISE: (LINES, "lines: more is used than is lent"),
    Fault.EARLY_LOWER: (LINES, "lines: more is used than is lent"),
    Fault.BLIND_WITHDRAW: (LINES, "backing: a unit of collateral backs two chains"),
    Fault.KEPT_LINE: (ORDERS, "backing: a unit of collateral backs two chains"),
    Fault.LENT_LOCK: (LENT, "backing: a unit of collateral backs two chains"),
    Fault.EARLY_CLAIM: (ORDERS, "backing: a unit of collateral backs two chains"),
    Fault.FORGOTTEN_RECEIPTS: (ORDERS, "claims: a filled order has nothing left to claim"),
    Fault.UNREAD_EMPTY: (OUTAGE, "justice: seized, and no price moved"),
    Fault.OLD_ENTRY: (MOVING, "justice: seized, and no price moved"),
}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[Exploration], None]:
    """Print what a search saw, also where the test passes."""

    def print_it(found: Exploration) -> None:
        with capsys.disabled():
            print(f"\n{found}")  # noqa: T201 -- the figures

    return print_it


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_no_order_of_steps_breaks_an_invariant(scene: Scene) -> None:
    found = explore(scene, STATES, drain_every=25)
    assert found.broken is None, str(found)
    assert found.closed or found.states >= STATES


@pytest.mark.deep
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_no_order_of_many_steps_breaks_an_invariant(
    scene: Scene, say: Callable[[Exploration], None]
) -> None:
    found = explore(scene, DEEP_STATES, drain_every=100)
    say(found)
    assert found.broken is None, str(found)
    assert found.closed or found.states >= DEEP_STATES


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_rule_is_caught_by_the_shortest_way(
    fault: Fault, say: Callable[[Exploration], None]
) -> None:
    scene, invariant = FAULTS[fault]
    found = explore(scene.breaking(fault), 200_000)
    say(replace(found, scene=f"{fault}, in {found.scene}"))
    assert found.broken == invariant


def test_what_a_search_says_can_be_walked_again() -> None:
    found = explore(LINES.breaking(Fault.EARLY_RAISE), 200_000)
    world, state = LINES.breaking(Fault.EARLY_RAISE).open()
    for action in found.trace:
        state, why = world.step(state, action)
        assert not why


def test_a_committee_that_changes_strands_nobody() -> None:
    found = explore(COMMITTEE, 800, drain_every=1)
    assert found.broken is None, str(found)


def test_a_stolen_quorum_reaches_the_caps_and_no_more() -> None:
    world, state = STOLEN.open()
    borrow = Action("borrow", 1, asset=USDC, units=LOAN)
    for action in (
        *(Action("forge_raised", 1, 0, asset=WETH, units=2 * ETHER) for _ in range(3)),
        *(borrow for _ in range(5)),
        *(Action("forge_debt", 0, 1), Action("lock", 0, 1, asset=WETH, nth=USDC)),
        *(Action("forge_claim", 0), Action("claim_rest", 0)),
    ):
        state, _ = world.step(state, action)
        assert check(world, state) is None
    a, b = world.head(state, 0), world.head(state, 1)
    assert a.claimed[WETH] == STOLEN.rules.claim_cap
    assert a.locks
    assert b.drawn[USDC] == STOLEN.rules.hourly_cap
    assert b.accounts[0].line_in(0, WETH) == STOLEN.rules.in_cap


def test_a_scene_allows_no_more_than_its_purse() -> None:
    world, state = JUDGEMENT.open()
    deposit = JUDGEMENT.alphabet[0]
    state, _ = world.step(state, deposit)
    assert not JUDGEMENT.allows(world, state, deposit)
