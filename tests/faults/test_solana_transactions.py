"""What happens to a rescue between our key and Solana's slots: whatever it is, it is done once."""

import signal

import pytest

from chains.solana.rescue import build_set_paused
from tests.support.solana_stage import ALICES_KEY
from tests.support.solana_story import SOLANA, SolanaStory, list_signatures

pytestmark = pytest.mark.net

SEND = "sendTransaction"


async def wait_sent(story: SolanaStory) -> None:
    """Wait until something is sent, while no slot passes."""

    async def sent() -> bool:
        return story.proxy.counts[SEND] > 0

    await story.wait(sent, "a rescue is sent")


async def test_a_rescue_that_fails_on_chain_is_paid_for_and_not_tried_again_at_once(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    owner, rescue = ALICES_KEY.pubkey(), story.solana.rescue
    await story.shock("SOL", -5, late_slots=6)
    await wait_sent(story)
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


async def test_a_lost_and_late_rescue_is_one_with_sockets_closed_and_a_sigterm_pending(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    await story.shock("WETH", -30, dropped_transactions=2, late_slots=10)

    async def taken() -> bool:
        return story.proxy.counts[SEND] > 2

    await story.until(taken, "it is sent again after each loss", SOLANA)
    story.solana.set_faults(late_slots=0)
    story.proxy.drop(SEND)
    story.proxy.refuse_sockets()
    await story.proxy.kill_sockets()
    await story.step(SOLANA, blocks=2)
    assert story.landed() == [], "it is late"
    daemon.signal(signal.SIGTERM)
    while not daemon.ended:
        story.mine()
        await story.pause()
    assert await daemon.wait_end() == 0
    [entry] = daemon.journal()
    assert entry.state == "confirmed"
    assert story.landed() == [(signature, None) for signature in list_signatures(entry)]
    assert len(story.solana_rescues()) == 1
    assert len({str(seen.params[0]) for seen in story.proxy.seen if seen.method == SEND}) == 1
    assert daemon.logs("service.drained", in_flight=0)
