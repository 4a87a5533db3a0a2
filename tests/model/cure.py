"""Strangers cure: whoever is under 1, and known everywhere, can be liquidated by anybody.

The owner does nothing; clocks and prices are the same on all chains.
"""

from collections.abc import Iterator
from itertools import product

from chains.model.units import USD, WAD
from tests.model.drain import heal
from tests.model.invariants import weigh
from tests.model.state import ASSETS, TERMS, TICK_S, UNLIMITED, Action, State
from tests.model.world import World

_ROUNDS = 24
_CRUMB = 100 * USD
"""What may be left of collateral: less is dust to an order."""


def cure(world: World, state: State) -> str | None:
    """Let strangers do all they can, and say whether somebody is still under 1 who need not be."""
    for action in _calm(world, state):
        state, _ = world.step(state, action)
    for _ in range(_ROUNDS):
        for action in _list_actions(world, state):
            state, _ = world.step(state, action)
        for action in _recall(world, state):
            state, _ = world.step(state, action)
    if any(_is_trapped(world, state, number) for number in range(world.accounts)):
        return "cure: an account under 1 cannot be liquidated, though it has collateral"
    return None


def _calm(world: World, state: State) -> Iterator[Action]:
    yield from heal(world, state)
    newest = max(world.locals[number].clock for number in state.heads)
    for chain in range(world.rules.chains):
        late = (newest - world.head(state, chain).clock) // TICK_S
        yield from (Action("tick", chain) for _ in range(late))
    prices = world.head(state, 0).prices
    for chain, asset in product(range(world.rules.chains), ASSETS):
        yield Action("price", chain, 0, 0, asset, prices[asset])


def _list_actions(world: World, state: State) -> Iterator[Action]:
    chains, accounts = range(world.rules.chains), range(world.accounts)
    orders = range(min(6, sum(len(world.head(state, chain).locks) for chain in chains)))
    for chain in chains:
        yield Action("finalise", chain)
    for number in accounts:
        yield Action("state", account=number)
        yield from (Action("post", chain, account=number) for chain in chains)
    for chain, other in product(chains, chains):
        for number, asset in product(accounts, ASSETS):
            for debt in ASSETS:
                if chain == other:
                    yield Action("liquidate", chain, 0, number, asset, UNLIMITED, debt)
                else:
                    yield Action("lock", chain, other, number, asset, nth=debt)
            if chain != other:
                yield Action("take_raised", chain, other, number, asset)
                yield Action("take_lowered", chain, other, number, asset)
        if chain != other:
            for nth in orders:
                yield Action("register", chain, other, nth=nth)
                yield Action("fill", chain, units=UNLIMITED, nth=nth)
                yield Action("close", chain, other, nth=nth)
                yield Action("claim", chain, other, nth=nth)
                yield Action("release", chain, other, nth=nth)
    yield from (Action("tick", chain) for chain in chains)


def _recall(world: World, state: State) -> Iterator[Action]:
    chains = range(world.rules.chains)
    for chain, other in product(chains, chains):
        for number, asset in product(range(world.accounts), ASSETS):
            lent = world.head(state, chain).accounts[number].line_in(other, asset)
            for part in (1, 2, 8):
                if lent // part:
                    yield Action("recall", chain, other, number, asset, lent // part)


def _is_trapped(world: World, state: State, number: int) -> bool:
    here = world.head(state, 0)
    heads = [world.locals[one] for one in state.heads]
    weight, debt = weigh(heads, here, number, TERMS.min_leg)
    held = sum(
        local.accounts[number].collateral[asset] * here.prices[asset] // WAD
        for local in heads
        for asset in ASSETS
    )
    return weight < debt and held >= _CRUMB
