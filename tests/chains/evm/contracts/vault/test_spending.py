"""vault.vy lets owners spend by what their own chain knows, and everybody pay in at any time."""

import pytest

from chains.model.units import WAD
from daemon.devnet.vaults import HEARTBEAT_S
from tests.support.rescue import refused
from tests.support.vault_rules import break_feed, cap, govern, pause
from tests.support.vaults import (
    GOVERNOR,
    GUARDIAN,
    HOUR,
    LENDER,
    OWNER,
    STRANGER,
    TERMS,
    USDC,
    WETH,
    Ground,
    VaultChain,
)

pytestmark = pytest.mark.net

ETHER = 10**18
DOLLAR = 10**6
DAY = 86_400
PAUSE = 3 * DAY


@pytest.fixture
def a(vaults: Ground) -> VaultChain:
    """One chain whose lenders lend 100 000 USDC."""
    vaults.a.supply(USDC, 100_000 * DOLLAR)
    return vaults.a


@pytest.fixture
def account(a: VaultChain) -> bytes:
    """An account with 10 WETH at 2000 USD: 16 000 USD may be owed."""
    opened = a.open()
    a.deposit(opened, WETH, 10 * ETHER)
    return opened


def spendable(place: VaultChain, account: bytes) -> tuple[int, int]:
    owed, most = place.ask(place.vault, "spendable(bytes32)", account, returns="(uint256,uint256)")
    return owed, most


def test_debt_goes_up_to_the_loan_to_value_and_not_a_unit_further(
    a: VaultChain, account: bytes
) -> None:
    assert spendable(a, account) == (0, 16_000 * 10**8)
    assert refused(a.borrow, account, USDC, 16_000 * DOLLAR + 1) == "margin"
    a.borrow(account, USDC, 16_000 * DOLLAR)
    assert a.balance(USDC, OWNER) == 16_000 * DOLLAR
    assert refused(a.withdraw, account, WETH, 1) == "margin"


def test_only_owners_spend(a: VaultChain, account: bytes) -> None:
    assert refused(a.borrow, account, USDC, DOLLAR, sender=STRANGER) == "owner"
    assert refused(a.withdraw, account, WETH, 1, sender=STRANGER) == "owner"
    assert refused(a.raise_line, account, a, WETH, 1, sender=STRANGER) == "owner"
    assert refused(a.lower_line, account, a, WETH, 1, sender=STRANGER) == "owner"


def test_anybody_deposits_and_repays_for_anybody(a: VaultChain, account: bytes) -> None:
    a.borrow(account, USDC, 1_000 * DOLLAR)
    a.deposit(account, WETH, ETHER, payer=STRANGER)
    assert a.collateral(account, WETH) == 11 * WAD
    a.fund(USDC, STRANGER, 5_000 * DOLLAR)
    a.repay(account, USDC, 5_000 * DOLLAR, payer=STRANGER)
    assert a.debt(account, USDC) == 0
    assert 3_999 * DOLLAR <= a.balance(USDC, STRANGER) <= 4_000 * DOLLAR


def test_nobody_deposits_to_an_account_that_has_no_owner_here(a: VaultChain) -> None:
    assert refused(a.deposit, b"\x01" * 32, WETH, ETHER) == "account"


def test_a_repayment_takes_no_more_than_is_owed_and_no_debt_takes_none(
    a: VaultChain, account: bytes
) -> None:
    a.borrow(account, USDC, 1_000 * DOLLAR)
    a.advance(30 * DAY)
    owed = a.debt(account, USDC)
    a.fund(USDC, OWNER, 1_000 * DOLLAR)
    a.repay(account, USDC, 2**255)
    assert a.debt(account, USDC) == 0
    paid = (2_000 * DOLLAR - a.balance(USDC, OWNER)) * 10**12
    assert owed <= paid < owed + 10**15
    assert refused(a.repay, account, USDC, 1) == "debt"


def test_a_debt_under_the_minimum_is_not_lent(a: VaultChain, account: bytes) -> None:
    assert refused(a.borrow, account, USDC, 10 * DOLLAR - 1) == "min"
    a.borrow(account, USDC, 10 * DOLLAR)


