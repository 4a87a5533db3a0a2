"""pool.vy: what lenders own, what interest may do, who bears a loss, who leaves at which price."""

from dataclasses import dataclass

import pytest

from chains.model.ids import Address
from chains.model.units import WAD
from daemon.devnet.vaults import compile_vault
from tests.support.rescue import refused
from tests.support.vault_rules import cap, govern
from tests.support.vaults import (
    HOUR,
    LENDER,
    LIQUIDATOR,
    OWNER,
    STRANGER,
    TERMS,
    USDC,
    WETH,
    Ground,
    VaultChain,
)

pytestmark = pytest.mark.net

DOLLAR = 10**6
ETHER = 10**18
YEAR = 365 * 86_400
POOL = "(" + ",".join(["uint256"] * 9) + ")"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    cash: int
    debt: int
    bad_debt: int
    fund: int
    provisions: int
    assets: int
    supply_shares: int
    index: int
    rate: int


def read_pool(place: VaultChain, asset: int = USDC) -> Pool:
    (found,) = place.chain.call(place.pool, "pool(uint8)", asset, returns=f"({POOL})")
    return Pool(**dict(zip(Pool.__dataclass_fields__, found, strict=True)))


def worth(place: VaultChain, lender: Address = LENDER) -> int:
    return int(place.ask(place.pool, "shares_value(address,uint8)", lender, USDC))


def shares(place: VaultChain, lender: Address = LENDER) -> int:
    return int(place.ask(place.pool, "shares(address,uint8)", lender, USDC))


def ask_exit(place: VaultChain, lender: Address = LENDER) -> None:
    words = (USDC, shares(place, lender))
    place.do(place.pool, "request_exit(uint8,uint256)", *words, sender=lender)


def leave(place: VaultChain, lender: Address = LENDER) -> None:
    place.do(place.pool, "exit(uint8)", USDC, sender=lender)


def as_seizure(place: VaultChain, name: str, account: bytes, units: int) -> None:
    signature = f"{name}(bytes32,uint8,uint256)"
    place.do(place.vault, signature, account, USDC, units, sender=place.seizure)


@pytest.fixture
def a(vaults: Ground) -> VaultChain:
    """A chain where 10 000 USDC are lent by one lender."""
    vaults.a.supply(USDC, 10_000 * DOLLAR)
    return vaults.a


@pytest.fixture
def debtor(a: VaultChain) -> bytes:
    """An account that borrowed 8 000 of them."""
    account = a.open()
    a.deposit(account, WETH, 20 * ETHER)
    a.borrow(account, USDC, 8_000 * DOLLAR)
    return account


