"""A reorg of three blocks drops the rescue: it is seen, done again, and never done twice."""

import pytest

from tests.support.story import Story

pytestmark = pytest.mark.net

DEPTH = 3
CHEAP = "eip155:31337"


async def until_included(story: Story) -> None:
    async def included() -> bool:
        return bool(story.rescues("cheap"))

    await story.until(included, "the rescue is in a block")


async def reorganise(story: Story) -> None:
    """Put three empty blocks in the place of the last three, and one on top."""
    tip = story.cheap.read_head().height
    story.cheap.rpc.request("anvil_reorg", DEPTH, [])
    story.cheap.rpc.request("anvil_dropAllTransactions")
    assert story.cheap.read_head().height == tip
    assert story.rescues("cheap") == [], "the rescue is gone"
    assert story.keeper_nonce("cheap") == 0
    story.mine()


def blocks_above(story: Story) -> int:
    """Say how many blocks lie above the rescue, which may be in any of the last mined."""
    [entry] = story.daemon.journal()
    receipt = story.cheap.rpc.request("eth_getTransactionReceipt", entry.hashes[-1])
    return story.cheap.read_head().height - int(receipt["blockNumber"], 16)


async def is_in_state(story: Story, state: str) -> bool:
    [entry] = story.daemon.journal()
    return entry.state == state


async def expect_it_once(story: Story, first: tuple[str, ...]) -> None:
    await story.until(lambda: is_confirmed(story), "the rescue is confirmed anew")
    await story.step(blocks=8)
    [(chain, rescue)] = story.all_rescues()
    [entry] = story.daemon.journal()
    assert chain == "cheap"
    assert story.spent("cheap", "WETH") == rescue.units
    assert story.spent("dear", "USDC") == story.spent("dear", "WETH") == 0
    assert story.keeper_nonce("cheap") == 1
    assert entry.hashes[0] == first[0]
    assert entry.effect is not None
    assert entry.effect["units"] == str(rescue.units)


async def is_confirmed(story: Story) -> bool:
    [entry] = story.daemon.journal()
    return entry.state == "confirmed" and bool(story.rescues("cheap"))


@pytest.mark.parametrize("confirmations", [2, 6])
async def test_a_rescue_dropped_by_a_reorg_is_seen_and_redone_never_twice(
    story: Story, confirmations: int
) -> None:
    daemon = await story.begin(chains__cheap__confirmations=confirmations)
    await story.shock("WETH", -30)
    await story.step(blocks=DEPTH)
    await until_included(story)
    await story.step(blocks=DEPTH - 1 - blocks_above(story))
    expected = "confirmed" if confirmations == 2 else "included"
    await story.wait(lambda: is_in_state(story, expected), f"the rescue is {expected}")
    [before] = daemon.journal()
    await reorganise(story)
    await expect_it_once(story, before.hashes)
    assert daemon.logs("transaction.dropped", chain=CHEAP)
