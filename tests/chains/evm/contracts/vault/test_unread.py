"""When the chain of the debt falls silent: what an order still binds, and who is paid last."""

from dataclasses import astuple

import pytest

from chains.model.units import USD, WAD
from proofs.vaults import Order
from tests.chains.evm.contracts.vault.test_notary import announce
from tests.support.rescue import refused
from tests.support.seizing import DOLLAR, ETHER, ORDER, Story, open_story, value_e8
from tests.support.vaults import LIQUIDATOR, OWNER, TERMS, USDC, WETH, Ground

pytestmark = pytest.mark.net
SILENCE_S = TERMS.seizure.order_life_s + TERMS.seizure.grace_s + 1


@pytest.fixture
def story(vaults: Ground) -> Story:
    """Most of the collateral lent to b, debts on both chains, and the price fallen."""
    a, b = vaults.chains
    made = open_story(vaults, linked=False)
    vaults.link(made.account)
    a.supply(USDC, 100_000 * DOLLAR)
    a.deposit(made.account, WETH, 10 * ETHER)
    a.raise_line(made.account, b, WETH, 6 * WAD)
    vaults.carry_raise(made.account, WETH)
    a.borrow(made.account, USDC, 6_300 * DOLLAR)
    b.borrow(made.account, USDC, 7_900 * DOLLAR)
    for chain in vaults.chains:
        chain.set_price(WETH, 1_700)
    made.refresh()
    return made


def silence(story: Story, usd: float) -> None:
    """Let b be unread beyond grace, its orders expired, and the committee speak of a alone."""
    a = story.a
    a.advance(SILENCE_S)
    a.set_price(WETH, usd)
    story.post(a, story.state(story.read_entry(a), issued_at=a.now))


def test_an_order_on_a_chain_that_fell_silent_stops_counting(story: Story) -> None:
    a = story.a
    story.lock()
    assert story.health(a)[1] > WAD
    silence(story, 1_700)
    assert story.health(a)[1] < WAD
    assert refused(story.lock) == "unread"


def test_a_later_liquidation_may_take_its_units_and_a_late_receipt_is_paid_last_at_par(
    story: Story,
) -> None:
    a = story.a
    order = lock_and_register(story)
    receipt = story.fill(order, 100_000 * DOLLAR)
    silence(story, 1_500)
    _, taken = story.liquidate(a, 3_000 * DOLLAR)
    (left,) = story.read_open(a)
    locked, robbed = left[9], left[7]
    assert robbed
    # What is both locked and lent fills two places until the line's end is told on a.
    assert locked == order.units - taken - order.line_units
    paid = story.claim(order, receipt)
    part = locked * receipt.value_e8 // order.value_e8
    assert paid == min(part, receipt.value_e8 * WAD // (1_500 * USD))
    assert value_e8(paid, 1_500) < receipt.value_e8


def test_a_late_receipt_is_paid_in_full_where_nobody_took_the_units(story: Story) -> None:
    order = lock_and_register(story)
    receipt = story.fill(order, 100_000 * DOLLAR)
    silence(story, 1_700)
    due = receipt.value_e8 * (10_000 + order.bonus_bps) // 10_000
    assert abs(value_e8(story.claim(order, receipt), 1_700) - due) <= 2


def test_units_lent_to_the_silent_chain_are_nobodys_else(story: Story) -> None:
    a = story.a
    order = story.lock()
    assert 0 < order.line_units < order.units
    silence(story, 1_000)
    _, taken = story.liquidate(a, 100_000 * DOLLAR)
    assert abs(taken - (order.units - 2 * order.line_units)) < 10**12
    assert abs(a.locked(story.account, WETH) - order.line_units) < 10**12
    assert refused(story.liquidate, a, 1_000 * DOLLAR) == "dust"


def test_what_a_whole_order_repays_beyond_the_debt_counts_for_nobody(story: Story) -> None:
    a, b = story.ground.chains
    b.fund(USDC, OWNER, 10_000 * DOLLAR)
    b.repay(story.account, USDC, 4_900 * DOLLAR)
    for chain in story.ground.chains:
        chain.set_price(WETH, 1_000)
    story.refresh()
    order = lock_and_register(story)
    assert order.value_e8 > 3_080 * USD
    judged = story.judge(a)
    assert abs(judged.filled - 3_000 * USD) < USD // 100
    receipt = story.fill(order, 100_000 * DOLLAR)
    story.claim(order, receipt)
    assert story.judge(a).filled < USD // 100


def test_a_lost_chain_gives_locked_collateral_back(story: Story) -> None:
    a, b = story.ground.chains
    order = story.lock()
    assert refused(release_lost, story, order) == "lost"
    announce(a, b.number, a.now)
    a.advance(TERMS.lost_delay_s)
    assert refused(story.lock) == "unread"
    release_lost(story, order)
    assert a.locked(story.account, WETH) == 0
    assert story.read_open(a) == []
    # Its debts there and what it lent there count nothing.
    assert story.judge(a).debt < 8_000 * USD


def lock_and_register(story: Story) -> Order:
    order = story.lock()
    story.register(order)
    return order


def release_lost(story: Story, order: Order) -> None:
    a = story.a
    a.do(a.seizure, f"release_lost({ORDER})", astuple(order), sender=LIQUIDATOR)
