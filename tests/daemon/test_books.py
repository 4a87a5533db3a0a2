"""Books on the board: read, lost, recovered, too old; and what an account sees of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from chains.book.reader import BookReader
from chains.model.position import Side
from chains.model.snapshot import BookGap, PublishedBook
from daemon.board import Board
from daemon.books import BookWatch
from daemon.collect import collect
from proofs.recover import recover_address
from tests.support import books as b
from tests.support import values as v

HELD = b.document(b.part("100", perps=[b.perp()]))


class Following:
    """A book's watch with the board it writes to, and how often the account was woken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.woken = 0
        self.board = Board(
            labels={v.CHEAP: "cheap"},
            members={v.account(v.CHEAP): "alice", v.account(v.CHEAP, 0xB0B): "bob"},
            accounts=("alice", "bob"),
            stale_after_s={v.CHEAP: 10},
            book_accounts={b.ACCOUNT: "alice"},
        )
        self.watch = BookWatch(
            account=b.ACCOUNT,
            reader=BookReader(path=path, terms=b.terms(), recover=recover_address),
            board=self.board,
            changed=self.wake,
        )

    def wake(self) -> None:
        self.woken += 1

    def found(self, now: int = v.NOW) -> PublishedBook | BookGap:
        [found] = self.board.books_now("alice", now)
        return found


@pytest.fixture
def following(tmp_path: Path) -> Following:
    return Following(tmp_path / "book.json")


async def test_a_book_wakes_its_account_when_it_changes_and_not_before(
    following: Following,
) -> None:
    first = following.found()
    assert isinstance(first, BookGap)
    assert first.reason == "not read yet"
    b.publish(following.path, HELD)
    for _ in range(2):
        await following.watch.read()
    assert following.woken == 1
    b.publish(following.path, HELD | {"time": v.NOW + 1})
    await following.watch.read()
    assert following.woken == 2
    found = following.found()
    assert isinstance(found, PublishedBook)
    assert found.published_at == v.NOW + 1


async def test_a_bad_file_is_a_gap_that_keeps_what_was_said_last(following: Following) -> None:
    b.publish(following.path, HELD)
    await following.watch.read()
    following.path.write_bytes(b.encode(HELD))
    for _ in range(2):
        await following.watch.read()
    found = following.found()
    assert isinstance(found, BookGap)
    assert found.reason == "signature: is missing"
    assert found.last is not None
    assert following.woken == 2
    b.publish(following.path, HELD)
    await following.watch.read()
    assert isinstance(following.found(), PublishedBook)
    assert following.woken == 3


async def test_a_book_grows_old_by_itself(following: Following) -> None:
    b.publish(following.path, HELD)
    await following.watch.read()
    assert isinstance(following.found(v.NOW + 120), PublishedBook)
    late = following.found(v.NOW + 121)
    assert isinstance(late, BookGap)
    assert (late.reason, late.since) == (
        "it was published 121 s ago, 120 s are allowed",
        v.NOW + 120,
    )


async def test_only_the_account_that_a_book_is_of_has_it(following: Following) -> None:
    b.publish(following.path, HELD)
    await following.watch.read()
    held = v.position(v.CHEAP, [v.leg(v.CHEAP, "WETH", Side.COLLATERAL, 1)])
    read = v.chain_snapshot(v.CHEAP, [held, replace(held, account=v.account(v.CHEAP, 0xB0B))])
    following.board.put(read)
    alice, bob = (collect(following.board, name, now=v.NOW) for name in ("alice", "bob"))
    assert [book.account for book in alice.published] == [b.ACCOUNT]
    assert bob.books == ()
