"""Heads of a real node over a proxy whose sockets die, fall silent or lie."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from chains.errors import Unreachable
from chains.evm.client import EvmClient
from chains.evm.heads import HeadStream
from chains.model.anchor import Head
from chains.rpc.endpoint import Json
from daemon.devnet.anvil import Anvil
from tests.support.nodes import mine, proxied, running_anvil
from tests.support.proxy import FaultProxy, Twist

pytestmark = pytest.mark.net


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        mine(node, 10)
        yield node


class Follower:
    """Takes heads from a stream, one at a time, none later than some seconds."""

    def __init__(self, stream: HeadStream, client: EvmClient, proxy: FaultProxy) -> None:
        self.stream = stream
        self.client = client
        self.proxy = proxy
        self.heads = stream.heads()

    async def next(self, *, within_s: float = 3.0) -> Head:
        async with asyncio.timeout(within_s):
            return await anext(self.heads)

    async def none_within(self, seconds: float) -> None:
        pending = asyncio.ensure_future(anext(self.heads))  # noqa: TID251 -- a head that must not come
        done, _ = await asyncio.wait({pending}, timeout=seconds)
        pending.cancel()
        await asyncio.wait({pending})
        assert not done


@asynccontextmanager
async def following(
    anvil: Anvil,
    *,
    sockets: bool = True,
    poll_s: float = 0.05,
    silence_s: float = 0.4,
    missing_s: float = 2.0,
) -> AsyncIterator[Follower]:
    async with proxied(anvil) as (client, [proxy]):
        urls = [proxy.ws_url] if sockets else []
        stream = HeadStream(
            client,
            urls,
            poll_s=poll_s,
            silence_s=silence_s,
            missing_s=missing_s,
            retry_s=0.2,
            retry_cap_s=0.2,
        )
        follower = Follower(stream, client, proxy)
        async with aclosing(follower.heads):
            yield follower


async def settle_on_socket(follower: Follower, anvil: Anvil) -> None:
    """Mine until a head has come over the socket."""
    async with asyncio.timeout(5):
        while follower.stream.is_polling:
            mine(anvil)
            await follower.next()


def hash_at(anvil: Anvil, height: int) -> str:
    block = anvil.rpc.request("eth_getBlockByNumber", hex(height), *[False])
    return str(block["hash"])[2:]


@pytest.mark.parametrize("sockets", [True, False])
async def test_the_newest_head_comes_at_once_and_each_new_one_once(
    anvil: Anvil, *, sockets: bool
) -> None:
    async with following(anvil, sockets=sockets) as follower:
        assert (await follower.next()).anchor.height == 10
        for height in (11, 12, 13):
            mine(anvil)
            head = await follower.next()
            assert (head.anchor.height, head.reorg_depth) == (height, 0)
            assert head.anchor.hash.hex() == hash_at(anvil, height)


async def test_a_block_mined_before_the_subscription_stood_comes_at_once(anvil: Anvil) -> None:
    async with following(anvil, poll_s=30, silence_s=30) as follower:
        await follower.next()
        mine(anvil)
        assert (await follower.next()).anchor.height == 11


async def test_heads_come_over_the_socket_without_polling(anvil: Anvil) -> None:
    async with following(anvil, poll_s=0.05, silence_s=30) as follower:
        await settle_on_socket(follower, anvil)
        asked = follower.proxy.counts["eth_getBlockByNumber"]
        for _ in range(3):
            mine(anvil)
            await follower.next()
        assert follower.proxy.counts["eth_getBlockByNumber"] == asked


@pytest.mark.parametrize("sockets", [True, False])
async def test_a_reorg_is_seen_with_its_depth(anvil: Anvil, *, sockets: bool) -> None:
    async with following(anvil, sockets=sockets) as follower:
        await follower.next()
        if sockets:
            await settle_on_socket(follower, anvil)
        for _ in range(4):
            mine(anvil)
            before = await follower.next()
        anvil.rpc.request("anvil_reorg", 3, [])
        mine(anvil)
        depths = []
        async with asyncio.timeout(3):
            while (head := await follower.next()).anchor.height <= before.anchor.height:
                depths.append(head.reorg_depth)
        depths.append(head.reorg_depth)
        assert max(depths) == 3
        assert depths.count(0) == len(depths) - 1
        assert head.anchor.hash.hex() == hash_at(anvil, head.anchor.height)


async def test_a_rollback_nobody_announces_shows_in_the_next_head(anvil: Anvil) -> None:
    async with following(anvil) as follower:
        await settle_on_socket(follower, anvil)
        for _ in range(4):
            mine(anvil)
            tip = (await follower.next()).anchor.height
        anvil.rpc.request("anvil_rollback", 3)
        mine(anvil)
        head = await follower.next()
        assert (head.anchor.height, head.reorg_depth) == (tip - 2, 3)


async def test_a_rollback_without_a_next_block_is_found_by_polling(anvil: Anvil) -> None:
    async with following(anvil, sockets=False) as follower:
        await follower.next()
        for _ in range(4):
            mine(anvil)
            await follower.next()
        anvil.rpc.request("anvil_rollback", 3)
        head = await follower.next()
        assert (head.anchor.height, head.reorg_depth) == (11, 3)
        mine(anvil)
        assert (await follower.next()).reorg_depth == 0


async def test_a_lagging_answer_is_not_taken_for_a_reorg(anvil: Anvil) -> None:
    async with following(anvil, sockets=False) as follower:
        await follower.next()
        mine(anvil)
        await follower.next()
        follower.proxy.lag(1)
        await follower.none_within(0.2)


async def test_a_killed_socket_gives_way_to_polling_and_comes_back(anvil: Anvil) -> None:
    async with following(anvil) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.refuse_sockets()
        await follower.proxy.kill_sockets()
        for _ in range(3):
            mine(anvil)
            await follower.next(within_s=1)
        assert follower.stream.is_polling
        follower.proxy.heal()
        await settle_on_socket(follower, anvil)
        assert follower.proxy.sockets_opened == 2


async def test_an_open_but_silent_socket_gives_way_to_polling(anvil: Anvil) -> None:
    async with following(anvil, silence_s=0.3) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.mute_sockets()
        mine(anvil)
        await follower.next(within_s=1)
        for _ in range(3):
            mine(anvil)
            await follower.next(within_s=0.5)
        assert follower.stream.is_polling
        follower.proxy.heal()
        await settle_on_socket(follower, anvil)


def announce(**fields: Json) -> Twist:
    """Falsify fields of every announced header."""

    def twist(message: dict[str, Any]) -> Json:
        header = {**message["params"]["result"], **fields}
        return {**message, "params": {**message["params"], "result": header}}

    return twist


async def test_a_head_says_what_the_endpoints_say_of_it_not_what_the_socket_does(
    anvil: Anvil,
) -> None:
    async with following(anvil, silence_s=30) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.twist_sockets(
            announce(
                number="0x5", timestamp="0x1", baseFeePerGas="0x1", stateRoot="0x", parentHash="?"
            )
        )
        mine(anvil)
        head = await follower.next()
        assert replace(head, reorg_depth=0) == await follower.client.read_head("latest")
        assert not follower.stream.is_polling


async def test_a_block_the_endpoints_do_not_have_yet_comes_once_they_have_it(anvil: Anvil) -> None:
    async with (
        following(anvil, silence_s=30, missing_s=30) as follower,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        await settle_on_socket(follower, anvil)
        follower.proxy.lag(1)
        follower.proxy.lie("eth_getBlockByHash", lambda _params, _result: None)
        before = follower.proxy.counts["eth_getBlockByHash"]
        coming = group.create_task(anext(follower.heads))
        mine(anvil)
        await follower.proxy.wait_for("eth_getBlockByHash", before + 4)
        assert not coming.done()
        follower.proxy.heal("eth_getBlockByHash")
        head = await coming
        assert head.anchor.hash.hex() == hash_at(anvil, head.anchor.height)
        assert head.anchor.height == int(anvil.rpc.request("eth_blockNumber"), 16)
        assert not follower.stream.is_polling


async def test_a_socket_that_announces_blocks_nobody_has_delays_no_head_and_is_given_up(
    anvil: Anvil,
) -> None:
    async with following(anvil, silence_s=30, missing_s=0.2) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.twist_sockets(announce(hash="0x" + "ab" * 32))
        async with asyncio.timeout(5):
            while not follower.stream.is_polling:
                mine(anvil)
                head = await follower.next()
                assert head.anchor.hash.hex() == hash_at(anvil, head.anchor.height)
                assert head.reorg_depth == 0


async def test_a_socket_that_repeats_itself_is_given_up_for_polling(anvil: Anvil) -> None:
    async with following(anvil, silence_s=0.3) as follower:
        await settle_on_socket(follower, anvil)
        newest = int(anvil.rpc.request("eth_blockNumber"), 16)
        follower.proxy.twist_sockets(announce(hash="0x" + hash_at(anvil, newest)))
        async with asyncio.timeout(5):
            while not follower.stream.is_polling:
                mine(anvil)
                assert (await follower.next()).reorg_depth == 0


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "eth_subscription"},
        {"jsonrpc": "2.0", "method": "eth_subscription", "params": [7]},
        {"method": "eth_subscription", "params": {"result": {"hash": "0x12"}}},
        {"method": "eth_subscription", "params": {"result": None}},
        ["eth_subscription"],
    ],
)
async def test_a_message_that_is_no_announcement_gives_way_to_polling(
    anvil: Anvil, message: Json
) -> None:
    async with following(anvil, silence_s=30) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.twist_sockets(lambda _message: message)
        mine(anvil)
        height = (await follower.next()).anchor.height
        assert height == int(anvil.rpc.request("eth_blockNumber"), 16)
        assert follower.stream.is_polling


async def test_a_block_that_is_off_the_chain_is_no_reorg(anvil: Anvil) -> None:
    uncle = "0x" + "5b" * 32

    def know_the_uncle(params: list[Json], block: Json) -> Json:
        if params[0] != uncle:
            return block
        newest = anvil.rpc.request("eth_getBlockByNumber", "latest", *[False])
        return {**newest, "hash": uncle, "parentHash": "0x" + "5a" * 32}

    async with following(anvil, silence_s=30, missing_s=30) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.lie("eth_getBlockByHash", know_the_uncle)
        follower.proxy.twist_sockets(announce(hash=uncle))
        for _ in range(2):
            mine(anvil)
            head = await follower.next()
            assert head.reorg_depth == 0
            assert head.anchor.hash.hex() == hash_at(anvil, head.anchor.height)


async def test_a_quiet_chain_is_not_a_silent_socket(anvil: Anvil) -> None:
    async with following(anvil, silence_s=0.1) as follower:
        await settle_on_socket(follower, anvil)
        await follower.none_within(0.5)
    assert follower.proxy.sockets_opened == 1


async def test_a_socket_of_another_chain_is_not_listened_to(anvil: Anvil) -> None:
    with running_anvil(chain_id=5) as other:
        mine(other, 3)
        async with proxied(anvil) as (client, _), FaultProxy(other.rpc.url) as wrong:
            stream = HeadStream(client, [wrong.ws_url], poll_s=0.05, retry_s=0.1)
            async with aclosing(stream.heads()) as heads, asyncio.timeout(5):
                assert (await anext(heads)).anchor.height == 10
                for height in (11, 12):
                    mine(anvil)
                    mine(other)
                    assert (await anext(heads)).anchor.height == height
            assert stream.is_polling


async def test_when_nothing_serves_it_says_so_and_can_be_iterated_again(anvil: Anvil) -> None:
    async with following(anvil) as follower:
        await settle_on_socket(follower, anvil)
        follower.proxy.drop()
        follower.proxy.refuse_sockets()
        await follower.proxy.kill_sockets()
        with pytest.raises(Unreachable):
            await follower.next()
        mine(anvil, 2)
        follower.proxy.heal()
        async with aclosing(follower.stream.heads()) as again, asyncio.timeout(3):
            head = await anext(again)
        assert head.anchor.height == int(anvil.rpc.request("eth_blockNumber"), 16)
        assert head.reorg_depth == 0


async def test_a_restarted_node_on_a_new_history_is_a_deep_reorg(anvil: Anvil) -> None:
    async with following(anvil) as follower:
        await follower.next()
        with running_anvil() as new:
            mine(new, 3)
            follower.proxy.upstream = new.rpc.url
            anvil.stop()
            await follower.proxy.kill_sockets()
            head = await follower.next()
            assert (head.anchor.height, head.reorg_depth) == (3, 1)
            mine(new)
            assert (await follower.next()).reorg_depth == 0


async def test_a_long_gap_is_crossed_in_few_reads(anvil: Anvil) -> None:
    async with following(anvil, sockets=False, poll_s=0.5) as follower:
        await follower.next()
        mine(anvil, 200)
        head = await follower.next()
        assert (head.anchor.height, head.reorg_depth) == (210, 0)
        assert follower.proxy.counts["eth_getBlockByHash"] == 0
        assert follower.proxy.counts["eth_getBlockByNumber"] <= 4
