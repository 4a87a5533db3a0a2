"""Attacks on seizure by orders, prices, dust and tokens, on real contracts."""

from collections.abc import Callable
from dataclasses import astuple

import pytest

from chains.evm.calldata import encode_call
from chains.model.ids import Address
from chains.model.units import USD, WAD
from proofs.vaults import Order
from tests.support.rescue import make_odd, refused
from tests.support.seizing import (
    DOLLAR,
    ETHER,
    ORDER,
    Story,
    closed_key,
    endanger,
    open_story,
    value_e8,
)
from tests.support.vaults import (
    LIQUIDATOR,
    OWNER,
    STRANGER,
    USDC,
    WETH,
    Ground,
    VaultChain,
)

pytestmark = pytest.mark.net
TARGET = 110 * WAD // 100


@pytest.fixture
def story(vaults: Ground) -> Story:
    return open_story(vaults)


@pytest.fixture
def fallen(story: Story) -> Story:
    endanger(story)
    return story


def locked(story: Story, *, sender: Address = STRANGER) -> Order:
    order = story.lock(sender=sender)
    story.register(order)
    return order


def at(story: Story, usd: float) -> None:
    for chain in story.ground.chains:
        chain.set_price(WETH, usd)


# Locks that nobody is meant to fill


def test_who_locks_himself_dodges_nobody(fallen: Story) -> None:
    order = locked(fallen, sender=OWNER)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    assert fallen.claim(order, receipt) > 0
    fallen.refresh()
    assert abs(fallen.health(fallen.a)[1] - TARGET) < 10**13


@pytest.mark.parametrize("filled", [0, 100])
def test_an_order_that_expired_unfilled_shields_from_nothing_a_second_time(
    fallen: Story, filled: int
) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock(sender=OWNER)
    if filled:
        # A little that the owner fills himself makes it no better.
        fallen.register(order)
        fallen.claim(order, fallen.fill(order, filled * DOLLAR, payer=OWNER, to=OWNER))
    for chain in fallen.ground.chains:
        chain.advance(301)
    fallen.close(order)
    fallen.release(order)
    fallen.refresh()
    again = fallen.lock(sender=OWNER)
    # It is there to be filled, but as nobody filled the last one it counts for nobody.
    assert fallen.health(a)[1] < WAD
    assert refused(fallen.lock) == "rest"
    fallen.register(again)
    fallen.claim(again, fallen.fill(again, 100_000 * DOLLAR))
    fallen.refresh()
    assert abs(fallen.health(a)[1] - TARGET) < 10**13
    assert b.fact(closed_key(again), of_seizure=True) != 0


def test_an_order_that_a_fall_made_worthless_shields_from_nothing(fallen: Story) -> None:
    a = fallen.a
    fallen.lock(sender=OWNER)
    assert fallen.health(a)[1] > WAD
    at(fallen, 1_600)
    fallen.refresh()
    assert fallen.health(a)[1] < WAD
    assert fallen.lock().value_e8 > 0


def test_an_owner_cannot_repay_on_credit_end_the_order_and_borrow_again(fallen: Story) -> None:
    b = fallen.b
    order = locked(fallen)
    b.fund(USDC, OWNER, 20_000 * DOLLAR)
    b.repay(fallen.account, USDC, 20_000 * DOLLAR)
    assert b.debt(fallen.account, USDC) == 0
    assert refused(fallen.close, order) == "open"
    assert refused(fallen.fill, order, 100 * DOLLAR) == "debt"
    b.borrow(fallen.account, USDC, 5_000 * DOLLAR)
    assert fallen.fill(order, 1_000 * DOLLAR).value_e8 > 0


def test_only_one_order_is_counted_where_debts_are_ordered_twice(fallen: Story) -> None:
    b = fallen.b
    order = locked(fallen)
    b.fund(USDC, OWNER, 20_000 * DOLLAR)
    b.repay(fallen.account, USDC, 15_000 * DOLLAR)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    assert receipt.value_e8 < 1_100 * USD
    assert b.debt(fallen.account, USDC) == 0


# Prices


