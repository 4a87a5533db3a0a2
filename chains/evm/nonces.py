"""Which nonce comes next, for one key on one chain: pure, and gapless by construction.

The allocator holds the nonces that are in use (signed or in flight) and always gives the lowest
free one at or above the chain's count, so that a released nonce is filled before a new one opens.
"""

from collections.abc import Iterable


class NonceAllocator:
    """The nonces of one key on one chain.

    `floor` is the chain's pending count (what it, or another user of the key, has taken); `held`
    are those of our own journal that are not settled.
    """

    def __init__(self, *, floor: int, held: Iterable[int] = ()) -> None:
        self._floor = floor
        self._held = set(held)

    @property
    def held(self) -> frozenset[int]:
        """The nonces in use."""
        return frozenset(self._held)

    def peek(self) -> int:
        """Give the nonce that `reserve` would give."""
        nonce = self._floor
        while nonce in self._held:
            nonce += 1
        return nonce

    def reserve(self) -> int:
        """Take the lowest free nonce."""
        nonce = self.peek()
        self._held.add(nonce)
        return nonce

    def hold(self, nonce: int) -> None:
        """Mark a nonce as in use, as when a reorg brings a settled transaction back."""
        self._held.add(nonce)

    def release(self, nonce: int) -> None:
        """Give a nonce back whose transaction was never sent; ValueError when it is not held."""
        if nonce not in self._held:
            raise ValueError(f"nonce {nonce} is not held")
        self._held.remove(nonce)

    def resync(self, *, latest: int, pending: int) -> None:
        """Take over the chain's counts: mined nonces are settled, pending ones are taken.

        `latest` counts what is mined, `pending` what is mined or in the mempool. The counts may
        fall after a reorg; held nonces stay held then.
        """
        self._floor = max(latest, pending)
        self._held = {nonce for nonce in self._held if nonce >= latest}
