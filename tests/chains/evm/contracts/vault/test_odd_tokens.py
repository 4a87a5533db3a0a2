"""Vaults with tokens as they really are: silent, taking fees, refusing a payee, or hostile."""

from dataclasses import dataclass

import pytest

from chains.model.ids import Address
from chains.model.units import WAD
from tests.support.rescue import compile_helper, refused
from tests.support.vault_rules import govern
from tests.support.vaults import LENDER, OWNER, STRANGER, Ground, VaultChain

pytestmark = pytest.mark.net

ODD = 2
"""The odd token's asset number."""
SET_ASSET = "set_asset(uint8,address,uint256,uint256,(uint256,uint256,uint256,uint256))"
CAPS = (10**30,) * 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A vault that lists one more asset, at a dollar."""

    place: VaultChain
    token: Address
    unit: int
    account: bytes

    def make(self, signature: str, *args: object) -> None:
        self.place.chain.send(self.token, signature, *args)

    def mint(self, holder: Address, amount: int) -> None:
        self.make("mint(address,uint256)", holder, amount)
        for spender in (self.place.vault, self.place.pool):
            approve = "approve(address,uint256)"
            self.place.chain.send(self.token, approve, spender, 2**256 - 1, sender=holder)

    def deposit(self, amount: int, payer: Address = OWNER) -> None:
        self.mint(payer, amount)
        signature = "deposit(bytes32,uint8,uint256)"
        self.place.do(self.place.vault, signature, self.account, ODD, amount, sender=payer)

    def supply(self, amount: int, lender: Address = LENDER) -> None:
        self.mint(lender, amount)
        self.place.do(self.place.pool, "supply(uint8,uint256)", ODD, amount, sender=lender)

    def balance(self, holder: Address) -> int:
        return int(self.place.ask(self.token, "balanceOf(address)", holder))

    def held_is_owned(self) -> bool:
        """Whether vault and pool hold exactly what they say."""
        return all(
            self.balance(keeper) == self.place.ask(keeper, "custody(uint8)", ODD)
            for keeper in (self.place.vault, self.place.pool)
        )

    def credit(self, keeper: Address, holder: Address) -> int:
        return int(self.place.ask(keeper, "credits(uint8,address)", ODD, holder))


def deploy_odd(place: VaultChain, decimals: int) -> Address:
    token = place.chain.deploy(compile_helper("odd_token"))
    place.chain.send(token, "describe(string,uint8)", "ODD", decimals)
    return token


def list_odd(place: VaultChain, decimals: int = 18) -> Odd:
    token = deploy_odd(place, decimals)
    feed = place.chain.deployment.tokens["USDC"].feed
    govern(place, place.vault, SET_ASSET, ODD, token, 8_000, 8_500, CAPS)
    bounds = (10**6, 10**10)
    govern(
        place,
        place.vault,
        "set_feed(uint8,address,uint256,uint256,uint256)",
        *(ODD, feed, 3_600, *bounds),
    )
    curve = "set_curve(uint8,(uint256,uint256,uint256,uint256,uint256))"
    govern(place, place.pool, curve, ODD, (0, 0, 0, 8_000, 0))
    return Odd(place=place, token=token, unit=10**decimals, account=place.open())


@pytest.fixture(params=[6, 18])
def odd(vaults: Ground, request: pytest.FixtureRequest) -> Odd:
    return list_odd(vaults.a, request.param)


def use(odd: Odd) -> None:
    """Go through all that moves tokens, and come out even."""
    place, one = odd.place, odd.unit
    odd.supply(1_000 * one)
    odd.deposit(1_000 * one)
    words = (odd.account, ODD)
    place.do(place.vault, "borrow(bytes32,uint8,uint256,address)", *words, 100 * one, OWNER)
    odd.mint(OWNER, 20 * one)
    place.do(place.vault, "repay(bytes32,uint8,uint256)", *words, 100 * one)
    while place.debt(*words):
        place.do(place.vault, "repay(bytes32,uint8,uint256)", *words, 10 * one)
    held = place.collateral(*words) * one // WAD
    withdraw = "withdraw(bytes32,uint8,uint256,address)"
    place.do(place.vault, withdraw, *words, held, OWNER)
    assert place.collateral(*words) == 0
    assert odd.held_is_owned()


def test_a_token_of_any_decimals_serves(odd: Odd) -> None:
    use(odd)


def test_a_token_that_returns_nothing_serves(odd: Odd) -> None:
    odd.make("be_silent()")
    use(odd)


def test_of_a_token_that_takes_a_fee_what_arrived_is_credited(odd: Odd) -> None:
    odd.make("take_fee(uint256)", 100)
    odd.deposit(100 * odd.unit)
    assert odd.place.collateral(odd.account, ODD) == 99 * WAD
    use(odd)


def test_a_token_that_lies_pays_nothing_in_and_owes_what_it_did_not_pay_out(odd: Odd) -> None:
    odd.deposit(100 * odd.unit)
    odd.make("lie()")
    odd.mint(OWNER, odd.unit)
    deposit = (odd.account, ODD, odd.unit)
    place = odd.place
    assert refused(place.do, place.vault, "deposit(bytes32,uint8,uint256)", *deposit) == "pull"
    withdraw(odd, OWNER)
    assert odd.credit(place.vault, OWNER) == 100 * odd.unit
    credit = "withdraw_credit(uint8,address)"
    assert refused(place.do, place.vault, credit, ODD, OWNER) == "transfer"
    assert odd.held_is_owned()


def withdraw(odd: Odd, to: Address) -> None:
    signature = "withdraw(bytes32,uint8,uint256,address)"
    odd.place.do(odd.place.vault, signature, odd.account, ODD, 100 * odd.unit, to)


def test_a_payee_whom_the_token_refuses_stops_nobody_and_is_owed(odd: Odd) -> None:
    place = odd.place
    odd.deposit(100 * odd.unit)
    odd.make("block(address)", STRANGER)
    withdraw(odd, STRANGER)
    assert place.collateral(odd.account, ODD) == 0
    assert odd.credit(place.vault, STRANGER) == 100 * odd.unit
    assert odd.held_is_owned()
    credit = "withdraw_credit(uint8,address)"
    assert refused(place.do, place.vault, credit, ODD, STRANGER, sender=STRANGER) == "transfer"
    assert refused(place.do, place.vault, credit, ODD, OWNER, sender=OWNER) == "credit"
    place.do(place.vault, credit, ODD, LENDER, sender=STRANGER)
    assert odd.balance(LENDER) == 100 * odd.unit
    assert refused(place.do, place.vault, credit, ODD, LENDER, sender=STRANGER) == "credit"
    assert odd.held_is_owned()


def test_a_lender_whom_the_token_refuses_leaves_all_the_same(odd: Odd) -> None:
    place = odd.place
    odd.supply(50 * odd.unit)
    odd.make("block(address)", LENDER)
    shares = place.ask(place.pool, "shares(address,uint8)", LENDER, ODD)
    place.do(place.pool, "request_exit(uint8,uint256)", ODD, shares, sender=LENDER)
    place.advance(60)
    place.do(place.pool, "exit(uint8)", ODD, sender=LENDER)
    assert odd.credit(place.pool, LENDER) == 50 * odd.unit
    assert odd.held_is_owned()


REENTRIES = {
    "deposit": ("vault", "deposit(bytes32,uint8,uint256)", "account", ODD, 1),
    "open": ("vault", "withdraw_credit(uint8,address)", ODD, OWNER),
    "supply": ("pool", "supply(uint8,uint256)", ODD, 1),
    "leave": ("pool", "exit(uint8)", ODD),
    "donate": ("pool", "donate(uint8,uint256)", ODD, 1),
}


@pytest.mark.parametrize("name", sorted(REENTRIES))
def test_a_hostile_token_gets_in_nowhere(vaults: Ground, name: str) -> None:
    """From within a deposit it tries the vault, from within a supply the pool."""
    odd = list_odd(vaults.a)
    keeper, signature, *words = REENTRIES[name]
    place = odd.place
    target = place.vault if keeper == "vault" else place.pool
    args = [odd.account if word == "account" else word for word in words]
    odd.mint(odd.token, 10 * odd.unit)
    odd.make("attack(address,bytes)", target, place.encode(str(signature), *args))
    if keeper == "vault":
        odd.deposit(10 * odd.unit)
    else:
        odd.supply(10 * odd.unit)
    assert place.ask(odd.token, "attempts()") == 1
    assert place.ask(odd.token, "entered()") == 0
    assert odd.held_is_owned()


def test_a_hostile_token_that_pays_the_other_contract_is_counted_once(vaults: Ground) -> None:
    """Supplied from within a deposit: each contract counts what came to it."""
    odd = list_odd(vaults.a)
    place = odd.place
    odd.mint(odd.token, 10 * odd.unit)
    odd.make("attack(address,bytes)", place.pool, place.encode("supply(uint8,uint256)", ODD, 5))
    odd.deposit(10 * odd.unit)
    assert place.collateral(odd.account, ODD) == 10 * WAD
    assert odd.held_is_owned()


def test_tokens_of_other_decimals_and_of_another_asset_are_not_listed(vaults: Ground) -> None:
    place = vaults.a
    for decimals in (5, 19):
        token = deploy_odd(place, decimals)
        assert list_refused(place, ODD, token) == "decimals"
    assert list_refused(place, ODD, place.token(0)) == "asset"
    token = deploy_odd(place, 18)
    assert list_refused(place, 0, token) == "asset"
    assert list_refused(place, ODD + 1, token) == "asset"


def test_an_asset_without_a_curve_is_not_lent(odd: Odd) -> None:
    place = odd.place
    list_another(place)
    words = (odd.account, ODD + 1, 1, OWNER)
    borrow = "borrow(bytes32,uint8,uint256,address)"
    assert refused(place.do, place.vault, borrow, *words) == "curve"


def list_another(place: VaultChain) -> None:
    token = deploy_odd(place, 18)
    govern(place, place.vault, SET_ASSET, ODD + 1, token, 8_000, 8_500, CAPS)


def list_refused(place: VaultChain, asset: int, token: Address) -> str:
    words = (asset, token, 8_000, 8_500, CAPS)
    return refused(place.do, place.vault, SET_ASSET, *words, sender=place.ledger.timelock)
