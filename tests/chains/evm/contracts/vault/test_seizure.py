"""Seizure across two real chains: lock, fill, claim, and everything that may happen between."""

import pytest

from chains.model.units import USD, WAD
from proofs.vaults import FactKind
from tests.support.rescue import refused
from tests.support.seizing import (
    DOLLAR,
    ETHER,
    NO_DEBT,
    Story,
    closed_key,
    endanger,
    lock_key,
    open_story,
    receipt_key,
    value_e8,
)
from tests.support.vaults import (
    GOVERNOR,
    LIQUIDATOR,
    OWNER,
    STRANGER,
    USDC,
    WETH,
    Ground,
    line_key,
)

pytestmark = pytest.mark.net
TARGET = 110 * WAD // 100
BONUS = 321
"""Basis points at a health of 0.9797: a fifth of the way from 2 % at 1 to 8 % at 0.9."""


@pytest.fixture
def story(vaults: Ground) -> Story:
    return open_story(vaults)


@pytest.fixture
def fallen(story: Story) -> Story:
    endanger(story)
    return story


def test_health_is_one_number_on_both_chains(story: Story) -> None:
    story.refresh()
    expected = 10 * 2_000 * 825 * WAD // (1_000 * 16_000)
    for chain in story.ground.chains:
        low, high = story.health(chain)
        assert low == high
        assert expected - 10**10 < high <= expected


def test_a_healthy_account_cannot_be_locked(story: Story) -> None:
    story.refresh()
    assert refused(story.lock) == "healthy"


