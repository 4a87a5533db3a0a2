"""Chain loops that fail alone, and the snapshot of a margin account with its gaps."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from chains.errors import ChainError, DecodeError, MissingBlock, Unreachable
from chains.model.anchor import Head
from chains.model.ids import AccountId, ChainId
from chains.model.position import Side
from chains.model.snapshot import ChainGap, ChainSnapshot
from daemon.board import Board
from daemon.collect import ChainWatch, collect
from daemon.margin.unified import evaluate
from tests.support import values as v


def board(**stale_after: int) -> Board:
    members = {v.account(v.CHEAP): "alice", v.account(v.DEAR): "alice"}
    return Board(
        labels={v.CHEAP: "cheap", v.DEAR: "dear"},
        members=members | {v.account(v.CHEAP, 0xB0B): "bob"},
        accounts=("alice", "bob"),
        stale_after_s={v.CHEAP: stale_after.get("cheap", 10), v.DEAR: 10},
    )


def read(chain: ChainId, *, time: int = v.NOW) -> ChainSnapshot:
    held = v.position(chain, [v.leg(chain, "WETH", Side.COLLATERAL, 1)])
    foreign = replace(held, account=v.account(chain, 0xB0B))
    return v.chain_snapshot(chain, [held, foreign], time=time)


def test_a_snapshot_holds_only_the_accounts_own_positions() -> None:
    known = board()
    known.chains = {v.CHEAP: read(v.CHEAP), v.DEAR: read(v.DEAR)}
    found = collect(known, "alice", now=v.NOW)
    assert [c.chain for c in found.read] == [v.CHEAP, v.DEAR]
    assert {p.account for c in found.read for p in c.positions} == set(found.members)


def test_an_account_is_asked_about_the_chains_of_its_members_only() -> None:
    known = board()
    known.chains = {v.CHEAP: read(v.CHEAP), v.DEAR: read(v.DEAR)}
    assert [c.chain for c in collect(known, "bob", now=v.NOW).read] == [v.CHEAP]


def test_an_account_that_cannot_be_valued_is_told_to_its_owner_alone() -> None:
    known = board()
    broken = (v.account(v.CHEAP), "the pool does not value this account")
    known.chains = {v.CHEAP: replace(read(v.CHEAP), unreadable=(broken,)), v.DEAR: read(v.DEAR)}
    alice, bob = (collect(known, name, now=v.NOW) for name in ("alice", "bob"))
    assert [c.unreadable for c in alice.read] == [(broken,), ()]
    assert [c.unreadable for c in bob.read] == [()]


def test_a_chain_not_read_yet_is_a_gap() -> None:
    known = board()
    known.chains = {v.CHEAP: read(v.CHEAP)}
    assert [g.reason for g in collect(known, "alice", now=v.NOW).gaps] == ["not read yet"]


def test_a_chain_not_heard_of_for_too_long_is_a_gap_that_keeps_what_was_known() -> None:
    known = board()
    known.chains = {v.CHEAP: read(v.CHEAP), v.DEAR: read(v.DEAR)}
    known.heard_at[v.CHEAP] = time.monotonic() - 11.5
    (gap,) = collect(known, "alice", now=v.NOW).gaps
    assert gap.reason == "no new block was read for 11 s, 10 s allowed"
    assert gap.since == v.NOW - 1
    assert gap.last is not None
    assert {p.account for p in gap.last.positions} == {v.account(v.CHEAP)}


@pytest.mark.parametrize(
    ("off_s", "said"), [(-11, "11 s old by this clock"), (300, "ahead of this clock")]
)
def test_a_clock_that_disagrees_leaves_the_chain_readable_and_no_unified_figure(
    off_s: int, said: str
) -> None:
    known = board()
    known.put(read(v.CHEAP, time=v.NOW + off_s))
    known.put(read(v.DEAR, time=v.NOW + off_s))
    found = collect(known, "alice", now=v.NOW)
    assert len(found.read) == 2
    report = evaluate(found, v.policy(), v.risk_table(), max_skew_s=30)
    assert report.unified is None
    assert all(said in reason for reason in report.incomplete)
    assert len(report.positions) == 2


def test_a_gap_that_goes_on_keeps_its_beginning_and_what_was_last_known() -> None:
    known = board()
    known.chains = {v.CHEAP: read(v.CHEAP)}
    known.put_gap(v.CHEAP, "hung", v.NOW)
    known.put_gap(v.CHEAP, "dead", v.NOW + 5)
    gap = known.chains[v.CHEAP]
    assert isinstance(gap, ChainGap)
    assert (gap.reason, gap.since) == ("dead", v.NOW)
    assert gap.last is not None


@dataclass
class Script:
    """A fake of our ports: yields heads or raises what it is told, then waits for ever.

    The next step comes when the last head was read once.
    """

    steps: list[Head | ChainError]
    reads: list[ChainSnapshot | Exception]
    opened: int = 0
    heads_read: list[int] = field(default_factory=list)
    was_read: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.was_read.set()

    async def heads(self) -> AsyncIterator[Head]:
        self.opened += 1
        while self.steps:
            await self.was_read.wait()
            step = self.steps.pop(0)
            if isinstance(step, ChainError):
                raise step
            self.was_read.clear()
            yield step
        await asyncio.Event().wait()

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        assert accounts == [v.account(v.CHEAP)]
        self.heads_read.append(head.anchor.height)
        self.was_read.set()
        outcome = self.reads.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def head(height: int) -> Head:
    return Head(anchor=v.anchor(v.CHEAP, height=height), parent_hash=bytes(32), base_fee_wei=10**9)


async def follow(script: Script, known: Board, *, entries: int) -> list[type]:
    seen: list[type] = []
    enough = asyncio.Event()

    def changed(chain: ChainId) -> None:
        seen.append(type(known.chains[chain]))
        if len(seen) == entries:
            enough.set()

    watch = ChainWatch(
        chain=v.CHEAP,
        heads=script,
        reader=script,
        accounts=[v.account(v.CHEAP)],
        board=known,
        changed=changed,
        on_head=lambda _: None,
    )
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        await enough.wait()
        task.cancel()
    return seen


async def test_a_read_that_fails_is_a_gap_until_the_next_head() -> None:
    known = board()
    script = Script(
        steps=[head(1), head(2), head(3)],
        reads=[read(v.CHEAP), DecodeError(v.CHEAP, "odd answer"), read(v.CHEAP)],
    )
    seen = await follow(script, known, entries=3)
    assert seen == [ChainSnapshot, ChainGap, ChainSnapshot]
    assert script.opened == 1


async def test_heads_that_fail_are_a_gap_and_are_opened_again() -> None:
    known = board()
    lost = Unreachable(v.CHEAP, "no endpoint answered")
    script = Script(steps=[head(1), lost, head(2)], reads=[read(v.CHEAP), read(v.CHEAP)])
    seen = await follow(script, known, entries=3)
    assert seen == [ChainSnapshot, ChainGap, ChainSnapshot]
    assert (script.opened, script.heads_read) == (2, [1, 2])


async def test_an_unknown_error_ends_the_loop() -> None:
    script = Script(steps=[head(1)], reads=[RuntimeError("a bug")])
    with pytest.raises(ExceptionGroup) as caught:
        await follow(script, board(), entries=1)
    assert caught.group_contains(RuntimeError, match="a bug")


async def test_a_gap_begins_when_the_chain_was_lost() -> None:
    known = board()
    before = int(time.time())
    await follow(Script(steps=[Unreachable(v.CHEAP, "dead")], reads=[]), known, entries=1)
    gap = known.chains[v.CHEAP]
    assert isinstance(gap, ChainGap)
    assert gap.since >= before


@dataclass
class Node:
    """A fake of our ports: heads as they are put, reads that wait, fail, or miss the block."""

    board: Board = field(default_factory=board)
    announced: asyncio.Queue[Head] = field(default_factory=asyncio.Queue)
    absent: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[tuple[str, int]] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def announce(self, height: int, *, reorg_depth: int = 0) -> None:
        self.announced.put_nowait(replace(head(height), reorg_depth=reorg_depth))

    async def heads(self) -> AsyncIterator[Head]:
        while True:
            yield await self.announced.get()
            self.moved.set()

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        assert accounts == [v.account(v.CHEAP)]
        height = head.anchor.height
        self.asked.append(height)
        self.moved.set()
        await self.gate.wait()
        if height in self.absent:
            raise MissingBlock(v.CHEAP, f"no block {height}")
        if height in self.broken:
            raise DecodeError(v.CHEAP, "odd answer")
        return replace(read(v.CHEAP), anchor=head.anchor)

    def on_head(self, head: Head) -> None:
        self.told.append((f"head {head.anchor.height}", head.reorg_depth))
        self.moved.set()

    def changed(self, chain: ChainId) -> None:
        found = self.board.chains[chain]
        read_at = found.anchor.height if isinstance(found, ChainSnapshot) else 0
        self.told.append((type(found).__name__, read_at))
        self.moved.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self.moved.clear()
            await self.moved.wait()


@asynccontextmanager
async def watching(*, patience_s: float = 60.0) -> AsyncIterator[Node]:
    node = Node()
    node.gate.set()
    watch = ChainWatch(
        chain=v.CHEAP,
        heads=node,
        reader=node,
        accounts=[v.account(v.CHEAP)],
        board=node.board,
        changed=node.changed,
        on_head=node.on_head,
        patience_s=patience_s,
    )
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        yield node
        task.cancel()


async def test_heads_that_come_during_a_read_are_passed_over_but_for_the_newest() -> None:
    async with watching() as node:
        node.gate.clear()
        node.announce(1)
        await node.until(lambda: node.asked == [1])
        for height, depth in ((2, 0), (3, 4), (4, 1), (5, 0)):
            node.announce(height, reorg_depth=depth)
        await node.until(node.announced.empty)
        node.gate.set()
        await node.until(lambda: ("ChainSnapshot", 5) in node.told)
        assert node.asked == [1, 5]
        assert [told for told in node.told if told[0].startswith("head")] == [
            ("head 1", 0),
            ("head 5", 4),
        ]


async def test_who_follows_transactions_hears_of_a_head_before_the_accounts_do() -> None:
    async with watching() as node:
        node.announce(1, reorg_depth=2)
        await node.until(lambda: len(node.told) == 2)
        assert node.told == [("head 1", 2), ("ChainSnapshot", 1)]


async def test_a_block_that_is_not_there_yet_is_asked_for_again_and_is_no_gap() -> None:
    async with watching() as node:
        node.absent = {1}
        node.announce(1)
        await node.until(lambda: len(node.asked) == 3)
        assert node.told == []
        node.absent = set()
        await node.until(lambda: len(node.told) == 2)
        assert node.told == [("head 1", 0), ("ChainSnapshot", 1)]
        assert set(node.asked) == {1}


async def test_a_block_that_never_comes_gives_way_to_a_newer_one() -> None:
    async with watching() as node:
        node.absent = {1}
        node.announce(1, reorg_depth=3)
        await node.until(lambda: len(node.asked) == 2)
        node.announce(2)
        await node.until(lambda: len(node.told) == 2)
        assert node.told == [("head 2", 3), ("ChainSnapshot", 2)]


async def test_a_chain_whose_newest_block_is_always_too_new_is_read_at_an_older_one() -> None:
    async with watching() as node:
        node.absent = {1, 2}
        node.announce(1)
        await node.until(lambda: node.asked == [1])
        node.announce(2)
        await node.until(lambda: 2 in node.asked)
        node.absent = {2}
        await node.until(lambda: ("ChainSnapshot", 1) in node.told)
        node.absent = set()
        await node.until(lambda: ("ChainSnapshot", 2) in node.told)
        assert not any(what == "ChainGap" for what, _ in node.told)


async def test_a_block_missing_for_too_long_is_a_gap_until_it_is_there() -> None:
    async with watching(patience_s=0.0) as node:
        node.absent = {1}
        node.announce(1)
        await node.until(lambda: ("ChainGap", 0) in node.told)
        node.absent = set()
        await node.until(lambda: ("ChainSnapshot", 1) in node.told)


async def test_a_read_that_fails_is_tried_again_though_no_new_head_comes() -> None:
    async with watching() as node:
        node.broken = {1}
        node.announce(1)
        await node.until(lambda: ("ChainGap", 0) in node.told)
        node.broken = set()
        await node.until(lambda: ("ChainSnapshot", 1) in node.told)


async def test_a_reorg_is_told_though_its_head_could_not_be_read() -> None:
    async with watching() as node:
        node.broken = {1}
        node.announce(1, reorg_depth=5)
        await node.until(lambda: ("ChainGap", 0) in node.told)
        node.announce(2)
        await node.until(lambda: ("ChainSnapshot", 2) in node.told)
        assert ("head 2", 5) in node.told
