"""Hunting on Save with the real programs: with inventory, with a flash loan, and when not to."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from structlog.testing import capture_logs

from chains.model.ids import AccountId
from chains.model.units import USD, Usd
from chains.solana.client import SolanaClient
from chains.solana.decode import Simulation
from chains.solana.programs.instructions import Terms
from chains.solana.protocols.save.flash import DISABLED
from daemon.devnet.solana.block_engine import BlockEngine
from daemon.keeper.intent import Intent, IntentState, Purpose
from daemon.keeper.solana.borrowers import RETRY_SLOTS
from tests.chains.solana.programs.lab import SOL
from tests.daemon.keeper.solana.prey import CRASHED, USDC, Hunt, World, hunting
from tests.support.solnode import balance

pytestmark = pytest.mark.net

STOCK = 5_000 * USDC
RENT_USD = Usd(2_039_280 * CRASHED * USD // 10**9)
SAFE = 149
TIP = 20_000


class Later(SolanaClient):
    """A client whose node is minutes further when a transaction is tried."""

    world: World

    async def simulate(
        self,
        transaction: VersionedTransaction,
        *,
        min_slot: int = 0,
        accounts: Sequence[Pubkey] = (),
    ) -> Simulation:
        self.world.ledger.travel(121)
        return await super().simulate(transaction, min_slot=min_slot, accounts=accounts)


async def take(hunt: Hunt) -> Intent:
    """Hunt until something is sent, let it land, and give what became of it."""
    await hunt.hunt()
    assert len(hunt.executor.in_flight) == 1
    (done,) = await hunt.settle()
    seen = await hunt.effects.read(done)
    assert seen is not None
    assert seen.effect is not None
    assert orjson.loads(seen.effect) == {
        "units": str(done.draft.action.units),
        "profit_units": str(earned(done)),
    }
    return done


def earned(done: Intent, price: int = 10**6) -> int:
    """Give the profit that was recorded, in units of USDC, before gas."""
    record = orjson.loads(done.draft.decision)
    gas, profit = (round(float(record[name]) * 10**8) for name in ("gas_usd", "profit_usd"))
    return (gas + profit) * price // USD


async def test_a_stranger_is_liquidated_from_our_own_tokens_with_the_profit_foreseen(
    tmp_path: Path,
) -> None:
    world = World.create()
    for mint, amount in ((world.usdc.mint, STOCK), (world.sol.mint, 7 * SOL)):
        world.give(mint, amount)
    world.give(world.sol.collateral_mint, 0)
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        done = await take(hunt)
    assert (done.state, done.draft.purpose) == (IntentState.CONFIRMED, Purpose.LIQUIDATION)
    assert done.draft.action.units == 2_000 * USDC + 1
    assert world.held(world.usdc.mint) - STOCK == earned(done) > 150 * USDC
    seized = int(orjson.loads(done.draft.decision)["seized_units"])
    assert 0 < world.held(world.sol.mint) - 7 * SOL <= seized // 2_000
    assert world.held(world.sol.collateral_mint) == 0


async def test_without_any_token_a_flash_loan_pays_and_its_fee_comes_off_the_profit(
    tmp_path: Path,
) -> None:
    world = World.create()
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        done = await take(hunt)
    assert done.state is IntentState.CONFIRMED
    assert world.held(world.usdc.mint) == earned(done) > 150 * USDC
    assert world.market.lab.amount(world.usdc.fee_receiver) == USDC
    assert 3 * RENT_USD < done.draft.cost < 4 * RENT_USD


async def test_through_a_block_engine_the_tip_is_paid_only_with_the_liquidation(
    tmp_path: Path,
) -> None:
    world = World.create()
    world.give(world.usdc.mint, STOCK)
    world.crash()
    async with hunting(world, tmp_path, tip_lamports=TIP) as hunt:
        engine = hunt.nodes[0].engine
        engine.refuses_all, before = True, tips(world, engine)
        await hunt.hunt()
        assert len(hunt.executor.in_flight) == 1
        await hunt.settle()
        assert hunt.nodes[0].counts.get("sendTransaction", 0) == 0
        assert tips(world, engine) == before
        engine.refuses_all = False
        (done,) = await hunt.settle()
    assert done.state is IntentState.CONFIRMED
    assert tips(world, engine) - before == TIP
    assert world.held(world.usdc.mint) - STOCK == earned(done) > 150 * USDC


def tips(world: World, engine: BlockEngine) -> int:
    """Give what the engine's accounts hold."""
    return sum(balance(world.ledger, key) for key in engine.tip_accounts)


async def test_a_message_too_long_waits_for_a_lookup_table(tmp_path: Path) -> None:
    world = World.create()
    world.widen()
    world.crash()
    async with hunting(world, tmp_path / "without") as hunt:
        with capture_logs() as logs:
            await hunt.hunt()
        assert hunt.executor.in_flight == ()
    refused = [line["reason"] for line in logs if line["event"] == "liquidation.refused"]
    assert len(refused) == 1
    assert "use a lookup table" in refused[0]
    accounts = [
        key for reserve in world.market.reserves for key in (reserve.reserve, reserve.oracle)
    ]
    table = world.make_table(accounts)
    async with hunting(world, tmp_path / "with", tables=[table]) as hunt:
        done = await take(hunt)
    assert done.state is IntentState.CONFIRMED
    assert world.held(world.usdc.mint) == earned(done) > 150 * USDC


