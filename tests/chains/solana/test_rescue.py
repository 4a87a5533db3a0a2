"""Mandates, funds and events from accounts and logs: pure, and a DecodeError on garbage."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.errors import DecodeError
from chains.evm.rescue import OwnerFunds, Token, join_funds
from chains.model.ids import AccountId, Address, AssetId
from chains.model.snapshot import MandateKind
from chains.solana.accounts import CLOCK, RawAccount
from chains.solana.mandates import (
    Circumstances,
    Delegated,
    OwnerState,
    decode_mandate,
    decode_state,
    decode_tokens,
)
from chains.solana.rescue import (
    OwnerPlace,
    Rescued,
    build_approve,
    build_set_paused,
    decode_rescued,
    derive_mandate,
    derive_owner_state,
    derive_source,
    plan_funds,
)
from tests.chains.solana.programs.rescue_scene import RESCUE, USDC, RescueScene, open_scene
from tests.chains.solana.protocols.save.building import CHAIN
from tests.support.values import price

KEY = Pubkey(b"k" * 32)
NOTHING = Circumstances(state=OwnerState(), tokens=Delegated(), now=0)


def owned(scene: RescueScene, *, without: Pubkey | None = None) -> OwnerFunds:
    """Read the owner's funds, with one account missing."""
    obligations = (scene.owner.obligation, scene.whale.obligation)
    place = OwnerPlace(
        owner=AccountId(CHAIN, str(scene.wallet)),
        owed=dict.fromkeys((scene.usdc.mint, scene.sol.mint), obligations),
    )
    plan = plan_funds(CHAIN, RESCUE, [place])
    found = {key: None if key == without else scene.lab.find(key) for key in plan.keys}
    (funds,) = plan.decode(found)
    return funds


def test_funds_are_the_tokens_behind_mandates() -> None:
    scene = open_scene()
    assert (owned(scene).mandates, owned(scene).holdings) == ((), ())
    scene.set_mandate(scene.terms())
    scene.set_mandate(scene.terms(MandateKind.UNIFIED))
    funds = owned(scene)
    assert [mandate.kind for mandate in funds.mandates] == list(MandateKind)
    (holding,) = funds.holdings
    asset = AssetId.spl(CHAIN, Address(str(scene.usdc.mint)))
    assert (holding.asset, holding.balance) == (asset, 50_000 * USDC)
    assert holding.allowance == 50_000 * USDC
    quoted = replace(price(CHAIN, "USDC"), asset=asset)
    (fund,) = join_funds([funds], {asset: quoted}, {asset: Token(symbol="USDC", decimals=6)})
    assert fund.mandates == funds.mandates


def test_without_a_delegation_to_the_program_there_is_nothing_to_take() -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms())
    elsewhere = build_approve(Pubkey(b"e" * 32), scene.wallet, scene.usdc.mint, 10**12)
    scene.lab.send(elsewhere, by=(scene.owner.key,))
    (holding,) = owned(scene).holdings
    assert (holding.balance, holding.allowance) == (50_000 * USDC, 0)
    assert owned(scene).mandates[0].available == 0


@pytest.mark.parametrize("change", ["missing", "frozen", "sold"])
def test_tokens_that_cannot_be_taken_are_none(change: str) -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms())
    data = bytearray(scene.lab.raw(scene.source).data)
    if change == "frozen":
        data[108] = 2
    if change == "sold":
        data[32:64] = bytes(KEY)
    scene.lab.put(TOKEN_PROGRAM, bytes(data), scene.source)
    funds = owned(scene, without=scene.source if change == "missing" else None)
    assert (funds.holdings[0].balance, funds.mandates[0].available) == (0, 0)


def test_a_pause_and_the_end_leave_nothing_available() -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms(deadline=scene.now + 10))
    assert owned(scene).mandates[0].available == 20_000 * USDC
    scene.lab.advance(22)
    assert owned(scene).mandates[0].available == 0
    scene.set_mandate(scene.terms())
    scene.lab.send(build_set_paused(RESCUE, scene.wallet, paused=True), by=(scene.owner.key,))
    assert owned(scene).paused
    assert owned(scene).mandates[0].available == 0