def test_nothing_is_borrowed_that_the_pool_has_not(a: VaultChain, account: bytes) -> None:
    a.deposit(account, WETH, 100 * ETHER)
    assert refused(a.borrow, account, USDC, 100_000 * DOLLAR + 1) == "cash"
    assert refused(a.borrow, account, WETH, 1) == "cash"
    assert a.balance(WETH, a.vault) == 110 * ETHER


def test_a_price_that_is_not_to_be_believed_stops_what_needs_it_and_nothing_else(
    a: VaultChain, account: bytes
) -> None:
    a.borrow(account, USDC, 1_000 * DOLLAR)
    break_feed(a, "WETH")
    assert refused(a.borrow, account, USDC, DOLLAR) == "price"
    assert refused(a.withdraw, account, WETH, 1) == "price"
    a.deposit(account, WETH, ETHER)
    a.repay(account, USDC, 500 * DOLLAR)


@pytest.mark.parametrize(("answer", "believed"), [(20, True), (19.99, False), (200_001, False)])
def test_prices_are_believed_within_their_bounds(
    a: VaultChain, answer: float, *, believed: bool
) -> None:
    a.set_price(WETH, answer)
    if believed:
        assert a.ask(a.vault, "price(uint8)", WETH) == int(answer * 10**8)
    else:
        assert price_refused(a) == "price"


def price_refused(place: VaultChain) -> str:
    account = place.name(STRANGER)
    place.open(STRANGER)
    place.deposit(account, WETH, ETHER, payer=STRANGER)
    return refused(place.borrow, account, USDC, 10 * DOLLAR, sender=STRANGER)


def test_prices_grow_stale(a: VaultChain, account: bytes) -> None:
    a.chain.advance(HEARTBEAT_S + 1)
    assert refused(a.borrow, account, USDC, 10 * DOLLAR) == "price"
    a.chain.refresh_feeds()
    a.borrow(account, USDC, 10 * DOLLAR)


def test_a_price_from_the_future_is_refused(a: VaultChain, account: bytes) -> None:
    feed = a.chain.deployment.tokens["WETH"].feed
    a.chain.send(feed, "set_at(int256,uint256)", 2_000 * 10**8, a.now + 1_000)
    assert refused(a.borrow, account, USDC, 10 * DOLLAR) == "price"


def test_who_owes_nothing_leaves_without_a_price(a: VaultChain, account: bytes) -> None:
    break_feed(a, "WETH")
    break_feed(a, "USDC")
    a.withdraw(account, WETH, 10 * ETHER)
    assert a.balance(WETH, OWNER) == 10 * ETHER


def test_the_sequencer_has_to_be_up_for_its_grace(a: VaultChain, account: bytes) -> None:
    feed = a.chain.deployment.tokens["WBTC"].feed
    govern(a, a.vault, "set_sequencer(address,uint256)", feed, 600)
    down, up = 1, 0
    a.chain.send(feed, "set_round(int256,uint256,uint256,uint80)", down, a.now, a.now, 9)
    assert refused(a.borrow, account, USDC, 10 * DOLLAR) == "price"
    a.chain.send(feed, "set_round(int256,uint256,uint256,uint80)", up, a.now, a.now, 10)
    assert refused(a.borrow, account, USDC, 10 * DOLLAR) == "price"
    a.chain.advance(601)
    a.borrow(account, USDC, 10 * DOLLAR)


