"""Fees stay within the cap and every replacement is one that a node takes."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chains.evm.fees import Fees, is_affordable, plan_fees, plan_replacement

WEI = st.integers(0, 10**15)


@given(WEI, WEI, WEI)
def test_an_offer_can_be_included_now_and_never_exceeds_the_cap(
    base: int, tip: int, cap: int
) -> None:
    assume(is_affordable(base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap))
    fees = plan_fees(base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap)
    assert base + tip <= fees.max_fee_wei <= cap
    assert fees.priority_fee_wei == tip


@given(WEI, WEI, WEI)
def test_above_the_cap_nothing_is_offered(base: int, tip: int, cap: int) -> None:
    assume(base + tip > cap)
    with pytest.raises(ValueError, match="cap"):
        plan_fees(base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap)


@given(WEI, WEI, WEI, WEI)
def test_a_replacement_raises_both_fields_by_an_eighth_within_the_cap(
    tip: int, headroom: int, base: int, cap: int
) -> None:
    old = Fees(max_fee_wei=tip + headroom, priority_fee_wei=tip)
    new = plan_replacement(old, base_fee_wei=base, cap_wei=cap)
    if new is None:
        assert cap < base or cap * 1000 < old.max_fee_wei * 1125 + 1000
        return
    assert new.max_fee_wei * 1000 >= old.max_fee_wei * 1125
    assert new.priority_fee_wei * 1000 >= old.priority_fee_wei * 1125
    assert new.max_fee_wei > old.max_fee_wei
    assert new.priority_fee_wei > old.priority_fee_wei
    assert base <= new.max_fee_wei <= cap


@given(WEI, WEI, st.integers(1, 10**13))
def test_replacing_again_and_again_ends_at_the_cap(tip: int, base: int, room: int) -> None:
    cap = base + tip + room
    fees: Fees | None = plan_fees(base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap)
    for _ in range(2_000):
        if fees is None:
            return
        assert fees.max_fee_wei <= cap
        fees = plan_replacement(fees, base_fee_wei=base, cap_wei=cap)
    pytest.fail("the fees went on rising")


def test_a_risen_base_fee_is_followed_at_once() -> None:
    old = plan_fees(base_fee_wei=10, priority_fee_wei=2, cap_wei=1_000)
    new = plan_replacement(old, base_fee_wei=200, cap_wei=1_000)
    assert new == Fees(max_fee_wei=403, priority_fee_wei=3)


def test_a_tip_above_the_whole_fee_is_refused() -> None:
    with pytest.raises(ValueError, match="priority fee"):
        Fees(max_fee_wei=1, priority_fee_wei=2)
