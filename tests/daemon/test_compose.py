"""What a daemon is made of: hunting shares no connection with what rescues need."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chains.solana.rpc import Commitment
from config.errors import ConfigError
from config.load import load
from daemon.compose import EvmParts, SolanaParts, open_chains, open_key
from daemon.keys import draw_key, write_keypair, write_keystore, write_private
from tests.config.samples import ACCOUNT, GOOD, SOLANA_CHAIN, write
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


async def test_a_solana_chain_has_parts_of_its_own_kind(tmp_path: Path) -> None:
    text = f"[keeper]\nliquidate = true\n{SOLANA_CHAIN}"
    settings = load([write(tmp_path, GOOD + text)], {})
    async with open_chains(settings) as chains:
        first, second = chains.values()
        assert isinstance(first, EvmParts)
        assert isinstance(second, SolanaParts)
        assert (second.label, second.id) == ("sol", settings.solana["sol"].caip2)
        assert second.clients == (second.client, second.hunting)
        assert second.client.commitment is Commitment.CONFIRMED
    async with open_chains(load([write(tmp_path, GOOD + SOLANA_CHAIN)], {})) as chains:
        assert all(len(parts.clients) == 1 for parts in chains.values())


async def test_the_keepers_keys_are_one_for_each_kind_of_chain(tmp_path: Path) -> None:
    keystore, password, keypair = (tmp_path / name for name in ("keystore", "password", "id"))
    write_private(password, "x")
    address = write_keystore(keystore, draw_key(), "x", work=2)
    keys = f'[keys]\nkeystore = "{keystore}"\npassword_file = "{password}"\n'
    without = await open_key(load([write(tmp_path, GOOD + keys)], {}))
    assert without is not None
    assert without.solana is None
    ours = write_keypair(keypair)
    both = await open_key(load([write(tmp_path, f'{GOOD}{keys}solana_keypair = "{keypair}"')], {}))
    assert both is not None
    assert both.solana is not None
    assert (both.transactions.address, str(both.solana.pubkey)) == (address, ours)
    keypair.write_text("[]")
    with pytest.raises(ConfigError, match=r"keys: .*is no keypair"):
        await open_key(load([write(tmp_path, f'{GOOD}[keys]\nsolana_keypair = "{keypair}"')], {}))


async def test_live_on_solana_takes_a_key_or_says_that_there_is_none(tmp_path: Path) -> None:
    keystore, password = tmp_path / "keystore", tmp_path / "password"
    write_private(password, "x")
    write_keystore(keystore, draw_key(), "x", work=2)
    live = f'mode = "live"\n{GOOD}{SOLANA_CHAIN}[keys]\nkeystore = "{keystore}"\n'
    live += f'password_file = "{password}"\n[keeper]\nliquidate = true\n'
    rescuing = load([write(tmp_path, live)], {})
    with pytest.raises(ConfigError, match=r"keys\.solana_keypair: .*chains\.sol\.programs\.rescue"):
        await open_key(rescuing)
    assert rescuing.solana["sol"].programs.rescue
    hunting = load(
        [write(tmp_path, live.replace(f'programs = {{ rescue = "{ACCOUNT}" }}', ""))], {}
    )
    with capture_logs() as logs:
        assert await open_key(hunting) is not None
    (told,) = logs
    assert (told["field"], told["chains"]) == ("keys.solana_keypair", ["sol"])


async def test_a_chain_without_liquidations_has_no_client_for_them(story: Story) -> None:
    story.configure(keeper__liquidate=False)
    async with open_chains(load(story.daemon.files, {})) as chains:
        assert [parts.hunting for parts in chains.values()] == [None, None]
