"""One account on an EVM chain and on Solana: cured once, on whichever of them it costs least."""

from decimal import Decimal

import pytest

from tests.support.solana_story import SOLANA, SolanaStory

pytestmark = pytest.mark.net

SHOCK = -30
"""Of WETH: Alice's unified health falls from 1.62 to 1.478, under her trigger of 1.50."""
DEAR_UNIT_PRICE = Decimal(40_000_000)
"""Micro-lamports for each compute unit, at which Solana is dearer than the cheap chain."""


def chains_of(story: SolanaStory) -> list[str]:
    return [str(member.chain) for member in story.members]


async def test_a_fall_under_the_unified_trigger_is_cured_once_on_solana(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    assert Decimal("1.61") < (await story.unified() or 0) < Decimal("1.63")
    await story.shock("WETH", SHOCK)
    await story.until_settled()
    await story.step(blocks=5)

    [rescue] = story.solana_rescues()
    [entry] = daemon.journal()
    assert story.rescues("cheap") == []
    assert (entry.purpose, entry.chain) == ("unified", str(story.solana.chain_id))
    assert story.paid_on_solana() == rescue.units
    assert rescue.health_after > rescue.health_before
    assert entry.effect is not None
    assert entry.effect["units"] == str(rescue.units)
    assert Decimal("1.5999") < (await story.unified() or 0) < Decimal("1.61")

    chosen, *others = entry.decision["candidates"]
    assert chosen["chain"] == entry.chain
    assert [c["chain"] for c in (chosen, *others)].count("eip155:31337") > 0
    for other in others:
        assert other["reason"]
        assert Decimal(other["cost_usd"]) >= Decimal(chosen["cost_usd"]) > 0


async def test_a_crowded_solana_moves_the_rescue_to_the_evm_chain(indebted: SolanaStory) -> None:
    story = indebted
    story.solana.chain.set_fee(DEAR_UNIT_PRICE)
    daemon = await story.begin()
    await story.shock("WETH", SHOCK)
    await story.until_settled()
    await story.step(blocks=5)

    [rescue] = story.rescues("cheap")
    [entry] = daemon.journal()
    assert story.solana_rescues() == []
    assert story.paid_on_solana() == 0
    assert (entry.purpose, entry.chain) == ("unified", "eip155:31337")
    assert story.spent("cheap", "WETH") + story.spent("cheap", "USDC") == rescue.units
    assert Decimal("1.5999") < (await story.unified() or 0) < Decimal("1.61")
    turned_down = [c for c in entry.decision["candidates"] if c["chain"] != entry.chain]
    [other] = turned_down
    assert other["chain"] == str(story.solana.chain_id)
    assert Decimal(other["cost_usd"]) > Decimal(entry.decision["candidates"][0]["cost_usd"])


async def test_a_native_floor_in_save_is_held_while_the_evm_chain_is_down(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    story.proxies["cheap"].drop()
    story.proxies["cheap"].refuse_sockets()
    await story.proxies["cheap"].kill_sockets()
    await story.until(lambda: story.is_gap("cheap"), "the cheap chain is a gap", SOLANA)
    await story.shock("SOL", -5)
    await story.until_settled(1, SOLANA)
    await story.step(SOLANA, blocks=5)

    [rescue] = story.solana_rescues()
    [entry] = daemon.journal()
    assert await story.is_gap("cheap")
    assert entry.purpose == "native"
    assert story.paid_on_solana() == rescue.units
    assert rescue.health_before < Decimal("1.1e18")
    assert rescue.health_after >= Decimal("1.2e18")
    assert Decimal("1.1999") < await story.native_on_solana() < Decimal("1.21"), "less interest"
