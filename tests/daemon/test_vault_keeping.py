"""A daemon's configuration makes what looks after the vaults, with a key or without."""

from pathlib import Path

import pytest

from chains.model.ids import ChainId
from chains.model.snapshot import NOBODY, ChainSnapshot
from chains.model.units import USD, WAD
from config.load import load
from config.settings import Settings
from daemon.compose import EvmParts, build_board, open_chains
from daemon.storage.database import open_database
from daemon.vault_keeping import build_vault_loops, build_vault_terms, open_vault_keeper
from tests.config.samples import GOOD, write
from tests.daemon.keeper.vaults.life import DEPTH
from tests.support.seizing import open_story
from tests.support.vaults import OWNER, Ground, VaultChain

pytestmark = pytest.mark.net


def chain_table(label: str, place: VaultChain) -> str:
    tokens = "".join(
        f"""
[chains.{label}.tokens.{symbol}]
address = "{token.address}"
decimals = {token.decimals}
feed = "{token.feed}"
heartbeat_s = 3600
"""
        for symbol, token in place.chain.deployment.tokens.items()
        if symbol in {"WETH", "USDC"}
    )
    return f"""
[chains.{label}]
caip2 = "eip155:{place.number}"
rpc = ["{place.chain.url}"]
max_fee_gwei = "500"
priority_fee_gwei = "1"
[chains.{label}.vault]
vault = "{place.vault}"
seizure = "{place.seizure}"
notary = "{place.notary}"
finality = {DEPTH}
assets = ["WETH", "USDC"]
{tokens}"""


def settings_of(ground: Ground, account: bytes, folder: Path) -> Settings:
    a, b = ground.chains
    text = f"""
deployment = "test"
state_dir = "{folder / "state"}"
[keeper]
min_profit_usd = "7"
vaults_for_all = false
{chain_table("a", a)}
{chain_table("b", b)}
[[accounts]]
id = "alice"
vault = "0x{account.hex()}"
members = ["eip155:{a.number}:{OWNER}", "eip155:{b.number}:{OWNER}"]
[accounts.policy]
lines = {{ trigger = "1.1", target = "1.3" }}
"""
    return load([write(folder, text)], {})


async def test_the_configuration_says_where_vaults_are_and_for_whom_to_act(
    vaults: Ground, tmp_path: Path
) -> None:
    settings = settings_of(vaults, b"\x0a" * 32, tmp_path)
    terms = build_vault_terms(settings)
    assert (terms.liquidates, terms.min_profit, terms.for_all) == (False, 7 * USD, False)
    policy = terms.policies[b"\x0a" * 32]
    assert policy.lines is not None
    assert (policy.account, policy.lines.target) == ("alice", 13 * WAD // 10)


async def test_without_a_key_the_vaults_are_looked_at_and_counted(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    for place in vaults.chains:
        place.chain.mine()
    settings = settings_of(vaults, story.account, tmp_path)
    board = build_board(settings)
    async with (
        open_chains(settings) as chains,
        open_database(settings.state_dir, live=False) as database,
    ):
        for parts in chains.values():
            assert isinstance(parts, EvmParts)
            head = await parts.client.read_head("latest")
            board.put(await parts.reader.read(head, tuple(board.members)))
        keeper = await open_vault_keeper(settings, None, None, chains, board, None, database)
        assert keeper is not None
        assert set(build_vault_loops(board, keeper)) == {"a vaults", "b vaults"}
        await keeper.look()
        assert keeper.board.missing == {}
        view = keeper.board.find(story.account)
        assert view is not None
        assert {found.owner for found in view.holdings.values()} == {OWNER}
        assert all(chain.keeper == NOBODY for chain in keeper.board.chains.values())
        (line,) = view.ledger.lines
        assert (line.out, line.counted) == (10 * WAD, 10 * WAD)
    read = [board.chains[ChainId.evm(place.number)] for place in vaults.chains]
    legs = [p.legs for c in read if isinstance(c, ChainSnapshot) for p in c.positions]
    assert [[leg.side.name for leg in each] for each in legs] == [["COLLATERAL"], ["DEBT"]]
    for chain in read:
        assert isinstance(chain, ChainSnapshot)
        mine = chain.only(frozenset(board.members))
        assert [market.protocol for market in mine.scanned] == ["plimsoll_vault"]
        assert chain.only(frozenset()).scanned == ()


async def test_without_a_vault_there_is_nothing_to_look_after(tmp_path: Path) -> None:
    settings = load([write(tmp_path, GOOD)], {})
    async with open_database(tmp_path / "state", live=False) as database:
        board = build_board(settings)
        assert await open_vault_keeper(settings, None, None, {}, board, None, database) is None
        assert build_vault_loops(board, None) == {}
