"""The pool of endpoints on a real node behind proxies that misbehave."""

import asyncio
import logging
import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from chains.errors import (
    DecodeError,
    MissingBlock,
    SimulationReverted,
    Stale,
    Unreachable,
    WrongChain,
)
from chains.evm.client import EvmClient
from chains.evm.multicall import ViewCall
from chains.model.action import Call
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address, ChainId
from chains.rpc.endpoint import Json, RpcError, RpcErrorKind
from chains.rpc.policy import Cause, EndpointState
from daemon.devnet.anvil import Anvil
from tests.support.nodes import CHAIN, mine, proxied, running_anvil

HEADER_ONLY = [False]
pytestmark = pytest.mark.net

ALICE = Address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
NUMBER = Address("0x" + "aa" * 20)
REVERTER = Address("0x" + "bb" * 20)
RETURN_BLOCK_NUMBER = "0x4360005260206000f3"
REVERT_WITH_MUST_NOT_LEAVE_DUST = "0x63b629b0e460e01b60005260046000fd"


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        node.rpc.request("anvil_setCode", NUMBER, RETURN_BLOCK_NUMBER)
        node.rpc.request("anvil_setCode", REVERTER, REVERT_WITH_MUST_NOT_LEAVE_DUST)
        mine(node, 30)
        yield node


async def read_number(client: EvmClient, anchor: BlockAnchor) -> int:
    return int.from_bytes(await client.call(ViewCall(target=NUMBER, data=b""), anchor), "big")


def causes(client: EvmClient) -> list[Cause | None]:
    return [state.aside.cause if state.aside else None for state in client.endpoint_states]


async def test_a_head_carries_what_the_chain_says_of_it(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, _):
        head = await client.read_head("latest")
        block = anvil.rpc.request("eth_getBlockByNumber", "latest", *HEADER_ONLY)
        assert head.anchor.hash.hex() == block["hash"][2:]
        assert head.parent_hash.hex() == block["parentHash"][2:]
        assert head.anchor.state_root is not None
        assert head.anchor.state_root.hex() == block["stateRoot"][2:]
        assert head.anchor.time == int(block["timestamp"], 16)
        assert head.base_fee_wei == int(block["baseFeePerGas"], 16)
        assert (await client.read_head(head.anchor.hash)).anchor == head.anchor
        assert (await client.read_head(head.anchor.height)).anchor == head.anchor


async def test_reads_stay_at_their_anchor_while_the_chain_goes_on(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, _):
        anchor = (await client.read_head("latest")).anchor
        mine(anvil, 2)
        assert await read_number(client, anchor) == anchor.height


async def test_a_call_costs_one_round_trip(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, [proxy]):
        anchor = (await client.read_head("latest")).anchor
        before = proxy.counts.total()
        for _ in range(5):
            await read_number(client, anchor)
        assert proxy.counts.total() - before == 5


async def test_a_read_at_a_replaced_block_finds_it_missing(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, _):
        anchor = (await client.read_head("latest")).anchor
        anvil.rpc.request("anvil_reorg", 2, [])
        with pytest.raises(MissingBlock, match="no endpoint has the block"):
            await read_number(client, anchor)
        assert causes(client) == [None, None]


async def test_a_height_nobody_has_is_missing(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, _):
        with pytest.raises(MissingBlock):
            await client.read_head(10**9)


async def test_a_block_one_endpoint_lacks_is_read_at_the_other(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, second]):
        anchor = (await client.read_head("latest")).anchor
        first.fail("eth_call", -32000, "header not found")
        assert await read_number(client, anchor) == anchor.height
        assert second.counts["eth_call"] == 1
        assert causes(client) == [None, None]


@pytest.mark.parametrize("fault", ["hang", "drop", "limit_rate", "garble", "vanish"])
async def test_a_failing_endpoint_is_replaced_by_the_next(anvil: Anvil, fault: str) -> None:
    async with proxied(anvil, 2, timeout_s=0.2) as (client, [first, second]):
        match fault:
            case "hang":
                first.hang()
            case "drop":
                first.drop()
            case "limit_rate":
                first.limit_rate()
            case "garble":
                first.garble(b"<html>bad gateway</html>")
            case _:
                await first.__aexit__(None, None, None)
        head = await client.read_head("latest")
        assert head.anchor.height >= 30
        assert causes(client) == [Cause.FAILED, None]
        arrived = first.counts.total()
        await client.read_head("latest")
        assert first.counts.total() == arrived
        assert second.counts["eth_getBlockByNumber"] == 2


