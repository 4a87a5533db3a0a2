"""Plans combine without I/O; one `aggregate3` reads them all at one block."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from chains.errors import DecodeError
from chains.evm import multicall
from chains.evm.client import EvmClient
from chains.evm.multicall import (
    AGGREGATE3,
    CHUNKS_AT_ONCE,
    MULTICALL3,
    ReadPlan,
    ViewCall,
    ViewResult,
    combine,
    decode_aggregate3,
    encode_aggregate3,
    map_plan,
    read,
)
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address
from daemon.devnet.anvil import Anvil
from daemon.devnet.artifacts import load_multicall3
from tests.support import values as v
from tests.support.nodes import mine, proxied, running_anvil
from tests.support.proxy import FaultProxy

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: Address("0x" + raw.hex()))
CALLS = st.builds(ViewCall, target=ADDRESSES, data=st.binary(max_size=100))
RESULTS = st.builds(ViewResult, success=st.booleans(), data=st.binary(max_size=100))
ECHO = Address("0x" + "aa" * 20)
REVERTER = Address("0x" + "bb" * 20)
RETURN_CALLDATA = "0x365f5f37365ff3"
REVERT_WITH_CALLDATA = "0x365f5f37365ffd"


@given(st.lists(CALLS, max_size=8))
def test_calls_are_encoded_as_the_abi_says(calls: list[ViewCall]) -> None:
    expected = encode(
        ["(address,bool,bytes)[]"], [[(call.target, True, call.data) for call in calls]]
    )
    assert encode_aggregate3(calls) == AGGREGATE3 + expected


@given(st.lists(RESULTS, max_size=8))
def test_results_are_decoded_as_the_abi_says(results: list[ViewResult]) -> None:
    data = encode(["(bool,bytes)[]"], [[(result.success, result.data) for result in results]])
    assert list(decode_aggregate3(data, len(results))) == results


@given(st.lists(RESULTS, min_size=1, max_size=4), st.data())
def test_a_cut_answer_is_refused(results: list[ViewResult], data: st.DataObject) -> None:
    whole = encode(["(bool,bytes)[]"], [[(result.success, result.data) for result in results]])
    # The last word may be padding only, which says nothing.
    end = data.draw(st.integers(0, len(whole) - 33 - len(results[-1].data) % 32))
    with pytest.raises(ValueError, match=r"cut short|answered"):
        decode_aggregate3(whole[:end], len(results))


@given(st.binary(max_size=400), st.integers(0, 5))
def test_any_bytes_are_decoded_or_refused(data: bytes, count: int) -> None:
    try:
        assert len(decode_aggregate3(data, count)) == count
    except ValueError:
        return


def echo_plan(value: int) -> ReadPlan[int]:
    call = ViewCall(target=ECHO, data=value.to_bytes(32, "big"))

    def decode_echo(results: Sequence[ViewResult]) -> int:
        (number,) = decode(["uint256"], results[0].data)
        return int(number)

    return ReadPlan(calls=(call,), decode=decode_echo)


def answer(plan: ReadPlan[tuple[Any, ...]]) -> tuple[Any, ...]:
    return plan.decode([ViewResult(success=True, data=call.data) for call in plan.calls])


@given(st.lists(st.integers(0, 2**256 - 1), max_size=6))
def test_a_combined_plan_gives_each_plans_result_in_order(values: list[int]) -> None:
    plan = combine([echo_plan(value) for value in values])
    assert answer(plan) == tuple(values)
    nested = combine([plan, map_plan(echo_plan(7), str), combine([])])
    assert answer(nested) == (tuple(values), "7", ())


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        sender = node.rpc.request("eth_accounts")[0]
        creation = "0x" + load_multicall3().creation_data({}).hex()
        made = node.rpc.request(
            "eth_sendTransaction", {"from": sender, "data": creation, "gas": "0x4c4b40"}
        )
        mine(node)
        contract = node.rpc.request("eth_getTransactionReceipt", made)["contractAddress"]
        code = node.rpc.request("eth_getCode", contract, "latest")
        node.rpc.request("anvil_setCode", MULTICALL3, code)
        node.rpc.request("anvil_setCode", ECHO, RETURN_CALLDATA)
        node.rpc.request("anvil_setCode", REVERTER, REVERT_WITH_CALLDATA)
        mine(node)
        yield node


@pytest.fixture
async def chain(anvil: Anvil) -> AsyncIterator[tuple[EvmClient, FaultProxy]]:
    async with proxied(anvil, timeout_s=5) as (client, [proxy]):
        yield client, proxy


@pytest.mark.net
async def test_a_plan_is_read_in_one_call(chain: tuple[EvmClient, FaultProxy]) -> None:
    client, proxy = chain
    anchor = (await client.read_head("latest")).anchor
    values = tuple(range(200))
    assert await read(client, anchor, combine([echo_plan(value) for value in values])) == values
    assert proxy.counts["eth_call"] == 1
    assert proxy.seen[-1].params[1] == {
        "blockHash": "0x" + anchor.hash.hex(),
        "requireCanonical": True,
    }


@pytest.mark.net
async def test_an_empty_plan_asks_nothing(chain: tuple[EvmClient, FaultProxy]) -> None:
    client, proxy = chain
    anchor = (await client.read_head("latest")).anchor
    assert await read(client, anchor, combine([])) == ()
    assert proxy.counts["eth_call"] == 0


@pytest.mark.net
async def test_a_long_plan_is_read_in_chunks_at_the_same_block(
    chain: tuple[EvmClient, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multicall, "CHUNK_CALLS", 4)
    client, proxy = chain
    anchor = (await client.read_head("latest")).anchor
    values = tuple(range(10))
    plan = combine([echo_plan(value) for value in values])
    assert await read(client, anchor, plan) == values
    assert proxy.counts["eth_call"] == 3
    proxy.fail("eth_call", 3, "execution reverted")
    with pytest.raises(DecodeError):
        await read(client, anchor, plan)


class Slow:
    """A client that answers only once it may, and counts what it is asked at once."""

    chain = v.CHEAP
    multicall = MULTICALL3

    def __init__(self) -> None:
        self.asked: list[tuple[ViewCall, BlockAnchor]] = []
        self.may_answer = asyncio.Event()

    async def call(self, call: ViewCall, anchor: BlockAnchor) -> bytes:
        self.asked.append((call, anchor))
        await self.may_answer.wait()
        return encode(["(bool,bytes)[]"], [[]])


async def test_only_a_few_chunks_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multicall, "CHUNK_CALLS", 1)
    client = Slow()
    plan = combine([echo_plan(value) for value in range(20)])

    async def let_go() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(client.asked) == CHUNKS_AT_ONCE
        client.may_answer.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(let_go())
        with pytest.raises(DecodeError):
            await read(client, v.anchor(v.CHEAP), plan)


@pytest.mark.net
async def test_a_failed_view_is_named_unless_it_may_fail(
    chain: tuple[EvmClient, FaultProxy],
) -> None:
    client, _ = chain
    anchor = (await client.read_head("latest")).anchor
    must = ViewCall(target=REVERTER, data=b"\x01\x02\x03\x04\x05")
    may = ViewCall(target=REVERTER, data=b"\x01\x02\x03\x04\x05", allow_failure=True)
    results = await read(client, anchor, ReadPlan(calls=(may,), decode=tuple))
    assert results == (ViewResult(success=False, data=may.data),)
    with pytest.raises(DecodeError, match=f"view 0x01020304 of {REVERTER} reverted"):
        await read(client, anchor, ReadPlan(calls=(may, must), decode=tuple))


@pytest.mark.net
async def test_what_does_not_decode_is_a_decode_error(
    chain: tuple[EvmClient, FaultProxy],
) -> None:
    client, proxy = chain
    anchor = (await client.read_head("latest")).anchor
    short = ReadPlan(calls=(ViewCall(target=ECHO, data=b"\x01"),), decode=echo_plan(0).decode)
    with pytest.raises(DecodeError, match="unexpected answer"):
        await read(client, anchor, short)
    proxy.lie("eth_call", lambda _params, _result: "0x")
    with pytest.raises(DecodeError, match="multicall at 0xca11"):
        await read(client, anchor, echo_plan(1))
