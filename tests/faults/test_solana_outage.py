"""Solana hangs, stalls, lags, lies or is another chain: a gap with a reason that nobody acts on.

Alice holds SOL on Solana and owes USDC on the dear chain: without Solana her health seems low.
"""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from chains.rpc.endpoint import Json
from tests.support.proxy import FaultProxy
from tests.support.solana_story import SOLANA, SolanaStory

pytestmark = pytest.mark.net

SEND = "sendTransaction"
AT_THE_NEXT_CHECK_S = 12.0
"""Endpoints are compared every 5 s, and a disagreement is looked at twice."""
OTHER_HASH = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"


@pytest.fixture
async def second(invested: SolanaStory) -> AsyncIterator[FaultProxy]:
    """A second endpoint of the node, whose faults are its own; it is asked first."""
    async with FaultProxy(invested.solana.chain.rpc.url) as proxy:
        yield proxy


async def go_silent(story: SolanaStory) -> None:
    """Hang every call and every announcement."""
    story.proxy.hang()
    story.proxy.mute_sockets()


async def cut_sockets(story: SolanaStory) -> None:
    story.proxy.refuse_sockets()
    await story.proxy.kill_sockets()


async def storm(story: SolanaStory) -> None:
    """Answer everything with HTTP 429, and open no socket."""
    story.proxy.heal()
    story.proxy.limit_rate()
    await cut_sockets(story)


async def die(story: SolanaStory) -> None:
    """Close every connection, also those to come."""
    story.proxy.heal()
    story.proxy.drop()
    await cut_sockets(story)


async def until_lost(story: SolanaStory) -> None:
    await story.until(lambda: story.is_gap(SOLANA), "Solana is a gap", story.evm)


async def expect_the_gap_to_show(story: SolanaStory) -> str:
    """Give the gap's reason, shown everywhere it must be."""
    health = await story.daemon.health()
    assert (health["complete"], health["unified"]) == (False, None)
    low, high = (Decimal(health["interval"][end]["health_factor"]) for end in ("low", "high"))
    assert low < Decimal("1.3") < high, "the low end alone would call for a rescue"
    status, ready = await story.daemon.get("/readyz")
    assert status == 503
    [fault] = ready["unready"]
    assert fault["what"] == f"solana ({story.solana.chain_id})"
    assert (await story.daemon.get("/livez"))[0] == 200
    reason: str = (await story.chain_state(SOLANA))["gap"]["reason"]
    assert reason == fault["reason"]
    return reason


async def expect_recovery(story: SolanaStory) -> None:
    """Heal all, and see that Solana is read again and what it hid is cured then, once."""
    done = len(story.daemon.journal())
    story.proxy.heal()
    story.solana.set_faults(lag=0, stale_accounts=0)
    await story.until_recovered()
    await story.until(lambda: is_complete(story), "the account is complete")
    await story.until_settled(done + 1)
    assert [entry.purpose for entry in story.daemon.journal()][done:] == ["unified"]


async def is_complete(story: SolanaStory) -> bool:
    return bool((await story.daemon.health())["complete"])


async def wait_attested(story: SolanaStory) -> None:
    async def attested() -> bool:
        return await story.attested_at() > 0

    await story.wait(attested, "an attestation is signed")


async def test_native_floors_elsewhere_are_held_and_all_else_waits_for_solana(
    invested: SolanaStory,
) -> None:
    story, daemon = invested, await invested.begin(chains__solana__stale_after_s=3)
    await wait_attested(story)
    await go_silent(story)
    await until_lost(story)
    await expect_the_gap_to_show(story)
    since = await story.gap_since(SOLANA)
    story.dear.shock("WBTC", Decimal(-3), protocol_only=False)
    await story.until_settled(1, "dear")
    assert [entry.purpose for entry in daemon.journal()] == ["native"]

    await storm(story)
    await story.until(lambda: tells(story, "429"), "the storm is the reason", "dear")
    await die(story)
    await story.until(lambda: tells(story, "connect"), "its death is the reason", "dear")
    story.solana.chain.shock("SOL", Decimal(-45), protocol_only=False)
    await story.step("dear", blocks=6)
    await expect_the_gap_to_show(story)
    assert await story.attested_at() <= since, "nothing is stated while something is unknown"
    assert len(story.rescues("dear")) == 1
    assert story.proxy.counts[SEND] == 0

    await expect_recovery(story)
    assert (await daemon.get("/readyz"))[0] == 200
    assert await story.attested_at() > since


async def tells(story: SolanaStory, word: str) -> bool:
    return word in (await story.chain_state(SOLANA))["gap"]["reason"]


async def test_a_solana_that_stands_still_or_shows_old_state_is_a_gap_that_says_so(
    invested: SolanaStory,
) -> None:
    story, daemon = invested, await invested.begin(chains__solana__stale_after_s=2)
    await wait_attested(story)
    story.solana.chain.shock("SOL", Decimal(-30), protocol_only=False)
    await until_lost(story)
    since = await story.gap_since(SOLANA)
    assert "no new block was read" in await expect_the_gap_to_show(story), "it halts"

    story.solana.set_faults(lag=60)
    story.mine(SOLANA, blocks=5)
    await story.step("dear", blocks=3)
    assert "no new block was read" in await expect_the_gap_to_show(story), "it lags"

    story.solana.set_faults(lag=0, stale_accounts=4)
    story.mine(SOLANA, blocks=5)
    await story.until(lambda: tells(story, "answered as slot"), "old accounts are noticed", "dear")
    await story.step("dear", blocks=3)
    await expect_the_gap_to_show(story)
    assert await story.attested_at() <= since
    assert daemon.journal() == []
    await expect_recovery(story)


async def test_a_solana_of_another_genesis_is_a_gap_from_the_start(invested: SolanaStory) -> None:
    story = invested
    story.configure()
    story.proxy.lie("getGenesisHash", lambda *_: OTHER_HASH)
    daemon = await story.daemon.start()
    await daemon.wait_log("chain.lost", chain=str(story.solana.chain_id))
    await story.until(lambda: is_read(story), "the dear chain is read", "dear")
    [fault] = (await daemon.get("/readyz"))[1]["unready"]
    assert OTHER_HASH[:32] in fault["reason"]
    assert story.proxy.counts["getMultipleAccounts"] == 0
    assert await daemon.attestation() is None
    assert daemon.journal() == []


async def is_read(story: SolanaStory) -> bool:
    return "dear" in await story.daemon.heights()


async def test_two_endpoints_that_disagree_about_a_slot_halt_solana(
    invested: SolanaStory, second: FaultProxy
) -> None:
    story = invested

    def another_hash(params: list[Json], block: Json) -> Json:
        del params
        assert isinstance(block, dict)
        return {**block, "blockhash": OTHER_HASH}

    daemon = await story.begin(chains__solana__rpc=[second.url, story.proxy.url])
    second.lie("getBlock", another_hash)
    await daemon.wait_log("endpoints.split", timeout_s=AT_THE_NEXT_CHECK_S)
    story.solana.chain.shock("SOL", Decimal(-30), protocol_only=False)
    story.mine(SOLANA)
    await until_lost(story)
    since = await story.gap_since(SOLANA)
    assert "disagree" in await expect_the_gap_to_show(story)
    await story.step("dear", blocks=4)
    assert await story.attested_at() <= since
    assert daemon.journal() == []
