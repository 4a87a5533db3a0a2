"""kill -9 at each moment of a rescue on Solana: after all restarts there is exactly one effect.

Alice's health stays under its trigger all the while, the EVM chain could cure her as well, and her
cooldown is over long before: a daemon that forgot its intent would rescue her twice.
"""

import pytest

from chains.rpc.endpoint import Json
from tests.support.solana_story import SOLANA, SolanaStory, list_signatures

pytestmark = pytest.mark.net

SEND = "sendTransaction"
LANDING = "getTransaction"
BLOCKHASH_LIFE = 150


async def wait_asked(story: SolanaStory, method: str, *, since: int | None = None) -> None:
    """Wait until the daemon asks for a method, anew, or more often than at `since`."""
    before = story.proxy.counts[method] if since is None else since

    async def asked() -> bool:
        return story.proxy.counts[method] > before

    await story.until(asked, f"{method} is asked for")


async def expect_one_effect(story: SolanaStory, landed: str) -> None:
    """Step until all is settled and beyond; one of the journal's signatures took effect, once."""
    await story.until_settled()
    await story.step(blocks=5)
    [rescue] = story.solana_rescues()
    [entry] = story.daemon.journal()
    assert (entry.state, entry.nonce) == ("confirmed", 0)
    assert entry.effect is not None
    assert entry.effect["units"] == str(rescue.units) == str(story.paid_on_solana())
    assert story.landed() == [(landed, None)]
    assert story.rescues("cheap") == []
    assert story.keeper_nonce("cheap") == 0


async def test_killed_at_each_moment_a_rescue_is_done_exactly_once(indebted: SolanaStory) -> None:
    story, proxy = indebted, indebted.proxy
    daemon = await story.begin()

    proxy.hang("simulateTransaction")
    story.proxies["cheap"].hang("eth_estimateGas")
    asked = proxy.counts["simulateTransaction"]
    await story.shock("WETH", -30)
    await wait_asked(story, "simulateTransaction", since=asked)
    await daemon.kill()
    assert daemon.journal() == [], "before the commit"

    story.proxies["cheap"].heal()
    proxy.heal()
    proxy.hang(SEND)
    await daemon.start()
    await wait_asked(story, SEND)
    await daemon.kill()
    [first] = daemon.journal()
    [signature] = list_signatures(first)
    assert first.state == "signed", "between commit and sending"
    proxy.heal()
    assert story.landed() == [], "it never arrived"

    proxy.hold_reply(SEND)
    await daemon.start()
    await story.until(lambda: landed(story), "the node has it")
    await daemon.kill()
    assert story.landed() == [(signature, None)], "sent, and the answer lost"
    sendings = proxy.counts[SEND]
    proxy.heal()

    def hang_after(params: list[Json], result: Json) -> Json:
        del params
        proxy.hang(LANDING)
        return result

    story.mine(blocks=3)
    proxy.lie(LANDING, hang_after, times=1)
    await daemon.start()
    await story.until(lambda: is_confirmed(story), "it is confirmed")
    await daemon.kill()
    [entry] = daemon.journal()
    assert entry.effect is None, "after the confirmation, before the effect"

    proxy.heal()
    await daemon.start()
    await expect_one_effect(story, signature)
    assert proxy.counts[SEND] == sendings, "nothing was sent again"


async def landed(story: SolanaStory) -> bool:
    return bool(story.landed())


async def is_confirmed(story: SolanaStory) -> bool:
    return [entry.state for entry in story.daemon.journal()] == ["confirmed"]


async def test_what_expired_while_nobody_watched_is_signed_anew_and_lands_once(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    await story.shock("WETH", -30, dropped_transactions=10**6)
    await wait_asked(story, SEND)
    story.mine(SOLANA, blocks=BLOCKHASH_LIFE // 2 - 10)
    await story.step(SOLANA)
    await daemon.kill()
    [first] = daemon.journal()
    assert len(first.hashes) == 1, "it could still land"
    lost = next(seen.params[0] for seen in story.proxy.seen if seen.method == SEND)

    story.mine(SOLANA, blocks=15)
    story.solana.set_faults(dropped_transactions=0)
    await daemon.start()
    await story.until_settled()
    [entry] = daemon.journal()
    old, new = list_signatures(entry)
    assert list_signatures(first) == [old]
    await expect_one_effect(story, new)
    rpc = story.solana.chain.rpc
    rpc.request(SEND, lost, {"encoding": "base64", "skipPreflight": True})
    assert len(story.landed()) == 1, "the first is worth nothing any more"