@pytest.mark.parametrize(("price", "paid"), [(1_850, 1.0), (2_100, 1.0), (1_700, 0.95), (1_000, 0)])
def test_a_price_that_moves_before_the_claim_is_borne_as_the_page_says(
    fallen: Story, price: int, paid: float
) -> None:
    order = locked(fallen)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    fallen.a.set_price(WETH, price)
    units = fallen.claim(order, receipt)
    due = order.value_e8 * (10_000 + order.bonus_bps) // 10_000
    if paid == 1.0:
        assert abs(value_e8(units, price) - due) <= 2
    else:
        assert units == order.units
        assert value_e8(units, price) < due
    assert fallen.a.collateral(fallen.account, WETH) == 10 * WAD - units


def test_a_fill_is_priced_where_it_happens_and_cut_where_it_is_claimed(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = locked(fallen)
    b.set_price(USDC, 2)
    receipt = fallen.fill(order, 1_000 * DOLLAR)
    assert receipt.value_e8 == 2_000 * USD
    units = fallen.claim(order, receipt)
    due = 1_030 * (10_000 + order.bonus_bps) * USD // 10_000
    assert abs(value_e8(units, 1_900) - due) <= 2
    assert a.locked(fallen.account, WETH) < order.units


def test_a_price_that_recovered_before_the_claim_does_not_stop_it(fallen: Story) -> None:
    order = locked(fallen)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    at(fallen, 4_000)
    fallen.refresh()
    assert fallen.health(fallen.a)[1] > 2 * WAD
    assert fallen.claim(order, receipt) > 0


def test_no_price_no_lock_no_fill_no_claim(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = locked(fallen)
    receipt = fallen.fill(order, 1_000 * DOLLAR)
    b.chain.advance(4_000)
    a.chain.advance(4_000)
    assert refused(fallen.claim, order, receipt) == "price"
    a.chain.refresh_feeds()
    assert fallen.claim(order, receipt) > 0
    assert refused(fallen.lock) in {"unread", "stale"}


def test_a_feed_without_a_price_counts_for_the_owner_and_stops_nobody_else(fallen: Story) -> None:
    a = fallen.a
    a.fund(USDC, STRANGER, 20 * DOLLAR)
    a.deposit(fallen.account, USDC, 20 * DOLLAR, payer=STRANGER)
    usdc = a.chain.deployment.tokens["USDC"].feed
    a.chain.send(usdc, "set_at(int256,uint256)", USD, 1)
    low, high = fallen.health(a)
    # Twenty dollars of it may be worth two thousand; its debts as little as a hundredth.
    assert low < WAD < high
    assert refused(fallen.lock) == "healthy"


# Dust


def test_dust_of_others_vetoes_nothing(fallen: Story) -> None:
    a, b = fallen.ground.chains
    for chain, asset in ((a, USDC), (b, USDC), (b, WETH)):
        chain.fund(asset, STRANGER, 10**6)
        chain.deposit(fallen.account, asset, 10**6, payer=STRANGER)
    fallen.refresh()
    before = fallen.health(a)[1]
    assert before < WAD
    assert fallen.lock().value_e8 > 0


def test_dust_abroad_makes_no_account_need_the_committee(vaults: Ground) -> None:
    a, b = vaults.chains
    story = open_story(vaults, linked=False)
    a.supply(USDC, 100_000 * DOLLAR)
    a.deposit(story.account, WETH, 10 * ETHER)
    a.borrow(story.account, USDC, 15_980 * DOLLAR)
    vaults.link(story.account)
    a.raise_line(story.account, b, WETH, 10**15)
    b.fund(USDC, STRANGER, 9 * DOLLAR)
    b.deposit(story.account, USDC, 9 * DOLLAR, payer=STRANGER)
    story.refresh()
    a.advance(10_000)
    a.set_price(WETH, 1_900)
    repaid, _ = story.liquidate(a, 1_000 * DOLLAR)
    assert abs(repaid - 1_000 * WAD) < WAD


def test_no_fill_is_dust(fallen: Story) -> None:
    order = locked(fallen)
    assert refused(fallen.fill, order, DOLLAR) == "dust"
    assert fallen.fill(order, 5 * DOLLAR).index == 0


def test_no_liquidation_is_dust(vaults: Ground) -> None:
    a = vaults.a
    story = open_story(vaults, linked=False)
    a.supply(USDC, 100_000 * DOLLAR)
    a.deposit(story.account, WETH, 10 * ETHER)
    a.borrow(story.account, USDC, 16_000 * DOLLAR)
    a.set_price(WETH, 1_900)
    assert refused(story.liquidate, a, DOLLAR) == "dust"


def test_dust_that_is_left_of_an_order_ends_it(fallen: Story) -> None:
    order = locked(fallen)
    dollars = order.value_e8 // USD
    fallen.fill(order, (dollars - 3) * DOLLAR)
    assert fallen.b.fact(closed_key(order), of_seizure=True) & 255 == 1
    assert refused(fallen.fill, order, 100 * DOLLAR) == "closed"


# Tokens


def swap_token(chain: VaultChain, asset: int, holdings: dict[Address, int]) -> Address:
    """Put an odd token in an asset's place and give the holders what they had."""
    token = make_odd(chain.chain, ("WETH", "USDC")[asset])
    for holder, amount in holdings.items():
        chain.chain.send(token, "mint(address,uint256)", holder, amount)
    return token


def test_a_fee_on_the_repayment_is_not_paid_for_by_the_account(fallen: Story) -> None:
    b = fallen.b
    order = locked(fallen)
    token = swap_token(b, USDC, {b.pool: 10**12})
    b.chain.send(token, "take_fee(uint256)", 100)
    receipt = fallen.fill(order, 1_000 * DOLLAR)
    assert receipt.value_e8 == 990 * USD
    assert receipt.units == 990 * WAD


def test_a_claim_whose_payout_fails_becomes_a_credit(fallen: Story) -> None:
    a = fallen.a
    order = locked(fallen)
    receipt = fallen.fill(order, 1_000 * DOLLAR)
    swap_token(a, WETH, {a.vault: 0})
    assert fallen.claim(order, receipt) == 0
    credit = int(a.ask(a.vault, "credits(uint8,address)", WETH, LIQUIDATOR))
    due = 1_000 * (10_000 + order.bonus_bps) * USD // 10_000
    assert abs(value_e8(credit, 1_900) - due) <= 2


@pytest.mark.parametrize("target", ["seizure", "vault"])
def test_nothing_is_entered_twice(fallen: Story, target: str) -> None:
    a = fallen.a
    order = locked(fallen)
    first, second = (fallen.fill(order, 1_000 * DOLLAR) for _ in range(2))
    token = swap_token(a, WETH, {a.vault: 10 * ETHER})
    payload = _again(fallen, order, target)
    victim = getattr(a, target)
    a.chain.send(token, "attack(address,bytes)", victim, payload)
    fallen.claim(order, first)
    assert _count(a, token, "attempts") == 1
    assert _count(a, token, "entered") == 0
    fallen.claim(order, second)


def _again(story: Story, order: Order, target: str) -> bytes:
    if target == "vault":
        words = ("bytes32", "uint8", "uint256", "address")
        return encode_call("withdraw", words, [story.account, WETH, 1, OWNER])
    return encode_call("claim_rest", (ORDER, "uint32"), [astuple(order), 0])


def _count(chain: VaultChain, token: Address, name: str) -> int:
    return int(chain.ask(token, f"{name}()"))


# Who may do what


@pytest.mark.parametrize(
    "act",
    [
        lambda a: a.do(a.judge, "note_spent(bytes32,uint256,uint256)", b"\1" * 32, 1, 1),
        lambda a: a.do(a.vault, "lock(bytes32,uint8,uint256,uint64)", b"\1" * 32, 0, 1, 1),
    ],
)
def test_only_the_seizure_moves_what_is_its_own(
    vaults: Ground, act: Callable[[VaultChain], object]
) -> None:
    assert refused(act, vaults.a) == "seizure"


def test_nothing_is_sealed_twice(vaults: Ground) -> None:
    a = vaults.a
    signature = "seal(address,address,address,address)"
    for contract in (a.seizure, a.judge):
        arguments = (OWNER, OWNER, OWNER, OWNER)
        assert refused(a.do, contract, signature, *arguments) == "deployer"
        assert refused(a.do, contract, signature, *arguments, sender=a.chain.owner.sender) == (
            "sealed"
        )
