"""Everybody leaves: from any state all orders end, all lines are lowered, all is withdrawn."""

from collections.abc import Callable, Iterator
from itertools import product

from tests.model.state import ASSETS, UNLIMITED, Action, State
from tests.model.world import World

_ROUNDS = 8
_TICKS = 4
Step = Callable[[State, Action], tuple[State, str]]


def drain(world: World, state: State, step: Step | None = None) -> str | None:
    """Let all debts be repaid and all be carried, and say what cannot be withdrawn then.

    `step` takes the actions somewhere else as well.
    """
    step = step or world.step
    for action in heal(world, state):
        state, _ = step(state, action)
    for _ in range(_ROUNDS):
        before = state
        for action in _list_actions(world, state):
            state, _ = step(state, action)
        for chain, number in product(range(world.rules.chains), range(world.accounts)):
            for action in _leave(world, state, chain, number):
                state, _ = step(state, action)
        if state == before:
            break
    return _find_left(world, state)


def _find_left(world: World, state: State) -> str | None:
    for chain in range(world.rules.chains):
        for account in world.head(state, chain).accounts:
            if any(account.collateral) or any(account.debt):
                return "leaving: collateral without debt cannot be withdrawn"
    return None


def heal(world: World, state: State) -> Iterator[Action]:
    """Bring committee and clocks to where everything is read and every order is over."""
    chains = range(world.rules.chains)
    yield from (Action("stall", chain) for chain in chains if state.stalled >> chain & 1)
    if state.silent:
        yield Action("silence")
    if state.signing or any(world.head(state, chain).committee for chain in chains):
        yield Action("succeed")
        yield from (Action("rotate", chain) for chain in chains)
    yield from (Action("tick", chain) for chain in chains for _ in range(_TICKS))


def _list_actions(world: World, state: State) -> Iterator[Action]:
    chains = range(world.rules.chains)
    orders = sum(len(world.head(state, chain).locks) for chain in chains)
    receipts = sum(len(world.head(state, chain).receipts) for chain in chains)
    for chain in chains:
        yield Action("finalise", chain)
    for chain in chains:
        for other in chains:
            if chain != other:
                yield from _carry(world, chain, other, orders, receipts)


def _carry(world: World, chain: int, other: int, orders: int, receipts: int) -> Iterator[Action]:
    for index in range(orders):
        yield Action("close", chain, other, nth=index)
    for index in range(receipts):
        yield Action("claim", chain, other, nth=index)
        yield Action("claim_rest", chain, nth=index)
    for index in range(orders):
        yield Action("release", chain, other, nth=index)
    for number in range(world.accounts):
        for asset in ASSETS:
            yield Action("take_raised", chain, other, number, asset)
            yield Action("take_lowered", chain, other, number, asset)


def _leave(world: World, state: State, chain: int, number: int) -> Iterator[Action]:
    account = world.head(state, chain).accounts[number]
    for asset in ASSETS:
        if account.debt[asset]:
            yield Action("repay", chain, 0, number, asset, UNLIMITED)
    for asset in ASSETS:
        for other in range(world.rules.chains):
            units = account.line_in(other, asset)
            if units:
                yield Action("lower", chain, other, number, asset, units)
        free = account.collateral[asset] - account.lent(asset) - account.locked[asset]
        if free > 0:
            yield Action("withdraw", chain, 0, number, asset, free)