async def test_failover_stays_within_the_time_of_one_call(anvil: Anvil) -> None:
    async with proxied(anvil, 2, timeout_s=0.3) as (client, [first, _]):
        first.hang()
        started = time.monotonic()
        await client.read_balance(ALICE)
        assert 0.3 <= time.monotonic() - started < 0.6


async def test_a_slow_endpoint_does_not_hold_up_a_head_that_another_has(anvil: Anvil) -> None:
    async with (
        asyncio.timeout(10),
        proxied(anvil, 2, timeout_s=60) as (client, [first, second]),
    ):
        newest = await client.read_head("latest")
        first.hold()
        for block in ("latest", newest.anchor.hash, newest.anchor.height):
            assert (await client.read_head(block)).anchor == newest.anchor
        second.lie("eth_getBlockByHash", lambda _params, _result: None, times=1)
        assert (await client.read_head(newest.anchor.hash)).anchor == newest.anchor
        assert second.counts["eth_getBlockByHash"] == 3
        assert causes(client) == [None, None]


async def test_an_endpoint_that_works_again_is_let_back_in(anvil: Anvil) -> None:
    async with proxied(anvil, 2, timeout_s=0.2) as (client, [first, second]):
        first.hang()
        await client.read_head("latest")
        first.heal()
        await client.check_endpoints()
        assert causes(client) == [None, None]
        asked = second.counts["eth_getBlockByNumber"]
        await client.read_head("latest")
        assert second.counts["eth_getBlockByNumber"] == asked


async def test_no_endpoint_at_all_is_unreachable_and_names_why(anvil: Anvil) -> None:
    async with proxied(anvil, 2, timeout_s=0.1) as (client, [first, second]):
        first.hang()
        second.drop()
        with pytest.raises(Unreachable, match=r"no answer within 0.1 s.*ServerDisconnected"):
            await client.read_head("latest")
        first.heal()
        assert (await client.read_head("latest")).anchor.height >= 30
        assert causes(client) == [None, Cause.FAILED]


async def test_failure_and_recovery_are_each_logged_once(anvil: Anvil) -> None:
    async with proxied(anvil, timeout_s=0.1) as (client, [proxy]):
        with capture_logs() as logs:
            proxy.drop()
            for _ in range(3):
                with pytest.raises(Unreachable):
                    await client.read_head("latest")
            proxy.heal()
            for _ in range(3):
                await client.read_head("latest")
    assert [entry["event"] for entry in logs] == ["endpoint.set_aside", "endpoint.readmitted"]
    assert logging.getLevelNamesMapping()[logs[0]["log_level"].upper()] == logging.WARNING


