"""Who is found by scans, screened at fresh prices, and read again only where something changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from chains.errors import ChainError
from chains.model.ids import AccountId
from chains.model.units import USD, Usd
from chains.solana.accounts import read
from chains.solana.client import SolanaClient
from chains.solana.protocols.save.instructions import derive_obligation
from daemon.devnet.solana.node import SolanaNode
from daemon.keeper.solana import borrowers
from daemon.keeper.solana.borrowers import RESCAN_SLOTS, RETRY_SLOTS, Obligations
from daemon.keeper.solana.ground import Suspect
from tests.chains.solana.programs.lab import SOL
from tests.chains.solana.protocols.save.building import Owner
from tests.daemon.keeper.solana.prey import USDC, World
from tests.support.solnode import serving

pytestmark = pytest.mark.net

SLOT = 10_000


@dataclass
class Book:
    """The obligations of a world's market, and what their node was asked for."""

    world: World
    book: Obligations
    client: SolanaClient
    node: SolanaNode

    async def screen(self) -> list[Suspect]:
        """Screen at the state of the market now."""
        _, fresh = await read(self.client, self.book.market.plan_read(()), min_slot=0)
        return self.book.screen({key: one.state for key, one in fresh.view.reserves.items()})

    async def found(self) -> list[Owner]:
        """Give who seems liquidatable, as owners of this world."""
        owners = {owner.target.obligation: owner for owner in (self.world.owner, *others)}
        return [owners[one.target.obligation] for one in await self.screen()]

    def asked(self, method: str) -> int:
        return self.node.counts.get(method, 0)


others: list[Owner] = []


def open_position(world: World, sol: int, usdc: int) -> Owner:
    """Have somebody else hold SOL and owe USDC, both whole."""
    owner = world.market.owner()
    world.market.deposit(owner, world.sol, sol * SOL)
    if usdc:
        world.market.borrow(owner, world.usdc, usdc * USDC)
    others.append(owner)
    return owner


@asynccontextmanager
async def keeping(
    world: World,
    *,
    least_debt: int = 1,
    excluded: frozenset[AccountId] = frozenset(),
    watched: tuple[AccountId, ...] = (),
) -> AsyncIterator[Book]:
    async with serving(world.ledger) as (client, nodes):
        _, market = await read(client, world.plan_open(), min_slot=0)
        book = Obligations(
            market,
            client,
            least_debt=Usd(least_debt * USD),
            excluded=excluded,
            watched=watched,
        )
        yield Book(world, book, client, nodes[0])


@pytest.fixture(autouse=True)
def _nobody_else() -> None:
    others.clear()


async def test_those_who_fell_short_are_found_the_largest_debt_first() -> None:
    world = World.create()
    large = open_position(world, 200, 20_000)
    open_position(world, 200, 2_000)
    open_position(world, 50, 0)
    async with keeping(world) as here:
        world.crash()
        assert await here.found() == []
        await here.book.scan(SLOT)
        assert await here.found() == [large, world.owner]


async def test_small_debts_and_the_excluded_are_left_out() -> None:
    world = World.create()
    small = open_position(world, 1, 100)
    member = AccountId(world.chain, str(world.owner.key.pubkey()))
    async with keeping(world, least_debt=101, excluded=frozenset({member})) as here:
        await here.book.scan(SLOT)
        world.crash()
        assert await here.found() == []
    async with keeping(world, least_debt=99, excluded=frozenset({member})) as here:
        await here.book.scan(SLOT)
        assert await here.found() == [small]


async def test_a_later_scan_reads_only_who_was_refreshed_since() -> None:
    world = World.create()
    still = open_position(world, 100, 10_000)
    async with keeping(world) as here:
        await here.book.scan(SLOT)
        moved = open_position(world, 100, 9_990)
        world.crash()
        await here.book.scan(SLOT + RESCAN_SLOTS - 1)
        assert moved not in await here.found()
        before = here.asked("getMultipleAccounts")
        await here.book.scan(SLOT + RESCAN_SLOTS)
        assert here.asked("getMultipleAccounts") - before == 1
        found = await here.found()
        assert found[2:] == [moved]
        assert still in found


