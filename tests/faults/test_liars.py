"""Endpoints that lie: set aside where others know better, never acted or attested on."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chains.rpc.endpoint import Json
from daemon.devnet.calls import encode_call
from tests.support.proxy import FaultProxy
from tests.support.stage import ALICE
from tests.support.story import Story

pytestmark = pytest.mark.net

CHEAP = "eip155:31337"
AT_THE_NEXT_CHECK_S = 12.0
"""Endpoints are compared every 5 s, and a disagreement is looked at twice."""


@pytest.fixture
async def liar(story: Story) -> AsyncIterator[FaultProxy]:
    """A proxy that is asked before the story's own one on the cheap chain."""
    async with FaultProxy(story.cheap.url) as proxy:
        yield proxy


def another_hash(params: list[Json], header: Json) -> Json:
    """Answer a header with another hash, the same at every height."""
    del params
    assert isinstance(header, dict)
    return {**header, "hash": "0x" + "5b" * 32}


async def unready(story: Story) -> dict[str, str]:
    _, ready = await story.daemon.get("/readyz")
    return {fault["what"]: fault["reason"] for fault in ready["unready"]}


async def test_one_liar_among_three_about_a_block_hash_is_set_aside(
    story: Story, liar: FaultProxy
) -> None:
    async with FaultProxy(story.cheap.url) as third:
        urls = [story.proxies["cheap"].url, liar.url, third.url]
        daemon = await story.begin(chains__cheap__rpc=urls)
        liar.lie("eth_getBlockByNumber", another_hash)
        aside = await daemon.wait_log("endpoint.set_aside", timeout_s=AT_THE_NEXT_CHECK_S)
        assert aside["cause"] == "disagrees"
        assert str(aside["endpoint"]) in liar.url
        await story.shock("WETH", -30)
        await story.until_settled()
        assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
        assert liar.counts["eth_sendRawTransaction"] == 0


async def test_two_hashes_at_one_height_and_no_majority_halt_the_chain(
    story: Story, liar: FaultProxy
) -> None:
    urls = [story.proxies["cheap"].url, liar.url]
    daemon = await story.begin(chains__cheap__rpc=urls, keeper__liquidate=False)
    liar.lie("eth_getBlockByNumber", another_hash)
    await daemon.wait_log("endpoints.split", timeout_s=AT_THE_NEXT_CHECK_S)
    await story.until(lambda: story.is_gap("cheap"), "the cheap chain is a gap", "dear")
    since = await story.gap_since("cheap")
    for chain in story.stage.net.chains:
        chain.set_price("WETH", 1400)
    await story.step("dear", blocks=6)
    assert "disagree" in (await unready(story))[f"cheap ({CHEAP})"]
    assert story.all_rescues() == []
    assert await story.attested_at() <= since

    liar.heal()
    await daemon.wait_log("endpoints.agree", timeout_s=AT_THE_NEXT_CHECK_S)
    await story.until_recovered()
    await story.until_settled()
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]


async def test_a_falsified_health_is_neither_acted_on_nor_attested(story: Story) -> None:
    daemon = await story.begin()
    lies: list[bool] = []

    def falsify(params: list[Json], result: Json) -> Json:
        told = str(result).replace(f"{read_health(story, params[1]):064x}", f"{9 * 10**17:064x}")
        lies.append(told != result)
        return told

    async def caught() -> bool:
        found = await daemon.health()
        return any("the pool reports" in reason for reason in found["incomplete"])

    story.proxies["dear"].lie("eth_call", falsify)
    await story.until(caught, "the lie is noticed")
    noticed = int(time.time())
    await story.step(blocks=6)
    assert any(lies), "the lie was told"
    assert daemon.journal() == []
    found = await daemon.health()
    assert (found["complete"], found["unified"]) == (False, None)
    assert found["interval"] == {"low": None, "high": None}
    assert found["minimum_native"] == {"health_factor": None, "no_debt": False}
    assert await story.attested_at() <= noticed
    last = await daemon.attestation()
    assert last is not None
    assert 161 * 10**16 < int(last["header"]["healthFactorE18"]) < 163 * 10**16

    story.proxies["dear"].heal()
    await story.step()
    assert (await daemon.health())["complete"] is True


def read_health(story: Story, block: Json) -> int:
    """Give Alice's native health on the dear chain at a block."""
    data = encode_call("getUserAccountData(address)", ALICE)
    call = {"to": story.dear.deployment.aave.pool, "data": "0x" + data.hex()}
    return int(story.dear.rpc.request("eth_call", call, block)[-64:], 16)


async def test_an_endpoint_of_another_chain_is_set_aside_and_the_honest_one_serves(
    story: Story, liar: FaultProxy
) -> None:
    liar.lie("eth_chainId", lambda *_: "0x1")
    daemon = await story.begin(chains__cheap__rpc=[liar.url, story.proxies["cheap"].url])
    aside = await daemon.wait_log("endpoint.set_aside")
    assert aside["cause"] == "wrong_chain"
    assert "answers for chain 1" in aside["reason"]
    assert str(aside["endpoint"]) in liar.url
    await story.shock("WETH", -30)
    await story.until_settled()
    assert liar.counts["eth_call"] == liar.counts["eth_sendRawTransaction"] == 0


async def test_a_chain_whose_only_endpoint_is_of_another_chain_is_a_gap_that_says_so(
    story: Story,
) -> None:
    story.proxies["cheap"].lie("eth_chainId", lambda *_: "0x1")
    story.configure()
    daemon = await story.daemon.start()
    await daemon.wait_log("chain.lost", chain=CHEAP)
    reason = (await unready(story))[f"cheap ({CHEAP})"]
    assert "answers for chain 1, not 31337" in reason
    asked: Any = story.proxies["cheap"].counts
    assert asked["eth_call"] == 0
