"""The arithmetic against the program itself: refreshed values and liquidations, to the unit."""

from dataclasses import dataclass
from random import Random

import pytest
from solders.pubkey import Pubkey

from chains.model.units import WAD
from chains.solana.programs.instructions import OraclePrice, ReserveAccounts
from chains.solana.protocols.save.instructions import LiquidatorAccounts
from chains.solana.protocols.save.liquidation import Liquidation, Refusal
from chains.solana.protocols.save.math import EVERYTHING, calculate_health
from chains.solana.protocols.save.state import Obligation
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.protocols.save.building import MarketLab, Owner, random_terms

SEEDS = range(5)
POSITIONS_PER_SEED = 40
LIQUIDATIONS_PER_SEED = 8
LIQUIDITY_USD = 50_000_000
CENT = 10**6


@dataclass
class Scene:
    """A market in which random owners hold and owe at random times."""

    random: Random
    market: MarketLab
    owners: list[Owner]


def build_scene(seed: int) -> Scene:
    random = Random(seed)  # noqa: S311 -- a fixed row of cases, no secret
    market = MarketLab.create()
    for _ in range(5):
        market.add_reserve(
            random_terms(random),
            decimals=random.choice([2, 6, 8, 9]),
            price=random.randint(CENT, 10**13),
        )
    whale = market.owner()
    for accounts in market.reserves:
        market.deposit(whale, accounts, _units(market, accounts, LIQUIDITY_USD))
    scene = Scene(random, market, [])
    for _ in range(POSITIONS_PER_SEED):
        scene.owners.append(open_position(scene))
        market.lab.advance(random.randint(1, 30_000))
        market.republish()
    return scene


def open_position(scene: Scene) -> Owner:
    random, market = scene.random, scene.market
    owner = market.owner()
    for accounts in random.sample(market.reserves, random.randint(1, 4)):
        market.deposit(
            owner, accounts, _units(market, accounts, random.choice([2, 900, 900_000])) + 9
        )
    for accounts in random.sample(market.reserves, random.randint(0, 3)):
        market.refresh(owner, accounts)
        state, terms = market.obligation(owner), market.reserve(accounts).terms
        room = (state.allowed_value - state.borrowed_upper_value) // WAD
        weighted = room * 10_000 // (10_000 + terms.added_weight_bps)
        usd = weighted * random.randint(1, 98) // 100
        if units := _units(market, accounts, usd):
            market.borrow(owner, accounts, units)
    return owner


def _units(market: MarketLab, accounts: ReserveAccounts, usd: int) -> int:
    unit: int = 10 ** market.reserve(accounts).decimals
    return usd * 10**8 * unit // market.prices[accounts.oracle].price


