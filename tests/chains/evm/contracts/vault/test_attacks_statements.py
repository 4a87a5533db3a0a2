"""Attacks on seizure by statements: lying, replayed, foreign, reorged, stale, too few signers."""

from dataclasses import astuple, replace

import pytest

from chains.model.units import USD, WAD
from proofs.vaults import FactKey, FactKind, Order, Receipt
from tests.support.rescue import refused
from tests.support.seizing import (
    DOLLAR,
    ETHER,
    NO_DEBT,
    ORDER,
    Story,
    endanger,
    lock_key,
    open_story,
    receipt_key,
)
from tests.support.vaults import (
    HOUR,
    LENDER,
    LIQUIDATOR,
    OWNER,
    STRANGER,
    USDC,
    WETH,
    Ground,
    found_committee,
)

pytestmark = pytest.mark.net
TWO = (0, 1)
"""One fewer than must sign: n - k + 1 members, who with an owner may keep silent but not lie."""


@pytest.fixture
def story(vaults: Ground) -> Story:
    return open_story(vaults)


@pytest.fixture
def fallen(story: Story) -> Story:
    endanger(story)
    return story


def locked(story: Story) -> Order:
    order = story.lock()
    story.register(order)
    return order


def test_too_few_members_can_make_nobody_seizable(story: Story) -> None:
    a, b = story.ground.chains
    debt = story.read_entry(b, debt=(0, 10**6 * WAD))
    said = story.state(story.read_entry(a), debt)
    assert refused(story.post, a, said, TWO) == "quorum"
    story.refresh()
    assert refused(story.lock) == "healthy"


def test_too_few_members_with_an_owner_can_forge_no_order_receipt_or_end(fallen: Story) -> None:
    order = fallen.lock()
    assert refused(fallen.register, order, fallen.witness_lock(order, members=TWO)) == "quorum"
    fallen.register(order)
    forged = Receipt(order=order.id, index=7, to=OWNER, units=10**21, value_e8=10**11)
    word = int.from_bytes(forged.hash, "big")
    witness = fallen.witness_receipt(order, forged, word=word, members=TWO)
    assert refused(fallen.claim, order, forged, witness) == "quorum"
    assert refused(fallen.release, order, word=1, members=TWO) == "quorum"


def test_a_statement_of_another_committee_is_refused(story: Story) -> None:
    said = replace(story.state(), committee_id=b"\7" * 32)
    assert refused(story.post, story.a, said) == "committee"


def test_a_statement_from_the_future_is_refused(story: Story) -> None:
    said = story.state(issued_at=story.a.now + HOUR)
    assert refused(story.post, story.a, said) == "future"


def test_a_replayed_statement_changes_nothing(fallen: Story) -> None:
    a, b = fallen.ground.chains
    old = fallen.state()
    fallen.post(a, old)
    b.chain.mine()
    b.repay(fallen.account, USDC, 8_000 * DOLLAR)
    fallen.refresh()
    high = fallen.health(a)[1]
    assert high > WAD
    fallen.post(a, old)
    assert fallen.health(a)[1] == high
    assert refused(fallen.lock) == "healthy"


def test_heights_never_go_back_not_even_in_a_newer_statement(fallen: Story) -> None:
    a, b = fallen.ground.chains
    old = fallen.read_entry(b)
    b.chain.mine()
    b.repay(fallen.account, USDC, 8_000 * DOLLAR)
    fallen.refresh()
    fallen.post(a, fallen.state(fallen.read_entry(a), old))
    assert refused(fallen.lock) == "healthy"


def test_an_account_that_became_healthy_before_the_lock_is_not_seized(fallen: Story) -> None:
    a = fallen.a
    a.deposit(fallen.account, WETH, ETHER)
    assert refused(fallen.lock) == "healthy"


def test_a_top_up_that_is_not_final_saves_from_the_lock(fallen: Story) -> None:
    a, b = fallen.ground.chains
    b.chain.mine()
    topped = fallen.read_entry(b, repaid=(0, 1_000 * WAD))
    fallen.post(a, fallen.state(fallen.read_entry(a), topped))
    low, high = fallen.health(a)
    assert low < WAD < high
    assert refused(fallen.lock) == "healthy"


