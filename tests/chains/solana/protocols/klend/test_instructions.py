"""Kamino Lend's messages against those of Kamino's own SDK, and what they hold without it."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend.decode import decode_market, decode_obligation, decode_reserve
from chains.solana.protocols.klend.instructions import (
    EVERYTHING,
    Builder,
    Farm,
    LiquidatorAccounts,
    Version,
    derive_token_account,
)
from chains.solana.protocols.klend.layout import NULL_KEY
from chains.solana.protocols.klend.state import Obligation, Reserve
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.klend.accounts import (
    MARKET,
    SOL,
    USDC,
    WALLET,
    loan_account,
    market_account,
    reserve_account,
)
from tests.sdk.run import needs_sdk, run_sdk, show_account, show_instruction

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
STRANGER = Pubkey(bytes([10]) * 32)
FARMS = {name: bytes([60 + n]) * 32 for n, name in enumerate(("held", "owed"))}
REFRESH_RESERVE = bytes.fromhex("02da8aeb4fc91966")
REFRESH_FARM = bytes.fromhex("8c90fd150a4af803")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message to build: the action, its generation, and what the market is like."""

    action: str
    version: Version
    farms: bool
    group: int
    new_token: bool
    units: int


CASES = [
    Case(action=action, version=version, farms=farms, group=group, new_token=new, units=units)
    for (action, version, farms), (group, new, units) in product(
        product(("repay", "deposit", "liquidate"), Version, (False, True)),
        ((0, False, 1_000_000), (1, True, EVERYTHING)),
    )
]


def accounts_of(case: Case) -> tuple[RawAccount, RawAccount, RawAccount, RawAccount]:
    token = bytes(TOKEN_2022 if case.new_token else TOKEN)
    groups = [case.group, *([0] * 19)]
    held = reserve_account(
        SOL,
        token_program=token,
        collateral_farm=FARMS["held"] if case.farms else bytes(32),
        elevation_groups=groups,
        pyth=bytes([80]) * 32,
        switchboard=NULL_KEY,
    )
    owed = reserve_account(
        USDC,
        token_program=token,
        debt_farm=FARMS["owed"] if case.farms else bytes(32),
        elevation_groups=groups,
        scope=bytes(32),
        switchboard=bytes([81]) * 32,
        switchboard_twap=bytes([82]) * 32,
    )
    group = {"id": 1, "ltv_pct": 80, "threshold_pct": 90, "max_bonus_bps": 100}
    market = market_account(groups=[group] if case.group else [])
    return market, held, owed, loan_account(elevation_group=case.group)


def compose(case: Case, *, writable_mints: bool = False) -> tuple[Instruction, ...]:
    market, held, owed, loan = decode(case)
    builder = Builder(market=market, writable_mints=writable_mints)
    payer = WALLET if case.action == "deposit" else STRANGER
    touched = {
        "repay": [(owed, Farm.DEBT)],
        "deposit": [(held, Farm.COLLATERAL)],
        "liquidate": [(held, Farm.COLLATERAL), (owed, Farm.DEBT)],
    }[case.action]
    return builder.compose(
        case.version,
        act(builder, case, held, owed, loan),
        loan,
        {held.key: held, owed.key: owed},
        touched=touched,
        payer=payer,
    )


def act(
    builder: Builder, case: Case, held: Reserve, owed: Reserve, loan: Obligation
) -> Instruction:
    mine = {
        reserve.key: derive_token_account(STRANGER, reserve.keys.mint, reserve.keys.token_program)
        for reserve in (held, owed)
    }
    if case.action == "repay":
        return builder.repay(
            case.version, loan, owed, payer=STRANGER, source=mine[owed.key], units=case.units
        )
    if case.action == "deposit":
        source = derive_token_account(WALLET, held.keys.mint, held.keys.token_program)
        return builder.deposit(
            case.version, loan, held, owner=WALLET, source=source, units=case.units
        )
    return builder.liquidate(
        case.version,
        loan,
        repay=owed,
        withdraw=held,
        accounts=LiquidatorAccounts(
            payer=STRANGER,
            source=mine[owed.key],
            collateral=derive_token_account(STRANGER, held.keys.collateral_mint, bytes(TOKEN)),
            destination=mine[held.key],
        ),
        units=case.units,
        minimum=123,
    )


def decode(case: Case) -> tuple[Any, Reserve, Reserve, Obligation]:
    market, held, owed, loan = accounts_of(case)
    return (
        decode_market(CHAIN, market.key, market),
        decode_reserve(CHAIN, held.key, held),
        decode_reserve(CHAIN, owed.key, owed),
        decode_obligation(CHAIN, loan.key, loan),
    )


def describe(case: Case) -> dict[str, Any]:
    market, held, owed, loan = accounts_of(case)
    return {
        "action": case.action,
        "v2": case.version is Version.V2,
        "market": show_account(market),
        "reserves": [show_account(held), show_account(owed)],
        "loan": show_account(loan),
        "owner": str(WALLET),
        "payer": str(WALLET if case.action == "deposit" else STRANGER),
        "repay": str(USDC),
        "withdraw": str(SOL),
        "units": str(case.units),
        "minimum": "123",
    }


@needs_sdk
def test_messages_are_those_of_kaminos_sdk_byte_by_byte() -> None:
    answers = run_sdk("klend.mjs", {"cases": [describe(case) for case in CASES]})
    assert len(answers) == len(CASES) >= 20
    for case, theirs in zip(CASES, answers, strict=True):
        ours = [show_instruction(one) for one in compose(case)]
        assert len(ours) == len(theirs), case
        for mine, other in zip(ours, theirs, strict=True):
            assert mine == other, case


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_reserve_is_refreshed_once_before_the_action(case: Case) -> None:
    message = compose(case)
    refreshed = [one.accounts[0].pubkey for one in message if one.data == REFRESH_RESERVE]
    assert sorted(refreshed, key=bytes) == [SOL, USDC]
    farms = [one for one in message if one.data.startswith(REFRESH_FARM)]
    moved = (2 if case.action == "liquidate" else 1) if case.farms else 0
    assert len(farms) == (2 * moved if case.version is Version.V1 else 0)


def test_old_builds_get_their_mints_writable() -> None:
    case = next(case for case in CASES if case.action == "liquidate")
    mints = {SOL: bytes([21]) * 32, USDC: bytes([22]) * 32}
    for writable in (False, True):
        message = compose(case, writable_mints=writable)
        flags = {
            meta.is_writable
            for one in message
            for meta in one.accounts
            if bytes(meta.pubkey) in mints.values()
        }
        assert flags == {writable}


def test_a_referrers_accounts_follow_the_reserves_in_a_refresh() -> None:
    case = CASES[0]
    market, _, _, _ = decode(case)
    loan = decode_obligation(CHAIN, MARKET, loan_account(referrer=bytes([7]) * 32))
    plain = decode_obligation(CHAIN, MARKET, loan_account())
    builder = Builder(market=market)
    with_referrer = builder.refresh_obligation(loan).accounts
    without = builder.refresh_obligation(plain).accounts
    assert with_referrer[:-1] == without
    seeds = [b"referrer_acc", bytes([7]) * 32, bytes(USDC)]
    assert with_referrer[-1].pubkey == Pubkey.find_program_address(seeds, builder.program)[0]
