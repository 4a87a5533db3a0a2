"""marginfi's instructions against those of marginfi's own SDK.

The SDK's account wrapper sorts the health checks of both parties of a liquidation into one list
and leaves both oracles out, which the program does not take; so its instruction is compared, with
the lists that the program documents, each sorted by the SDK.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.solana.protocols.marginfi.decode import decode_account, decode_bank
from chains.solana.protocols.marginfi.instructions import (
    TOKEN_2022,
    Builder,
    Observed,
    list_observed,
    observe,
    observe_account,
)
from chains.solana.protocols.marginfi.state import Bank
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.marginfi.accounts import (
    GROUP_KEY,
    MARGIN,
    MINTS,
    PYTH,
    SOL,
    SWITCHBOARD,
    USDC,
    WALLET,
    bank_account,
    margin_account,
)
from tests.sdk.run import needs_sdk, run_sdk, show_instruction

BUILDER = Builder(group=GROUP_KEY)
LIQUIDATOR, TOKENS, FEE_WALLET = (Pubkey(bytes([n]) * 32) for n in (30, 31, 32))
UNITS = (1, 2**64 - 1)
FLAGS = (None, True, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Our instruction, and the question whose answer is theirs."""

    name: str
    ours: Instruction
    question: dict[str, Any]


def bank(key: Pubkey) -> Bank:
    return decode_bank(CHAIN, key, bank_account(key))


def both() -> dict[bytes, Bank]:
    return {bytes(key): bank(key) for key in (SOL, USDC)}


def show(observed: Sequence[Observed]) -> list[list[str]]:
    return [[str(each.bank), *map(str, each.oracles)] for each in observed]


def observed_of_margin() -> tuple[Observed, ...]:
    return observe_account(decode_account(CHAIN, MARGIN, margin_account()), both())


def pay_cases() -> list[Case]:
    builders: dict[str, tuple[Callable[..., Instruction], str]] = {
        "deposit": (BUILDER.deposit, "up_to_limit"),
        "repay": (BUILDER.repay, "everything"),
    }
    cases = []
    for (action, (build, flag_name)), units, flag, token in product(
        builders.items(), UNITS, FLAGS, (TOKEN_PROGRAM, TOKEN_2022)
    ):
        ours = build(
            MARGIN,
            bank(USDC),
            authority=WALLET,
            source=TOKENS,
            units=units,
            token_program=token,
            **{flag_name: flag},
        )
        question = {
            "action": action,
            "units": str(units),
            "flag": flag,
            "first": [str(MINTS[USDC])] if token == TOKEN_2022 else [],
            "accounts": {
                "group": str(GROUP_KEY),
                "marginfiAccount": str(MARGIN),
                "authority": str(WALLET),
                "bank": str(USDC),
                "signerTokenAccount": str(TOKENS),
                "liquidityVault": str(Pubkey(bank(USDC).liquidity_vault)),
                "tokenProgram": str(token),
            },
        }
        cases.append(Case(name=f"{action}-{units}-{flag}-{token}", ours=ours, question=question))
    return cases


def withdraw_cases() -> list[Case]:
    cases = []
    for units, flag, token in product(UNITS, FLAGS, (TOKEN_PROGRAM, TOKEN_2022)):
        ours = BUILDER.withdraw(
            MARGIN,
            bank(SOL),
            authority=WALLET,
            destination=TOKENS,
            units=units,
            everything=flag,
            observed=observed_of_margin(),
            token_program=token,
        )
        question = {
            "action": "withdraw",
            "units": str(units),
            "flag": flag,
            "first": [str(MINTS[SOL])] if token == TOKEN_2022 else [],
            "observed": [show(observed_of_margin())],
            "accounts": {
                "group": str(GROUP_KEY),
                "marginfiAccount": str(MARGIN),
                "authority": str(WALLET),
                "bank": str(SOL),
                "destinationTokenAccount": str(TOKENS),
                "liquidityVault": str(Pubkey(bank(SOL).liquidity_vault)),
                "tokenProgram": str(token),
            },
        }
        cases.append(Case(name=f"withdraw-{units}-{flag}-{token}", ours=ours, question=question))
    return cases


