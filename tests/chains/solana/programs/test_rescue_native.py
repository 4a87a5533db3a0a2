"""Native mandates: the program's own amount, its limits, and what the keeper cannot do."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.model.action import Instrument
from chains.model.snapshot import MandateKind
from chains.model.units import USD, WAD, Wad, div_up
from chains.solana.programs.instructions import OraclePrice, Terms
from chains.solana.protocols.save.decimals import whole
from chains.solana.protocols.save.layout import PROGRAM as LENDING
from chains.solana.rescue import (
    NO_DEBT_HEALTH,
    build_approve,
    build_native_rescue,
    build_revoke,
    build_set_mandate,
    build_set_paused,
    derive_delegate,
    derive_mandate,
    derive_owner_state,
    derive_source,
)
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.programs.rescue_scene import (
    RESCUE,
    SOL,
    USDC,
    RescueScene,
    exchanged,
    open_scene,
    refusal,
    unsigned,
)

KEEPER, MANDATE, STATE, DELEGATE, SOURCE, SUPPLY, RESERVE, OBLIGATION, MARKET, PROGRAM = range(10)


def crashed(usd: float = 130, **terms: Any) -> RescueScene:  # noqa: ANN401 -- any field of the terms
    """A scene with a native mandate; SOL at 130 USD makes the health 1.04."""
    scene = open_scene()
    scene.crash(usd)
    scene.set_mandate(scene.terms(**terms))
    return scene


def pause(scene: RescueScene, *, paused: bool) -> None:
    scene.lab.send(build_set_paused(RESCUE, scene.wallet, paused=paused), by=(scene.owner.key,))


def owed(scene: RescueScene) -> int:
    return sum(borrow.amount for borrow in scene.market.obligation(scene.owner).borrows)


# What it does


def test_a_fall_below_the_trigger_is_repaid_up_to_the_target() -> None:
    scene = crashed()
    before = owed(scene)
    done = scene.rescue()
    assert (done.owner, done.obligation) == (scene.wallet, scene.owner.obligation)
    assert (done.mint, done.instrument) == (scene.usdc.mint, Instrument.REPAY)
    assert done.mandate == derive_mandate(
        RESCUE, scene.wallet, scene.owner.obligation, scene.usdc.mint, MandateKind.NATIVE
    )
    assert done.health_before == 104 * WAD // 100
    assert scene.lab.amount(scene.source) == 50_000 * USDC - done.units
    assert before - owed(scene) == whole(done.units)
    assert done.health_after == scene.health() >= 120 * WAD // 100
    assert done.units == div_up(10_000 * USDC * 2, 15)


def test_what_was_reported_is_what_the_next_refresh_finds() -> None:
    scene = crashed(120)
    scene.market.lab.advance(5_000)
    scene.market.republish()
    done = scene.rescue()
    assert done.health_after == scene.health()


def test_the_limits_cut_the_amount_and_the_day_remembers_it() -> None:
    scene = crashed(120, per_action=1_000 * USDC, per_day=1_200 * USDC)
    assert scene.rescue().units == 1_000 * USDC
    left = scene.read_mandate()
    assert (left.left_today, left.available) == (200 * USDC, 200 * USDC)
    assert scene.rescue().units == 200 * USDC
    assert scene.refusal() == "NO_FUNDS"
    scene.lab.advance(2 * 86_400)
    scene.market.republish()
    scene.crash(110)
    assert scene.read_mandate().left_today == 1_200 * USDC
    assert scene.rescue().units == 1_000 * USDC


def test_changing_a_mandate_gives_the_day_s_spending_not_back() -> None:
    scene = crashed(120, per_action=1_000 * USDC, per_day=1_000 * USDC)
    scene.rescue()
    scene.set_mandate(scene.terms(per_action=900 * USDC, per_day=1_000 * USDC))
    assert scene.read_mandate().left_today == 0
    assert scene.refusal() == "NO_FUNDS"


@pytest.mark.parametrize(("balance", "approved"), [(700, 50_000), (50_000, 700)])
def test_balance_and_delegation_cut_the_amount(balance: int, approved: int) -> None:
    scene = crashed()
    scene.fund(balance * USDC, approved * USDC)
    assert scene.read_mandate().available == 700 * USDC
    assert scene.rescue().units == 700 * USDC


def test_repaying_everything_leaves_no_health() -> None:
    scene = crashed(130, trigger=Wad(99 * WAD), target=Wad(100 * WAD))
    scene.crash(0.00000001)
    done = scene.rescue()
    assert done.units == 10_000 * USDC
    assert done.health_after == NO_DEBT_HEALTH
    assert scene.market.obligation(scene.owner).borrows == ()


def test_less_than_the_least_amount_is_taken_only_where_it_reaches_the_target() -> None:
    scene = crashed(min_action=900 * USDC)
    scene.fund(50_000 * USDC, 800 * USDC)
    assert scene.refusal() == "TOO_SMALL"
    scene.set_mandate(scene.terms(min_action=2_000 * USDC))
    scene.fund()
    assert scene.rescue().units < 2_000 * USDC


# What it refuses


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda s: s.crash(150), "HEALTHY"),
        (lambda s: pause(s, paused=True), "PAUSED"),
        (lambda s: s.set_mandate(s.terms(deadline=s.now + 1)) or s.lab.advance(4), "ENDED"),
        (lambda s: s.set_mandate(s.terms(keeper=s.wallet)), "WRONG_KEEPER"),
        (lambda s: s.fund(approved=0), "NO_FUNDS"),
        (lambda s: s.fund(0, 5), "NO_FUNDS"),
    ],
)  # fmt: skip
def test_a_rescue_is_refused(prepare: Callable[[RescueScene], object], reason: str) -> None:
    scene = crashed()
    prepare(scene)
    scene.market.republish()
    assert scene.refusal() == reason


def test_the_owner_can_let_go_on_what_he_paused() -> None:
    scene = crashed()
    pause(scene, paused=True)
    pause(scene, paused=False)
    assert scene.rescue().units > 0


def test_the_cooldown_parts_two_rescues() -> None:
    scene = crashed(per_action=100 * USDC, cooldown_s=60)
    scene.rescue()
    assert scene.read_mandate().ready_at == scene.now + 60
    scene.lab.advance(118)
    assert scene.refusal() == "COOLING"
    scene.lab.advance(2)
    assert scene.rescue().units == 100 * USDC


def test_a_unified_mandate_serves_no_native_rescue() -> None:
    scene = crashed()
    scene.set_mandate(scene.terms(MandateKind.UNIFIED))
    unified = derive_mandate(
        RESCUE, scene.wallet, scene.owner.obligation, scene.usdc.mint, MandateKind.UNIFIED
    )
    assert scene.refusal(exchanged(scene.native(), MANDATE, unified)) == "WRONG_KIND"


def test_only_the_keeper_may_and_he_must_sign() -> None:
    scene = crashed()
    stranger = Keypair.from_seed(b"s" * 32)
    theirs = build_native_rescue(RESCUE, scene.debt, keeper=stranger.pubkey())
    assert scene.refusal(theirs, by=stranger) == "WRONG_KEEPER"
    silent = [*scene.refreshes(), unsigned(scene.native(), KEEPER)]
    assert refusal(scene.lab, *silent, by=()) == "MISSING_SIGNATURE"


def test_an_obligation_of_an_earlier_slot_is_refused() -> None:
    scene = crashed()
    scene.market.refresh(scene.owner)
    scene.lab.advance(1)
    assert refusal(scene.lab, scene.native(), by=(scene.keeper,)) == "NOT_FRESH"


def test_an_obligation_that_changed_since_its_refresh_is_refused() -> None:
    scene = crashed()
    scene.market.refresh(scene.owner)
    scene.market.deposit(scene.owner, scene.sol, SOL)
    assert refusal(scene.lab, scene.native(), by=(scene.keeper,)) == "NOT_FRESH"


def test_a_price_that_moved_since_the_refresh_is_refused() -> None:
    scene = crashed()
    scene.market.refresh(scene.owner)
    scene.market.publish(scene.usdc, OraclePrice(price=2 * USD, published_at=scene.now))
    builder = scene.market.builder
    again = builder.refresh_reserve(scene.market.reserve(scene.usdc))
    assert refusal(scene.lab, again, scene.native(), by=(scene.keeper,)) == "PRICE_MOVED"


def test_a_token_that_is_not_owed_is_refused() -> None:
    scene = crashed()
    debt = replace(
        scene.debt, reserve=scene.sol.reserve, supply=scene.sol.supply, mint=scene.sol.mint
    )
    scene.lab.send(build_set_mandate(RESCUE, debt, scene.terms()), by=(scene.owner.key,))
    source = derive_source(scene.wallet, scene.sol.mint)
    data = bytearray(scene.lab.raw(scene.source).data)
    data[:32] = bytes(scene.sol.mint)
    scene.lab.put(scene.lab.raw(scene.source).owner, bytes(data), source)
    theirs = build_native_rescue(RESCUE, debt, keeper=scene.keeper.pubkey())
    assert scene.refusal(theirs) == "NO_DEBT"


# Accounts that a keeper might exchange


def foreign(scene: RescueScene) -> Mapping[str, tuple[int, Pubkey, str]]:
    """Give accounts in the place of the right ones, and the reasons they are refused with."""
    other = scene.market.owner()
    wallet, usdc = other.key.pubkey(), scene.usdc.mint
    lab, raw = scene.lab, scene.lab.raw
    mandate = derive_mandate(RESCUE, scene.wallet, scene.owner.obligation, usdc, MandateKind.NATIVE)
    stolen = lab.token(usdc, wallet, 10**12)
    approved = bytearray(raw(scene.source).data)
    approved[32:64] = bytes(wallet)
    another = scene.market.add_reserve(Terms(), decimals=6, price=USD)
    return {
        "a mandate that another program wrote": (
            MANDATE, lab.put(LENDING, raw(mandate).data), "NO_MANDATE"),
        "an owner's state as a mandate": (
            MANDATE, derive_owner_state(RESCUE, scene.wallet), "NO_MANDATE"),
        "a state that another program wrote": (
            STATE, lab.put(LENDING, raw(derive_owner_state(RESCUE, scene.wallet)).data),
            "WRONG_STATE"),
        "another owner's delegate": (DELEGATE, derive_delegate(RESCUE, wallet), "WRONG_DELEGATE"),
        "another owner's tokens": (SOURCE, stolen, "WRONG_SOURCE"),
        "another owner's tokens, delegated to this one's delegate": (
            SOURCE, lab.put(raw(scene.source).owner, bytes(approved)), "WRONG_SOURCE"),
        "a token account that is none": (
            SOURCE, lab.put(LENDING, raw(scene.source).data), "WRONG_SOURCE"),
        "tokens of the owner without our delegate": (
            SOURCE, lab.token(usdc, scene.wallet, 10**12), "WRONG_DELEGATE"),
        "tokens of another mint": (
            SOURCE, lab.token(scene.sol.mint, scene.wallet, 10**12), "WRONG_SOURCE"),
        "another reserve": (RESERVE, another.reserve, "WRONG_RESERVE"),
        "another owner's obligation": (OBLIGATION, other.obligation, "WRONG_OBLIGATION"),
        "another market": (
            MARKET, lab.put(LENDING, raw(scene.market.setup.market).data), "WRONG_MARKET"),
        "another program": (PROGRAM, RESCUE, "WRONG_LENDING"),
        "another token program": (10, lab.key(), "WRONG_SOURCE"),
    }  # fmt: skip


def test_no_account_can_be_exchanged() -> None:
    scene = crashed()
    accounts = foreign(scene)
    for name, (index, key, reason) in accounts.items():
        assert scene.refusal(exchanged(scene.native(), index, key)) == reason, name
    assert scene.rescue().units > 0


@pytest.mark.parametrize(
    ("name", "reason"), [("reserve", "WRONG_RESERVE"), ("obligation", "WRONG_OBLIGATION")]
)
def test_an_account_that_left_the_lending_program_is_refused(name: str, reason: str) -> None:
    scene = crashed()
    scene.market.refresh(scene.owner)
    key = getattr(scene.debt, name)
    data = scene.lab.raw(key).data
    for owner, content in ((RESCUE, data), (LENDING, data + b"\0")):
        scene.lab.put(owner, content, key)
        assert refusal(scene.lab, scene.native(), by=(scene.keeper,)) == reason


def test_only_a_live_delegation_to_the_owner_s_own_delegate_serves() -> None:
    scene = crashed()
    other = derive_delegate(RESCUE, scene.whale.key.pubkey())
    approve = build_approve(RESCUE, scene.wallet, scene.usdc.mint, 10**12)
    scene.lab.send(exchanged(approve, 1, other), by=(scene.owner.key,))
    assert scene.refusal() == "WRONG_DELEGATE"
    assert scene.refusal(exchanged(scene.native(), DELEGATE, other)) == "WRONG_DELEGATE"
    scene.fund()
    revoke = Instruction(TOKEN_PROGRAM, b"\x05", [approve.accounts[0], *list(approve.accounts)[2:]])
    scene.lab.send(revoke, by=(scene.owner.key,))
    assert scene.refusal() == "WRONG_DELEGATE"


def test_the_lending_program_refuses_a_foreign_supply() -> None:
    scene = crashed()
    mine = scene.lab.token(scene.usdc.mint, scene.keeper.pubkey())
    with pytest.raises(Refused, match="custom program error: 0xd"):
        scene.send(exchanged(scene.native(), SUPPLY, mine))
    assert scene.lab.amount(mine) == 0


def test_too_few_accounts_and_unknown_instructions_are_refused() -> None:
    scene = crashed()
    native = scene.native()
    short = Instruction(RESCUE, bytes(native.data), list(native.accounts)[:-1])
    assert scene.refusal(short) == "MISSING_ACCOUNT"
    for data in (b"", b"\x04\x00", b"\x06", b"\xff"):
        odd = Instruction(RESCUE, data, list(native.accounts))
        assert scene.refusal(odd) == "BAD_DATA"


def test_a_revoked_mandate_is_gone_and_its_rent_is_back() -> None:
    scene = crashed()
    mandate = native_mandate(scene)
    rent, before = scene.lab.raw(mandate).lamports, scene.lab.raw(scene.wallet).lamports
    scene.lab.send(build_revoke(RESCUE, scene.wallet, mandate), by=(scene.owner.key,))
    assert scene.lab.raw(scene.wallet).lamports == before + rent
    assert scene.refusal() == "NO_MANDATE"


def native_mandate(scene: RescueScene) -> Pubkey:
    return derive_mandate(
        RESCUE, scene.wallet, scene.owner.obligation, scene.usdc.mint, MandateKind.NATIVE
    )
