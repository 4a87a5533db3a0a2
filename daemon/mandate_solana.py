"""The instructions an owner signs on Solana for his mandates, in words and bytes: pure.

As on EVM chains nothing is sent and no owner's key is held. What the program would refuse is
refused here first, with the field's name. Source: programs/rescue.c, programs/rescue_committee.h.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.token import ID as TOKEN_PROGRAM
from solders.transaction import VersionedTransaction

from chains.errors import DecodeError
from chains.evm.rescue import Token
from chains.model.ids import ChainId
from chains.model.snapshot import MandateKind
from chains.solana.accounts import RawAccount
from chains.solana.committees import (
    MAX_MEMBERS,
    CommitteeTerms,
    build_committee,
    derive_committee,
)
from chains.solana.mandates import TOKEN
from chains.solana.rescue import (
    Debt,
    MandateTerms,
    build_approve,
    build_revoke,
    build_set_mandate,
    build_set_paused,
    build_take_back,
    derive_delegate,
)
from chains.solana.tokens import create_token_account
from chains.solana.zerocopy import open_account
from daemon.mandate_rules import (
    BadMandate,
    check_band,
    check_limits,
    check_unified,
    require,
    say_amount,
    say_health,
    say_limits,
)

_BITS: Final = 64
_USABLE: Final = 1
_NOBODY: Final = Pubkey.default()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerInstruction:
    """An instruction for the owner's wallet, and what it does in words."""

    instruction: Instruction
    description: str

    def describe(self) -> dict[str, Any]:
        """Give what a wallet asks for: program, accounts with their flags, `data` as bare hex."""
        accounts = [
            {"address": str(meta.pubkey), "signer": meta.is_signer, "writable": meta.is_writable}
            for meta in self.instruction.accounts
        ]
        return {
            "program": str(self.instruction.program_id),
            "accounts": accounts,
            "data": bytes(self.instruction.data).hex(),
            "description": self.description,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An owner's token account: its balance, and what its one delegate may take (units)."""

    key: Pubkey
    exists: bool = False
    balance: int = 0
    delegate: Pubkey | None = None
    delegated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerPlan:
    """Instructions in order, and what their owner should know before he signs."""

    steps: tuple[OwnerInstruction, ...]
    warnings: tuple[str, ...] = ()


def decode_source(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, owner: Pubkey
) -> Source:
    """Decode an owner's token account; DecodeError for one that cannot be used or is another's."""
    if account is None or not account.data:
        return Source(key=key)
    view = open_account(chain, key, account, layout=TOKEN, owner=TOKEN_PROGRAM)
    if view.number("state") != _USABLE:
        raise DecodeError(chain, f"token account {key} is frozen")
    if view.key("owner") != bytes(owner):
        raise DecodeError(chain, f"token account {key} belongs to another wallet")
    delegated = view.number("has_delegate") == 1
    return Source(
        key=key,
        exists=True,
        balance=view.number("amount"),
        delegate=Pubkey(view.key("delegate")) if delegated else None,
        delegated=view.number("delegated") if delegated else 0,
    )


def plan_mandate(
    program: Pubkey, debt: Debt, terms: MandateTerms, token: Token, source: Source, *, now: int
) -> OwnerPlan:
    """Plan what gives a mandate: set it, then let the program's delegate take the daily limit.

    A delegate of ours that may take enough is not approved again. BadMandate names what is wrong
    with the terms at `now` (seconds).
    """
    check_terms(terms, now=now)
    steps = [
        OwnerInstruction(
            instruction=build_set_mandate(program, debt, terms),
            description=_say(debt, terms, token),
        )
    ]
    ours = source.delegate == derive_delegate(program, debt.owner)
    if ours and source.delegated >= terms.per_day:
        return OwnerPlan(steps=tuple(steps))
    if not source.exists:
        steps.append(_open_source(debt.owner, debt.mint, token))
    steps.append(_approve(program, debt, token, terms.per_day))
    warnings = () if ours or source.delegate is None else (_warn(source, token),)
    return OwnerPlan(steps=tuple(steps), warnings=warnings)


def plan_revocation(
    program: Pubkey,
    owner: Pubkey,
    mandate: Pubkey,
    source: Source,
    token: Token,
    others: Sequence[Pubkey] | None = (),
) -> OwnerPlan:
    """Plan what ends a mandate and takes the token's allowance back, where it is ours.

    The allowance serves all mandates of that token: it stays while there are `others`. None says
    that nobody knows of others.
    """
    steps = [
        OwnerInstruction(
            instruction=build_revoke(program, owner, mandate),
            description=f"end mandate {mandate} and give its rent back",
        )
    ]
    if source.delegate != derive_delegate(program, owner):
        return OwnerPlan(steps=tuple(steps))
    if not others:
        steps.append(
            OwnerInstruction(
                instruction=build_take_back(owner, source.key),
                description=f"let nobody take {token.symbol} from {source.key} any more",
            )
        )
    return OwnerPlan(steps=tuple(steps), warnings=_warn_others(source, token, others))


def plan_pause(program: Pubkey, owner: Pubkey, *, paused: bool) -> OwnerPlan:
    """Plan what stops all of the owner's mandates, or lets them go on."""
    words = "stop all mandates at once" if paused else "let all mandates go on"
    built = build_set_paused(program, owner, paused=paused)
    return OwnerPlan(steps=(OwnerInstruction(instruction=built, description=words),))


def plan_committee(program: Pubkey, payer: Pubkey, terms: CommitteeTerms) -> OwnerPlan:
    """Plan what makes a committee's account; BadMandate names what the program would refuse."""
    check_committee(terms)
    words = (
        f"make committee {derive_committee(program, terms)}: {terms.threshold} of"
        f" {len(terms.members)} sign, for at most {terms.max_ttl_s} s; {payer} pays its rent"
    )
    built = build_committee(program, payer, terms)
    return OwnerPlan(steps=(OwnerInstruction(instruction=built, description=words),))


def build_unsigned(payer: Pubkey, plan: OwnerPlan, blockhash: Hash) -> VersionedTransaction:
    """Give the plan as one transaction of version 0 that the payer is still to sign."""
    instructions = [step.instruction for step in plan.steps]
    message = MessageV0.try_compile(payer, instructions, [], blockhash)
    return VersionedTransaction.populate(message, [Signature.default()])


def check_terms(terms: MandateTerms, *, now: int) -> None:
    """Raise BadMandate where the program would refuse these terms at `now` (seconds)."""
    require("keeper", terms.keeper, terms.keeper != _NOBODY, "an address")
    check_band(terms)
    require("per_action", terms.per_action, terms.per_action > 0, "above 0")
    check_limits(terms, now=now, movable=terms.per_action, bits=_BITS)
    if terms.kind is MandateKind.UNIFIED:
        check_unified(terms)
        require("committee", terms.committee, terms.committee is not None, "an account")
        return
    given = (terms.account_set_root, terms.committee, terms.max_age_s, terms.slack_bps)
    if given != (bytes(32), None, 0, 0):
        raise BadMandate(
            "account_set_root, committee, max_age_s, slack_bps: a native mandate has none"
        )


def check_committee(terms: CommitteeTerms) -> None:
    """Raise BadMandate where the program would refuse this committee."""
    members, numbers = terms.members, [int(member, 16) for member in terms.members]
    require("members", len(members), 0 < len(members) <= MAX_MEMBERS, f"1 to {MAX_MEMBERS}")
    ascending = all(low < high for low, high in zip([0, *numbers], numbers, strict=False))
    require("members", ", ".join(members), ascending, "ascending, none twice, none 0")
    enough = 2 * len(members) < 3 * terms.threshold <= 3 * len(members)
    require("threshold", terms.threshold, enough, "more than two thirds of the members, or all")
    require("max_ttl_s", terms.max_ttl_s, 0 < terms.max_ttl_s < 2**_BITS, "above 0")


def find_threshold(members: Sequence[object]) -> int:
    """Give the fewest signatures that are more than two thirds."""
    return 2 * len(members) // 3 + 1


def _open_source(owner: Pubkey, mint: Pubkey, token: Token) -> OwnerInstruction:
    return OwnerInstruction(
        instruction=create_token_account(owner, mint),
        description=f"make the owner's account of {token.symbol}; he pays its rent",
    )


def _approve(program: Pubkey, debt: Debt, token: Token, units: int) -> OwnerInstruction:
    delegate = derive_delegate(program, debt.owner)
    return OwnerInstruction(
        instruction=build_approve(program, debt.owner, debt.mint, units),
        description=(
            f"let {delegate}, for which only {program} signs,"
            f" take up to {say_amount(units, token)} in all"
        ),
    )


def _warn(source: Source, token: Token) -> str:
    return (
        f"{source.key} has another delegate, {source.delegate}, who may take"
        f" {say_amount(source.delegated, token)}; an account has one, so this ends that"
    )


def _warn_others(source: Source, token: Token, others: Sequence[Pubkey] | None) -> tuple[str, ...]:
    if others is None:
        unknown = f"whether other mandates for {token.symbol} remain could not be searched for"
        return (f"{unknown}: they would have nothing to take any more",)
    if not others:
        return ()
    named = ", ".join(sorted(map(str, others)))
    kept = f"{source.key} keeps its delegate, whom other mandates for {token.symbol} need"
    return (f"{kept}: {named}; revoke them too and nobody can take any",)


def _say(debt: Debt, terms: MandateTerms, token: Token) -> str:
    return (
        f"{terms.kind} mandate: under health {say_health(terms.trigger)}, keeper {terms.keeper}"
        f" may repay {token.symbol} of obligation {debt.obligation} up to health"
        f" {say_health(terms.target)} in market {debt.market}; {say_limits(terms, token)}"
    )
