"""Borrowers on a real market: found once, screened only when it can matter."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from chains.errors import DecodeError
from chains.evm.decode import Log
from chains.evm.multicall import read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.ids import AccountId
from chains.model.units import WAD
from daemon.keeper import borrowers as module
from daemon.keeper import screening
from daemon.keeper.strangers import find_prey
from tests.daemon.keeper.field import LOW, SAFE, Field
from tests.support import values as v

pytestmark = pytest.mark.net


async def test_whoever_borrowed_is_found_and_members_are_not(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    known = await market.store.read_borrowers(market.market.market)
    assert {account.evm_address for account in known} == {SAFE, LOW}
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(book) == {LOW}


async def test_nobody_at_one_or_above_is_given(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    assert await market.unhealthy(book) == set()


async def test_a_restart_goes_on_from_the_checkpoint_with_the_same_borrowers(
    market: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REORG_BLOCKS", 2)
    first = await market.book()
    anchor = await market.anchor()
    await first.scan(anchor)
    market.client.ranges.clear()
    second = await market.book()
    await second.scan(anchor)
    assert market.client.ranges == [(anchor.height - 1, anchor.height)]
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(second) == {LOW}


async def test_the_newest_blocks_are_scanned_again_in_case_of_a_reorg(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    await book.scan(await market.anchor())
    first, second = market.client.ranges
    assert second == first


@pytest.mark.parametrize(
    "twist",
    [
        lambda log: replace(log, topics=()),
        lambda log: replace(log, topics=(bytes(32), *log.topics[1:])),
        lambda log: replace(log, topics=log.topics[:2]),
        lambda log: replace(log, address=v.address(0xBAD)),
    ],
)
async def test_a_log_that_was_not_asked_for_ends_the_scan_and_is_asked_for_again(
    market: Field, twist: Callable[[Log], Log]
) -> None:
    book, anchor = await market.book(), await market.anchor()
    market.client.twist = twist
    with pytest.raises(DecodeError, match=r"log \d+ at"):
        await book.scan(anchor)
    assert await market.store.read_checkpoint(market.market.market) is None
    market.client.twist = lambda log: log
    await book.scan(anchor)
    known = await market.store.read_borrowers(market.market.market)
    assert {account.evm_address for account in known} == {SAFE, LOW}


async def test_a_long_history_is_scanned_in_chunks(
    market: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCAN_BLOCKS", 4)
    monkeypatch.setattr(module, "REORG_BLOCKS", 0)
    book, anchor = await market.book(), await market.anchor()
    while not market.client.ranges or market.client.ranges[-1][1] < anchor.height:
        await book.scan(anchor)
    assert market.client.ranges[0] == (market.start, market.start + 3)
    assert all(
        low == high + 1
        for (_, high), (low, _) in zip(market.client.ranges, market.client.ranges[1:], strict=False)
    )
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(book) == {LOW}


async def test_a_watched_account_needs_no_log(market: Field) -> None:
    market.start = market.chain.read_head().height + 1
    book = await market.book(watched=[LOW])
    market.chain.set_price("WETH", 1_800)
    assert await market.unhealthy(book) == {LOW}


async def test_a_head_costs_one_call_once_positions_are_known_and_asks_for_nobody_safe(
    market: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[AccountId]] = []
    plan_health = AaveV3Market.plan_health

    def note(self: AaveV3Market, accounts: Sequence[AccountId]) -> object:
        asked.append(list(accounts))
        return plan_health(self, accounts)

    monkeypatch.setattr(AaveV3Market, "plan_health", note)
    book = await market.book()
    await book.scan(await market.anchor())
    await market.unhealthy(book)
    anchor, prices = await market.anchor(), await market.prices()
    market.client.calls = 0
    await book.screen(anchor, prices)
    assert market.client.calls == 1
    assert asked == [[market.account(SAFE), market.account(LOW)], []]
    market.chain.set_price("WETH", 1_960)
    for _ in range(2):
        await market.unhealthy(book)
    assert asked[2:] == [[], [market.account(LOW)]], "he is at 1.043"


async def test_a_fall_is_seen_at_its_own_head_though_nobody_is_asked(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    await market.unhealthy(book)
    market.chain.set_price("WETH", 1_800)
    anchor, prices = await market.anchor(), await market.prices()
    market.client.calls = 0
    (found,) = (await book.screen(anchor, prices)).items()
    assert market.client.calls == 1
    assert found[0] == market.account(LOW)
    reported = await read(market.client, anchor, market.market.plan_health([found[0]]))
    assert (data := reported[found[0]]) is not None
    assert (found[1].health, found[1].debt) == (data.health, data.debt)


async def test_whose_positions_changed_unseen_is_read_again_when_his_turn_comes(
    market: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "TURN_BLOCKS", 2)
    book = await market.book()
    await book.scan(await market.anchor())
    await market.unhealthy(book)
    market.chain.supply("WETH", LOW, 10 * 10**18)
    await market.unhealthy(book)
    market.chain.set_price("WETH", 1_500)
    assert await market.unhealthy(book) == set()
    market.chain.set_price("WETH", 600)
    assert await market.unhealthy(book) == {LOW, SAFE}


async def test_who_borrows_more_is_asked_again_at_once(market: Field) -> None:
    book = await market.book()
    await book.scan(await market.anchor())
    await market.unhealthy(book)
    market.chain.set_price("WETH", 2_200)
    market.chain.borrow("USDC", SAFE, 12_000 * 10**6)
    market.chain.set_price("WETH", 2_000)
    await book.scan(await market.anchor())
    assert await market.unhealthy(book) == {SAFE}


async def test_the_prey_found_is_what_the_protocol_lets_go(market: Field) -> None:
    market.chain.set_price("WETH", 1_800)
    anchor = await market.anchor()
    accounts = [market.account(address) for address in (SAFE, LOW)]
    plan = market.market.plan_read(accounts, anchor=anchor)
    (prey,) = find_prey(await read(market.client, anchor, plan))
    assert prey.account == market.account(LOW)
    assert prey.health < WAD
    assert prey.debt.token == market.chain.deployment.tokens["USDC"].address
    assert 0 < prey.repaid <= 15_600 * 10**6
    assert 0 < prey.seized <= 10 * 10**18