def test_lamports_at_an_address_are_no_mandate() -> None:
    scene = open_scene()
    for kind in MandateKind:
        key = derive_mandate(RESCUE, scene.wallet, scene.owner.obligation, scene.usdc.mint, kind)
        scene.lab.svm.airdrop(key, 10**9)
    scene.lab.svm.airdrop(derive_owner_state(RESCUE, scene.wallet), 10**9)
    assert owned(scene).readable
    assert owned(scene).mandates == ()


def test_an_owner_who_cannot_be_read_hides_nobody() -> None:
    scene = open_scene()
    scene.set_mandate(scene.terms())
    places = [
        OwnerPlace(
            owner=AccountId(CHAIN, str(owner.key.pubkey())),
            owed={scene.usdc.mint: (owner.obligation,)},
        )
        for owner in (scene.whale, scene.owner)
    ]
    scene.lab.put(TOKEN_PROGRAM, b"x", derive_source(places[0].wallet, scene.usdc.mint))
    plan = plan_funds(CHAIN, RESCUE, places)
    first, second = plan.decode({key: scene.lab.find(key) for key in plan.keys})
    assert (first.readable, first.mandates) == (False, ())
    assert second.readable
    assert len(second.mandates) == 1


def test_the_clock_is_among_what_is_read() -> None:
    assert CLOCK in plan_funds(CHAIN, RESCUE, []).keys


def account(owner: Pubkey, data: bytes) -> RawAccount:
    return RawAccount(key=KEY, owner=owner, lamports=1, data=data)


DECODERS: list[tuple[Callable[[RawAccount], object], int, bytes]] = [
    (lambda raw: decode_mandate(CHAIN, KEY, raw, RESCUE, NOTHING), 472, b"\x01"),
    (lambda raw: decode_state(CHAIN, KEY, raw, RESCUE), 424, b"\x02"),
    (lambda raw: decode_tokens(CHAIN, KEY, raw, owner=KEY, delegate=KEY), 165, b""),
]


@pytest.mark.parametrize(("decode", "size", "start"), DECODERS)
@given(data=st.data())
def test_garbage_is_a_decode_error_or_a_value(
    decode: Callable[[RawAccount], object], size: int, start: bytes, data: st.DataObject
) -> None:
    right = RESCUE if size != 165 else TOKEN_PROGRAM
    owner = data.draw(st.sampled_from([right, KEY]))
    body = start + data.draw(st.binary(min_size=size - 1, max_size=size + 1))
    try:
        found = decode(account(owner, body))
    except DecodeError:
        return
    assert found is not None
    assert (owner, len(body)) == (right, size)


def test_garbage_in_place_of_the_clock_is_a_value_error() -> None:
    plan = plan_funds(CHAIN, RESCUE, [])
    with pytest.raises(ValueError, match="Clock"):
        plan.decode({CLOCK: account(KEY, b"")})


def test_a_rescue_is_told_by_the_program_only() -> None:
    scene = open_scene()
    scene.crash(130)
    scene.set_mandate(scene.terms())
    logs = scene.send(scene.native()).logs()
    told = decode_rescued(logs, RESCUE)
    assert isinstance(told, Rescued)
    assert (told.owner, told.obligation) == (scene.wallet, scene.owner.obligation)
    assert decode_rescued(logs, KEY) is None
    forged = [line.replace(str(RESCUE), str(KEY)) for line in logs]
    assert decode_rescued(forged, RESCUE) is None
    assert decode_rescued([], RESCUE) is None


@pytest.mark.parametrize("event", [b"", b"rescued\0", b"x" * 177, b"rescued\0" + bytes(169)])
def test_other_data_of_the_program_is_no_rescue(event: bytes) -> None:
    line = f"Program data: {base64.b64encode(event).decode()}"
    assert decode_rescued([f"Program {RESCUE} invoke [1]", line], RESCUE) is None
