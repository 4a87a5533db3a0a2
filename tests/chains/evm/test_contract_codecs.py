"""The wrappers of our contracts without a chain: funds joined, paths, events, refusals."""

from collections.abc import Callable

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.decode import Log
from chains.evm.liquidator import LIQUIDATED_TOPIC, MAX_HOPS, decode_liquidated, encode_path
from chains.evm.multicall import ViewResult
from chains.evm.rescue import (
    RESCUED_TOPIC,
    Holding,
    OwnerFunds,
    Token,
    decode_rescued,
    join_funds,
    plan_funds,
)
from chains.model.action import Instrument
from chains.model.ids import Address
from tests.support.values import CHEAP, account, address, asset, price

OWNER = account(CHEAP)
PLENTY = Holding(asset=asset(CHEAP, "USDC"), balance=100, allowance=50)
NAMES = {PLENTY.asset: Token(symbol="USDC", decimals=6)}
PRICES = {PLENTY.asset: price(CHEAP, "USDC")}


def owned(*holdings: Holding) -> OwnerFunds:
    return OwnerFunds(owner=OWNER, paused=False, holdings=holdings, mandates=())


def test_funds_are_joined_with_names_and_prices() -> None:
    (fund,) = join_funds([owned(PLENTY)], PRICES, NAMES)
    assert (fund.owner, fund.asset, fund.symbol, fund.decimals) == (
        *(OWNER, PLENTY.asset),
        *("USDC", 6),
    )
    assert (fund.balance, fund.allowance, fund.price) == (100, 50, PRICES[PLENTY.asset])


def test_a_token_without_a_price_or_a_name_is_no_fund() -> None:
    assert join_funds([owned(PLENTY)], {}, NAMES) == ()
    assert join_funds([owned(PLENTY)], PRICES, {}) == ()


def test_an_owner_whose_view_reverts_hides_nobody() -> None:
    plan = plan_funds(CHEAP, address(1), [OWNER, account(CHEAP, 2)])
    assert all(call.allow_failure for call in plan.calls)
    nothing = encode(["bool", "bytes32[]"], [True, []])
    first, second = plan.decode(
        [ViewResult(success=False, data=b""), ViewResult(success=True, data=nothing)]
    )
    assert not first.readable
    assert second.readable
    assert second.paused


@given(
    tokens=st.lists(st.integers(1, 2**160 - 1), min_size=2, max_size=MAX_HOPS + 1),
    fee=st.integers(1, 10**6 - 1),
)
def test_a_path_holds_its_tokens_and_fees_in_order(tokens: list[int], fee: int) -> None:
    names = [address(token) for token in tokens]
    path = encode_path(names, [fee] * (len(names) - 1))
    found = [Address("0x" + path[i : i + 20].hex()) for i in range(0, len(path), 23)]
    assert found == names
    assert {path[i : i + 3] for i in range(20, len(path), 23)} == {fee.to_bytes(3, "big")}


@pytest.mark.parametrize(
    ("tokens", "fees"), [(1, []), (2, []), (2, [500, 500]), (6, [500] * 5), (2, [0]), (2, [10**6])]
)
def test_a_path_the_contract_would_refuse_is_refused(tokens: int, fees: list[int]) -> None:
    with pytest.raises(ValueError, match="path"):
        encode_path([address(number) for number in range(1, tokens + 1)], fees)


def log(topics: tuple[bytes, ...], data: bytes = b"") -> Log:
    return Log(
        address=address(9),
        topics=topics,
        data=data,
        height=1,
        block_hash=bytes(32),
        tx_hash=bytes(32),
        index=3,
    )


@pytest.mark.parametrize("decode_event", [decode_rescued, decode_liquidated])
def test_a_foreign_log_is_refused(decode_event: Callable[[Log], object]) -> None:
    for topics in ((), (bytes(32),) * 4, (RESCUED_TOPIC,), (LIQUIDATED_TOPIC,)):
        with pytest.raises(ValueError, match="log 3 of"):
            decode_event(log(topics))


def test_an_unknown_instrument_in_an_event_is_refused() -> None:
    topics = (RESCUED_TOPIC, bytes(32), bytes(32), bytes(32))
    for bit, good in ((1, True), (3, False)):
        data = encode(["uint8"] + ["uint256"] * 4, [bit, 5, 6, 7, 8])
        if good:
            assert decode_rescued(log(topics, data)).instrument is Instrument.REPAY
            continue
        with pytest.raises(ValueError, match="no instrument"):
            decode_rescued(log(topics, data))
