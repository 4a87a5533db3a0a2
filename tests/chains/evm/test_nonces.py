"""Nonces are given once, and what is given back is filled before a new one opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chains.evm.nonces import NonceAllocator


@given(st.integers(0, 1000), st.sets(st.integers(0, 1010)))
def test_the_first_nonce_is_the_lowest_the_journal_does_not_hold(
    floor: int, held: set[int]
) -> None:
    nonce = NonceAllocator(floor=floor, held=held).reserve()
    assert nonce >= floor
    assert nonce not in held
    assert set(range(floor, nonce)) <= held


def test_a_nonce_that_is_not_held_cannot_be_released() -> None:
    with pytest.raises(ValueError, match="nonce 3 is not held"):
        NonceAllocator(floor=0).release(3)


def test_after_a_reorg_held_nonces_are_not_given_again() -> None:
    allocator = NonceAllocator(floor=5)
    assert [allocator.reserve(), allocator.reserve()] == [5, 6]
    allocator.resync(latest=6, pending=7)
    allocator.hold(5)
    allocator.resync(latest=5, pending=5)
    assert allocator.reserve() == 7


def test_a_foreign_transaction_moves_the_lane_on() -> None:
    allocator = NonceAllocator(floor=5)
    assert allocator.reserve() == 5
    allocator.resync(latest=6, pending=8)
    assert allocator.held == frozenset()
    assert allocator.reserve() == 8


class Lane(RuleBasedStateMachine):
    """A chain that mines in order, and an allocator that reserves, releases and resyncs."""

    def __init__(self) -> None:
        super().__init__()
        self.mined = 0
        self.sent: set[int] = set()
        self.unsent: set[int] = set()
        self.allocator = NonceAllocator(floor=0)

    @rule()
    def reserve(self) -> None:
        nonce = self.allocator.reserve()
        assert nonce not in self.sent | self.unsent
        assert nonce >= self.mined
        self.unsent.add(nonce)

    @precondition(lambda self: self.unsent)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        nonce = data.draw(st.sampled_from(sorted(self.unsent)))
        self.unsent.remove(nonce)
        self.sent.add(nonce)

    @precondition(lambda self: self.unsent)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        nonce = data.draw(st.sampled_from(sorted(self.unsent)))
        self.allocator.release(nonce)
        self.unsent.remove(nonce)

    @precondition(lambda self: self.mined in self.sent)
    @rule()
    def mine(self) -> None:
        self.sent.remove(self.mined)
        self.mined += 1

    @rule()
    def resync(self) -> None:
        pending = self.mined
        while pending in self.sent:
            pending += 1
        self.allocator.resync(latest=self.mined, pending=pending)

    @invariant()
    def the_next_nonce_leaves_no_gap(self) -> None:
        taken = self.sent | self.unsent
        assert set(range(self.mined, self.allocator.peek())) <= taken


TestLane = Lane.TestCase
