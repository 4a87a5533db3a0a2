"""Which blocks a lane has followed, for those who must not act on a block before that."""

import asyncio
from collections import deque
from typing import Final

from chains.model.anchor import BlockAnchor, Head

FOLLOWED: Final = 128


class Followed:
    """The newest heads that were followed; `begun` counts those that were begun to be.

    `height` is the last one's, -1 before the first.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.height = -1
        self._done = 0
        self._hashes: deque[bytes] = deque(maxlen=FOLLOWED)
        self._moved = asyncio.Event()

    def begin(self) -> None:
        """Note that a head is being followed."""
        self.begun += 1

    def finish(self, head: Head) -> None:
        """Note that a head was followed, and with it everything before."""
        self.height = head.anchor.height
        self._done = self.begun
        self._hashes.extend((head.parent_hash, head.anchor.hash))
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait(self, anchor: BlockAnchor, *, looks: int) -> None:
        """Wait until a block was followed, or any head that was begun after `looks`."""
        while anchor.hash not in self._hashes and self._done <= looks:
            await self._moved.wait()

    async def wait_height(self, height: int, *, looks: int) -> None:
        """Wait until a height was followed, or any head that was begun after `looks`."""
        while self.height < height and self._done <= looks:
            await self._moved.wait()
