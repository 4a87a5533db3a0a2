"""kill -9 at the worst moments: after a restart there is exactly one effect, and the books agree.

Alice's health stays under its trigger while the transaction is out, and her cooldown is over long
before: a daemon that forgot its intent would rescue her twice.
"""

import pytest

from tests.support.daemon import JournalEntry
from tests.support.story import Story

pytestmark = pytest.mark.net

SEND = "eth_sendRawTransaction"


async def shock_and_wait_for_sending(story: Story) -> JournalEntry:
    """Let the rescue be sent, in no block yet; gives what the journal knows of it by then."""
    await story.shock("WETH", -30)
    proxy = story.proxies["cheap"]
    await story.wait(lambda: asked(story), "the rescue is being sent")
    assert proxy.counts[SEND] == 1
    [entry] = story.daemon.journal()
    return entry


async def asked(story: Story) -> bool:
    return story.proxies["cheap"].counts[SEND] > 0


async def expect_one_effect(story: Story, first: JournalEntry) -> None:
    """Step until all is settled and beyond; what the first life signed is what took effect."""
    await story.until_settled()
    await story.step(blocks=6)
    [(chain, rescue)] = story.all_rescues()
    [entry] = story.daemon.journal()
    assert chain == "cheap"
    assert story.spent("cheap", "WETH") == rescue.units
    assert story.spent("cheap", "USDC") == 0
    assert story.spent("dear", "WETH") == story.spent("dear", "USDC") == 0
    assert (entry.state, entry.nonce) == ("confirmed", 0)
    assert entry.effect is not None
    assert entry.effect["units"] == str(rescue.units)
    assert entry.hashes[0] == first.hashes[0]
    assert story.keeper_nonce("cheap") == 1
    assert story.keeper_nonce("dear") == 0


async def test_killed_between_signing_and_sending_the_signed_bytes_are_sent_once(
    story: Story,
) -> None:
    daemon = await story.begin()
    story.proxies["cheap"].hang(SEND)
    first = await shock_and_wait_for_sending(story)
    assert first.state == "signed"
    await daemon.kill()
    assert story.in_pool("cheap") == []
    story.proxies["cheap"].heal()
    assert story.in_pool("cheap") == [], "it never arrived"
    await daemon.start()
    await expect_one_effect(story, first)


async def test_killed_while_sending_the_late_arrival_and_the_second_sending_are_one(
    story: Story,
) -> None:
    daemon = await story.begin()
    story.proxies["cheap"].hold(SEND)
    first = await shock_and_wait_for_sending(story)
    await daemon.kill()
    await daemon.start()
    story.proxies["cheap"].heal()
    await expect_one_effect(story, first)


async def test_killed_after_sending_with_the_answer_lost_it_is_found_in_the_pool(
    story: Story,
) -> None:
    daemon = await story.begin()
    story.proxies["cheap"].hold_reply(SEND)
    first = await shock_and_wait_for_sending(story)
    await story.wait(lambda: in_pool(story), "the node has it")
    await daemon.kill()
    story.proxies["cheap"].heal()
    assert story.in_pool("cheap") == list(first.hashes)
    await daemon.start()
    await expect_one_effect(story, first)


async def test_killed_before_the_receipt_it_is_reconciled_with_the_block_it_is_in(
    story: Story,
) -> None:
    daemon = await story.begin()
    first = await shock_and_wait_for_sending(story)
    await story.wait(lambda: in_pool(story), "the node has it")
    await daemon.kill()
    story.mine(blocks=4)
    assert len(story.rescues("cheap")) == 1, "it took effect while nobody watched"
    await daemon.start()
    await expect_one_effect(story, first)
    assert story.proxies["cheap"].counts[SEND] == 1, "nothing was sent again"


async def test_another_chain_does_not_step_in_before_the_first_is_reconciled(
    story: Story,
) -> None:
    daemon = await story.begin()
    story.proxies["cheap"].hang(SEND)
    first = await shock_and_wait_for_sending(story)
    await daemon.kill()
    story.proxies["cheap"].heal()
    story.proxies["cheap"].hang("eth_getTransactionCount")
    await daemon.start()
    await story.step(blocks=6)
    assert (await daemon.health())["complete"] is True
    assert story.proxies["dear"].counts[SEND] == 0
    story.proxies["cheap"].heal()
    await expect_one_effect(story, first)


async def in_pool(story: Story) -> bool:
    return bool(story.in_pool("cheap"))
