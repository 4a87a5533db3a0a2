"""Strangers: liquidated for profit under 1, never at 1 or above, never on a price in doubt."""

from decimal import Decimal

import pytest

from chains.model.ids import Address
from tests.support.stage import BYSTANDER, STRANGER
from tests.support.story import Story

pytestmark = pytest.mark.net

SHOCK = -37
"""WETH at 1260 USD: the stranger's health is 0.945, the bystander's 1.009."""
LEAST_PROFIT = 5 * 10**6


async def until_liquidated(story: Story) -> None:
    async def liquidated() -> bool:
        done = [e for e in story.daemon.journal() if e.purpose == "liquidation"]
        return any(e.state == "confirmed" and e.effect for e in done)

    await story.until(liquidated, "a stranger was liquidated")


async def test_a_stranger_under_one_is_liquidated_with_profit_and_one_above_never(
    story: Story,
) -> None:
    story.cheap.set_automine(on=True)
    story.cheap.supply("WETH", BYSTANDER, 10 * 10**18)
    story.cheap.borrow("USDC", BYSTANDER, 10_300 * 10**6)
    story.cheap.set_automine(on=False)
    await story.begin()
    held = story.cheap.balance("USDC", story.stage.keeper)
    await story.shock("WETH", SHOCK)
    await until_liquidated(story)
    await story.step(blocks=6)
    [done] = story.liquidations("cheap")
    assert done.user == STRANGER
    assert done.profit >= LEAST_PROFIT
    assert story.cheap.balance("USDC", story.stage.keeper) == held + done.profit
    assert not story.liquidations("dear")


async def test_nobody_is_liquidated_at_the_trigger_of_a_shock_that_leaves_him_above_one(
    story: Story,
) -> None:
    await story.begin()
    await story.shock("WETH", -30)
    await story.until_settled()
    await story.step(blocks=6)
    assert not story.liquidations("cheap")


async def test_a_price_in_doubt_stops_liquidations_and_leaves_rescues_open(
    story: Story,
) -> None:
    daemon = await story.begin(underlyings__WETH__divergence_hold_s=3600)
    await story.shock("WETH", SHOCK, protocol_only=True)
    await story.until_settled()
    await story.step(blocks=6)
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
    assert daemon.logs("price.diverged")

    story.cheap.set_price("WETH", 1260)
    await story.step(blocks=6)
    assert not story.liquidations("cheap"), "it latches: agreeing for a moment is not enough"


async def test_a_price_that_agrees_for_long_enough_opens_liquidations_again(
    story: Story,
) -> None:
    await story.begin(underlyings__WETH__divergence_hold_s=2)
    await story.shock("WETH", SHOCK, protocol_only=True)
    await story.step(blocks=4)
    assert not story.liquidations("cheap")
    story.cheap.set_price("WETH", 1260)
    await until_liquidated(story)
    assert len(story.liquidations("cheap")) == 1


def owe_too(story: Story, address: Address) -> None:
    """Put another stranger beside the first, with the same collateral and debt."""
    story.cheap.set_automine(on=True)
    story.cheap.supply("WETH", address, 10 * 10**18)
    story.cheap.borrow("USDC", address, 11_000 * 10**6)
    story.cheap.set_automine(on=False)


async def test_two_sales_through_one_pool_never_lie_in_one_block(story: Story) -> None:
    owe_too(story, BYSTANDER)
    await story.begin()
    await story.shock("WETH", SHOCK)

    async def both_liquidated() -> bool:
        return len(story.liquidations("cheap")) == 2

    await story.until(both_liquidated, "both strangers were liquidated")
    assert {found.user for found in story.liquidations("cheap")} == {STRANGER, BYSTANDER}
    first, second = story.liquidation_heights("cheap")
    assert first < second


async def test_a_liquidation_goes_on_while_the_other_chain_is_down(story: Story) -> None:
    await story.begin()
    story.proxies["dear"].drop()
    story.proxies["dear"].refuse_sockets()
    await story.proxies["dear"].kill_sockets()

    async def lost() -> bool:
        return await story.is_gap("dear")

    await story.wait(lost, "the dear chain is a gap")
    story.cheap.shock("WETH", Decimal(SHOCK), protocol_only=False)
    await story.seen("cheap")

    async def liquidated() -> bool:
        return bool(story.liquidations("cheap"))

    await story.until(liquidated, "the stranger was liquidated", "cheap")
    assert await story.is_gap("dear")
    assert [found.user for found in story.liquidations("cheap")] == [STRANGER]


async def test_a_hunt_that_hangs_delays_no_rescue(story: Story) -> None:
    daemon = await story.begin()
    story.proxies["cheap"].hang("eth_getLogs")
    await story.shock("WETH", -30)
    await story.until_settled()
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
    assert not daemon.logs("hunt.failed"), "it was confirmed before the first hunt gave up"
    assert not daemon.logs("chain.lost")
    await daemon.wait_log("hunt.failed", timeout_s=20)
    await story.step(blocks=3)
    assert not daemon.logs("chain.lost")
