"""The replica says what the real contracts say, to the last unit, in seeded random states."""

import random
from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Any

import pytest

from chains.evm.protocols.plimsoll_vault import math
from chains.evm.protocols.plimsoll_vault.contracts import PLAN, PLAN_FIELDS
from chains.evm.protocols.plimsoll_vault.health import Judged, judge
from chains.evm.protocols.plimsoll_vault.math import Refused
from chains.evm.protocols.plimsoll_vault.sizing import Seizable, plan_liquidation
from chains.evm.protocols.plimsoll_vault.state import (
    Abroad,
    Asset,
    Curve,
    Debt,
    Entry,
    Legs,
    Open,
    Pool,
    Quote,
    SeizureTerms,
    Subject,
)
from chains.model.ids import Address
from chains.model.units import BPS, WAD, Usd, div_down, div_up
from daemon.devnet.deploy import Reverted
from proofs.vaults import ChainQuantities
from tests.support.rescue import reason_of
from tests.support.seizing import Story, endanger, open_story
from tests.support.vaults import LENDER, OWNER, SCALE, USDC, WETH, Ground, VaultChain

pytestmark = pytest.mark.net
DOLLAR, ETHER = 10**6, 10**18
NOTHING = (0,) * 8
EIGHT = "uint256[8]"
ENTRY = f"(uint256,uint256,{','.join([EIGHT] * 6)},uint256)"
EMPTY = Pool(
    cash=0,
    debt_shares=0,
    index=0,
    accrued_at=0,
    supply_shares=0,
    fund=0,
    provisions=0,
    bad_debt=0,
)


# Interest and shares


class Book:
    """The pool of one asset on a chain beside its replica."""

    def __init__(self, place: VaultChain, account: bytes) -> None:
        self.place, self.account = place, account
        self.pool, self.debt, self.shares = EMPTY, Debt(shares=0), 0
        curve = place.ask(
            place.pool, "curves(uint8)", USDC, returns=f"({','.join(['uint256'] * 5)})"
        )
        rate = place.ask(place.pool, "max_rate()")
        self.terms = math.Terms(
            curve=Curve(**dict(zip(Curve.__slots__, curve, strict=True))), max_rate=rate
        )

    def supply(self, amount: int) -> None:
        self.place.supply(USDC, amount)
        units, now = amount * SCALE[USDC], self.place.now
        pool = math.accrue(self.pool, self.terms, now=now)
        minted = math.to_supply_shares(pool, self.terms, units, now=now)
        self.pool = replace(pool, cash=pool.cash + units, supply_shares=pool.supply_shares + minted)
        self.shares += minted

    def borrow(self, amount: int) -> None:
        self.place.borrow(self.account, USDC, amount)
        self.pool, self.debt = math.borrow(
            self.pool, self.terms, self.debt, amount * SCALE[USDC], now=self.place.now
        )

    def repay(self, amount: int) -> None:
        owed = self.place.debt(self.account, USDC)
        self.place.fund(USDC, OWNER, amount)
        self.place.repay(self.account, USDC, amount)
        now = self.place.now
        most = div_up(math.calculate_debt(self.pool, self.terms, self.debt, now=now), SCALE[USDC])
        units = min(amount, most) * SCALE[USDC]
        self.pool, self.debt, fell = math.repay(self.pool, self.terms, self.debt, units, now=now)
        assert fell <= max(owed, units)

    def check(self) -> None:
        place, now = self.place, self.place.now
        found = place.ask(place.pool, "pool(uint8)", USDC, returns=f"({','.join(['uint256'] * 9)})")
        cash, _, bad, fund, provisions, owned, shares, index, rate = found
        known = math.accrue(self.pool, self.terms, now=now)
        assert (cash, bad, fund, provisions, shares) == (
            known.cash,
            known.bad_debt,
            known.fund,
            known.provisions,
            known.supply_shares,
        )
        assert index == math.calculate_index(self.pool, self.terms, now=now)
        assert owned == math.calculate_owned(self.pool, self.terms, now=now)
        debt = div_down(self.pool.debt_shares * self.pool.index, math.RAY)
        assert rate == math.calculate_rate(
            self.terms.curve, cash=self.pool.cash, debt=debt, ceiling=self.terms.max_rate
        )
        owed = math.calculate_debt(self.pool, self.terms, self.debt, now=now)
        assert place.debt(self.account, USDC) == owed
        value = place.ask(place.pool, "shares_value(address,uint8)", LENDER, USDC)
        assert value == math.to_supply_units(self.pool, self.terms, self.shares, now=now)


