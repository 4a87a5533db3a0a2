"""What a daemon is made of: hunting shares no connection with what rescues need."""

import asyncio

import pytest

from config.load import load
from daemon.compose import EvmParts, open_chains
from tests.support.story import Story

pytestmark = pytest.mark.net

FLOOD = 40


async def test_a_flood_of_hunting_questions_holds_up_no_other_read(story: Story) -> None:
    story.configure()
    cheap, proxy = story.cheap.chain_id, story.proxies["cheap"]
    async with open_chains(load(story.daemon.files, {})) as chains, asyncio.TaskGroup() as group:
        parts = chains[cheap]
        assert isinstance(parts, EvmParts)
        assert parts.hunting is not None
        proxy.hold("eth_getBalance")
        flood = [
            group.create_task(parts.hunting.read_balance(story.stage.keeper)) for _ in range(FLOOD)
        ]
        await proxy.wait_for("eth_getBalance", 16)
        head = await parts.client.read_head("latest")
        assert head.anchor.height == story.cheap.read_head().height
        assert not any(task.done() for task in flood)
        assert all(state.aside is None for state in parts.client.endpoint_states)
        proxy.heal()


async def test_a_chain_without_liquidations_has_no_client_for_them(story: Story) -> None:
    story.configure(keeper__liquidate=False)
    async with open_chains(load(story.daemon.files, {})) as chains:
        assert [parts.hunting for parts in chains.values()] == [None, None]