def test_lock_fill_and_claim_restore_the_target(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock()
    assert order.bonus_bps == BONUS
    assert a.fact(lock_key(order), of_seizure=True) == int.from_bytes(order.id, "big")
    assert a.locked(fallen.account, WETH) == order.units == order.line_units
    assert abs(fallen.health(a)[1] - TARGET) < 10**13
    fallen.register(order)
    assert b.line_in(fallen.account, a, WETH) == 10 * WAD - order.units
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    assert receipt.value_e8 == order.value_e8
    assert a.fact(receipt_key(receipt), of_seizure=True) == 0
    paid = fallen.claim(order, receipt)
    worth = value_e8(paid, 1_900)
    assert abs(worth - order.value_e8 * (10_000 + BONUS) // 10_000) <= 2
    assert a.locked(fallen.account, WETH) == 0
    fallen.refresh()
    assert all(abs(fallen.health(chain)[1] - TARGET) < 10**13 for chain in fallen.ground.chains)


def test_an_order_of_the_whole_share_is_all_there_is_until_the_others_are_read(
    fallen: Story,
) -> None:
    fallen.lock()
    assert refused(fallen.lock) == "healthy"


def test_parts_are_filled_by_whoever_comes_and_each_is_paid_its_part(fallen: Story) -> None:
    order = fallen.lock()
    fallen.register(order)
    first = fallen.fill(order, 2_000 * DOLLAR, to=STRANGER)
    second = fallen.fill(order, 3_000 * DOLLAR)
    assert (first.index, second.index) == (0, 1)
    for receipt in (second, first):
        worth = value_e8(fallen.claim(order, receipt), 1_900)
        assert abs(worth - receipt.value_e8 * (10_000 + BONUS) // 10_000) <= 2
    assert refused(fallen.claim, order, first) == "claimed"
    (left,) = fallen.read_open(fallen.a)
    assert left[10] == order.value_e8 - first.value_e8 - second.value_e8


def test_what_expired_unfilled_goes_back(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock()
    fallen.register(order)
    receipt = fallen.fill(order, 2_000 * DOLLAR)
    assert refused(fallen.close, order) == "open"
    b.advance(301)
    assert refused(fallen.fill, order, 1_000 * DOLLAR) == "expired"
    fallen.close(order)
    closed = b.fact(closed_key(order), of_seizure=True)
    assert (closed & 255, (closed >> 8) & (2**32 - 1), closed >> 64) == (1, 1, receipt.value_e8)
    fallen.release(order)
    (left,) = fallen.read_open(a)
    assert left[10] == receipt.value_e8
    part = -(-order.units * receipt.value_e8 // order.value_e8)
    assert a.locked(fallen.account, WETH) == part
    assert fallen.claim(order, receipt) > 0
    assert a.locked(fallen.account, WETH) == 0
    assert fallen.read_open(a) == []


def test_a_claim_before_the_release_leaves_nothing_for_it(fallen: Story) -> None:
    order = fallen.lock()
    fallen.register(order)
    receipt = fallen.fill(order, 2_000 * DOLLAR)
    fallen.claim(order, receipt)
    fallen.b.advance(301)
    fallen.close(order)
    fallen.release(order)
    assert fallen.a.locked(fallen.account, WETH) == 0
    assert refused(fallen.release, order) == "order"


def test_an_order_that_nobody_registered_is_closed_without_a_statement(fallen: Story) -> None:
    order = fallen.lock()
    fallen.b.advance(301)
    fallen.close(order)
    assert refused(fallen.register, order) == "expired"
    fallen.release(order)
    assert fallen.a.locked(fallen.account, WETH) == 0


def test_on_one_chain_no_committee_is_needed(vaults: Ground) -> None:
    a = vaults.a
    story = open_story(vaults, linked=False)
    a.supply(USDC, 100_000 * DOLLAR)
    a.deposit(story.account, WETH, 10 * ETHER)
    a.borrow(story.account, USDC, 16_000 * DOLLAR)
    assert story.health(a) == (10 * 2_000 * 825 * WAD // 16_000_000,) * 2
    assert refused(story.liquidate, a, 1_000 * DOLLAR) == "healthy"
    a.set_price(WETH, 1_900)
    before = story.health(a)[1]
    repaid, taken = story.liquidate(a, 1_000 * DOLLAR)
    assert abs(repaid - 1_000 * WAD) < WAD
    assert abs(value_e8(taken, 1_900) - 1_000 * USD * (10_000 + BONUS) // 10_000) <= 2
    assert before < story.health(a)[1] < WAD
    story.liquidate(a, 100_000 * DOLLAR)
    assert abs(story.health(a)[1] - TARGET) < 10**13
    assert refused(story.liquidate, a, 1_000 * DOLLAR) == "healthy"


def test_a_small_debt_is_closed_whole(vaults: Ground) -> None:
    a = vaults.a
    story = open_story(vaults, linked=False)
    a.supply(USDC, 1_000 * DOLLAR)
    a.deposit(story.account, WETH, ETHER // 100)
    a.borrow(story.account, USDC, 16 * DOLLAR)
    a.set_price(WETH, 1_900)
    repaid, _ = story.liquidate(a, 100 * DOLLAR)
    assert repaid >= 16 * WAD
    assert (a.debt(story.account, USDC), story.health(a)[1]) == (0, NO_DEBT)


def test_each_chain_takes_its_share_of_what_the_account_needs(fallen: Story) -> None:
    a, b = fallen.ground.chains
    b.deposit(fallen.account, WETH, 2 * ETHER)
    for chain in fallen.ground.chains:
        chain.set_price(WETH, 1_550)
    fallen.refresh()
    whole = fallen.judge(a)
    order = fallen.lock()
    repaid, _ = fallen.liquidate(b, 100_000 * DOLLAR)
    assert abs(10 * repaid * USD // WAD - 2 * order.value_e8) < 100 * USD
    assert refused(fallen.liquidate, b, 1_000 * DOLLAR) == "done"
    assert whole.own_weight * 12 == whole.weight * 10


def test_a_newer_statement_alone_gives_no_chain_a_second_share(fallen: Story) -> None:
    a, b = fallen.ground.chains
    b.deposit(fallen.account, WETH, 8 * ETHER)
    for chain in fallen.ground.chains:
        chain.set_price(WETH, 1_000)
    fallen.refresh()
    old = fallen.read_entry(b)
    fallen.lock()
    fallen.post(a, fallen.state(fallen.read_entry(a), old))
    assert refused(fallen.lock) == "done"
    a.advance(30)
    b.advance(30)
    fallen.refresh()
    fallen.lock()


def test_the_bonus_never_lets_health_fall(fallen: Story) -> None:
    a = fallen.a
    for chain in fallen.ground.chains:
        chain.set_price(WETH, 1_605)
    fallen.refresh()
    before = fallen.health(a)[1]
    bound = before // (8_250 * 10**10) - 10_000
    order = fallen.lock()
    assert order.bonus_bps == bound < 800
    fallen.register(order)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    fallen.claim(order, receipt)
    fallen.refresh()
    assert fallen.health(a)[1] >= before - 10**10


def test_the_fund_adds_what_the_bound_of_health_took(fallen: Story) -> None:
    b = fallen.b
    b.fund(USDC, STRANGER, 1_000 * DOLLAR)
    b.do(b.pool, "donate(uint8,uint256)", USDC, 1_000 * DOLLAR, sender=STRANGER)
    for chain in fallen.ground.chains:
        chain.set_price(WETH, 1_500)
    fallen.refresh()
    order = fallen.lock()
    assert order.bonus_bps == 0
    fallen.register(order)
    before = b.balance(USDC, LIQUIDATOR)
    fallen.fill(order, 1_000 * DOLLAR)
    assert b.balance(USDC, LIQUIDATOR) - before == 20 * DOLLAR


def test_a_loss_is_provided_for_and_then_written_down(fallen: Story) -> None:
    a, b = fallen.ground.chains
    assert refused(b.do, b.seizure, "provide(bytes32,uint8)", fallen.account, USDC) == "collateral"
    sink(fallen)
    provide = "provide(bytes32,uint8)"
    owed = b.debt(fallen.account, USDC)
    b.do(b.seizure, provide, fallen.account, USDC)
    assert refused(b.do, b.seizure, provide, fallen.account, USDC) == "provided"
    write_down = "write_down(bytes32,uint8)"
    assert refused(b.do, b.seizure, write_down, fallen.account, USDC) == "early"
    b.advance(121)
    assert refused(b.do, b.seizure, write_down, fallen.account, USDC) == "unread"
    a.advance(121)
    fallen.refresh()
    b.do(b.seizure, write_down, fallen.account, USDC)
    bad = int(b.ask(b.vault, "bad_debt(bytes32,uint8)", fallen.account, USDC))
    assert owed <= bad <= b.debt(fallen.account, USDC)


def test_a_provision_falls_when_collateral_covers_the_debt_again_or_the_owner_vetoes(
    fallen: Story,
) -> None:
    b = fallen.b
    sink(fallen)
    provide, veto = "provide(bytes32,uint8)", "veto(bytes32,uint8)"
    b.do(b.seizure, provide, fallen.account, USDC)
    assert refused(b.do, b.seizure, veto, fallen.account, USDC, sender=STRANGER) == "owner"
    b.do(b.seizure, veto, fallen.account, USDC, sender=b.ledger.timelock)
    b.do(b.seizure, provide, fallen.account, USDC)
    # A lender who would leave before the loss gets rid of it by nothing less.
    b.deposit(fallen.account, WETH, ETHER)
    assert refused(b.do, b.seizure, veto, fallen.account, USDC, sender=STRANGER) == "owner"
    b.deposit(fallen.account, WETH, 20 * ETHER)
    b.do(b.seizure, veto, fallen.account, USDC, sender=STRANGER)
    assert int(b.ask(b.vault, "provision(bytes32,uint8)", fallen.account, USDC)) == 0
    assert GOVERNOR != OWNER


def test_what_was_repaid_is_seized_no_second_time_by_quantities_of_before(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock()
    b.chain.mine()
    between = fallen.state()
    fallen.register(order)
    fallen.claim(order, fallen.fill(order, 100_000 * DOLLAR))
    assert refused(fallen.lock) == "unread"
    fallen.post(a, between)
    assert refused(fallen.lock) == "unread"
    fallen.refresh()
    assert refused(fallen.lock) == "healthy"


def test_no_loss_is_provided_for_by_quantities_older_than_a_line(fallen: Story) -> None:
    a, b = fallen.ground.chains
    sink(fallen)
    a.deposit(fallen.account, WETH, ETHER)
    key = line_key(FactKind.RAISED, fallen.account, a, b, WETH)
    raised = a.fact(key) + WAD
    b.take_raised(fallen.account, a, WETH, raised, a.witness(key, word=raised))
    assert refused(b.do, b.seizure, "provide(bytes32,uint8)", fallen.account, USDC) == "unread"


def sink(story: Story) -> None:
    """Liquidate until no collateral is left anywhere, at a price that leaves a loss."""
    a = story.a
    for chain in story.ground.chains:
        chain.set_price(WETH, 1_000)
    for _ in range(4):
        story.refresh()
        if story.judge(a).gross_weight == 0:
            return
        order = story.lock()
        story.register(order)
        story.claim(order, story.fill(order, 100_000 * DOLLAR))
    raise AssertionError("collateral is left")
