"""Lines that nobody uses: they must not keep collateral from the debts it is needed for."""

import pytest

from chains.model.units import WAD
from tests.support.rescue import refused
from tests.support.seizing import DOLLAR, ETHER, Story, open_story
from tests.support.vaults import STRANGER, USDC, WETH, Ground, VaultChain

pytestmark = pytest.mark.net


@pytest.fixture
def hoarder(vaults: Ground) -> Story:
    """Debt on a; half of the collateral lent to b, where little is owed."""
    a, b = vaults.chains
    made = open_story(vaults, linked=False)
    vaults.link(made.account)
    a.supply(USDC, 100_000 * DOLLAR)
    a.deposit(made.account, WETH, 10 * ETHER)
    a.raise_line(made.account, b, WETH, 5 * WAD)
    vaults.carry_raise(made.account, WETH)
    a.borrow(made.account, USDC, 8_000 * DOLLAR)
    b.borrow(made.account, USDC, 800 * DOLLAR)
    made.refresh()
    return made


def fall(story: Story, usd: float) -> None:
    """Let ether fall on both chains."""
    for chain in story.ground.chains:
        chain.set_price(WETH, usd)
    story.refresh()


def recall(story: Story, here: VaultChain, units: int) -> None:
    """Give a line of the other chain back in a stranger's name."""
    signature = "recall_line(bytes32,uint64,uint8,uint256)"
    origin = story.ground.other(here).number
    here.do(here.seizure, signature, story.account, origin, WETH, units, sender=STRANGER)


def test_an_unused_line_is_given_back_and_seized_for_the_debts_there_are(hoarder: Story) -> None:
    a, b = hoarder.ground.chains
    fall(hoarder, 800)
    for _ in range(3):
        if a.ask(a.vault, "lockable(bytes32,uint8,uint64)", hoarder.account, WETH, a.number) > 0:
            hoarder.liquidate(a, 20_000 * DOLLAR)
        hoarder.refresh()
    assert a.collateral(hoarder.account, WETH) == 5 * WAD
    assert a.debt(hoarder.account, USDC) > 1_000 * WAD
    assert hoarder.health(b)[1] < WAD
    recall(hoarder, b, 36 * WAD // 10)
    hoarder.ground.carry_lower(hoarder.account, WETH)
    hoarder.refresh()
    hoarder.liquidate(a, 20_000 * DOLLAR)
    assert a.collateral(hoarder.account, WETH) < 2 * WAD


def test_no_line_is_recalled_of_the_healthy_nor_what_debts_need(hoarder: Story) -> None:
    b = hoarder.b
    assert refused(recall, hoarder, b, WAD) == "healthy"
    fall(hoarder, 800)
    assert refused(recall, hoarder, b, 38 * WAD // 10) == "margin"
    assert refused(recall, hoarder, b, 6 * WAD) == "line"
    assert refused(recall, hoarder, b, 0) == "line"


def test_no_line_is_recalled_by_old_quantities(hoarder: Story) -> None:
    fall(hoarder, 800)
    for chain in hoarder.ground.chains:
        chain.advance(61)
    assert refused(recall, hoarder, hoarder.b, WAD) == "stale"
