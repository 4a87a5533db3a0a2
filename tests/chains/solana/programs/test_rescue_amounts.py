"""The amount that the program computes, to the unit against Save's arithmetic in Python."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chains.model.units import USD, Wad
from chains.solana.programs.instructions import ReserveAccounts
from chains.solana.protocols.save.decimals import ceil_units, whole
from chains.solana.protocols.save.math import (
    calculate_borrow_weight,
    calculate_health,
    refresh_obligation,
)
from chains.solana.protocols.save.state import Obligation, Reserve
from chains.solana.rescue import NO_DEBT_HEALTH
from tests.chains.solana.programs.rescue_scene import SOL, RescueScene, open_scene
from tests.chains.solana.protocols.save.building import RICH, MarketLab, random_terms


def least_units(
    obligation: Obligation, reserves: Mapping[bytes, Reserve], key: bytes, target: int
) -> int:
    """Find the fewest units whose repayment lifts the health to the target, by trying."""
    slot = obligation.slot
    (debt,) = [borrow for borrow in obligation.borrows if borrow.reserve == key]

    def reaches(units: int) -> bool:
        left = replace(debt, amount=max(debt.amount - whole(units), 0))
        borrows = tuple(
            left if b is debt else b for b in obligation.borrows if b is not debt or left.amount
        )
        health = calculate_health(
            refresh_obligation(replace(obligation, borrows=borrows), reserves, slot)
        )
        return health is None or health >= target

    low, high = 0, ceil_units(debt.amount)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle + 1, high)
    return low


def random_reserve(market: MarketLab, random: Random) -> ReserveAccounts:
    decimals, price = random.randint(2, 9), int(USD * 10 ** random.uniform(-3, 5))
    return market.add_reserve(random_terms(random), decimals=decimals, price=price)


def units_worth(market: MarketLab, accounts: ReserveAccounts, usd: float) -> int:
    price = market.prices[accounts.oracle].price
    return int(usd * USD * 10 ** market.reserve(accounts).decimals / price)


def random_scene(random: Random) -> tuple[RescueScene, ReserveAccounts]:
    """Give an owner with random collateral and one or two debts in random reserves."""
    scene = open_scene()
    market = scene.market
    first, *others = [random_reserve(market, random) for _ in range(random.choice([2, 3]))]
    debts = others
    whale, owner = market.owner(), market.owner()
    for accounts in debts:
        market.deposit(whale, accounts, units_worth(market, accounts, 1_000_000) + 10)
    market.deposit(owner, first, units_worth(market, first, 200_000) + 10)
    for accounts in debts:
        market.refresh(owner, accounts)
        allowed = market.obligation(owner).allowed_value - market.obligation(owner).borrowed_value
        weight = calculate_borrow_weight(market.reserve(accounts))
        usd = allowed / weight * random.uniform(0.3, 0.8)
        market.borrow(owner, accounts, units_worth(market, accounts, usd) + 1)
    market.lab.advance(random.randint(0, 100_000))
    market.republish()
    scene.owner, scene.usdc = owner, debts[0]
    scene.lab.svm.airdrop(scene.wallet, 10 * SOL)
    scene.fund(RICH)
    return scene, debts[0]


@given(st.integers(0, 2**32))
def test_the_amount_just_reaches_the_target(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- test data
    scene, accounts = random_scene(random)
    health = scene.health()
    target = Wad(int(health * random.uniform(1.001, 1.3)))
    terms = scene.terms(trigger=Wad(health + 1), target=target, per_action=RICH, per_day=RICH)
    scene.set_mandate(terms)
    obligation, states = scene.market.obligation(scene.owner), scene.market.states()
    key = bytes(accounts.reserve)
    least = least_units(obligation, states, key, target)
    done = scene.rescue()
    assert done.health_before == health
    assert 0 <= done.units - least <= 1
    assert done.health_after == (calculate_health(refreshed(scene)) or NO_DEBT_HEALTH)


def refreshed(scene: RescueScene) -> Obligation:
    scene.market.refresh(scene.owner)
    return scene.market.obligation(scene.owner)
