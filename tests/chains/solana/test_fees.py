"""Offers: what they cost, how they are capped and raised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0

from chains.solana.fees import (
    MAX_UNITS,
    Budget,
    V0Messages,
    cap_budget,
    plan_raise,
    plan_unit_limit,
    plan_unit_price,
)
from daemon.devnet.solana.budget import quote_fee
from tests.support.solnode import make_key, pay

UNITS = st.integers(1, MAX_UNITS)
PRICES = st.integers(0, 10**12)


def test_the_limit_is_what_was_used_and_a_seventh_more() -> None:
    assert plan_unit_limit(100_000) == 115_000
    assert plan_unit_limit(1) == 2
    assert plan_unit_limit(0) == 1
    assert plan_unit_limit(1_399_999) == MAX_UNITS


def test_the_price_is_a_percentile_of_recent_ones_and_at_least_the_floor() -> None:
    recent = [0] * 70 + [100] * 20 + [9_000] * 10
    assert plan_unit_price(recent, percentile=75, floor=1) == 100
    assert plan_unit_price(recent, percentile=100, floor=1) == 9_000
    assert plan_unit_price(recent, percentile=0, floor=7) == 7
    assert plan_unit_price([], percentile=75, floor=7) == 7


@pytest.mark.parametrize(("limit", "price"), [(0, 1), (MAX_UNITS + 1, 1), (1, -1)])
def test_an_offer_no_node_takes_is_refused(limit: int, price: int) -> None:
    with pytest.raises(ValueError, match="micro-lamports"):
        Budget(unit_limit=limit, unit_price=price)


@given(limit=UNITS, price=PRICES, cap=st.integers(0, 10**9))
def test_a_capped_offer_never_costs_more_and_wastes_less_than_a_unit(
    limit: int, price: int, cap: int
) -> None:
    wanted = Budget(unit_limit=limit, unit_price=price)
    capped = cap_budget(wanted, cap_lamports=cap)
    if capped is None:
        assert cap < 5_000
        return
    assert capped.fee() <= cap
    if capped.unit_price < price:
        assert Budget(unit_limit=limit, unit_price=capped.unit_price + 1).fee() > cap
    else:
        assert capped == wanted


@given(limit=UNITS, price=PRICES, cap=st.integers(0, 10**9))
def test_a_raise_is_more_within_the_cap_or_nothing(limit: int, price: int, cap: int) -> None:
    budget = Budget(unit_limit=limit, unit_price=price)
    raised = plan_raise(budget, cap_lamports=cap)
    if raised is None:
        assert Budget(unit_limit=limit, unit_price=price + 1).fee() > cap
        return
    assert budget.unit_price < raised.unit_price <= max(price + 1, -(-price * 3 // 2))
    assert raised.fee() <= cap


@given(limit=UNITS, price=PRICES)
def test_the_node_charges_what_the_offer_says(limit: int, price: int) -> None:
    payer = Keypair.from_seed(bytes(32))
    budget = Budget(unit_limit=limit, unit_price=price)
    message = V0Messages().build(
        payer.pubkey(),
        [pay(payer, make_key(1))],
        budget=budget,
        blockhash=Hash.default(),
        tables=[],
    )
    assert isinstance(message, MessageV0)
    assert quote_fee(message) == budget.fee()
