"""Quotes of a swap pool, held to the program to the unit, and what is no such pool."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.solana.pools import PoolPlace, PoolState, plan_pool
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.programs.test_swap import PROGRAM, Scene, build_scene

CHAIN = ChainId("solana", "EtWTRABZaYq6iMfeYKouRu166VU2xqa1")
MOST = (1 << 64) - 1
FAILS = {5, 14, None}
"""Too little, the program's arithmetic, and the token program's own failures."""


def place_of(scene: Scene) -> PoolPlace:
    pool = scene.pool
    return PoolPlace(program=PROGRAM, account=pool.account, vaults=pool.vaults, mints=scene.mints)


def read_pool(scene: Scene, place: PoolPlace | None = None) -> PoolState:
    plan = plan_pool(CHAIN, place or place_of(scene))
    return plan.decode({key: scene.lab.find(key) for key in plan.keys})


def sell(scene: Scene, state: PoolState, side: int, units: int, *, least: int = 0) -> int:
    """Sell through the instruction of the pool's own state; give what was got."""
    source, destination = scene.tokens[side], scene.tokens[1 - side]
    before = scene.lab.amount(destination)
    instruction = state.swap(
        scene.mints[side],
        units,
        payer=scene.user.pubkey(),
        source=source,
        destination=destination,
        least=least,
    )
    scene.lab.send(instruction, by=(scene.user,))
    return scene.lab.amount(destination) - before


@settings(max_examples=40)
@given(
    st.integers(0, 1 << 60),
    st.one_of(st.integers(0, 1 << 59), st.integers(MOST - (1 << 60), MOST)),
    st.one_of(st.integers(0, 1 << 59), st.integers(MOST - (1 << 60), MOST)),
    st.sampled_from([0, 1]),
)
def test_a_quote_is_what_the_program_gives_and_none_what_it_refuses(
    units: int, first: int, second: int, side: int
) -> None:
    scene = build_scene(first, second)
    for token in scene.tokens:
        account = scene.lab.raw(token)
        held = account.data[:64] + (1 << 60).to_bytes(8, "little") + account.data[72:]
        scene.lab.put(account.owner, held, at=token)
    state = read_pool(scene)
    quoted = state.quote(scene.mints[side], units)
    if quoted is None:
        with pytest.raises(Refused) as refused:
            sell(scene, state, side, units)
        assert refused.value.code in FAILS
    elif quoted <= MOST - (1 << 60):
        assert sell(scene, state, side, units) == quoted


def test_the_least_that_is_insisted_on_is_the_quote_and_not_a_unit_more() -> None:
    scene = build_scene(10**12, 10**9)
    state = read_pool(scene)
    quoted = state.quote(scene.mints[0], 10**9)
    assert quoted is not None
    with pytest.raises(Refused):
        sell(scene, state, 0, 10**9, least=quoted + 1)
    assert sell(scene, state, 0, 10**9, least=quoted) == quoted


def test_a_pool_of_other_mints_or_vaults_than_configured_is_refused() -> None:
    scene = build_scene(10**9, 10**9)
    place = place_of(scene)
    for wrong in (
        replace(place, mints=place.mints[::-1]),
        replace(place, vaults=place.vaults[::-1]),
    ):
        with pytest.raises(DecodeError, match="than configured"):
            read_pool(scene, wrong)


def test_what_is_no_pool_is_refused() -> None:
    scene = build_scene(10**9, 10**9)
    blank = scene.lab.blank(PROGRAM, 138)
    with pytest.raises(DecodeError, match="not set up"):
        read_pool(scene, replace(place_of(scene), account=blank))
    with pytest.raises(DecodeError, match="belongs to"):
        read_pool(scene, replace(place_of(scene), program=Pubkey(b"X" * 32)))
    with pytest.raises(DecodeError, match="does not exist"):
        read_pool(scene, replace(place_of(scene), account=Pubkey(b"Y" * 32)))
