"""A native floor is cured where it is in danger, whatever that costs there."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.story import Story

pytestmark = pytest.mark.net


async def native(story: Story, chain: str) -> Decimal:
    found: list[dict[str, Any]] = (await story.daemon.health())["positions"]
    [position] = [p for p in found if p["chain"] == chain]
    return Decimal(position["native"]["health_factor"])


async def test_a_native_floor_in_danger_is_cured_on_its_own_dearer_chain(story: Story) -> None:
    daemon = await story.begin()
    assert Decimal("1.12") < await native(story, "eip155:31338") < Decimal("1.13")
    await story.shock("WBTC", -3)
    await story.until_settled()
    await story.step(blocks=5)

    [(chain, rescue)] = story.all_rescues()
    [entry] = daemon.journal()
    assert chain == "dear"
    assert entry.purpose == "native"
    assert rescue.health_before < Decimal("1.1e18")
    assert rescue.health_after >= Decimal("1.2e18")
    assert Decimal("1.20") <= await native(story, "eip155:31338") < Decimal("1.21")
    assert {c["chain"] for c in entry.decision["candidates"]} == {"eip155:31338"}
