"""A staked token's ratio as a view gives it: read with the chain, never taken for 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.multicall import ViewResult
from chains.evm.ratios import RatioTerms, plan_ratio
from chains.model.ids import Address, AssetId, ChainId
from chains.model.price import LEAST_RATIO, MOST_RATIO, PriceStatus, Ratio
from chains.model.units import WAD

LIDO = Address("0x7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0")
ASSET = AssetId.erc20(ChainId.evm(1), LIDO)
PLAN = plan_ratio(ASSET, RatioTerms(contract=LIDO, view="stEthPerToken"))


def decode(data: bytes, *, success: bool = True) -> Ratio:
    return PLAN.decode([ViewResult(success=success, data=data)])


def test_the_view_is_asked_by_its_selector_and_may_fail() -> None:
    (call,) = PLAN.calls
    assert (call.target, call.data.hex(), call.allow_failure) == (LIDO, "035faf82", True)


def test_one_word_is_the_ratio() -> None:
    found = decode((WAD * 12 // 10).to_bytes(32, "big"))
    assert found == Ratio(asset=ASSET, value=found.value, source=LIDO)
    assert (found.value, found.valid) == (12 * 10**17, True)


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(64)])
def test_an_answer_of_another_size_is_no_ratio(data: bytes) -> None:
    assert decode(data).status is PriceStatus.UNREADABLE


def test_a_view_that_reverts_is_no_ratio() -> None:
    assert decode(WAD.to_bytes(32, "big"), success=False).status is PriceStatus.UNREADABLE


@given(value=st.integers(0, 2**256 - 1))
def test_only_a_number_that_can_be_a_ratio_counts(value: int) -> None:
    found = decode(value.to_bytes(32, "big"))
    assert found.valid is (LEAST_RATIO <= value <= MOST_RATIO)
    assert found.value == value