def liquidation_cases() -> list[Case]:
    cases = []
    sol, usdc = bank(SOL), bank(USDC)
    entered = (observe(usdc), observe(sol))
    more = (
        Observed(bank=Pubkey(bytes([200]) * 32), oracles=(Pubkey(bytes([201]) * 32),)),
        *entered,
    )
    for units, mine, token in product(UNITS, (entered, more), (TOKEN_PROGRAM, TOKEN_2022)):
        ours = BUILDER.liquidate(
            liquidator=LIQUIDATOR,
            authority=WALLET,
            liquidatee=MARGIN,
            asset=sol,
            liability=usdc,
            units=units,
            liquidator_observed=mine,
            liquidatee_observed=observed_of_margin(),
            token_program=token,
        )
        question = {
            "action": "liquidate",
            "units": str(units),
            "first": [
                *([str(MINTS[USDC])] if token == TOKEN_2022 else []),
                str(PYTH),
                str(SWITCHBOARD),
            ],
            "observed": [show(mine), show(observed_of_margin())],
            "accounts": {
                "group": str(GROUP_KEY),
                "assetBank": str(SOL),
                "liabBank": str(USDC),
                "liquidatorMarginfiAccount": str(LIQUIDATOR),
                "authority": str(WALLET),
                "liquidateeMarginfiAccount": str(MARGIN),
                "tokenProgram": str(token),
            },
        }
        name = f"liquidate-{units}-{len(mine)}-{token}"
        cases.append(Case(name=name, ours=ours, question=question))
    return cases


def receivership_cases() -> list[Case]:
    observed = observed_of_margin()
    record = str(BUILDER.derive_record(MARGIN))
    init = BUILDER.init_record(MARGIN, payer=WALLET)
    start = BUILDER.start_liquidation(MARGIN, receiver=WALLET, observed=observed)
    end = BUILDER.end_liquidation(MARGIN, receiver=WALLET, fee_wallet=FEE_WALLET, observed=observed)
    margin = {"marginfiAccount": str(MARGIN)}
    receiver = {**margin, "liquidationRecord": record, "liquidationReceiver": str(WALLET)}
    shown = [show(observed)]
    return [
        Case(
            name="init",
            ours=init,
            question={"action": "init", "accounts": {**margin, "feePayer": str(WALLET)}},
        ),
        Case(
            name="start",
            ours=start,
            question={"action": "start", "accounts": receiver, "observed": shown},
        ),
        Case(
            name="end",
            ours=end,
            question={
                "action": "end",
                "accounts": {**receiver, "globalFeeWallet": str(FEE_WALLET)},
                "observed": shown,
            },
        ),
    ]


@needs_sdk
def test_instructions_are_those_of_marginfis_sdk_byte_by_byte() -> None:
    cases = [*pay_cases(), *withdraw_cases(), *liquidation_cases(), *receivership_cases()]
    answers = run_sdk("marginfi.mjs", {"cases": [case.question for case in cases]})
    assert len(answers) == len(cases) >= 20
    for case, theirs in zip(cases, answers, strict=True):
        assert show_instruction(case.ours) == theirs, case.name


@pytest.mark.parametrize("case", liquidation_cases(), ids=lambda case: case.name)
def test_a_liquidation_says_how_many_accounts_each_party_brings(case: Case) -> None:
    theirs, ours = case.ours.data[-2:]
    token_mint = case.question["first"][:-2]
    assert len(case.ours.accounts) == 10 + len(token_mint) + 2 + theirs + ours


def test_health_checks_list_banks_in_descending_order() -> None:
    keys = list_observed(observed_of_margin())
    assert keys == [USDC, SWITCHBOARD, SOL, PYTH]


def test_a_bank_about_to_be_entered_is_observed_once() -> None:
    account = decode_account(CHAIN, MARGIN, margin_account())
    observed = observe_account(account, both(), also=(bytes(USDC), bytes(SOL)))
    assert sorted(bytes(each.bank) for each in observed) == sorted(both())
