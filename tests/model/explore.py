"""Breadth-first search: every state within so many steps, and the shortest way to a broken rule."""

import gc
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.model.drain import drain
from tests.model.invariants import check, check_step
from tests.model.scenes import Scene
from tests.model.state import Action, State
from tests.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What a search saw; `trace` is the shortest way to where `broken` says what is wrong.

    All states within `depth` steps of the scene's start were seen. `closed` says that there are no
    others at all.
    """

    scene: str
    states: int
    transitions: int
    refused: int
    depth: int
    closed: bool
    broken: str | None = None
    trace: tuple[Action, ...] = ()

    def __str__(self) -> str:
        how = "all there are" if self.closed else f"all within {self.depth} steps, and deeper ones"
        seen = (
            f"{self.states:,} states ({how}), {self.transitions:,} steps, {self.refused:,} refused"
        )
        steps = "".join(f"\n  {number}. {a}" for number, a in enumerate(self.trace, 1))
        return f"{self.scene}: {seen}" + (f"\n  {self.broken} after:{steps}" if steps else "")


class Search:
    """The states seen, each with the step that first led to it."""

    def __init__(self, world: World, start: State) -> None:
        self.world = world
        self.seen = {start: 0}
        self.order = [start]
        self.depths = array("H", [0])
        self._parents = array("L", [0])
        self._actions = array("H", [0])

    def add(self, state: State, parent: int, action: int) -> bool:
        """Take a state in unless it is known."""
        if self.seen.setdefault(state, len(self.order)) != len(self.order):
            return False
        self.order.append(state)
        self.depths.append(self.depths[parent] + 1)
        self._parents.append(parent)
        self._actions.append(action)
        return True

    def trace(self, place: int, alphabet: Sequence[Action]) -> tuple[Action, ...]:
        """Give the way from the start to a state."""
        steps = []
        while place:
            steps.append(alphabet[self._actions[place]])
            place = self._parents[place]
        return tuple(reversed(steps))


def explore(scene: Scene, limit: int, *, drain_every: int = 0) -> Exploration:
    """Visit states nearest first, at most so many, and stop at the first that is wrong.

    Everybody leaves from every `drain_every`th state, unless a quorum is stolen: caps are not
    refilled, and what they hold back stays.
    """
    with _without_collection():
        world, start = scene.open()
        search = Search(world, start)
        place = transitions = refused = 0
        broken: str | None = None
        trace: tuple[Action, ...] = ()
        while place < len(search.order) and len(search.order) < limit and broken is None:
            state = search.order[place]
            if drain_every and not world.forged and place % drain_every == 0:
                broken = drain(world, state)
                trace = search.trace(place, scene.alphabet)
            for number, action in enumerate(scene.alphabet):
                if broken or not scene.allows(world, state, action):
                    continue
                after, why = world.step(state, action)
                transitions += not why
                refused += bool(why) and why != "idle"
                if why or not search.add(after, place, number):
                    continue
                broken = check_step(world, state, action, after) or check(world, after)
                trace = search.trace(len(search.order) - 1, scene.alphabet)
            place += 1
        return Exploration(
            scene=scene.name,
            states=len(search.order),
            transitions=transitions,
            refused=refused,
            depth=search.depths[min(place, len(search.order) - 1)] - 1,
            closed=place == len(search.order),
            broken=broken,
            trace=trace if broken else (),
        )


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the collector from walking over millions of states that all live."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