async def test_too_few_tokens_of_our_own_pay_for_less_where_there_is_no_flash_loan(
    tmp_path: Path,
) -> None:
    world = World.create(terms=Terms(flash_fee=DISABLED))
    world.give(world.usdc.mint, 700 * USDC)
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        done = await take(hunt)
    assert done.draft.action.units == 700 * USDC
    assert world.held(world.usdc.mint) - 700 * USDC == earned(done) > 50 * USDC


async def test_a_thin_pool_is_sold_less_and_an_empty_one_nothing(tmp_path: Path) -> None:
    thin = World.create(depth=150)
    thin.crash()
    async with hunting(thin, tmp_path / "thin") as hunt:
        done = await take(hunt)
    assert done.draft.action.units <= 1_000 * USDC + 1
    assert thin.held(thin.usdc.mint) == earned(done) > 0
    empty = World.create(depth=1)
    empty.crash()
    async with hunting(empty, tmp_path / "empty") as hunt:
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_nothing_is_done_below_the_least_profit(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    async with hunting(world, tmp_path, min_profit=Usd(200 * USD)) as hunt:
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_nothing_is_done_where_gas_takes_the_profit(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    async with hunting(world, tmp_path, min_profit=Usd(154 * USD)) as hunt:
        with capture_logs() as logs:
            await hunt.hunt()
        assert hunt.executor.in_flight == ()
    assert "gas would take the profit" in [line.get("reason") for line in logs]


async def test_who_is_healthy_is_left_alone(tmp_path: Path) -> None:
    world = World.create()
    world.crash(SAFE)
    async with hunting(world, tmp_path) as hunt:
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_members_are_never_prey(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    member = AccountId(world.chain, str(world.owner.key.pubkey()))
    async with hunting(world, tmp_path, members=frozenset({member})) as hunt:
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_nothing_is_done_while_market_and_protocol_part(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    world.references[world.sol.mint] = 140 * USD
    async with hunting(world, tmp_path) as hunt:
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_a_price_too_old_to_be_refreshed_is_not_acted_on(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    world.market.refresh(world.owner)
    world.ledger.travel(121)
    world.pass_slots(3)
    async with hunting(world, tmp_path) as hunt:
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_the_whole_message_is_tried_so_a_price_that_grows_old_refuses_it(
    tmp_path: Path,
) -> None:
    world = World.create()
    world.crash()
    Later.world = world
    async with hunting(world, tmp_path, make_client=Later) as hunt:
        with capture_logs() as logs:
            await hunt.hunt()
        assert hunt.executor.in_flight == ()
    refused = [line["reason"] for line in logs if line["event"] == "liquidation.refused"]
    assert len(refused) == 1
    assert "error 42" in refused[0]


async def test_a_halted_keeper_hunts_nothing(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        hunt.dispatcher.halted = "told to"
        await hunt.hunt(3)
        assert hunt.executor.in_flight == ()


async def test_only_save_is_hunted_and_that_is_said_once(tmp_path: Path) -> None:
    world = World.create()
    async with hunting(world, tmp_path) as hunt:
        hunt.others.append(SimpleNamespace(protocol="klend"))
        with capture_logs() as logs:
            await hunt.hunt(3)
    said = [line["reason"] for line in logs if line["event"] == "hunt.left_out"]
    assert said == ["liquidations are carried out on Save only, not on klend"]


async def test_who_is_being_liquidated_is_left_until_that_is_seen(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        await hunt.hunt(4)
        (first,) = hunt.executor.in_flight
        await hunt.settle()
        await hunt.hunt()
        (second,) = hunt.executor.in_flight
        assert second.id != first.id


async def test_a_node_that_cannot_be_reached_ends_one_hunt_only(tmp_path: Path) -> None:
    world = World.create()
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        seen = await hunt.see()
        hunt.nodes[0].faults.rate_limited = 3
        with capture_logs() as logs:
            await hunt.hunter.hunt(seen)
        assert [line["event"] for line in logs][-1] == "hunt.failed"
        hunt.nodes[0].faults.rate_limited = 0
        await hunt.client.check_endpoints()
        world.pass_slots(RETRY_SLOTS)
        await hunt.hunt()
        assert len(hunt.executor.in_flight) == 1


async def test_only_one_sale_at_a_time_goes_through_a_pool_and_a_refused_one_bars_no_other(
    tmp_path: Path,
) -> None:
    world = World.create()
    others = [world.add_owner(5_000), world.add_owner(4_000)]
    world.widen()
    world.crash()
    async with hunting(world, tmp_path) as hunt:
        for owner in others:
            await hunt.hunt()
            (intent,) = hunt.executor.in_flight
            assert intent.draft.action.account.address == str(owner.key.pubkey())
            await hunt.settle()
