"""The swap pool: constant product less fee, to the unit, and what it refuses."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.solana.programs.instructions import POOL_BYTES, Pool
from tests.chains.solana.programs.lab import Lab, Refused

PROGRAM = Pubkey(b"S" * 32)
FEE_BPS = 30
TOO_LITTLE, BAD_ACCOUNT, BAD_AUTHORITY, EXISTS = 5, 2, 3, 4


@dataclass
class Scene:
    lab: Lab
    pool: Pool
    mints: tuple[Pubkey, Pubkey]
    user: Keypair
    tokens: tuple[Pubkey, Pubkey]


def build_scene(first: int, second: int) -> Scene:
    lab = Lab()
    lab.load("swap", PROGRAM)
    user, maker = lab.keypair(), lab.key()
    mints = (lab.mint(maker, 9), lab.mint(maker, 6))
    account = lab.blank(PROGRAM, POOL_BYTES)
    authority = Pubkey.find_program_address([bytes(account)], PROGRAM)[0]
    vaults = (lab.token(mints[0], authority, first), lab.token(mints[1], authority, second))
    pool = Pool(program=PROGRAM, account=account, vaults=vaults)
    lab.send(pool.create(FEE_BPS))
    tokens = (
        lab.token(mints[0], user.pubkey(), 1 << 60),
        lab.token(mints[1], user.pubkey(), 1 << 60),
    )
    return Scene(lab, pool, mints, user, tokens)


def swap(scene: Scene, units: int, *, least: int = 0, backwards: bool = False) -> int:
    """Sell; give what was got."""
    source, destination = reversed(scene.tokens) if backwards else scene.tokens
    before = scene.lab.amount(destination)
    instruction = scene.pool.swap(
        payer=scene.user.pubkey(),
        source=source,
        destination=destination,
        units=units,
        least=least,
        backwards=backwards,
    )
    scene.lab.send(instruction, by=(scene.user,))
    return scene.lab.amount(destination) - before


def quote(units: int, into: int, out: int) -> int:
    paid = units * (10_000 - FEE_BPS)
    return paid * out // (into * 10_000 + paid)


@given(st.integers(1, 1 << 50), st.integers(1, 1 << 59), st.integers(1, 1 << 59), st.booleans())
def test_a_swap_gives_the_constant_product_less_the_fee(
    units: int,
    first: int,
    second: int,
    backwards: bool,  # noqa: FBT001 -- drawn by hypothesis
) -> None:
    scene = build_scene(first, second)
    into, out = (second, first) if backwards else (first, second)
    expected = quote(units, into, out)
    if not expected:
        with pytest.raises(Refused) as refused:
            swap(scene, units, backwards=backwards)
        assert refused.value.code == TOO_LITTLE
        return
    assert swap(scene, units, backwards=backwards) == expected


def test_a_swap_below_the_least_is_refused() -> None:
    scene = build_scene(10**9, 10**9)
    expected = quote(10**6, 10**9, 10**9)
    with pytest.raises(Refused) as refused:
        swap(scene, 10**6, least=expected + 1)
    assert refused.value.code == TOO_LITTLE
    assert swap(scene, 10**6, least=expected) == expected


def test_vaults_of_another_are_refused() -> None:
    scene = build_scene(10**9, 10**9)
    stranger = scene.lab.token(scene.mints[0], scene.user.pubkey(), 10**9)
    other = Pool(
        program=PROGRAM, account=scene.pool.account, vaults=(stranger, scene.pool.vaults[1])
    )
    scene.pool = other
    with pytest.raises(Refused) as refused:
        swap(scene, 10**6)
    assert refused.value.code == BAD_ACCOUNT


def test_a_pool_is_created_once_and_over_its_own_vaults() -> None:
    scene = build_scene(1, 1)
    with pytest.raises(Refused) as again:
        scene.lab.send(scene.pool.create(FEE_BPS))
    assert again.value.code == EXISTS
    vault = scene.lab.token(scene.mints[0], scene.user.pubkey())
    account = scene.lab.blank(PROGRAM, POOL_BYTES)
    foreign = Pool(program=PROGRAM, account=account, vaults=(vault, vault))
    with pytest.raises(Refused) as refused:
        scene.lab.send(foreign.create(FEE_BPS))
    assert refused.value.code == BAD_AUTHORITY
