"""An owner who moves whatever he can between lock, register, fill and claim, in every order."""

from collections.abc import Callable, Mapping
from itertools import permutations

import pytest

from chains.model.units import USD, WAD
from daemon.devnet.deploy import Reverted
from proofs.vaults import Order
from tests.support.seizing import DOLLAR, Story, endanger, open_story
from tests.support.vaults import USDC, WETH, Ground

pytestmark = pytest.mark.net
PRICE = 1_900
LTV = 80
SIZES = (1, 10**14, 10**16, 10**17, 5 * 10**17, 10**18, 4 * 10**18)


def try_sizes(action: Callable[[int], object], scale: int) -> None:
    """Do as much of something as is allowed, from the largest step down."""
    for size in reversed(SIZES):
        try:
            action(size // scale)
        except (Reverted, ZeroDivisionError):
            continue


def owner_moves(story: Story) -> Mapping[str, Callable[[], None]]:
    a, b = story.ground.chains
    account = story.account

    def borrow(units: int) -> None:
        b.borrow(account, USDC, max(units // 10**9, 10) * DOLLAR // 10)

    def carry() -> None:
        for step in (story.ground.carry_lower, story.ground.carry_raise):
            try:
                step(account, WETH)
            except Reverted:
                continue

    return {
        "withdraw": lambda: try_sizes(lambda units: a.withdraw(account, WETH, units), 1),
        "borrow": lambda: try_sizes(borrow, 1),
        "raise": lambda: try_sizes(lambda units: a.raise_line(account, b, WETH, units), 1),
        "carry": carry,
    }


def check(story: Story, order: Order, *, registered: bool) -> None:
    """See that every unit backs one thing, and that debts had their backing when they were made."""
    a, b = story.ground.chains
    held, locked = a.collateral(story.account, WETH), a.locked(story.account, WETH)
    assert locked <= held
    backing = b.line_in(story.account, a, WETH)
    if registered:
        assert backing + locked <= held
    else:
        assert backing <= held
    assert backing <= a.line_out(story.account, b, WETH)
    assert order.line_units <= order.units


@pytest.mark.parametrize("moves", list(permutations(("withdraw", "borrow", "raise", "carry")))[::2])
def test_whatever_the_owner_does_between_the_steps_no_unit_is_spent_twice(
    vaults: Ground, moves: tuple[str, ...]
) -> None:
    story = open_story(vaults)
    endanger(story, PRICE)
    a, b = vaults.chains
    by_name = owner_moves(story)
    order = story.lock()
    by_name[moves[0]]()
    check(story, order, registered=False)
    story.register(order)
    by_name[moves[1]]()
    check(story, order, registered=True)
    receipt = story.fill(order, 100_000 * DOLLAR)
    by_name[moves[2]]()
    check(story, order, registered=True)
    paid = story.claim(order, receipt)
    by_name[moves[3]]()
    check(story, order, registered=True)
    # The liquidator was paid in full, and what the owner owes is backed at this price.
    due = receipt.value_e8 * (10_000 + order.bonus_bps) // 10_000
    assert abs(paid * PRICE * USD // WAD - due) <= 2
    backed = a.line_out(story.account, b, WETH) * PRICE * LTV // 100
    assert b.debt(story.account, USDC) <= backed + DOLLAR