def test_a_top_up_between_two_final_blocks_saves_whatever_is_posted_after_it(
    fallen: Story,
) -> None:
    a, b = fallen.ground.chains
    old = fallen.read_entry(b)
    topped = replace(old, repaid=(0, 1_000 * WAD), added=(WAD // 10, 0))
    fallen.post(a, fallen.state(fallen.read_entry(a), old))
    assert fallen.health(a)[1] < WAD
    fallen.post(a, fallen.state(fallen.read_entry(a), topped))
    fallen.post(a, fallen.state(fallen.read_entry(a), old))
    assert refused(fallen.lock) == "healthy"
    b.chain.mine()
    fallen.refresh()
    fallen.lock()


def test_a_stale_statement_opens_no_lock(fallen: Story) -> None:
    fallen.a.advance(61)
    assert refused(fallen.lock) == "stale"
    fallen.refresh()
    assert refused(fallen.lock) == "stale"
    fallen.b.advance(61)
    fallen.refresh()
    fallen.lock()


def test_a_chain_that_was_never_read_and_holds_a_line_blocks_seizure(story: Story) -> None:
    a, b = story.ground.chains
    for chain in story.ground.chains:
        chain.set_price(WETH, 1_500)
    assert story.health(b) == (0, 0)
    assert refused(story.liquidate, b, 1_000 * DOLLAR) == "unread"
    story.post(a, story.state(story.read_entry(a)))
    assert refused(story.lock) == "unread"


def test_an_outage_liquidates_nobody(fallen: Story) -> None:
    a = fallen.a
    for chain in fallen.ground.chains:
        chain.set_price(WETH, 1_939.5)
    fallen.refresh()
    a.advance(HOUR)
    low, high = fallen.health(a)
    assert low < WAD < high
    assert refused(fallen.lock) == "unread"


def test_a_lagging_clock_lets_nothing_be_seized_twice(fallen: Story) -> None:
    a = fallen.a
    order = locked(fallen)
    a.advance(HOUR)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    # That it is not closed yet is true, and releases nothing.
    assert refused(fallen.release, order, word=0) == "closed"
    assert fallen.claim(order, receipt) > 0
    assert a.locked(fallen.account, WETH) == 0


def test_a_chain_whose_clock_runs_ahead_is_not_fresher_for_it(fallen: Story) -> None:
    a, b = fallen.ground.chains
    b.chain.mine()
    ahead = fallen.read_entry(b, time=a.now + 10 * HOUR)
    fallen.post(a, fallen.state(fallen.read_entry(a), ahead))
    a.advance(130)
    assert fallen.judge(a).unread


def test_an_unfinalised_or_reorged_receipt_pays_nobody(fallen: Story) -> None:
    b = fallen.b
    order = locked(fallen)
    name = b.chain.snapshot()
    receipt = fallen.fill(order, 5_000 * DOLLAR)
    assert b.fact(receipt_key(receipt), of_seizure=True) == int.from_bytes(receipt.hash, "big")
    b.chain.revert(name)
    b.chain.refresh_feeds()
    assert b.fact(receipt_key(receipt), of_seizure=True) == 0
    # Members sign what a final block says: no such receipt, so its hash is not to be had.
    assert refused(fallen.claim, order, receipt) == "signer"
    again = fallen.fill(order, 3_000 * DOLLAR)
    assert fallen.claim(order, again) > 0


def test_a_receipt_serves_one_order_once_and_only_as_it_is(fallen: Story) -> None:
    order = locked(fallen)
    receipt = fallen.fill(order, 5_000 * DOLLAR)
    witness = fallen.witness_receipt(order, receipt)
    for changed in (
        replace(receipt, to=STRANGER),
        replace(receipt, value_e8=receipt.value_e8 + 1),
        replace(receipt, index=1),
    ):
        assert refused(fallen.claim, order, changed, witness) == "signer"
    assert refused(fallen.claim, replace(order, nonce=2), receipt, witness) == "order"
    assert refused(fallen.claim, order, replace(receipt, order=b"\1" * 32), witness) == "receipt"
    fallen.claim(order, receipt, witness)
    assert refused(fallen.claim, order, receipt, witness) == "claimed"


def test_a_foreign_contract_or_chain_says_nothing(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock()
    for changes in ({"source": a.vault}, {"chain_id": b.number}, {"source": b.seizure}):
        assert refused(fallen.register, order, fallen.witness_lock(order, **changes)) == "signer"
    here = replace(order, debt_chain=a.number)
    word = int.from_bytes(here.id, "big")
    arguments = (astuple(here), *fallen.witness_lock(order, word=word).arguments)
    signature = f"register({ORDER},uint64,uint256,bytes,bytes)"
    assert refused(a.do, a.seizure, signature, *arguments, sender=STRANGER) == "peer"
    there = replace(order, debt_chain=99)
    assert refused(b.do, b.seizure, signature, astuple(there), *arguments[1:]) == "chain"


def test_newer_sequences_void_no_lock(fallen: Story) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock()
    for _ in range(3):
        for chain in fallen.ground.chains:
            chain.chain.mine()
        fallen.refresh()
    fallen.register(order)
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    b.chain.mine()
    fallen.refresh()
    assert fallen.health(a)[1] > WAD
    assert fallen.claim(order, receipt) > 0


@pytest.mark.parametrize("first", ["lock", "borrow"])
def test_the_same_collateral_is_not_spent_on_two_chains(fallen: Story, first: str) -> None:
    a, b = fallen.ground.chains
    order = fallen.lock()
    assert refused(a.withdraw, fallen.account, WETH, order.units) == "line"
    if first == "lock":
        fallen.register(order)
        assert refused(b.borrow, fallen.account, USDC, DOLLAR) == "margin"
    else:
        assert refused(b.borrow, fallen.account, USDC, DOLLAR) == "margin"
        fallen.register(order)
    key = FactKey(kind=FactKind.LOWERED, subject=fallen.account, numbers=(a.number, b.number, WETH))
    assert b.fact(key) == order.line_units
    fallen.ground.carry_lower(fallen.account, WETH)
    assert a.line_out(fallen.account, b, WETH) == 10 * WAD - order.line_units
    assert refused(a.withdraw, fallen.account, WETH, 1) == "line"
    receipt = fallen.fill(order, 100_000 * DOLLAR)
    paid = fallen.claim(order, receipt)
    assert a.collateral(fallen.account, WETH) == 10 * WAD - paid
    assert a.locked(fallen.account, WETH) == 0


def test_a_line_that_was_lowered_before_its_raise_was_seen_backs_nothing(story: Story) -> None:
    a, b = story.ground.chains
    a.deposit(story.account, WETH, 2 * ETHER)
    story.refresh()
    a.raise_line(story.account, b, WETH, 2 * WAD)
    endanger(story, 1_400)
    order = story.lock()
    assert order.line_units == order.units > 10 * WAD
    story.register(order)
    assert b.line_in(story.account, a, WETH) == 0
    story.ground.carry_raise(story.account, WETH)
    assert b.line_in(story.account, a, WETH) == 12 * WAD - order.line_units


def test_a_stolen_quorum_takes_the_hourly_cap_of_claims_and_no_more(story: Story) -> None:
    a, b = story.ground.chains
    victim = story.account
    a.deposit(victim, WETH, 9_990 * ETHER)
    debt = story.read_entry(b, debt=(0, 10**9 * WAD), height=10**6)
    story.post(a, story.state(story.read_entry(a), debt))
    order = story.lock()
    forged = Receipt(order=order.id, index=0, to=LIQUIDATOR, units=10**30, value_e8=order.value_e8)
    word = int.from_bytes(forged.hash, "big")
    room = int(a.ask(a.vault, "claim_room(uint8)", WETH))
    got = story.claim(order, forged, story.witness_receipt(order, forged, word=word))
    assert got == room < order.units
    story.claim_rest(order, forged)
    total = a.balance(WETH, LIQUIDATOR)
    assert total <= room * 101 // 100


def test_a_forged_deficit_waits_for_the_veto_and_for_the_cap(story: Story) -> None:
    a, b = story.ground.chains
    none = story.read_entry(a, collateral=(0, 0), height=10**6)
    story.post(b, story.state(none, story.read_entry(b)))
    provide, write_down = "provide(bytes32,uint8)", "write_down(bytes32,uint8)"
    b.do(b.seizure, provide, story.account, USDC)
    assert refused(b.do, b.seizure, write_down, story.account, USDC) == "early"
    veto = "veto(bytes32,uint8)"
    b.do(b.seizure, veto, story.account, USDC, sender=b.ledger.timelock)
    assert refused(b.do, b.seizure, write_down, story.account, USDC) == "provided"
    assert b.debt(story.account, USDC) >= 16_000 * WAD


def test_lenders_cannot_run_from_a_loss_that_is_provided_for(fallen: Story) -> None:
    a, b = fallen.ground.chains
    for chain in fallen.ground.chains:
        chain.set_price(WETH, 1_000)
    while True:
        fallen.refresh()
        if fallen.judge(a).gross_weight == 0:
            break
        order = locked(fallen)
        fallen.claim(order, fallen.fill(order, 100_000 * DOLLAR))
    held = int(b.ask(b.pool, "shares(address,uint8)", LENDER, USDC))
    b.do(b.pool, "request_exit(uint8,uint256)", USDC, held, sender=LENDER)
    b.do(b.seizure, "provide(bytes32,uint8)", fallen.account, USDC)
    loss = b.debt(fallen.account, USDC)
    b.advance(61)
    before = b.balance(USDC, LENDER)
    b.do(b.pool, "exit(uint8)", USDC, sender=LENDER)
    got = (b.balance(USDC, LENDER) - before) * 10**12
    assert loss > 5_000 * WAD
    assert got <= 1_000_000 * WAD - loss + 10 * WAD


def test_an_account_without_debt_cannot_be_locked(vaults: Ground) -> None:
    a = vaults.a
    account = a.open()
    story = Story(ground=vaults, account=account)
    a.deposit(account, WETH, ETHER)
    story.refresh()
    assert story.health(a) == (NO_DEBT, NO_DEBT)
    assert refused(story.lock) == "healthy"


def test_an_order_is_what_its_lock_says(fallen: Story) -> None:
    order = fallen.lock()
    more = replace(order, value_e8=order.value_e8 + USD)
    assert refused(fallen.register, more, fallen.witness_lock(order)) == "signer"
    word = int.from_bytes(more.id, "big")
    forged = fallen.a.witness(lock_key(more), word=word, of_seizure=True, members=TWO)
    assert refused(fallen.register, more, forged) == "quorum"
    assert found_committee().threshold == 3