def test_no_more_than_the_cap_leaves_at_once_and_the_bucket_leaks_within_the_hour(
    a: VaultChain, account: bytes
) -> None:
    cap(a, USDC, 1_000 * WAD)
    a.borrow(account, USDC, 600 * DOLLAR)
    assert refused(a.borrow, account, USDC, 401 * DOLLAR) == "cap"
    a.borrow(account, USDC, 400 * DOLLAR)
    assert refused(a.borrow, account, USDC, DOLLAR) == "cap"
    a.advance(HOUR // 2)
    room = a.ask(a.vault, "room(uint8)", USDC)
    assert 500 * WAD <= room < 502 * WAD
    assert refused(a.borrow, account, USDC, 503 * DOLLAR) == "cap"
    a.borrow(account, USDC, 500 * DOLLAR)


def test_a_strangers_payment_makes_no_room_for_a_thief(a: VaultChain, account: bytes) -> None:
    cap(a, USDC, 1_000 * WAD)
    a.borrow(account, USDC, 1_000 * DOLLAR)
    a.supply(USDC, 5_000 * DOLLAR)
    a.repay(account, USDC, 500 * DOLLAR)
    assert refused(a.borrow, account, USDC, 100 * DOLLAR) == "cap"


def test_the_withdrawal_cap_is_of_its_own(a: VaultChain, account: bytes) -> None:
    cap(a, WETH, WAD)
    a.withdraw(account, WETH, ETHER)
    assert refused(a.withdraw, account, WETH, ETHER // 10) == "cap"
    a.borrow(account, USDC, 100 * DOLLAR)
    a.deposit(account, WETH, ETHER)
    assert refused(a.withdraw, account, WETH, ETHER // 10) == "cap"


def test_a_pause_stops_spending_only(a: VaultChain, account: bytes) -> None:
    a.borrow(account, USDC, 1_000 * DOLLAR)
    a.do(a.pool, "request_exit(uint8,uint256)", USDC, 10**24, sender=LENDER)
    a.advance(TERMS.exit_delay_s)
    pause(a)
    assert refused(a.borrow, account, USDC, 10 * DOLLAR) == "paused"
    assert refused(a.withdraw, account, WETH, 1) == "paused"
    assert refused(a.raise_line, account, a, WETH, 1) == "paused"
    assert refused(a.do, a.pool, "exit(uint8)", USDC, sender=LENDER) == "paused"
    a.deposit(account, WETH, ETHER)
    a.repay(account, USDC, 100 * DOLLAR)
    a.supply(USDC, DOLLAR)
    assert refused(a.lower_line, account, a, WETH, 1) == "line"


def test_a_pause_ends_and_the_next_waits_as_long(a: VaultChain, account: bytes) -> None:
    pause(a)
    assert refused(pause, a) == "paused"
    a.advance(PAUSE)
    a.withdraw(account, WETH, 1)
    assert refused(pause, a) == "paused"
    a.advance(PAUSE - 60)
    assert refused(pause, a) == "paused"
    a.advance(60)
    pause(a)
    assert refused(a.withdraw, account, WETH, 1) == "paused"
    a.do(a.ledger.timelock, "unpause(address)", a.vault, sender=GUARDIAN)
    a.withdraw(account, WETH, 1)


def test_one_chain_alone_needs_no_committee(a: VaultChain, account: bytes) -> None:
    a.borrow(account, USDC, 10_000 * DOLLAR)
    a.fund(USDC, OWNER, 10_000 * DOLLAR)
    a.repay(account, USDC, 2**255)
    a.withdraw(account, WETH, 10 * ETHER)
    assert a.collateral(account, WETH) == 0


def test_nothing_is_sealed_twice(a: VaultChain) -> None:
    owner = a.chain.deployment.owner
    words = (STRANGER, STRANGER, STRANGER)
    seal = "seal(address,address,address)"
    assert refused(a.do, a.vault, seal, *words, sender=owner) == "owner"
    assert refused(a.do, a.vault, seal, *words, sender=a.ledger.timelock) == "sealed"
    assert refused(a.do, a.pool, "seal(address)", STRANGER, sender=owner) == "sealed"


def test_only_the_seizure_seizes_and_only_the_vault_lends(a: VaultChain, account: bytes) -> None:
    calls = {
        "lock(bytes32,uint8,uint256,uint64)": (account, WETH, 1, 1),
        "unlock(bytes32,uint8,uint256)": (account, WETH, 0),
        "seize(bytes32,uint8,uint256,address,bool)": (account, WETH, 1, STRANGER, False),
        "repay_from(address,bytes32,uint8,uint256)": (OWNER, account, USDC, 1),
        "consume_line(bytes32,uint64,uint8,uint256)": (account, 1, WETH, 1),
        "draw_fund(uint8,uint256,address)": (USDC, 1, STRANGER),
        "provide(bytes32,uint8,uint256)": (account, USDC, 1),
        "unprovide(bytes32,uint8,uint256)": (account, USDC, 0),
        "write_down(bytes32,uint8,uint256)": (account, USDC, 0),
    }
    for signature, args in calls.items():
        for sender in (OWNER, GOVERNOR, a.ledger.timelock):
            assert refused(a.do, a.vault, signature, *args, sender=sender) == "seizure"
    for signature in ("borrow(bytes32,uint8,uint256,address)",):
        words = (account, USDC, WAD, STRANGER)
        assert refused(a.do, a.pool, signature, *words, sender=a.seizure) == "vault"
