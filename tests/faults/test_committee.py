"""Four daemons that attest together, killed and lied to: three sign, two never do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chains.rpc.endpoint import Json
from tests.support.committee_story import LIAR, TTL_S, CommitteeStory, telling_together
from tests.support.stage import Stage

pytestmark = pytest.mark.net

ALL = {0, 1, 2, 3}
KILLED = 1
PRICE = f"{2_000 * 10**8:064x}"
LIE = f"{2_600 * 10**8:064x}"


@pytest.fixture
async def together(stage: Stage, tmp_path: Path) -> AsyncIterator[CommitteeStory]:
    """Four daemons, not started."""
    async with telling_together(stage, tmp_path) as told:
        yield told


def inflate(params: list[Json], result: Json) -> Json:
    """Answer another price of WETH, wherever one is answered."""
    del params
    return str(result).replace(PRICE, LIE)


async def test_a_committee_outlives_one_fault_stops_at_two_and_goes_on_when_healed(
    together: CommitteeStory,
) -> None:
    story = together
    killed, liar = story.daemons[KILLED], story.daemons[LIAR]
    await story.begin_all()
    await story.until_attested(range(4), by=ALL)

    await killed.kill()
    await story.until_attested([0, 2, 3], by=ALL - {KILLED})
    known = story.sequence_of(await story.document(0))
    await killed.start()

    async def caught_up() -> bool:
        return story.sequence_of(await story.document(KILLED)) >= known

    await story.go_on(caught_up, "the killed member serves what the others signed")
    await story.until_attested(range(4), by=ALL)

    for proxy in story.proxies.values():
        proxy.lie("eth_call", inflate)
    await story.until_attested(range(4), by=ALL - {LIAR})
    [refusal, *_] = [r for r in await story.refusals(LIAR) if r["member"] == story.address(LIAR)]
    assert refusal["reason"], "its reason is on record"
    told = [r for place in (0, 1, 2) for r in await story.refusals(place)]
    assert any(r["member"] == story.address(LIAR) and r["reason"] for r in told)

    await killed.kill()

    async def loud() -> bool:
        return "committee (alice)" in await story.unready(0)

    await story.go_on(loud, "no quorum is told of", timeout_s=30)
    assert "no quorum for" in (await story.unready(0))["committee (alice)"]
    assert story.daemons[0].logs("committee.quorum_lost")

    async def silent() -> bool:
        return await story.document(0) is None and await story.document(2) is None

    await story.go_on(silent, "nothing that ran out is served", timeout_s=2 * TTL_S)

    for proxy in story.proxies.values():
        proxy.heal()
    await killed.start()
    await story.until_attested(range(4), by=ALL, timeout_s=30)
    assert "committee (alice)" not in await story.unready(0)
    assert story.daemons[0].logs("committee.quorum_back")
    assert not liar.ended
