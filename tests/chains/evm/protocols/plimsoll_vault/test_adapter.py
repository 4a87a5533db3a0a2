"""A vault account's legs on real chains as its owner's position, and its events over restarts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chains.evm.client import EvmClient
from chains.evm.multicall import read
from chains.evm.protocols.plimsoll_vault.adapter import PlimsollVaultMarket
from chains.evm.protocols.plimsoll_vault.indexer import VaultIndexer
from chains.evm.protocols.plimsoll_vault.ledger import build_ledger
from chains.model.ids import AccountId, ChainId
from chains.model.position import Side
from chains.model.price import PriceStatus
from chains.model.units import USD, WAD, Usd
from chains.oracles.chainlink import FeedTerms
from daemon.storage.database import Database, open_database
from daemon.storage.vaults import VaultLogStore
from tests.support.seizing import endanger, open_story
from tests.support.vaults import OWNER, STRANGER, USDC, WETH, Ground, VaultChain

pytestmark = pytest.mark.net
ETHER, DOLLAR = 10**18, 10**6


@pytest.fixture
async def clients(vaults: Ground) -> AsyncIterator[tuple[EvmClient, EvmClient]]:
    a, b = (
        EvmClient(chain=ChainId.evm(place.number), endpoints=[place.chain.url])
        for place in vaults.chains
    )
    async with a, b:
        yield a, b


async def open_market(
    client: EvmClient, place: VaultChain, members: dict[AccountId, bytes]
) -> PlimsollVaultMarket:
    feeds = {
        place.token(number): FeedTerms(
            feed=place.chain.deployment.tokens[symbol].feed,
            heartbeat_s=3_600,
            minimum=Usd(1),
            maximum=Usd(10**6 * USD),
        )
        for number, symbol in ((WETH, "WETH"), (USDC, "USDC"))
    }
    anchor = (await client.read_head("latest")).anchor
    return await PlimsollVaultMarket.open(
        client, anchor, pool=place.vault, feeds=feeds, accounts=members
    )


async def test_collateral_here_and_debt_there_are_legs_of_their_chains_owners(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    story = open_story(vaults)
    story.refresh()
    for client, place in zip(clients, vaults.chains, strict=True):
        owner = AccountId(client.chain, OWNER)
        market = await open_market(client, place, {owner: story.account})
        anchor = (await client.read_head("latest")).anchor
        found = await read(client, anchor, market.plan_read([owner], anchor=anchor))
        (position,) = found.positions
        (leg,) = position.legs
        assert position.account == owner
        assert position.native_health == story.health(place)[1]
        assert all(price.valid for price in found.prices)
        if place is vaults.a:
            assert (leg.side, leg.units, leg.decimals) == (Side.COLLATERAL, 10 * ETHER, 18)
            assert (leg.ltv, leg.liquidation_threshold) == (8_000, 8_250)
            assert position.native_collateral == 20_000 * USD
        else:
            assert (leg.side, leg.decimals) == (Side.DEBT, 6)
            assert leg.units == -(-place.debt(story.account, USDC) // 10**12)
            assert position.native_debt >= 16_000 * USD


async def test_a_chain_that_was_never_told_of_the_others_gives_no_native_health(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    story = open_story(vaults)
    client, owner = clients[1], AccountId(clients[1].chain, OWNER)
    market = await open_market(client, vaults.b, {owner: story.account})
    anchor = (await client.read_head("latest")).anchor
    found = await read(client, anchor, market.plan_read([owner], anchor=anchor))
    (position,) = found.positions
    assert story.health(vaults.b)[1] == 0
    assert position.native_health is None
    assert position.debts


async def test_a_member_who_does_not_own_an_account_that_owes_leaves_the_figure_unknown(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    story = open_story(vaults)
    story.refresh()
    client, member = clients[1], AccountId(clients[1].chain, STRANGER)
    market = await open_market(client, vaults.b, {member: story.account})
    anchor = (await client.read_head("latest")).anchor
    found = await read(client, anchor, market.plan_read([member], anchor=anchor))
    assert found.positions == ()
    assert found.unreadable[member].endswith(f"owes here and belongs to {OWNER}")


async def test_a_price_that_the_vault_does_not_believe_is_not_valid(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    client, place = clients[0], vaults.a
    market = await open_market(client, place, {})
    place.chain.advance(5_000)
    anchor = (await client.read_head("latest")).anchor
    found = await read(client, anchor, market.plan_read([], anchor=anchor))
    assert {price.status for price in found.prices} == {PriceStatus.STALE}


async def test_an_index_goes_on_after_a_restart_and_forgets_what_a_reorg_took(
    vaults: Ground, clients: tuple[EvmClient, EvmClient], tmp_path: Path
) -> None:
    story = open_story(vaults)
    endanger(story)
    place, client = vaults.a, clients[0]

    async def follow(index: VaultIndexer, depth: int) -> list[str]:
        anchor = (await client.read_head("latest")).anchor
        await index.follow(anchor, anchor.height - depth)
        assert index.whole
        return [event.name for event in index.events(story.account)]

    async with open_database(tmp_path, live=False) as database:
        first = build_index(client, place, database)
        seen = await follow(first, 3)
        assert seen[:3] == ["Opened", "Deposited", "LineRaised"]
        name = place.chain.snapshot()
        story.lock()
        assert (await follow(first, 1))[-1] == "Locked"
        place.chain.revert(name)
        place.chain.mine()
        assert await follow(first, 1) == seen
    async with open_database(tmp_path, live=False) as database:
        second = build_index(client, place, database)
        await second.load()
        assert second.final == first.final
        kept = [event.name for event in second.events(story.account)]
        assert kept == seen[: len(kept)]
        assert await follow(second, 0) == seen
        (line,) = build_ledger(story.account, {place.number: second.events(story.account)}).lines
        assert line.out == 10 * WAD


async def test_a_chain_that_ends_below_what_was_final_is_read_anew(
    vaults: Ground, clients: tuple[EvmClient, EvmClient], tmp_path: Path
) -> None:
    place, client = vaults.a, clients[0]
    account = place.open()
    async with open_database(tmp_path, live=False) as database:
        index = build_index(client, place, database)
        anchor = (await client.read_head("latest")).anchor
        await index.follow(anchor, anchor.height)
        assert account in index.accounts
        index.final = anchor.height + 1
        await index.follow(anchor, anchor.height)
        assert index.final == anchor.height
        assert account in index.accounts


def build_index(client: EvmClient, place: VaultChain, database: Database) -> VaultIndexer:
    return VaultIndexer(
        client,
        VaultLogStore(database),
        vault=AccountId(client.chain, place.vault),
        seizure=place.seizure,
        start_block=0,
    )
