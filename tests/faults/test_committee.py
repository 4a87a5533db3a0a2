"""Four daemons that attest together, killed and lied to: three sign, two never do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chains.rpc.endpoint import Json
from tests.support.committee_story import TTL_S, Together, together
from tests.support.solana_story import SOLANA, SolanaStory
from tests.support.story import Story

pytestmark = pytest.mark.net

ALL = {0, 1, 2, 3}
KILLED, LIAR = 1, 3
PRICE = f"{2_000 * 10**8:064x}"
LARGE, AT = 600, -12
LIE = f"{2_600 * 10**8:064x}"


@pytest.fixture
async def four(story: Story) -> AsyncIterator[Together]:
    """Four daemons, three of whom must sign."""
    async with together(story, size=4, threshold=3) as daemons:
        yield daemons


def inflate(params: list[Json], result: Json) -> Json:
    """Answer another price of WETH, wherever one is answered."""
    del params
    return str(result).replace(PRICE, LIE)


async def test_a_committee_outlives_one_fault_stops_at_two_and_goes_on_when_healed(
    four: Together,
) -> None:
    proxies = four.story.proxies.values()
    killed, liar = four.daemons[KILLED], four.daemons[LIAR]
    await four.begin_all()
    await four.until_attested(range(4), by=ALL)

    await killed.kill()
    await four.until_attested([0, 2, 3], by=ALL - {KILLED})
    known = four.sequence_of(await four.document(0))
    await killed.start()

    async def caught_up() -> bool:
        return four.sequence_of(await four.document(KILLED)) >= known

    await four.go_on(caught_up, "the killed member serves what the others signed")
    await four.until_attested(range(4), by=ALL)

    for proxy in proxies:
        proxy.lie("eth_call", inflate)
    await four.until_attested(range(4), by=ALL - {LIAR})
    [refusal, *_] = [r for r in await four.refusals(LIAR) if r["member"] == four.address(LIAR)]
    assert refusal["reason"], "its reason is on record"
    told = [r for place in (0, 1, 2) for r in await four.refusals(place)]
    assert any(r["member"] == four.address(LIAR) and r["reason"] for r in told)

    await killed.kill()

    async def loud() -> bool:
        return "committee (alice)" in await four.unready(0)

    await four.go_on(loud, "no quorum is told of", timeout_s=30)
    assert "no quorum for" in (await four.unready(0))["committee (alice)"]
    assert four.daemons[0].logs("committee.quorum_lost")

    async def silent() -> bool:
        return await four.document(0) is None and await four.document(2) is None

    await four.go_on(silent, "nothing that ran out is served", timeout_s=2 * TTL_S)

    for proxy in proxies:
        proxy.heal()
    await killed.start()
    await four.until_attested(range(4), by=ALL, timeout_s=30)
    assert "committee (alice)" not in await four.unready(0)
    assert four.daemons[0].logs("committee.quorum_back")
    assert not liar.ended


def change_ends(params: list[Json], result: Any) -> Json:  # noqa: ANN401 - as the node answers
    """Answer other bytes near the end of every large account."""
    del params
    found: dict[str, Any] = result
    for account in found["value"]:
        if account is not None and len(account["data"][0]) > LARGE:
            text = account["data"][0]
            other = "A" if text[AT] != "A" else "B"
            account["data"][0] = text[:AT] + other + text[AT + 1 :]
    return found


async def test_slots_that_nobody_reads_twice_are_signed_by_those_who_see_the_same(
    indebted: SolanaStory,
) -> None:
    async with together(indebted, size=2, threshold=2) as two:
        await two.begin_all()
        document = await two.document(0)
        assert document is not None
        assert {block.kind for block in document.statement.leaves.blocks} == {0, 1}
        assert len(document.signatures) == 2

        indebted.proxies[SOLANA].lie("getMultipleAccounts", change_ends)

        async def refused() -> bool:
            return any(r["member"] == two.address(1) for r in await two.refusals(1))

        await two.go_on(refused, "who sees other accounts does not sign")
        reasons = [r["reason"] for r in await two.refusals(1) if r["member"] == two.address(1)]
        assert any(str(indebted.solana.chain_id) in reason for reason in reasons)
        indebted.proxies[SOLANA].heal()
        await two.until_attested(range(2), by={0, 1}, timeout_s=40)
