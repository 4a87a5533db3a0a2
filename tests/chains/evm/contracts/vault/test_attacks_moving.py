"""A debt that moves from one chain to the other is never counted on both."""

import pytest

from chains.model.units import WAD
from tests.support.rescue import refused
from tests.support.seizing import DOLLAR, ETHER, Story
from tests.support.vaults import LIQUIDATOR, USDC, WETH, Ground

pytestmark = pytest.mark.net


def open_owing(ground: Ground) -> Story:
    """Open an account with ten ether on each chain, and a debt on a."""
    account = ground.a.open()
    ground.link(account)
    for place in ground.chains:
        place.supply(USDC, 1_000_000 * DOLLAR)
        place.deposit(account, WETH, 10 * ETHER)
        place.fund(USDC, LIQUIDATOR, 100_000 * DOLLAR)
    ground.a.borrow(account, USDC, 16_000 * DOLLAR)
    return Story(ground=ground, account=account)


def liquidate(story: Story) -> None:
    story.liquidate(story.b, 1_000)


def test_an_entry_older_than_a_line_that_was_taken_seizes_nothing(vaults: Ground) -> None:
    a, b = vaults.chains
    story = open_owing(vaults)
    before = story.state()
    a.repay(story.account, USDC, 16_000 * DOLLAR)
    a.raise_line(story.account, b, WETH, 10 * WAD)
    vaults.carry_raise(story.account, WETH)
    b.borrow(story.account, USDC, 32_000 * DOLLAR)
    # The debt that was repaid on a would count beside the one that the line carries on b.
    story.post(b, before)
    assert refused(liquidate, story) == "unread"
    story.refresh()
    assert refused(liquidate, story) == "healthy"


def test_an_entry_older_than_a_lowering_that_was_taken_seizes_nothing(vaults: Ground) -> None:
    a, b = vaults.chains
    story = open_owing(vaults)
    a.repay(story.account, USDC, 16_000 * DOLLAR)
    a.raise_line(story.account, b, WETH, 10 * WAD)
    vaults.carry_raise(story.account, WETH)
    b.borrow(story.account, USDC, 32_000 * DOLLAR)
    before = story.state()
    b.repay(story.account, USDC, 16_000 * DOLLAR)
    b.lower_line(story.account, a, WETH, 10 * WAD)
    vaults.carry_lower(story.account, WETH)
    a.borrow(story.account, USDC, 16_000 * DOLLAR)
    story.post(a, before)
    assert refused(story.liquidate, a, 1_000) == "unread"
    story.refresh()
    assert refused(story.liquidate, a, 1_000) == "healthy"


def test_a_sick_account_is_seized_from_as_soon_as_it_is_read_anew(vaults: Ground) -> None:
    a, b = vaults.chains
    story = open_owing(vaults)
    before = story.state()
    a.repay(story.account, USDC, 16_000 * DOLLAR)
    a.raise_line(story.account, b, WETH, 10 * WAD)
    vaults.carry_raise(story.account, WETH)
    b.borrow(story.account, USDC, 32_000 * DOLLAR)
    for place in vaults.chains:
        place.set_price(WETH, 1_900)
    story.post(b, before)
    assert refused(liquidate, story) == "unread"
    story.refresh()
    repaid, _ = story.liquidate(b, 1_000 * DOLLAR)
    assert repaid == 1_000 * WAD
