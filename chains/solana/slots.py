"""Which slots we were shown, which of them the chain kept, which it dropped. Pure.

Nodes announce slots when they are processed, which binds nobody: a slot is ours when a confirmed
slot descends from it. One that was announced and passed over is dropped, and nothing that was
seen in it ever happened.
"""

from typing import Final


class SlotWindow:
    """The announced slots above the newest confirmed one, at most `size` of them."""

    def __init__(self, size: int = 512) -> None:
        self._size: Final = size
        self._parents: dict[int, int] = {}
        self._confirmed: int | None = None

    @property
    def tip(self) -> int | None:
        """The newest confirmed slot; None before the first."""
        return self._confirmed

    def note(self, slot: int, parent: int) -> None:
        """Take in an announcement; of a slot announced twice the newer one counts."""
        if self._confirmed is not None and slot <= self._confirmed:
            return
        self._parents[slot] = parent
        while len(self._parents) > self._size:
            del self._parents[min(self._parents)]

    def confirm(self, slot: int) -> tuple[int, ...] | None:
        """Move the tip up to a confirmed slot; gives the slots this drops, ascending.

        None when the slot is not above the tip. Where announcements were missed, the slots below
        the gap are forgotten without a verdict.
        """
        if self._confirmed is not None and slot <= self._confirmed:
            return None
        kept = {slot}
        lowest = slot
        while (parent := self._parents.get(lowest)) is not None:
            lowest = parent
            kept.add(lowest)
        passed = [each for each in self._parents if each <= slot]
        dropped = tuple(sorted(each for each in passed if each > lowest and each not in kept))
        for each in passed:
            del self._parents[each]
        self._confirmed = slot
        return dropped
