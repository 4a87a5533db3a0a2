"""What becomes of a transaction, told by heads."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from chains.evm.watch import Stage, TransactionWatch
from chains.model.action import Receipt
from chains.model.ids import ChainId


def receipt(height: int, tx_hash: bytes = b"\1" * 32) -> Receipt:
    return Receipt(
        chain=ChainId.evm(1),
        tx_hash=tx_hash,
        block_hash=height.to_bytes(32, "big"),
        height=height,
        success=True,
        gas_used=1,
        gas_price_wei=1,
    )


def watch(depth: int = 3) -> TransactionWatch:
    return TransactionWatch(nonce=7, tx_hashes=(b"\1" * 32,), depth=depth)


def test_it_is_confirmed_at_its_depth_and_not_before() -> None:
    seen = watch().advance(height=10, mined_nonce=7, receipt=None)
    assert (seen.stage, seen.is_absent) == (Stage.PENDING, True)
    for height, stage in ((11, Stage.INCLUDED), (12, Stage.INCLUDED), (13, Stage.CONFIRMED)):
        seen = seen.advance(height=height, mined_nonce=8, receipt=receipt(11))
        assert seen.stage is stage
    assert seen.is_settled


def test_dropped_by_a_reorg_it_is_to_be_sent_again_and_may_come_back() -> None:
    seen = watch().advance(height=11, mined_nonce=8, receipt=receipt(11))
    seen = seen.advance(height=11, mined_nonce=7, receipt=None)
    assert (seen.stage, seen.reorgs, seen.receipt) == (Stage.REORGED_OUT, 1, None)
    assert seen.is_absent
    seen = seen.advance(height=13, mined_nonce=8, receipt=receipt(12))
    assert seen.stage is Stage.INCLUDED


def test_moved_to_another_block_it_starts_counting_again() -> None:
    seen = watch().advance(height=12, mined_nonce=8, receipt=receipt(11))
    seen = seen.advance(height=13, mined_nonce=8, receipt=receipt(13))
    assert seen.stage is Stage.INCLUDED


def test_a_nonce_used_by_another_is_final_only_when_it_is_settled() -> None:
    seen = watch(depth=2).advance(height=11, mined_nonce=8, receipt=None)
    assert seen.stage is Stage.PENDING
    undone = seen.advance(height=12, mined_nonce=7, receipt=None)
    assert undone.taken_at is None
    for height in (12, 13):
        seen = seen.advance(height=height, mined_nonce=8, receipt=None)
    assert seen.stage is Stage.NONCE_TAKEN
    assert seen.is_settled


def test_a_replacement_that_is_included_counts() -> None:
    newer = watch(depth=1).with_version(b"\2" * 32)
    assert newer.tx_hashes == (b"\1" * 32, b"\2" * 32)
    seen = newer.advance(height=11, mined_nonce=8, receipt=receipt(11, b"\2" * 32))
    assert seen.stage is Stage.CONFIRMED


@dataclass
class Chain:
    """Where our transaction is, or whether another used its nonce."""

    height: int = 10
    ours: int | None = None
    theirs: int | None = None
    history: list[Stage] = field(default_factory=list)

    def roll(self, depth: int) -> None:
        self.height -= depth
        self.ours = None if self.ours and self.ours > self.height else self.ours
        self.theirs = None if self.theirs and self.theirs > self.height else self.theirs


EVENTS = st.lists(st.sampled_from(["mine", "include", "usurp", "reorg1", "reorg2"]), max_size=30)


@given(EVENTS)
def test_with_reorgs_shallower_than_the_depth_a_verdict_is_never_wrong(events: list[str]) -> None:
    chain, seen = Chain(), watch(depth=4)
    for event in events:
        settled = seen.is_settled
        match event:
            case "reorg1" | "reorg2" if not settled:
                chain.roll(int(event[-1]))
            case "include" if chain.theirs is None and chain.ours is None:
                chain.ours = chain.height + 1
            case "usurp" if chain.ours is None and chain.theirs is None:
                chain.theirs = chain.height + 1
        chain.height += 1
        mined = 7 if chain.ours is None and chain.theirs is None else 8
        found = receipt(chain.ours) if chain.ours is not None else None
        seen = seen.advance(height=chain.height, mined_nonce=mined, receipt=found)
        if seen.stage is Stage.CONFIRMED:
            assert chain.ours is not None
        if seen.stage is Stage.NONCE_TAKEN:
            assert chain.theirs is not None
        if seen.stage is Stage.INCLUDED:
            assert seen.receipt == found
