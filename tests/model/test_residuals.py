"""What the protocol does not promise: kept here so that a change of it is seen."""

from tests.model.invariants import check_step
from tests.model.scenes import ETHER, LOAN, A, B, C
from tests.model.state import UNLIMITED, USDC, WETH, Action, Rules
from tests.model.world import World

# A's debt is repaid and taken up again on C by a line; then nobody reads A any more, and B hears
# of C what is newer than what it knows of A.
MOVED_UNSEEN = (
    Action("deposit", A, asset=WETH, units=ETHER),
    Action("borrow", A, asset=USDC, units=LOAN),
    Action("deposit", B, asset=WETH, units=ETHER),
    Action("borrow", B, asset=USDC, units=LOAN),
    Action("finalise", A),
    Action("finalise", B),
    Action("state"),
    Action("post", B),
    Action("repay", A, asset=USDC, units=UNLIMITED),
    Action("raise", A, C, asset=WETH, units=ETHER),
    Action("finalise", A),
    Action("take_raised", C, A, asset=WETH),
    Action("borrow", C, asset=USDC, units=LOAN),
    Action("finalise", C),
    Action("stall", A),
    Action("state"),
    Action("post", B),
)


def test_a_third_chain_may_count_a_moved_debt_twice_while_the_first_is_unread() -> None:
    world = World(rules=Rules(chains=3))
    state = world.open()
    for action in MOVED_UNSEEN:
        state, why = world.step(state, action)
        assert not why
    seize = Action("liquidate", B, asset=WETH, nth=USDC, units=UNLIMITED)
    after, why = world.step(state, seize)
    assert not why
    assert check_step(world, state, seize, after) == "justice: seized, and no price moved"


def test_it_does_not_where_the_first_chain_is_read() -> None:
    world = World(rules=Rules(chains=3))
    state = world.open()
    for action in MOVED_UNSEEN:
        if action.name != "stall":
            state, _ = world.step(state, action)
    _, why = world.step(state, Action("liquidate", B, asset=WETH, nth=USDC, units=UNLIMITED))
    assert why == "healthy"
