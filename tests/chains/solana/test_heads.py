"""Heads of our node over sockets that close, fall silent, are refused or of another chain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from chains.errors import Unreachable
from chains.model.anchor import Finality
from chains.solana.accounts import AccountPlan, read
from chains.solana.client import SolanaClient
from chains.solana.heads import CLOCK_PATIENCE, SlotHead, SlotStream
from chains.solana.rpc import Commitment
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from tests.support.solnode import make_key, make_ledger, make_wallet, pay, serving, sign

pytestmark = pytest.mark.net
TO = make_key(1)
NOTHING: AccountPlan[None] = AccountPlan(keys=(), decode=lambda _: None)


class Follower:
    """Takes heads from a stream, one at a time, none later than some seconds."""

    def __init__(self, stream: SlotStream, client: SolanaClient, node: SolanaNode) -> None:
        self.stream = stream
        self.client = client
        self.node = node
        self.ledger = node.ledger
        self.heads = stream.heads()

    async def next(self) -> SlotHead:
        async with asyncio.timeout(3):
            return await anext(self.heads)

    async def tick(self, *, skip: int = 0) -> SlotHead:
        self.ledger.tick(skip=skip)
        return await self.next()

    async def settle(self) -> None:
        """Let slots pass until heads come over the socket."""
        while self.stream.is_polling:
            await self.tick()

    async def none_within(self, seconds: float) -> None:
        pending = asyncio.ensure_future(anext(self.heads))  # noqa: TID251 -- a head that must not come
        done, _ = await asyncio.wait({pending}, timeout=seconds)
        pending.cancel()
        await asyncio.wait({pending})
        assert not done

    @property
    def polls(self) -> int:
        return self.node.counts.get("getMultipleAccounts", 0)


@asynccontextmanager
async def following(
    *,
    sockets: bool = True,
    poll_s: float = 0.02,
    silence_s: float = 0.3,
    commitment: Commitment = Commitment.CONFIRMED,
    ws_ledger: Ledger | None = None,
) -> AsyncIterator[Follower]:
    ledger = make_ledger()
    ledger.tick()
    async with (
        serving(ledger, commitment=commitment) as (client, [node]),
        SolanaNode(ws_ledger or ledger) as ws_node,
    ):
        stream = SlotStream(
            client,
            [ws_node.ws_url] if ws_ledger else [node.ws_url] if sockets else [],
            watched=[TO],
            poll_s=poll_s,
            silence_s=silence_s,
            retry_s=0.1,
            retry_cap_s=0.1,
        )
        follower = Follower(stream, client, node)
        async with aclosing(follower.heads):
            yield follower


@pytest.mark.parametrize("sockets", [True, False])
async def test_the_newest_slot_comes_at_once_and_each_confirmed_one_once(*, sockets: bool) -> None:
    async with following(sockets=sockets) as follower:
        assert (await follower.next()).anchor.height == 1_000
        for slot in (1_001, 1_002, 1_003):
            head = await follower.tick()
            assert (head.anchor.height, head.anchor.finality) == (slot, Finality.SAFE)
        await follower.none_within(0.1)


async def test_a_head_from_the_socket_is_the_anchor_a_read_would_mint() -> None:
    async with following(silence_s=30) as follower:
        await follower.next()
        await follower.settle()
        head = await follower.tick()
        anchor, _ = await read(follower.client, NOTHING, min_slot=head.anchor.height)
        assert anchor == head.anchor


async def test_heads_come_over_the_socket_without_polling() -> None:
    async with following(silence_s=30) as follower:
        await follower.next()
        await follower.settle()
        before = follower.polls
        for _ in range(12):
            await follower.tick()
        assert follower.polls == before


async def test_finalized_heads_lag_and_come_over_the_socket_too() -> None:
    async with following(silence_s=30, commitment=Commitment.FINALIZED) as follower:
        await follower.next()
        for _ in range(32):
            follower.ledger.tick()
        heads = [await follower.tick() for _ in range(6)]
        assert heads[-1].anchor.height == follower.ledger.blocks.tip.slot - 32
        assert heads[-1].anchor.finality is Finality.FINALIZED


async def test_a_node_that_does_not_publish_the_clock_is_polled_at_each_slot() -> None:
    async with following(silence_s=30) as follower:
        follower.node.faults.unpublished_clock = True
        await follower.next()
        await follower.tick()
        for _ in range(CLOCK_PATIENCE):
            follower.ledger.tick()
        slots = [(await follower.tick()).anchor.height for _ in range(4)]
        assert slots == [1_006, 1_007, 1_008, 1_009]


# Fault 48.


async def test_a_dropped_slot_is_seen_and_has_no_effect() -> None:
    async with following(silence_s=30) as follower:
        ledger = follower.ledger
        wallet = make_wallet(ledger)
        await follower.next()
        await follower.settle()
        await follower.tick()
        dropped = ledger.blocks.tip.slot
        ledger.send(sign(ledger, wallet, [pay(wallet, TO)]))
        ledger.drop()
        heads = [await follower.tick(), await follower.tick(skip=2)]
        assert [head.dropped for head in heads if head.dropped] == [(dropped,)]
        assert dropped not in [head.anchor.height for head in heads]
        assert not any(head.changed for head in heads)
        assert await follower.client.read_balance(TO) == 0


async def test_watched_accounts_that_changed_are_named() -> None:
    async with following(silence_s=30) as follower:
        ledger = follower.ledger
        wallet = make_wallet(ledger)
        await follower.next()
        await follower.settle()
        ledger.send(sign(ledger, wallet, [pay(wallet, TO)]))
        heads = [await follower.tick(), await follower.tick()]
        assert frozenset[object]().union(*(head.changed for head in heads)) == {TO}


# Fault 50, and sockets that fail.


async def test_a_halted_chain_yields_nothing_until_it_goes_on() -> None:
    async with following(silence_s=0.1) as follower:
        last = await follower.next()
        await follower.none_within(0.3)
        follower.heads = follower.stream.heads()
        anchor, _ = await read(follower.client, NOTHING, min_slot=0)
        assert anchor == last.anchor
        assert (await follower.tick()).anchor.height == last.anchor.height + 1


async def test_an_endpoint_that_falls_behind_never_takes_a_head_back() -> None:
    async with following(sockets=False) as follower:
        for _ in range(5):
            head = await follower.tick()
        follower.node.faults.lag = 3
        for _ in range(3):
            follower.ledger.tick()
        await follower.none_within(0.1)
        follower.heads = follower.stream.heads()
        assert (await follower.tick()).anchor.height == head.anchor.height + 1


async def test_a_closed_socket_is_bridged_by_polling_and_opened_again() -> None:
    async with following(silence_s=30) as follower:
        await follower.next()
        await follower.settle()
        await follower.node.close_sockets()
        slots = [(await follower.tick()).anchor.height for _ in range(5)]
        assert slots == list(range(slots[0], slots[0] + 5))
        await follower.settle()
        assert follower.node.sockets_open == 1


async def test_an_open_socket_that_is_silent_while_slots_pass_is_given_up() -> None:
    async with following(silence_s=0.1) as follower:
        await follower.next()
        await follower.settle()
        follower.node.faults.sockets_muted = True
        for _ in range(20):
            await follower.tick()
            if follower.stream.is_polling:
                break
            await asyncio.sleep(0.02)
        assert follower.stream.is_polling


async def test_refused_sockets_leave_polling() -> None:
    async with following() as follower:
        follower.node.faults.sockets_refused = True
        await follower.next()
        assert [(await follower.tick()).anchor.height for _ in range(3)] == [1_001, 1_002, 1_003]
        assert follower.stream.is_polling


async def test_a_socket_of_a_chain_far_away_is_not_believed() -> None:
    other = Ledger(seed=b"far", start_slot=9_000, start_time=0)
    async with following(ws_ledger=other, silence_s=30) as follower:
        await follower.next()
        for _ in range(5):
            other.tick()
            head = await follower.tick()
            assert head.anchor.height < 1_100
        assert follower.stream.is_polling


async def test_without_an_endpoint_the_stream_says_so() -> None:
    async with following(sockets=False) as follower:
        await follower.next()
        follower.node.faults.silent = True
        with pytest.raises(Unreachable):
            await follower.tick()