async def test_who_paid_is_read_again_and_no_longer_found() -> None:
    world = World.create()
    async with keeping(world) as here:
        await here.book.scan(SLOT)
        world.crash()
        assert await here.found() == [world.owner]
        market = world.market
        market.refresh(world.owner)
        repayment = market.builder.repay(
            market.reserve(world.usdc),
            market.obligation(world.owner),
            source=world.owner.tokens[world.usdc.mint],
            payer=world.owner.key.pubkey(),
            units=5_000 * USDC,
        )
        market.lab.send(repayment, by=(world.owner.key,))
        world.pass_slots(3)
        await here.book.scan(SLOT + RESCAN_SLOTS)
        assert await here.found() == []


async def test_who_is_gone_is_forgotten() -> None:
    world = World.create()
    async with keeping(world) as here:
        await here.book.scan(SLOT)
        key = world.owner.obligation
        world.market.lab.put(world.market.admin.pubkey(), b"", at=key)
        world.pass_slots(3)
        await here.book.scan(SLOT + RESCAN_SLOTS)
        assert not here.book.known


async def test_an_obligation_of_another_version_hides_nobody() -> None:
    world = World.create()
    newer = open_position(world, 100, 10_000)
    raw = world.market.lab.raw(newer.obligation)
    world.market.lab.put(raw.owner, b"\x02" + raw.data[1:], at=newer.obligation)
    world.crash()
    async with keeping(world) as here:
        await here.book.scan(SLOT)
        assert await here.found() == [world.owner]


async def test_of_many_that_changed_only_those_are_read_who_borrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in ("MOST_SINGLY", "READ_AT_ONCE", "TABLE_ROWS"):
        assert getattr(borrowers, limit) > 1
        monkeypatch.setattr(borrowers, limit, 1)
    world = World.create()
    savers = [open_position(world, 100, 0) for _ in range(3)]
    world.pass_slots(3)
    async with keeping(world) as here:
        start = here.asked("getMultipleAccounts")
        await here.book.scan(SLOT)
        assert here.asked("getProgramAccounts") == 2
        assert here.asked("getMultipleAccounts") == start + 1
        fresh = [open_position(world, 100, 9_990) for _ in range(3)]
        world.market.borrow(savers[1], world.usdc, 9_980 * USDC)
        world.crash()
        await here.book.scan(SLOT + RESCAN_SLOTS)
        assert here.asked("getProgramAccounts") == 4
        assert here.asked("getMultipleAccounts") == start + 1 + 4
        found = await here.found()
        assert found[0] == world.owner
        assert {one.obligation for one in found[1:]} == {
            one.obligation for one in (*fresh, savers[1])
        }
        await here.book.scan(SLOT + 2 * RESCAN_SLOTS)
        assert here.asked("getProgramAccounts") == 5, "nothing changed"


async def test_who_is_watched_is_found_also_where_the_node_gives_no_scans() -> None:
    world = World.create()
    key = world.market.lab.keypair()
    place = derive_obligation(world.market.setup.market, key.pubkey())
    open_position(world, 100, 10_000)
    raw = world.market.lab.raw(others[0].obligation)
    data = raw.data[:42] + bytes(key.pubkey()) + raw.data[74:]
    world.market.lab.put(raw.owner, data, at=place)
    watched = AccountId(world.chain, str(key.pubkey()))
    async with keeping(world, watched=(watched,)) as here:
        world.crash()
        await here.book.load()
        assert [one.target.account for one in await here.screen()] == [watched]


async def test_a_scan_that_fails_leaves_what_is_known_and_is_tried_again_soon() -> None:
    world = World.create()
    async with keeping(world) as here:
        await here.book.scan(SLOT)
        world.crash()
        here.node.faults.rate_limited = 5
        with pytest.raises(ChainError):
            await here.book.scan(SLOT + RESCAN_SLOTS)
        here.node.faults.rate_limited = 0
        await here.client.check_endpoints()
        assert await here.found() == [world.owner]
        before = here.asked("getProgramAccounts")
        await here.book.scan(SLOT + RESCAN_SLOTS + RETRY_SLOTS - 1)
        assert here.asked("getProgramAccounts") == before