async def test_a_lagging_endpoint_is_set_aside_until_it_has_caught_up(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        first.lag(20)
        await client.check_endpoints()
        assert causes(client) == [Cause.LAGGING, None]
        newest = int(anvil.rpc.request("eth_blockNumber"), 16)
        assert (await client.read_head("latest")).anchor.height == newest
        first.heal()
        await client.check_endpoints()
        assert causes(client) == [Cause.LAGGING, None]
        await client.check_endpoints()
        assert causes(client) == [None, None]


async def test_an_endpoint_a_few_blocks_behind_stays_in_use(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        first.lag(3)
        await client.check_endpoints()
        assert causes(client) == [None, None]


async def test_an_endpoint_of_another_chain_is_never_used(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        first.lie("eth_chainId", lambda _params, _result: "0x1")
        await client.read_head("latest")
        assert causes(client) == [Cause.WRONG_CHAIN, None]
        assert first.counts["eth_getBlockByNumber"] == 0


async def test_only_wrong_chains_is_an_error_of_its_own(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, [proxy]):
        proxy.lie("eth_chainId", lambda _params, _result: "0x1")
        for _ in range(2):
            with pytest.raises(WrongChain, match="answers for chain 1, not 31337"):
                await client.read_head("latest")
        proxy.heal()
        await client.check_endpoints()
        await client.check_endpoints()
        assert (await client.read_head("latest")).anchor.chain == CHAIN


async def test_an_endpoint_that_changes_its_chain_while_running_is_found(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        await client.read_head("latest")
        first.lie("eth_chainId", lambda _params, _result: "0x1")
        await client.check_endpoints()
        assert causes(client) == [Cause.WRONG_CHAIN, None]


def another_hash(_params: list[Json], result: Json) -> Json:
    assert isinstance(result, dict)
    return {**result, "hash": "0x" + "ee" * 32}


async def test_the_minority_on_a_hash_is_set_aside(anvil: Anvil) -> None:
    async with proxied(anvil, 3) as (client, [first, _, _]):
        first.lie("eth_getBlockByNumber", another_hash)
        await client.check_endpoints()
        assert causes(client) == [Cause.DISAGREES, None, None]
        first.heal()
        for _ in range(2):
            await client.check_endpoints()
        assert causes(client) == [None, None, None]


async def test_one_that_disagrees_and_then_fails_does_not_serve_as_the_last_resort(
    anvil: Anvil,
) -> None:
    async with proxied(anvil, 3) as (client, [first, second, third]):
        first.lie("eth_getBlockByNumber", another_hash)
        await client.check_endpoints()
        first.drop()
        await client.check_endpoints()
        first.heal()
        second.drop()
        third.drop()
        asked = first.counts.total()
        with pytest.raises(Unreachable):
            await client.read_head("latest")
        assert first.counts.total() == asked
        assert causes(client) == [Cause.DISAGREES, Cause.FAILED, Cause.FAILED]


async def test_one_of_two_that_claims_to_be_far_ahead_halts_the_chain(anvil: Anvil) -> None:
    def far_ahead(params: list[Json], result: Json) -> Json:
        assert isinstance(result, dict)
        ahead: dict[str, Json] = {"number": hex(10**9), "hash": "0x" + "ee" * 32}
        return {**result, **(ahead if params[0] == "latest" else {})}

    async with proxied(anvil, 2) as (client, [first, _]):
        for _round in range(2):
            await client.check_endpoints()
        first.lie("eth_getBlockByNumber", far_ahead)
        await client.check_endpoints()
        with pytest.raises(Stale, match="jumped to 1000000000"):
            await client.read_head("latest")
        assert causes(client) == [None, None]
        first.heal()
        await client.check_endpoints()
        assert (await client.read_head("latest")).anchor.height >= 30


async def test_two_hashes_without_a_majority_halt_the_chain(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        first.lie("eth_getBlockByNumber", another_hash)
        await client.check_endpoints()
        with pytest.raises(Stale, match="endpoints disagree"):
            await client.read_head("latest")
        first.heal()
        await client.check_endpoints()
        assert (await client.read_head("latest")).anchor.height >= 30


async def test_hashes_are_compared_at_a_height_both_have(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        first.lag(2)
        await client.check_endpoints()
        await client.read_head("latest")
        assert causes(client) == [None, None]


async def test_a_short_disagreement_during_a_reorg_is_forgiven(anvil: Anvil) -> None:
    async with proxied(anvil, 2) as (client, [first, _]):
        first.lie("eth_getBlockByNumber", another_hash, times=1)
        await client.check_endpoints()
        assert (await client.read_head("latest")).anchor.height >= 30


async def test_a_restarted_node_is_checked_before_it_is_used_again() -> None:
    with running_anvil() as old:
        async with proxied(old, timeout_s=0.5) as (client, [proxy]):
            await client.read_head("latest")
            old.stop()
            with pytest.raises(Unreachable):
                await client.read_head("latest")
            with running_anvil() as new:
                proxy.upstream = new.rpc.url
                assert (await client.read_head("latest")).anchor.height == 0
            with running_anvil(chain_id=5) as wrong:
                with pytest.raises(Unreachable):
                    await client.read_head("latest")
                proxy.upstream = wrong.rpc.url
                with pytest.raises(WrongChain):
                    await client.read_head("latest")


async def test_trouble_and_recovery_are_heard_of_without_a_call(anvil: Anvil) -> None:
    heard: list[EndpointState] = []
    async with proxied(anvil, 2, listener=heard.append) as (client, [first, _]):
        first.lag(20)
        await client.check_endpoints()
        first.heal()
        for _round in range(2):
            await client.check_endpoints()
        assert [state.aside is None for state in heard] == [False, True]


async def test_simulation_gives_the_gas_or_the_decoded_reason(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, _):
        assert await client.simulate(Call(target=NUMBER, data=b""), ALICE) > 21_000
        with pytest.raises(SimulationReverted, match=r"MustNotLeaveDust\(\)"):
            await client.simulate(Call(target=REVERTER, data=b""), ALICE)
        with pytest.raises(SimulationReverted, match=r"(?i)insufficient"):
            await client.simulate(Call(target=NUMBER, data=b"", value=10**18), NUMBER)


async def test_a_reverting_view_names_its_reason(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, _):
        anchor = (await client.read_head("latest")).anchor
        with pytest.raises(DecodeError, match=r"MustNotLeaveDust\(\)"):
            await client.call(ViewCall(target=REVERTER, data=b""), anchor)


async def test_a_falsified_header_is_refused(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, [proxy]):
        head = await client.read_head("latest")
        proxy.lie("eth_getBlockByHash", another_hash)
        with pytest.raises(DecodeError, match="answered another"):
            await client.read_head(head.anchor.hash)
        proxy.lie("eth_getBlockByNumber", lambda _params, _result: {"number": "0x1"})
        with pytest.raises(DecodeError, match="eth_getBlockByNumber"):
            await client.read_head("latest")


async def test_a_request_reports_a_nodes_refusal(anvil: Anvil) -> None:
    async with proxied(anvil) as (client, _):
        with pytest.raises(RpcError) as caught:
            await client.request("eth_getBalance", ["0x12", "latest"])
        assert caught.value.kind is RpcErrorKind.BAD_PARAMS


async def test_a_receipt_of_another_transaction_is_refused(anvil: Anvil) -> None:
    payment = {"from": ALICE, "to": ALICE, "value": "0x1"}
    asked, other = (anvil.rpc.request("eth_sendTransaction", payment) for _ in range(2))
    mine(anvil)
    wrong = anvil.rpc.request("eth_getTransactionReceipt", other)
    async with proxied(anvil) as (client, [proxy]):
        receipt = await client.read_receipt(bytes.fromhex(asked[2:]))
        assert receipt is not None
        assert receipt.tx_hash.hex() == asked[2:]
        proxy.lie("eth_getTransactionReceipt", lambda _params, _result: wrong)
        with pytest.raises(DecodeError, match=f"asked for {asked}, answered {other}"):
            await client.read_receipt(bytes.fromhex(asked[2:]))


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


TOPICS: list[Json] = ["0x" + word(1).hex(), "0x" + word(2).hex()]


@pytest.mark.parametrize(
    "twist",
    [
        {"address": REVERTER},
        {"topics": []},
        {"topics": TOPICS[:1]},
        {"topics": TOPICS[::-1]},
        {"blockNumber": "0x9"},
    ],
)
async def test_a_log_that_was_not_asked_for_is_refused(
    anvil: Anvil, twist: dict[str, Json]
) -> None:
    honest: dict[str, Json] = {
        "address": NUMBER,
        "topics": TOPICS,
        "data": "0x",
        "blockNumber": "0x5",
        "blockHash": "0x" + "11" * 32,
        "transactionHash": "0x" + "22" * 32,
        "logIndex": "0x0",
    }
    async with proxied(anvil) as (client, [proxy]):

        async def ask(*topics: bytes | list[bytes] | None) -> int:
            return len(
                await client.read_logs(
                    addresses=[NUMBER], topics=topics, from_height=4, to_height=6
                )
            )

        proxy.lie("eth_getLogs", lambda _params, _result: [honest])
        assert await ask(word(1), [word(2), word(3)]) == 1
        assert await ask(None, word(2)) == 1
        proxy.lie("eth_getLogs", lambda _params, _result: [honest, honest | twist])
        with pytest.raises(DecodeError, match="was not asked for"):
            await ask(word(1), [word(2), word(3)])


async def test_logs_are_read_in_halves_where_a_node_finds_the_range_too_wide(
    anvil: Anvil,
) -> None:
    emitter = "0x" + "cc" * 20
    log_block_number_under_topic_7 = "0x43600052600760206000a1"
    anvil.rpc.request("anvil_setCode", emitter, log_block_number_under_topic_7)
    start = int(anvil.rpc.request("eth_blockNumber"), 16) + 1
    for _ in range(4):
        anvil.rpc.request("eth_sendTransaction", {"from": ALICE, "to": emitter, "gas": "0x30d40"})
        mine(anvil)
    async with proxied(anvil) as (client, [proxy]):
        proxy.fail("eth_getLogs", -32005, "query returned more than 10000 results", times=2)
        logs = await client.read_logs(
            addresses=[Address(emitter)],
            topics=[(7).to_bytes(32, "big")],
            from_height=start,
            to_height=start + 3,
        )
        assert [log.height for log in logs] == [start, start + 1, start + 2, start + 3]
        assert [int.from_bytes(log.data, "big") for log in logs] == [log.height for log in logs]
        assert proxy.counts["eth_getLogs"] == 6


async def test_a_client_without_endpoints_is_refused() -> None:
    with pytest.raises(ValueError, match="no RPC endpoint"):
        EvmClient(chain=ChainId.evm(1), endpoints=[])
