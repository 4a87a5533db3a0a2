"""One round's votes as they come in."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from chains.model.ids import Address


@dataclass(slots=True, kw_only=True)
class Tally:
    """Signatures by member index, and why others gave none, by address.

    A round is over when everybody `asked` has answered, a while after there are `needed` votes, or
    when its time is up.
    """

    needed: int
    asked: Collection[Address]
    votes: dict[int, bytes]
    reasons: dict[Address, str] = field(default_factory=dict)
    _answered: set[Address] = field(default_factory=set)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _whole: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._judge()

    @property
    def enough(self) -> bool:
        """Whether there is a quorum."""
        return len(self.votes) >= self.needed

    def vote(self, member: Address, place: int, signature: bytes) -> None:
        """Count a member's signature, which was checked."""
        self.votes[place] = signature
        self._note(member)

    def refuse(self, member: Address, reason: str) -> None:
        """Note that a member does not sign, or does not answer."""
        self.reasons[member] = reason
        self._note(member)

    def close(self) -> None:
        """Note who never answered."""
        for member in self.asked:
            if member not in self._answered:
                self.reasons[member] = "no answer in time"

    async def settle(self, *, grace_s: float, limit_s: float) -> None:
        """Wait until the round is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._enough.wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_s):
                        await self._whole.wait()

    def _note(self, member: Address) -> None:
        self._answered.add(member)
        self._judge()

    def _judge(self) -> None:
        whole = self._answered.issuperset(self.asked)
        if whole:
            self._whole.set()
        if self.enough or whole:
            self._enough.set()
