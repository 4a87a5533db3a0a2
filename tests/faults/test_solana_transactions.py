"""What happens to a rescue between our key and Solana's slots: whatever it is, it is done once."""

import signal

import pytest

from chains.solana.rescue import build_set_paused
from tests.support.daemon import JournalEntry
from tests.support.solana_stage import ALICES_KEY
from tests.support.solana_story import SOLANA, SolanaStory, list_signatures

pytestmark = pytest.mark.net

SEND = "sendTransaction"


async def until_sent(story: SolanaStory, times: int = 1, *, slots: bool = True) -> None:
    """Wait until something was sent this often, slots passing or not."""

    async def sent() -> bool:
        return story.proxy.counts[SEND] >= times

    if slots:
        await story.until(sent, f"it is sent {times} times", SOLANA)
    else:
        await story.wait(sent, f"it is sent {times} times")


def list_sent(story: SolanaStory) -> list[object]:
    """Give the bytes of each sending."""
    return [seen.params[0] for seen in story.proxy.seen if seen.method == SEND]


async def expect_one_rescue(story: SolanaStory) -> JournalEntry:
    """Step until all is settled and beyond; give the journal's one entry, which was done once."""
    await story.until_settled()
    await story.step(blocks=4)
    [rescue] = story.solana_rescues()
    [entry] = story.daemon.journal()
    assert entry.effect is not None
    assert entry.effect["units"] == str(rescue.units) == str(story.paid_on_solana())
    assert story.landed() == [(list_signatures(entry)[-1], None)]
    assert story.rescues("cheap") == []
    return entry


async def test_what_the_node_loses_is_sent_again_in_the_same_bytes(indebted: SolanaStory) -> None:
    story = indebted
    await story.begin()
    await story.shock("WETH", -30, dropped_transactions=2)
    await until_sent(story, 3)
    entry = await expect_one_rescue(story)
    assert len(entry.hashes) == 1
    assert len(set(map(str, list_sent(story)))) == 1


async def test_a_rescue_that_fails_on_chain_is_paid_for_and_not_tried_again_at_once(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    owner, rescue = ALICES_KEY.pubkey(), story.solana.rescue
    await story.shock("SOL", -5, late_slots=6)
    await until_sent(story, slots=False)
    story.solana.set_faults(late_slots=0)
    story.solana.post(ALICES_KEY, build_set_paused(rescue, owner, paused=True))

    async def failed() -> bool:
        return [entry.state for entry in daemon.journal()] == ["failed"]

    await story.until(failed, "it failed", SOLANA)
    story.solana.post(ALICES_KEY, build_set_paused(rescue, owner, paused=False))
    await story.step(SOLANA, blocks=6)
    [entry] = daemon.journal()
    [(signature, error)] = story.landed()
    assert [signature] == list_signatures(entry)
    assert entry.reason
    assert error is not None
    assert story.solana_rescues() == []
    assert story.paid_on_solana() == 0


async def test_a_late_confirmation_is_waited_for_with_sockets_closed_and_a_sigterm_pending(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    await story.shock("WETH", -30, late_slots=8)
    await until_sent(story, slots=False)
    story.solana.set_faults(late_slots=0)
    story.proxy.drop(SEND)
    story.proxy.refuse_sockets()
    await story.proxy.kill_sockets()
    await story.step(SOLANA, blocks=2)
    assert story.landed() == []
    daemon.signal(signal.SIGTERM)
    while not daemon.ended:
        story.mine()
        await story.pause()
    assert await daemon.wait_end() == 0
    [entry] = daemon.journal()
    assert entry.state == "confirmed"
    assert len(entry.hashes) == len(story.solana_rescues()) == 1
    assert daemon.logs("service.drained", in_flight=0)
