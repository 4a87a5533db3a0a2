"""The last blocks of the chain as we saw it, to find reorgs by parent hash. Pure."""

from collections.abc import Sequence
from typing import Final

from chains.model.anchor import Head


class HeadWindow:
    """The newest `size` blocks that were yielded or walked over, by height.

    Heights may be missing where heads were skipped; a fork deeper than the window counts as deep
    as the window is.
    """

    def __init__(self, size: int = 128) -> None:
        self._size: Final = size
        self._hashes: dict[int, bytes] = {}

    @property
    def tip(self) -> int | None:
        """The height of the newest block; None before the first."""
        return max(self._hashes, default=None)

    @property
    def tip_hash(self) -> bytes:
        """The hash of the newest block; empty before the first."""
        return self._hashes[tip] if (tip := self.tip) is not None else b""

    @property
    def lowest(self) -> int | None:
        """The height of the oldest block kept; None before the first."""
        return min(self._hashes, default=None)

    def holds(self, head: Head) -> bool:
        """Say whether this block is part of the chain as we know it."""
        return self._hashes.get(head.anchor.height) == head.anchor.hash

    def knows(self, block_hash: bytes) -> bool:
        """Say whether a block of this hash is part of the chain as we know it."""
        return block_hash in self._hashes.values()

    def is_extended_by(self, head: Head) -> bool:
        """Say whether a block follows our newest."""
        return head.parent_hash == self.tip_hash

    def is_reached(self, head: Head) -> bool:
        """Say whether a walk back may end here: its parent is ours, or lies before the window."""
        lowest = self.lowest
        below = head.anchor.height - 1
        return lowest is None or below < lowest or self._hashes.get(below) == head.parent_hash

    def is_behind(self, head: Head) -> bool:
        """Say whether a block lies below our tip and does not contradict our chain."""
        tip, lowest, height = self.tip, self.lowest, head.anchor.height
        if tip is None or lowest is None or height >= tip:
            return False
        return height < lowest or self.holds(head)

    def rewind(self, head: Head) -> int:
        """Make a block below our tip the tip; gives the blocks taken away."""
        depth = 0
        if (tip := self.tip) is not None and (lowest := self.lowest) is not None:
            depth = tip - max(head.anchor.height, lowest - 1)
        kept = {
            height: hash_ for height, hash_ in self._hashes.items() if height < head.anchor.height
        }
        self._hashes = {**kept, head.anchor.height: head.anchor.hash}
        return depth

    def adopt(self, branch: Sequence[Head]) -> int:
        """Take over a branch, newest first, down to a reached block; gives the blocks replaced."""
        fork = branch[-1].anchor.height - 1
        depth = 0
        if (tip := self.tip) is not None and (lowest := self.lowest) is not None:
            depth = max(0, tip - max(fork, lowest - 1))
        kept = {height: hash_ for height, hash_ in self._hashes.items() if height <= fork}
        kept.update((head.anchor.height, head.anchor.hash) for head in branch)
        newest = max(kept)
        self._hashes = {h: hash_ for h, hash_ in kept.items() if h > newest - self._size}
        return depth
