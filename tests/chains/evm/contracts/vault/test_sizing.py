"""What the judge plans, at any price: as the arithmetic says, and never to the account's harm."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.protocols.plimsoll_vault.curve import (
    calculate_bonus,
    calculate_covered,
    calculate_needed,
    calculate_payout,
    calculate_reserve,
)
from chains.model.units import BPS, USD, WAD
from daemon.devnet.rpc import RpcFailure
from tests.support.rescue import refused
from tests.support.seizing import DOLLAR, ETHER, Story, open_story
from tests.support.vaults import TERMS, USDC, WETH, Ground

pytestmark = pytest.mark.net
THRESHOLD: Final = 8_250
PLAN: Final = f"({','.join(['uint256'] * 8)},uint256[],bool,bool,uint256)"
SIZE_LIMIT: Final = 24_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    value: int
    bonus: int
    health: int
    units: int


@pytest.fixture(scope="module")
def story(shared_vaults: Ground) -> Iterator[Story]:
    """An account with most collateral on a and some on b, and debts on both."""
    with shared_vaults.reverting():
        made = open_story(shared_vaults)
        a, b = shared_vaults.chains
        a.supply(USDC, 100_000 * DOLLAR)
        a.deposit(made.account, WETH, 3 * ETHER)
        a.borrow(made.account, USDC, 4_000 * DOLLAR)
        b.deposit(made.account, WETH, 2 * ETHER)
        yield made


def read_plan(story: Story, *, across: bool) -> Plan | None:
    """Ask for a plan on chain a; None where there is none."""
    a, b = story.ground.chains
    try:
        if across:
            signature = "plan_lock(bytes32,uint8,uint64,uint8)"
            args: tuple[object, ...] = (story.account, WETH, b.number, USDC)
        else:
            signature, args = "plan_liquidation(bytes32,uint8,uint8)", (story.account, WETH, USDC)
        found = a.ask(a.judge, signature, *args, returns=f"({PLAN})")
    except RpcFailure:
        return None
    return Plan(value=found[0], bonus=found[2], health=found[5], units=found[6])


@given(price=st.integers(300 * USD, 1_990 * USD), across=st.booleans())
def test_a_plan_is_what_the_arithmetic_says_and_health_never_falls(
    story: Story,
    price: int,
    across: bool,  # noqa: FBT001 -- drawn
) -> None:
    for chain in story.ground.chains:
        chain.set_price(WETH, price / USD)
    story.refresh()
    judged = story.judge(story.a)
    plan = read_plan(story, across=across)
    if plan is None:
        # Either nobody is endangered, or all that this chain has is lent to another.
        assert judged.weight >= judged.debt or not across
        return
    assert judged.weight < judged.debt
    terms = TERMS.seizure
    bonus = calculate_bonus(
        plan.health,
        THRESHOLD,
        least=terms.min_bonus_bps,
        most=terms.max_bonus_bps,
        floor=terms.floor_e18,
    )
    assert plan.bonus == bonus
    needed = calculate_needed(judged.weight, judged.debt, THRESHOLD, bonus, terms.target_e18)
    share = -(-needed * judged.own_weight // judged.read_weight)
    buffer = terms.buffer_bps if across else 0
    most = 13 * WAD if across else 3 * WAD
    covered = calculate_covered(most, bonus, buffer, price)
    leg = -(-_read_owed(story, across=across) * USD // WAD)
    margin = leg * terms.tolerance_bps // BPS if across else 0
    wanted = leg + margin if share + terms.min_debt_e8 > leg else share
    assert plan.value == min(wanted, covered)
    if across:
        assert plan.units == min(calculate_reserve(plan.value, bonus, buffer, price), most)
    _check_health(judged.weight, judged.debt, plan, price)


def _read_owed(story: Story, *, across: bool) -> int:
    """Read what chain a knows of the debt on the other chain, or on its own."""
    a, b = story.ground.chains
    if not across:
        return a.debt(story.account, USDC)
    types = f"({','.join(['uint256'] * 2 + ['uint256[8]'] * 6 + ['uint256'])})"
    entry = a.ask(a.judge, "entry(bytes32,uint64)", story.account, b.number, returns=f"({types})")
    return int(entry[3][USDC])


def _check_health(weight: int, debt: int, plan: Plan, price: int) -> None:
    """See that repaying the plan does not lower health unless the account is beyond saving."""
    units = calculate_payout(plan.value, plan.bonus, price)
    lost = -(-units * price * THRESHOLD // (WAD * BPS))
    repaid = min(plan.value, debt)
    if plan.health < THRESHOLD * 10**14 or repaid == debt:
        assert plan.bonus == 0 or repaid == debt
        return
    # One unit of USD x 1e8 for each rounding.
    assert (weight - lost + 2) * debt >= weight * (debt - repaid)


@pytest.mark.parametrize("name", ["seizure", "judge", "notary", "vault", "pool", "timelock"])
def test_every_contract_is_below_the_size_limit(shared_vaults: Ground, name: str) -> None:
    a = shared_vaults.a
    places = {"pool": a.pool, "timelock": a.ledger.timelock}
    address = places.get(name) or getattr(a, name)
    code = a.chain.rpc.request("eth_getCode", address, "latest")
    assert 0 < (len(code) - 2) // 2 < SIZE_LIMIT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"veto_s": 0}, "times"),
        ({"max_age_s": 121}, "times"),
        ({"target_e18": WAD}, "target"),
        ({"floor_e18": WAD}, "target"),
        ({"min_bonus_bps": 900}, "bonus"),
        ({"fund_bonus_bps": 201}, "bonus"),
        ({"buffer_bps": BPS}, "bps"),
        ({"min_order_e8": 11 * USD}, "minimum"),
    ],
)
def test_terms_that_would_pay_somebody_are_refused(
    vaults: Ground, changes: dict[str, int], reason: str
) -> None:
    a = vaults.a
    given_terms = {name: getattr(TERMS.seizure, name) for name in TERMS.seizure.__slots__} | changes
    signature = f"set_terms(({','.join(['uint256'] * 14)}))"
    words = tuple(given_terms.values())
    assert refused(a.do, a.judge, signature, words) == "owner"
    assert refused(a.do, a.judge, signature, words, sender=a.ledger.timelock) == reason
