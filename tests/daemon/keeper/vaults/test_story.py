"""The vaults' keeper on two real chains: a shock, lock, fill and claim, and health is back."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from chains.model.action import Instrument
from chains.model.units import USD, WAD, Usd
from daemon.keeper.intent import Purpose
from daemon.keeper.vaults.due import Subject, Wait
from daemon.keeper.vaults.keeper import VaultTerms
from daemon.keeper.vaults.pairs import GAS
from tests.daemon.keeper.vaults.life import living
from tests.support.seizing import ETHER, Story, open_story
from tests.support.vaults import LIQUIDATOR, STRANGER, USDC, WETH, Ground

pytestmark = pytest.mark.net
DOLLAR = 10**6
TARGET = 110 * WAD // 100
TERMS = VaultTerms(liquidates=True, min_profit=Usd(5 * USD))


def shock(story: Story, usd: float = 1_900) -> None:
    for place in story.ground.chains:
        place.set_price(WETH, usd)


def provide_funds(ground: Ground, dollars: int = 50_000) -> None:
    ground.b.chain.mint("USDC", LIQUIDATOR, dollars * DOLLAR)


async def test_a_shock_is_answered_by_lock_fill_and_claim_and_health_is_at_its_target(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    before = vaults.a.balance(WETH, LIQUIDATOR)
    async with living(vaults, tmp_path, TERMS) as life:
        await life.beat()
        assert await life.list_done() == []
        shock(story)
        await life.until("claim")
        story.refresh()
        low, high = story.health(vaults.a)
        assert abs(high - TARGET) < 10**13
        assert low <= high
        assert vaults.a.balance(WETH, LIQUIDATOR) > before
        for intent in await life.journal.read_recent(limit=20):
            reckoned = GAS.get(intent.draft.action.instrument, intent.draft.gas_limit)
            # The line that the lock took may be on its way home by now.
            assert intent.receipt is not None or intent.state == "sent"
            assert intent.receipt is None or intent.receipt.gas_used <= reckoned
        names = [name for name, state in await life.list_done() if state == "confirmed"]
        assert names[0] == "post"
        assert [n for n in names if n in {"lock", "fill", "claim"}] == ["lock", "fill", "claim"]


async def test_a_crash_between_lock_and_fill_is_taken_up_by_the_next_life(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    shock(story)
    async with living(vaults, tmp_path, TERMS, silent=False) as first:
        await first.until("lock")
        assert await first.done("fill") == []
    async with living(vaults, tmp_path, TERMS) as second:
        await second.until("claim")
        assert len(await second.done("lock")) == 1
        assert len(await second.done("fill")) == 1
    story.refresh()
    assert abs(story.health(vaults.a)[1] - TARGET) < 10**13


async def test_a_crash_between_fill_and_claim_is_taken_up_even_without_the_old_state(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    shock(story)
    async with living(vaults, tmp_path / "first", TERMS) as first:
        await first.until("fill")
        assert await first.done("claim") == []
    before = vaults.a.balance(WETH, LIQUIDATOR)
    async with living(vaults, tmp_path / "second", TERMS) as second:
        await second.until("claim")
        assert await second.done("fill") == []
    assert vaults.a.balance(WETH, LIQUIDATOR) > before


async def test_short_funds_fill_a_part_and_the_rest_later(vaults: Ground, tmp_path: Path) -> None:
    story = open_story(vaults)
    provide_funds(vaults, 4_000)
    shock(story)
    async with living(vaults, tmp_path, TERMS) as life:
        await life.until("fill")
        await life.beat()
        (order,) = life.view(story.account).ledger.open_orders
        assert 0 < order.filled < order.order.value
        provide_funds(vaults)
        for _ in range(12):
            await life.beat()
        (order,) = life.view(story.account).ledger.orders
        assert len(order.fills) == 2
        assert order.settled
    story.refresh()
    assert abs(story.health(vaults.a)[1] - TARGET) < 10**13


async def test_an_order_that_nobody_fills_is_closed_and_its_collateral_released(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    shock(story)
    async with living(vaults, tmp_path, replace(TERMS, liquidates=False)) as life:
        story.refresh()
        order = story.lock()
        await life.beat()
        (waiting,) = [w for w in life.view(story.account).waiting if w.order == order.id]
        assert (waiting.subject, waiting.wait) == (Subject.LOCK, Wait.FINALITY)
        await life.beat()
        await life.beat()
        (waiting,) = [w for w in life.view(story.account).waiting if w.order == order.id]
        assert (waiting.subject, waiting.wait, waiting.until) == (
            Subject.FILL,
            Wait.FILL,
            order.expiry,
        )
        for place in vaults.chains:
            place.advance(400)
        await life.until("release")
        assert vaults.a.locked(story.account, WETH) == 0
        await life.beat()
        assert life.view(story.account).ledger.open_orders == ()


async def test_strangers_receipts_are_claimed_for_them(vaults: Ground, tmp_path: Path) -> None:
    story = open_story(vaults)
    shock(story)
    story.refresh()
    order = story.lock()
    story.register(order)
    story.fill(order, 1_000 * DOLLAR, payer=STRANGER, to=STRANGER)
    async with living(vaults, tmp_path, replace(TERMS, liquidates=False)) as life:
        before = vaults.a.balance(WETH, STRANGER)
        await life.until("claim")
        assert vaults.a.balance(WETH, STRANGER) > before
    async with living(vaults, tmp_path, replace(TERMS, for_all=False)) as life:
        story.fill(order, 1_000 * DOLLAR, payer=STRANGER, to=STRANGER)
        for _ in range(5):
            await life.beat()
        assert len(await life.done("claim")) == 1


async def test_a_strangers_line_is_carried_unless_it_moves_dust(
    vaults: Ground, tmp_path: Path
) -> None:
    a, b = vaults.chains
    account = a.open()
    vaults.link(account)
    a.deposit(account, WETH, 2 * ETHER)
    a.raise_line(account, b, WETH, WAD // 1_000)
    async with living(vaults, tmp_path, TERMS) as life:
        for _ in range(5):
            await life.beat()
        assert await life.list_done() == []
        a.raise_line(account, b, WETH, WAD)
        await life.until("take")
        assert b.line_in(account, a, WETH) == WAD + WAD // 1_000


async def test_a_silent_committee_means_that_nothing_is_locked_and_says_so(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    story.refresh()
    shock(story)
    for place in vaults.chains:
        place.advance(100)
    async with living(vaults, tmp_path, TERMS, silent=True) as life:
        for _ in range(3):
            await life.beat()
        assert await life.list_done() == []
        decision = life.view(story.account).decision
        assert decision is not None
        reasons = {one["reason"] for one in decision["candidates"]}
        assert "the newest statement of the account is too old" in reasons


async def test_a_dry_run_signs_nothing_and_records_what_it_would_do(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    shock(story)
    async with living(vaults, tmp_path, TERMS, live=False) as life:
        for _ in range(3):
            await life.beat()
        assert await life.list_done() == []
        (planned, *_) = await life.journal.read_planned(limit=1)
        assert planned.purpose is Purpose.VAULT
        assert planned.action.instrument in {Instrument.POST, Instrument.LOCK}
        record = orjson.loads(planned.decision)
        assert record["candidates"][0]["reason"] is None
        assert record["candidates"][0]["collateral_chain"] == f"eip155:{vaults.a.number}"
        assert record["candidates"][0]["debt_chain"] == f"eip155:{vaults.b.number}"


async def test_a_liquidation_that_does_not_pay_is_left_with_its_reason(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    shock(story)
    dear = replace(TERMS, min_profit=Usd(10**6 * USD))
    async with living(vaults, tmp_path, dear) as life:
        await life.beat()
        await life.beat()
        assert await life.list_done() == []
        decision = life.view(story.account).decision
        assert decision is not None
        assert any("asked for" in one["reason"] for one in decision["candidates"])


async def test_debt_and_collateral_on_one_chain_are_liquidated_there_in_one_transaction(
    vaults: Ground, tmp_path: Path
) -> None:
    a = vaults.a
    a.supply(USDC, 100_000 * DOLLAR)
    a.chain.mint("USDC", LIQUIDATOR, 50_000 * DOLLAR)
    account = a.open()
    a.deposit(account, WETH, 10 * 10**18)
    a.borrow(account, USDC, 16_000 * DOLLAR)
    a.set_price(WETH, 1_900)
    async with living(vaults, tmp_path, TERMS, silent=True) as life:
        await life.until("liquidate")
        names = [name for name, _ in await life.list_done()]
        assert names == ["approve", "liquidate"]
    high = int(a.ask(a.seizure, "health(bytes32)", account, returns="(uint256,uint256)")[1])
    assert abs(high - TARGET) < 10**13


async def test_a_debt_without_collateral_is_provided_for_and_written_down(
    vaults: Ground, tmp_path: Path
) -> None:
    a = vaults.a
    a.supply(USDC, 100_000 * DOLLAR)
    account = a.open()
    a.deposit(account, WETH, 5 * 10**16)
    a.borrow(account, USDC, 75 * DOLLAR)
    a.set_price(WETH, 100)
    async with living(vaults, tmp_path, replace(TERMS, liquidates=False)) as life:
        await life.until("provide")
        await life.beat()
        (waiting,) = life.view(account).waiting
        assert (waiting.subject, waiting.wait) == (Subject.PROVISION, Wait.VETO)
        for place in vaults.chains:
            place.advance(130)
        await life.until("write_down")
        for _ in range(3):
            await life.beat()
        assert life.view(account).waiting == ()
        assert len(await life.done("provide")) == 1
    bad = int(a.ask(a.vault, "bad_debt(bytes32,uint8)", account, USDC))
    assert bad >= 75 * WAD
    assert a.debt(account, USDC) - bad < WAD // 100
