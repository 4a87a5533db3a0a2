"""Reorg depth from hashes alone, against a model that keeps the whole chain."""

from hypothesis import given
from hypothesis import strategies as st

from chains.evm.window import HeadWindow
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import ChainId


def block(height: int, parent: bytes, branch: int) -> Head:
    hash_ = bytes([branch]) + height.to_bytes(8, "big") + parent[:23]
    anchor = BlockAnchor(chain=ChainId.evm(1), height=height, hash=hash_, time=height)
    return Head(anchor=anchor, parent_hash=parent, base_fee_wei=1)


def walk(window: HeadWindow, chain: list[Head]) -> list[Head]:
    branch = [chain[-1]]
    while not window.is_reached(branch[-1]):
        branch.append(chain[branch[-1].anchor.height - 1])
    return branch


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), max_size=20))
def test_the_depth_is_the_number_of_our_blocks_replaced(steps: list[tuple[int, int]]) -> None:
    window = HeadWindow(size=1_000)
    chain = [block(0, b"\0" * 32, 0)]
    assert window.adopt(walk(window, chain)) == 0
    for branch, (cut, grow) in enumerate(steps, start=1):
        dropped = min(cut, len(chain) - 1)
        chain = chain[: len(chain) - dropped]
        for _ in range(grow):
            chain.append(block(len(chain), chain[-1].anchor.hash, branch))
        assert not window.holds(chain[-1])
        assert window.adopt(walk(window, chain)) == dropped
        assert all(window.holds(each) for each in chain)


def test_a_fork_below_the_window_counts_as_deep_as_the_window() -> None:
    window = HeadWindow(size=4)
    chain = [block(0, b"\0" * 32, 0)]
    for height in range(1, 11):
        chain.append(block(height, chain[-1].anchor.hash, 0))
        window.adopt([chain[-1]])
    assert (window.lowest, window.tip) == (7, 10)
    assert window.adopt([block(3, b"\1" * 32, 1)]) == 4


def test_a_block_of_ours_below_the_tip_is_behind_but_no_contradiction() -> None:
    window = HeadWindow()
    chain = [block(0, b"\0" * 32, 0)]
    for height in range(1, 5):
        chain.append(block(height, chain[-1].anchor.hash, 0))
    window.adopt(list(reversed(chain)))
    assert window.is_behind(chain[2])
    assert not window.is_behind(chain[4])
    assert not window.is_behind(block(2, chain[1].anchor.hash, 9))
    assert window.rewind(chain[2]) == 2
    assert (window.tip, window.tip_hash) == (2, chain[2].anchor.hash)
