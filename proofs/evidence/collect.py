"""Evidence while it is gathered: reading code is run again until nothing is lacking."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

from proofs.evidence.codes import Code
from proofs.evidence.state import CollectingState, Lacking, ProvedState

T = TypeVar("T")

Reading = Callable[[ProvedState], T]
"""What is read of a state: the same code gathers its evidence and verifies it."""


class Collector(Generic[T]):
    """Gathers what a reading needs under a state root.

    `known` are codes recognised before, whose bytes are left out. What the reading itself
    refuses is raised by `find_lack`.
    """

    def __init__(
        self, state_root: bytes, reading: Reading[T], *, known: Mapping[bytes, Code] | None = None
    ) -> None:
        self._state_root = state_root
        self._reading = reading
        self._known = known or {}
        self._state: Final = CollectingState(state_root, nodes=(), known=known)
        self._asked = Lacking({}, frozenset())

    def add(self, nodes: Iterable[bytes], codes: Iterable[bytes]) -> None:
        """Take nodes and codes that were fetched."""
        self._state.add(nodes, codes)

    def find_lack(self) -> Lacking | None:
        """Run the reading; give what must be fetched before it can go on, None when it is done."""
        try:
            self._reading(self._state)
        except Lacking as lacking:
            self._asked = self._asked.join(lacking)
            return lacking
        return None

    @property
    def asked(self) -> Lacking:
        """What to fetch at once for the next block: what was read, once it is finished."""
        return self._asked

    def finish(self) -> tuple[T, tuple[bytes, ...], tuple[bytes, ...]]:
        """Give what was read, and the nodes and codes that prove it and nothing else."""
        nodes, codes = self._state.everything
        state = ProvedState(self._state_root, nodes=nodes, codes=codes, known=self._known)
        result = self._reading(state)
        self._asked = state.places
        return result, state.used_nodes, state.used_codes
