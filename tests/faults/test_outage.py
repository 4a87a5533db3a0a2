"""One chain hangs, then is dead: the other goes on, and nobody acts on what nobody knows."""

from decimal import Decimal

import pytest

from tests.support.proxy import FaultProxy
from tests.support.story import Story

pytestmark = pytest.mark.net

SEND = "eth_sendRawTransaction"
CHEAP = "eip155:31337"


async def go_silent(story: Story, proxy: FaultProxy) -> None:
    """Hang every call and every announcement, and wait until health shows the gap."""
    proxy.hang()
    proxy.mute_sockets()
    await story.until(lambda: story.is_gap("cheap"), "the cheap chain is a gap", "dear")


async def die(proxy: FaultProxy) -> None:
    """Close every connection, also those to come."""
    proxy.heal()
    proxy.drop()
    proxy.refuse_sockets()
    await proxy.kill_sockets()


async def expect_the_gap_to_show(story: Story) -> None:
    health = await story.daemon.health()
    assert health["complete"] is False
    assert health["unified"] is None
    low, high = (Decimal(health["interval"][end]["health_factor"]) for end in ("low", "high"))
    assert low < Decimal("1.3") < high, "the low end alone would call for a rescue"
    gap = (await story.chain_state("cheap"))["gap"]
    assert gap["reason"]
    status, ready = await story.daemon.get("/readyz")
    assert status == 503
    assert [fault["what"] for fault in ready["unready"]] == [f"cheap ({CHEAP})"]
    assert (await story.daemon.get("/livez"))[0] == 200


async def test_the_other_chain_goes_on_and_unified_triggers_and_attestations_wait(
    story: Story,
) -> None:
    daemon = await story.begin(chains__cheap__stale_after_s=3, keeper__liquidate=False)
    cheap = story.proxies["cheap"]
    await go_silent(story, cheap)
    await expect_the_gap_to_show(story)
    since = await story.gap_since("cheap")
    height = (await daemon.heights())["dear"]

    story.dear.shock("WBTC", Decimal(-3), protocol_only=False)
    await story.until_settled(1, "dear")
    assert [e.purpose for e in daemon.journal()] == ["native"], "the native floor was held"

    await die(cheap)
    story.cheap.shock("WETH", Decimal(-50), protocol_only=False)
    story.dear.shock("WETH", Decimal(-50), protocol_only=False)
    await story.step("dear", blocks=6)
    await expect_the_gap_to_show(story)
    assert (await daemon.heights())["dear"] > height
    assert 0 < await story.attested_at() <= since, "nothing is stated while something is unknown"
    assert [chain for chain, _ in story.all_rescues()] == ["dear"]
    assert cheap.counts[SEND] == 0

    cheap.heal()
    await story.until_recovered()
    assert (await daemon.get("/readyz"))[0] == 200
    assert (await daemon.health())["complete"] is True
    await story.until_settled(2)
    assert sorted(e.purpose for e in daemon.journal()) == ["native", "unified"]
    assert await story.attested_at() > since
    assert len(daemon.logs("chain.lost", chain=CHEAP)) == 1
    assert len(daemon.logs("chain.recovered", chain=CHEAP)) == 1


async def test_a_chain_that_is_dead_from_the_start_is_a_gap_without_a_past(story: Story) -> None:
    story.configure()
    story.proxies["cheap"].drop()
    story.proxies["cheap"].refuse_sockets()
    daemon = await story.daemon.start()
    await story.until(lambda: is_read(story, "dear"), "the dear chain is read", "dear")
    story.dear.shock("WBTC", Decimal(-3), protocol_only=False)
    await story.until_settled(1, "dear")
    health = await daemon.health()
    assert (health["unified"], health["complete"]) == (None, False)
    assert await daemon.attestation() is None
    assert [e.purpose for e in daemon.journal()] == ["native"]


async def is_read(story: Story, name: str) -> bool:
    return name in await story.daemon.heights()