@pytest.mark.parametrize("seed", [1, 2])
def test_interest_and_shares_are_the_pools(vaults: Ground, seed: int) -> None:
    place, rng = vaults.a, random.Random(seed)  # noqa: S311 -- a seed, no secret
    account = place.open()
    place.deposit(account, WETH, 1_000 * ETHER)
    book = Book(place, account)
    book.supply(rng.randint(10**9, 10**12))
    for _ in range(12):
        step = rng.choice([book.supply, book.borrow, book.borrow, book.repay])
        most = 10**9 if step != book.borrow else min(10**9, book.pool.cash // SCALE[USDC])
        if step == book.repay and not book.debt.shares:
            continue
        try:
            step(rng.randint(20 * DOLLAR, max(20 * DOLLAR, most)))
        except Reverted:
            continue
        book.check()
        place.advance(rng.choice([1, 3_600, 40 * 86_400]))
        book.check()


# Spending


def legs_of(place: VaultChain, account: bytes) -> Legs:
    found = place.ask(
        place.vault, "legs(bytes32)", account, returns=f"(({','.join(['uint256[]'] * 5)}))"
    )
    return Legs(**dict(zip(Legs.__slots__, map(tuple, found), strict=True)))


def assets_of(place: VaultChain) -> tuple[Asset, ...]:
    assets = []
    for number in (WETH, USDC):
        token, scale, ltv, threshold, rate = place.ask(
            place.vault,
            "terms(uint8)",
            number,
            returns="((address,uint256,uint256,uint256,uint256))",
        )
        price = Usd(place.ask(place.vault, "price(uint8)", number))
        assets.append(
            Asset(
                number=number,
                token=Address(token),
                scale=scale,
                ltv=ltv,
                threshold=threshold,
                max_rate=rate,
                price=price,
            )
        )
    return tuple(assets)


def test_what_may_be_spent_is_the_vaults(vaults: Ground) -> None:
    rng = random.Random(3)  # noqa: S311 -- a seed, no secret
    story = open_story(vaults)
    a, b = vaults.chains
    a.supply(USDC, 10**6 * DOLLAR)
    for _ in range(4):
        a.deposit(story.account, WETH, rng.randint(1, 5) * ETHER + rng.randint(0, 10**9))
        a.borrow(story.account, USDC, rng.randint(100, 900) * DOLLAR + rng.randint(0, 99))
        for place in (a, b):
            place.advance(rng.randint(1, 10**6))
            place.set_price(WETH, 2_000 + rng.random() * 100)
            found = math.calculate_margin(assets_of(place), legs_of(place, story.account))
            asked = place.ask(
                place.vault, "spendable(bytes32)", story.account, returns="(uint256,uint256)"
            )
            assert (found.owed, found.most) == tuple(asked)


# Health and size


def subject_of(story: Story, here: VaultChain) -> Subject:
    there, account = story.ground.other(here), story.account
    legs, assets = legs_of(here, account), assets_of(here)
    raw = here.ask(here.judge, "entry(bytes32,uint64)", account, there.number, returns=f"({ENTRY})")
    entry = Entry(**dict(zip(Entry.__slots__, raw, strict=True)))
    lines = [
        tuple(
            here.ask(here.vault, f"{name}(bytes32,uint64,uint8)", account, there.number, n)
            for n in (WETH, USDC)
        )
        for name in ("line_out", "line_in")
    ]
    terms = here.ask(here.judge, "terms()", returns=f"(({','.join(['uint256'] * 14)}))")
    quotes = [
        Quote(
            low=a.price or 0,
            high=a.price or 0,
            ltv=a.ltv,
            threshold=a.threshold,
            max_rate=a.max_rate,
        )
        for a in assets
    ]
    return Subject(
        now=here.now,
        legs=legs,
        abroad=(
            Abroad(
                chain=there.number,
                entry=entry if entry.height else None,
                lost=False,
                line_out=lines[0],
                line_in=lines[1],
                told_at=here.ask(
                    here.seizure,
                    "told_at(bytes32,uint64)",
                    *(account, there.number),
                    returns="(uint64)",
                ),
            ),
        ),
        orders=tuple(
            Open(**dict(zip(Open.__slots__, one, strict=True))) for one in story.read_open(here)
        ),
        market=tuple(quotes),
        terms=SeizureTerms(**dict(zip(SeizureTerms.__slots__, terms, strict=True))),
    )


def check_judgement(story: Story) -> None:
    for here in story.ground.chains:
        assert astuple(judge(subject_of(story, here))) == astuple(story.judge(here))
        found = judge(subject_of(story, here))
        assert (found.low, found.high) == story.health(here)


def spoil(rng: random.Random, found: ChainQuantities) -> ChainQuantities:
    """Move an entry a little, as another block might have had it."""

    def stir(units: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            one * rng.randint(90, 110) // 100 + rng.choice([0, 0, 10**16]) for one in units
        )

    nothing = tuple(0 for _ in found.collateral)
    return replace(
        found,
        collateral=stir(found.collateral),
        debt=stir(found.debt),
        added=stir(nothing),
        repaid=stir(nothing),
        ordered_e8=rng.choice([0, 10**10]),
    )


def test_health_is_the_judges_in_random_states(vaults: Ground) -> None:
    rng = random.Random(4)  # noqa: S311 -- a seed, no secret
    story = open_story(vaults)
    check_judgement(story)
    for round_ in range(5):
        for place in vaults.chains:
            place.advance(rng.choice([1, 60, 4_000]))
            place.set_price(WETH, 1_500 + rng.random() * 900)
            place.set_price(USDC, 0.98 + rng.random() * 0.04)
        entries = [spoil(rng, story.read_entry(place)) for place in vaults.chains]
        said = story.state(*(entries if round_ % 2 else entries[:1]))
        for place in vaults.chains:
            story.post(place, said)
        check_judgement(story)


def plans(story: Story, here: VaultChain, judged: Judged) -> Iterator[tuple[Any, Any]]:
    """Give what the contract and the replica would allow, a reason where it is nothing."""
    there, subject = story.ground.other(here), subject_of(story, here)
    assets = assets_of(here)
    raw = ask_or_reason(
        here, "plan_lock(bytes32,uint8,uint64,uint8)", story.account, WETH, there.number, USDC
    )
    entry = subject.abroad[0].entry
    assert entry is not None
    leg = div_up((entry.debt[USDC] - entry.repaid[USDC]) * (assets[USDC].price or 0), WAD)
    seizable = Seizable(
        leg=leg,
        units=here.ask(
            here.vault, "lockable(bytes32,uint8,uint64)", story.account, WETH, there.number
        ),
        price=assets[WETH].price or 0,
        threshold=assets[WETH].threshold,
        buffer_bps=subject.terms.buffer_bps,
    )
    yield raw, plan_or_reason(judged, seizable, subject.terms)
    raw = ask_or_reason(here, "plan_liquidation(bytes32,uint8,uint8)", story.account, WETH, USDC)
    here_too = replace(
        seizable,
        leg=div_up(subject.legs.debt[USDC] * (assets[USDC].price or 0), WAD),
        units=here.ask(
            here.vault, "lockable(bytes32,uint8,uint64)", story.account, WETH, here.number
        ),
        buffer_bps=0,
    )
    yield raw, plan_or_reason(judged, here_too, subject.terms)


def ask_or_reason(here: VaultChain, signature: str, *args: object) -> tuple[int, int, int] | str:
    try:
        found = here.ask(here.judge, signature, *args, returns=f"({PLAN})")
    except Reverted as error:
        return reason_of(error)
    plan = dict(zip(PLAN_FIELDS, found, strict=True))
    return plan["value"], plan["bonus_bps"], plan["health"]


def plan_or_reason(
    judged: Judged, seizable: Seizable, terms: SeizureTerms
) -> tuple[int, int, int] | str:
    try:
        plan = plan_liquidation(judged, seizable, terms)
    except Refused as refused:
        return str(refused)
    return plan.value, plan.bonus_bps, plan.health


def test_the_size_of_a_liquidation_is_the_judges(vaults: Ground) -> None:
    story = open_story(vaults)
    vaults.a.supply(USDC, 10**6 * DOLLAR)
    vaults.a.deposit(story.account, WETH, ETHER)
    vaults.a.borrow(story.account, USDC, 1_000 * DOLLAR)
    for usd in (1_850, 1_700, 1_300):
        endanger(story, usd)
        judged = judge(subject_of(story, vaults.a))
        for asked, planned in plans(story, vaults.a, judged):
            assert asked == planned


def test_an_open_order_is_judged_as_filled_and_its_size_leaves_nothing_to_order(
    vaults: Ground,
) -> None:
    story = open_story(vaults)
    endanger(story)
    order = story.lock()
    check_judgement(story)
    open_ = subject_of(story, vaults.a).orders[0]
    assert (open_.locked, open_.left, open_.bonus_bps) == (
        order.units,
        order.value_e8,
        order.bonus_bps,
    )
    for place in vaults.chains:
        place.set_price(WETH, 1_500)
    check_judgement(story)
    assert BPS > open_.bonus_bps > 0
