"""One round's votes on several statements as they come in."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chains.model.ids import Address
from daemon.committee.vault_messages import VaultVote


@dataclass(slots=True, kw_only=True)
class VaultBallot:
    """Signatures by statement and member index, and why others gave none, by address.

    It is over when everybody `asked` has answered, a while after each statement has `needed`
    signatures, or when its time is up. `unread` says which chains whom cannot read.
    """

    needed: int
    asked: Collection[Address]
    votes: Sequence[dict[int, bytes]]
    reasons: dict[Address, str] = field(default_factory=dict)
    unread: defaultdict[int, set[Address]] = field(default_factory=lambda: defaultdict(set))
    _answered: set[Address] = field(default_factory=set)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _whole: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._judge()

    def passed(self, item: int) -> bool:
        """Say whether a statement has enough signatures."""
        return len(self.votes[item]) >= self.needed

    def take(self, member: Address, place: int, answer: Sequence[VaultVote]) -> None:
        """Count a member's votes, whose signatures were checked."""
        for item, vote in enumerate(answer):
            if vote.signature is not None:
                self.votes[item][place] = vote.signature
                continue
            self.reasons[member] = vote.reason
            for chain in vote.unread:
                self.unread[chain].add(member)
        self._note(member)

    def refuse(self, member: Address, reason: str) -> None:
        """Note that a member does not vote."""
        self.reasons[member] = reason
        self._note(member)

    async def settle(self, *, grace_s: float, limit_s: float) -> None:
        """Wait until the round is over, and note who never answered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._enough.wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_s):
                        await self._whole.wait()
        for member in self.asked:
            if member not in self._answered:
                self.reasons[member] = "no answer in time"

    def _note(self, member: Address) -> None:
        self._answered.add(member)
        self._judge()

    def _judge(self) -> None:
        whole = self._answered.issuperset(self.asked)
        if whole:
            self._whole.set()
        if whole or all(map(self.passed, range(len(self.votes)))):
            self._enough.set()
