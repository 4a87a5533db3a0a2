"""Whoever is under 1 can be liquidated by anybody, wherever his collateral is."""

import pytest

from chains.model.units import USD
from tests.model.cure import cure
from tests.model.scenes import ETHER, LOAN
from tests.model.state import USDC, WETH, Action, Fault, Rules, State
from tests.model.traces import run
from tests.model.world import World

LENGTH = 40
RUNS = 12
DEEP_RUNS = 1_000
LENT_AWAY = (
    Action("deposit", 0, asset=WETH, units=2 * ETHER),
    Action("raise", 0, 1, asset=WETH, units=ETHER),
    Action("borrow", 0, asset=USDC, units=LOAN),
    Action("finalise", 0),
    Action("take_raised", 1, 0, asset=WETH),
    Action("price", 0, asset=WETH, units=700 * USD),
    Action("price", 1, asset=WETH, units=700 * USD),
)


def play(rules: Rules) -> tuple[World, State]:
    """Lend an ether away, unused, and let the debt left behind go under water."""
    world = World(rules=rules)
    state = world.open()
    for action in LENT_AWAY:
        state, why = world.step(state, action)
        assert not why
    return world, state


def check(seeds: range) -> None:
    for seed in seeds:
        rules = Rules(chains=2 + seed % 2)
        found = run(seed, rules, accounts=1, length=LENGTH, end=cure)
        assert found.broken is None, f"seed {seed}: {found.broken}"


def test_collateral_that_is_lent_and_unused_is_recalled_and_seized() -> None:
    assert cure(*play(Rules())) is None


def test_without_recall_it_is_out_of_reach() -> None:
    found = cure(*play(Rules(fault=Fault.KEPT_UNUSED)))
    assert found == "cure: an account under 1 cannot be liquidated, though it has collateral"


def test_strangers_cure_whatever_random_runs_leave() -> None:
    check(range(RUNS))


@pytest.mark.deep
@pytest.mark.timeout(3_600)
def test_strangers_cure_whatever_many_random_runs_leave() -> None:
    check(range(DEEP_RUNS))