def move_prices(scene: Scene, *, low: int, high: int) -> None:
    """Set every price to a part (percent) of what it was, smoothed ones elsewhere."""
    random, market = scene.random, scene.market
    for accounts in market.reserves:
        price = market.prices[accounts.oracle].price * random.randint(low, high) // 100 + 1
        smoothed = price * random.randint(90, 110) // 100 + 1
        market.publish(
            accounts,
            OraclePrice(
                price=price,
                smoothed=smoothed,
                confidence=price // random.randint(10, 1_000),
                published_at=market.now - random.randint(0, 120),
            ),
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_native_health_is_what_the_program_refreshes_to(seed: int) -> None:
    scene = build_scene(seed)
    market = scene.market
    market.lab.advance(scene.random.randint(1, 5_000_000))
    move_prices(scene, low=60, high=160)
    predicted = market.read(*scene.owners)
    assert not predicted.unreadable
    with_debt = 0
    for owner in scene.owners:
        market.refresh(owner)
        actual = market.obligation(owner)
        foreseen = predicted.loans[owner.target]
        assert foreseen == actual
        assert foreseen is not None
        health = calculate_health(actual)
        assert (health is None) == (not actual.borrows)
        with_debt += health is not None
    refreshed = market.states()
    used = [
        (key, p.state) for key, p in predicted.view.reserves.items() if not refreshed[key].stale
    ]
    assert len(used) == len(market.reserves)
    assert all(refreshed[key] == state for key, state in used)
    assert with_debt > POSITIONS_PER_SEED // 2


@dataclass
class Purse:
    """A liquidator's balances in one pair of reserves."""

    market: MarketLab
    owner: Owner
    repay: ReserveAccounts
    withdraw: ReserveAccounts
    destination: Pubkey

    def accounts(self) -> LiquidatorAccounts:
        tokens = self.owner.tokens
        return LiquidatorAccounts(
            payer=self.owner.key.pubkey(),
            source=tokens[self.repay.mint],
            collateral=tokens[self.withdraw.collateral_mint],
            destination=self.destination,
        )

    def count(self) -> tuple[int, int, int, int]:
        accounts, lab = self.accounts(), self.market.lab
        keys = (accounts.source, accounts.destination, accounts.collateral)
        paid, got, kept = (lab.amount(key) for key in keys)
        return paid, got, kept, lab.amount(self.withdraw.fee_receiver)


def liquidate(purse: Purse, target: Owner, units: int) -> tuple[int, ...]:
    """Liquidate; give what was paid, received, kept as collateral tokens, and the fee."""
    market, builder = purse.market, purse.market.builder
    before = purse.count()
    states = market.states()
    obligation = market.obligation(target)
    also = [bytes(purse.repay.reserve), bytes(purse.withdraw.reserve)]
    instruction = builder.liquidate(
        obligation,
        repay=states[bytes(purse.repay.reserve)],
        withdraw=states[bytes(purse.withdraw.reserve)],
        accounts=purse.accounts(),
        units=units,
    )
    market.lab.send(*builder.refresh(obligation, states, also), instruction, by=(purse.owner.key,))
    return tuple(after - b for b, after in zip(before, purse.count(), strict=True))


def check_liquidation(purse: Purse, target: Owner, units: int) -> Liquidation | Refusal:
    """Foresee a liquidation, execute it, and compare."""
    market = purse.market
    snapshot = market.read(target)
    repay, withdraw = bytes(purse.repay.reserve), bytes(purse.withdraw.reserve)
    foreseen = market.market().predict_liquidation(
        snapshot, target.target, repay=repay, withdraw=withdraw, units=units
    )
    if isinstance(foreseen, Refusal):
        with pytest.raises(Refused) as refused:
            liquidate(purse, target, units)
        assert refused.value.code == foreseen
        return foreseen
    before = snapshot.loans[target.target]
    assert before is not None
    paid, got, kept, fee = liquidate(purse, target, units)
    assert -paid == foreseen.amounts.repaid
    assert (got, kept, fee) == (foreseen.net, foreseen.kept_collateral, foreseen.fee)
    check_entries(before, market.obligation(target), foreseen, repay=repay, withdraw=withdraw)
    return foreseen


def check_entries(
    before: Obligation, after: Obligation, done: Liquidation, *, repay: bytes, withdraw: bytes
) -> None:
    owed = {b.reserve: b.amount for b in before.borrows}
    held = {d.reserve: d.amount for d in before.deposits}
    owed[repay] -= done.amounts.settled
    held[withdraw] -= done.amounts.withdrawn
    assert {b.reserve: b.amount for b in after.borrows} == {k: v for k, v in owed.items() if v}
    assert {d.reserve: d.amount for d in after.deposits} == {k: v for k, v in held.items() if v}


@pytest.mark.parametrize("seed", SEEDS)
def test_liquidations_pay_and_take_what_was_foreseen(seed: int) -> None:
    scene = build_scene(100 + seed)
    random, market = scene.random, scene.market
    liquidator = market.owner()
    market.lab.advance(random.randint(1, 1_000_000))
    outcomes: list[Liquidation | Refusal] = []
    in_debt = [owner for owner in scene.owners if market.obligation(owner).borrows]
    for target in in_debt * 2:
        state = market.obligation(target)
        if not state.borrows or not state.deposits:
            continue
        move_prices(scene, low=50, high=200)
        by_key = {bytes(a.reserve): a for a in market.reserves}
        repay = by_key[random.choice(state.borrows).reserve]
        withdraw = by_key[random.choice(state.deposits).reserve]
        units = random.choice([EVERYTHING, random.randint(1, 10**10)])
        destination = market.lab.token(withdraw.mint, liquidator.key.pubkey())
        purse = Purse(market, liquidator, repay, withdraw, destination)
        outcomes.append(check_liquidation(purse, target, units))
        market.lab.advance(random.randint(0, 20_000))
    done = [one for one in outcomes if isinstance(one, Liquidation)]
    assert len(done) >= LIQUIDATIONS_PER_SEED
    assert Refusal.HEALTHY in outcomes