def test_the_rate_has_a_kink_and_a_ceiling(a: VaultChain, debtor: bytes) -> None:
    assert read_pool(a).rate == pytest.approx(5 * WAD // 100, rel=1e-9)
    a.borrow(debtor, USDC, 1_000 * DOLLAR)
    assert read_pool(a).rate == pytest.approx(35 * WAD // 100, rel=1e-9)


def test_no_curve_gets_past_the_ceiling_however_long_and_however_touched(a: VaultChain) -> None:
    """The highest curve there may be, all of the pool used, a touch each month for a year."""
    steep = (WAD, WAD, WAD, 1, 0)
    curve = "set_curve(uint8,(uint256,uint256,uint256,uint256,uint256))"
    govern(a, a.pool, curve, USDC, steep)
    account = a.open()
    a.deposit(account, WETH, 20 * ETHER)
    a.borrow(account, USDC, 10_000 * DOLLAR)
    assert read_pool(a).rate == TERMS.max_rate
    begun, debt = a.now, a.debt(account, USDC)
    for _ in range(12):
        a.advance(YEAR // 12)
        a.deposit(account, WETH, 1)
        a.fund(USDC, STRANGER, 2)
        a.repay(account, USDC, 1, payer=STRANGER)
    x = TERMS.max_rate * (a.now - begun) / YEAR / WAD
    assert debt * (1 + x) < a.debt(account, USDC) < debt * (1 + x + x * x)


def test_a_steeper_curve_than_the_ceiling_is_refused(a: VaultChain) -> None:
    curve = "set_curve(uint8,(uint256,uint256,uint256,uint256,uint256))"
    for bad, reason in (
        ((WAD + 1, 0, 0, 8_000, 0), "rate"),
        ((0, 0, 0, 0, 0), "kink"),
        ((0, 0, 0, 10_000, 0), "kink"),
        ((0, 0, 0, 8_000, 5_001), "reserve"),
    ):
        sender = a.ledger.timelock
        assert refused(a.do, a.pool, curve, USDC, bad, sender=sender) == reason
    good = (0, 0, 0, 8_000, 0)
    assert refused(a.do, a.pool, curve, USDC, good, sender=OWNER) == "owner"


def test_interest_is_the_lenders_less_the_funds_part(a: VaultChain, debtor: bytes) -> None:
    before = read_pool(a)
    a.advance(YEAR)
    after = read_pool(a)
    interest = after.debt - before.debt
    assert interest == pytest.approx(400 * WAD, rel=1e-4)
    assert after.fund == pytest.approx(interest // 10, rel=1e-9)
    assert worth(a) - 10_000 * WAD == pytest.approx(interest * 9 // 10, rel=1e-6)
    assert a.debt(debtor, USDC) >= after.debt


def test_the_first_lender_cannot_make_the_next_one_lose(vaults: Ground) -> None:
    """Neither a gift to the contract nor one to the fund moves the price of shares."""
    a = vaults.a
    a.supply(USDC, 1, lender=STRANGER)
    a.chain.mint("USDC", a.pool, 1_000_000 * DOLLAR)
    a.fund(USDC, STRANGER, 1_000_000 * DOLLAR)
    a.do(a.pool, "donate(uint8,uint256)", USDC, 1_000_000 * DOLLAR, sender=STRANGER)
    a.supply(USDC, 10 * DOLLAR)
    assert worth(a) >= 10 * WAD - 1
    assert worth(a, STRANGER) <= 10**12


def test_who_comes_and_leaves_at_once_gains_nothing(a: VaultChain, debtor: bytes) -> None:
    a.advance(YEAR // 3)
    a.supply(USDC, 777_777_777, lender=STRANGER)
    assert worth(a, STRANGER) <= 777_777_777 * 10**12
    assert a.debt(debtor, USDC) > 8_000 * WAD


def test_a_lender_waits_and_leaves_through_a_window(a: VaultChain) -> None:
    ask_exit(a)
    assert refused(leave, a) == "early"
    a.advance(TERMS.exit_delay_s + TERMS.exit_window_s + 1)
    assert refused(leave, a) == "expired"
    a.do(a.pool, "cancel_exit(uint8)", USDC, sender=LENDER)
    assert worth(a) >= 10_000 * WAD - 1
    ask_exit(a)
    a.advance(TERMS.exit_delay_s)
    leave(a)
    assert a.balance(USDC, LENDER) == 10_000 * DOLLAR
    assert refused(leave, a) == "exit"


def test_shares_on_their_way_out_earn_nothing(a: VaultChain, debtor: bytes) -> None:
    """Else a way out that is always open would be free, and everybody would keep one."""
    a.supply(USDC, 10_000 * DOLLAR, lender=STRANGER)
    ask_exit(a)
    a.advance(TERMS.exit_delay_s + TERMS.exit_window_s // 2)
    leave(a)
    assert a.balance(USDC, LENDER) <= 10_000 * DOLLAR
    assert worth(a, STRANGER) > 10_000 * WAD
    assert a.debt(debtor, USDC) > 8_000 * WAD


def test_a_lender_leaves_as_far_as_there_is_cash(a: VaultChain, debtor: bytes) -> None:
    ask_exit(a)
    a.advance(TERMS.exit_delay_s)
    leave(a)
    assert a.balance(USDC, LENDER) == 2_000 * DOLLAR
    assert refused(leave, a) == "cash"
    a.fund(USDC, OWNER, 10_000 * DOLLAR)
    a.repay(debtor, USDC, 8_000 * DOLLAR)
    leave(a)
    assert 9_999 * DOLLAR <= a.balance(USDC, LENDER) <= 10_000 * DOLLAR


def test_nobody_runs_from_a_loss_that_is_visible(a: VaultChain, debtor: bytes) -> None:
    """One asked to leave before the provision, one stays: both bear the same part."""
    a.supply(USDC, 10_000 * DOLLAR, lender=STRANGER)
    ask_exit(a)
    a.advance(TERMS.exit_delay_s)
    as_seizure(a, "provide", debtor, 4_000 * WAD)
    leave(a)
    assert a.balance(USDC, LENDER) == pytest.approx(8_000 * DOLLAR, rel=1e-4)
    assert worth(a, STRANGER) == pytest.approx(8_000 * WAD, rel=1e-4)
    before = worth(a, STRANGER)
    as_seizure(a, "write_down", debtor, 4_000 * WAD)
    assert before <= worth(a, STRANGER) < before + 10**14


def test_nobody_comes_in_unaware_of_a_loss(a: VaultChain, debtor: bytes) -> None:
    as_seizure(a, "provide", debtor, WAD)
    assert refused(a.supply, USDC, DOLLAR, lender=STRANGER) == "provision"
    as_seizure(a, "unprovide", debtor, WAD)
    a.supply(USDC, DOLLAR, lender=STRANGER)


def test_the_fund_bears_a_loss_before_the_lenders(a: VaultChain, debtor: bytes) -> None:
    a.fund(USDC, STRANGER, 3_000 * DOLLAR)
    a.do(a.pool, "donate(uint8,uint256)", USDC, 3_000 * DOLLAR, sender=STRANGER)
    before = worth(a)
    as_seizure(a, "provide", debtor, 2_000 * WAD)
    assert worth(a) == pytest.approx(before, rel=1e-6)
    as_seizure(a, "provide", debtor, 2_000 * WAD)
    assert worth(a) == pytest.approx(before - 1_000 * WAD, rel=1e-6)
    assert read_pool(a).fund < WAD
    as_seizure(a, "unprovide", debtor, 4_000 * WAD)
    assert read_pool(a).fund == pytest.approx(3_000 * WAD, rel=1e-3)
    assert worth(a) == pytest.approx(before, rel=1e-6)


def test_a_written_down_debt_is_still_owed_and_what_is_repaid_is_the_lenders(
    a: VaultChain, debtor: bytes
) -> None:
    owed = a.debt(debtor, USDC)
    as_seizure(a, "provide", debtor, 8_000 * WAD)
    assert worth(a) == pytest.approx(2_000 * WAD, rel=1e-4)
    as_seizure(a, "write_down", debtor, 8_000 * WAD)
    assert a.debt(debtor, USDC) == pytest.approx(owed, rel=1e-6)
    assert read_pool(a).debt < WAD // 100
    bad = int(a.ask(a.vault, "bad_debt(bytes32,uint8)", debtor, USDC))
    assert bad == 8_000 * WAD == read_pool(a).bad_debt
    a.advance(YEAR)
    assert a.ask(a.vault, "bad_debt(bytes32,uint8)", debtor, USDC) == bad
    a.fund(USDC, OWNER, 10_000 * DOLLAR)
    a.repay(debtor, USDC, 2**255)
    assert a.debt(debtor, USDC) == 0
    assert worth(a) == pytest.approx(10_000 * WAD, rel=1e-4)


def test_no_more_is_provided_than_is_owed_or_written_down_than_provided(
    a: VaultChain, debtor: bytes
) -> None:
    assert refused(as_seizure, a, "provide", debtor, 8_001 * WAD) == "debt"
    as_seizure(a, "provide", debtor, 5_000 * WAD)
    assert refused(as_seizure, a, "provide", debtor, 3_001 * WAD) == "debt"
    assert refused(as_seizure, a, "write_down", debtor, 5_001 * WAD) == "provision"
    assert refused(as_seizure, a, "unprovide", debtor, 5_001 * WAD) == "provision"


def test_repaying_takes_back_what_was_provided_for(a: VaultChain, debtor: bytes) -> None:
    as_seizure(a, "provide", debtor, 8_000 * WAD)
    a.fund(USDC, OWNER, 10_000 * DOLLAR)
    a.repay(debtor, USDC, 6_000 * DOLLAR)
    provided = int(a.ask(a.vault, "provision(bytes32,uint8)", debtor, USDC))
    assert 2_000 * WAD <= provided <= a.debt(debtor, USDC)
    a.repay(debtor, USDC, 2**255)
    assert read_pool(a).provisions == 0


def test_a_write_down_counts_in_the_hourly_cap(a: VaultChain, debtor: bytes) -> None:
    cap(a, USDC, 1_000 * WAD)
    a.advance(9 * HOUR)
    as_seizure(a, "provide", debtor, 4_000 * WAD)
    assert refused(as_seizure, a, "write_down", debtor, 1_001 * WAD) == "cap"
    as_seizure(a, "write_down", debtor, 1_000 * WAD)
    assert refused(as_seizure, a, "write_down", debtor, 10 * WAD) == "cap"
    assert refused(a.borrow, debtor, USDC, 10 * DOLLAR) == "cap"


def test_the_fund_pays_what_it_has_and_its_cap_lets(a: VaultChain) -> None:
    a.fund(USDC, STRANGER, 3_000 * DOLLAR)
    a.do(a.pool, "donate(uint8,uint256)", USDC, 3_000 * DOLLAR, sender=STRANGER)
    draw = "draw_fund(uint8,uint256,address)"
    a.do(a.vault, draw, USDC, 500 * WAD + 1, LIQUIDATOR, sender=a.seizure)
    assert a.balance(USDC, LIQUIDATOR) == 500 * DOLLAR
    cap(a, USDC, 1_000 * WAD)
    a.do(a.vault, draw, USDC, 2_000 * WAD, LIQUIDATOR, sender=a.seizure)
    room = a.balance(USDC, LIQUIDATOR)
    assert 500 * DOLLAR <= room <= 1_500 * DOLLAR
    a.advance(7_200)
    before = worth(a)
    a.do(a.vault, draw, USDC, 9_000 * WAD, LIQUIDATOR, sender=a.seizure)
    a.advance(7_200)
    a.do(a.vault, draw, USDC, 9_000 * WAD, LIQUIDATOR, sender=a.seizure)
    a.advance(7_200)
    a.do(a.vault, draw, USDC, 9_000 * WAD, LIQUIDATOR, sender=a.seizure)
    assert a.balance(USDC, LIQUIDATOR) == 3_000 * DOLLAR
    assert worth(a) >= before


@pytest.mark.parametrize("name", ["vault", "pool", "timelock", "notary", "seizure", "judge"])
def test_every_contract_is_under_the_limit_of_eip_170(vaults: Ground, name: str) -> None:
    place = vaults.a
    addresses = {
        "vault": place.vault,
        "pool": place.pool,
        "timelock": place.ledger.timelock,
        "notary": place.notary,
        "seizure": place.seizure,
        "judge": place.judge,
    }
    code = place.chain.rpc.request("eth_getCode", addresses[name], "latest")
    assert 0 < len(code) // 2 - 1 <= 24_576
    assert compile_vault(name).code
