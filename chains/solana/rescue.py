"""The rescue program in Python: what owners allow, and what uses or changes it. Pure.

Source of every shape: programs/rescue.c.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address

from chains.errors import DecodeError
from chains.evm.rescue import Holding, OwnerFunds
from chains.model.action import Instrument
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.snapshot import Mandate, MandateKind
from chains.model.units import Bps, Wad
from chains.solana.accounts import CLOCK, AccountPlan, RawAccount, decode_clock
from chains.solana.attested import encode_header
from chains.solana.logs import find_data
from chains.solana.mandates import (
    KIND_NUMBERS,
    Circumstances,
    decode_mandate,
    decode_state,
    decode_tokens,
)

NO_DEBT_HEALTH: Final = 2**128 - 1
"""What an event gives as the health of an obligation that owes nothing."""
SET_MANDATE: Final = 0
REVOKE: Final = 1
SET_PAUSED: Final = 2
EXECUTE_NATIVE: Final = 4
EXECUTE_UNIFIED: Final = 5
_TOKEN_APPROVE: Final = 4
_TOKEN_REVOKE: Final = 5
_TERMS: Final = struct.Struct("<BB32s16s16sQQQQQ32sQQ")
_EVENT: Final = struct.Struct("<8s32s32s32s32sBQ16s16s")
_MARK: Final = b"rescued\0"
_REPAY: Final = 1

Found = Mapping[Pubkey, RawAccount | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One debt of an owner, and the accounts it lies in; `lending` is the market's program."""

    owner: Pubkey
    obligation: Pubkey
    lending: Pubkey
    market: Pubkey
    reserve: Pubkey
    supply: Pubkey
    mint: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateTerms:
    """What an owner signs: amounts in units of the debt's token, times in seconds.

    The last four fields are for unified mandates and stay empty in native ones.
    """

    kind: MandateKind
    keeper: Pubkey
    trigger: Wad
    target: Wad
    per_action: int
    per_day: int
    deadline: int
    min_action: int = 0
    cooldown_s: int = 0
    account_set_root: bytes = bytes(32)
    committee: Pubkey | None = None
    max_age_s: int = 0
    slack_bps: Bps = Bps(0)

    def pack(self) -> bytes:
        """Give the terms as the program reads them."""
        return _TERMS.pack(
            SET_MANDATE, KIND_NUMBERS[self.kind], bytes(self.keeper),
            self.trigger.to_bytes(16, "little"), self.target.to_bytes(16, "little"),
            self.per_action, self.per_day, self.min_action, self.cooldown_s, self.deadline,
            self.account_set_root, self.max_age_s, self.slack_bps,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerPlace:
    """Where an owner's mandates may lie: one for each kind, mint, and obligation that owes it."""

    owner: AccountId
    owed: Mapping[Pubkey, tuple[Pubkey, ...]]

    @property
    def wallet(self) -> Pubkey:
        """The owner's key."""
        return Pubkey.from_string(self.owner.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescued:
    """The event of a rescue: units repaid, native health (1e18) before and after.

    Where nothing is owed any more, `health_after` is NO_DEBT_HEALTH.
    """

    owner: Pubkey
    mandate: Pubkey
    obligation: Pubkey
    mint: Pubkey
    instrument: Instrument
    units: int
    health_before: int
    health_after: int


def derive_mandate(
    program: Pubkey, owner: Pubkey, obligation: Pubkey, mint: Pubkey, kind: MandateKind
) -> Pubkey:
    """Give the address of the one mandate an owner has for an obligation, a mint and a kind."""
    number = bytes([KIND_NUMBERS[kind]])
    return _derive(program, b"mandate", owner, bytes(obligation), bytes(mint), number)


def derive_delegate(program: Pubkey, owner: Pubkey) -> Pubkey:
    """Give the address that an owner approves as delegate of his token accounts."""
    return _derive(program, b"delegate", owner)


def derive_owner_state(program: Pubkey, owner: Pubkey) -> Pubkey:
    """Give the address of what holds for all of an owner's mandates."""
    return _derive(program, b"owner", owner)


def derive_source(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """Give the owner's associated token account, which rescues are paid from."""
    return get_associated_token_address(owner, mint)


def plan_funds(
    chain: ChainId, program: Pubkey, owners: Sequence[OwnerPlace]
) -> AccountPlan[tuple[OwnerFunds, ...]]:
    """Plan to read the owners' mandates and the tokens behind them, at the Clock's time.

    An owner of whom an account cannot be decoded is given as not readable, and hides nobody.
    """
    places = tuple(owners)
    keys = dict.fromkeys((CLOCK, *(key for place in places for key in _keys_of(program, place))))

    def decode(found: Found) -> tuple[OwnerFunds, ...]:
        now = decode_clock(found[CLOCK]).unix_timestamp
        return tuple(_decode_owner(chain, program, place, found, now) for place in places)

    return AccountPlan(keys=tuple(keys), decode=decode)


def build_set_mandate(program: Pubkey, debt: Debt, terms: MandateTerms) -> Instruction:
    """Build the owner's instruction that sets or replaces a mandate; he pays its rent."""
    metas = [
        _owner(debt.owner),
        _writable(derive_mandate(program, debt.owner, debt.obligation, debt.mint, terms.kind)),
        _writable(derive_owner_state(program, debt.owner)),
        *map(_read, (debt.obligation, debt.reserve, debt.market, debt.lending, SYSTEM_PROGRAM)),
        *([] if terms.committee is None else [_read(terms.committee)]),
    ]
    return Instruction(program, terms.pack(), metas)


def build_revoke(program: Pubkey, owner: Pubkey, mandate: Pubkey) -> Instruction:
    """Build the owner's instruction that ends a mandate and gives its rent back."""
    return Instruction(program, bytes([REVOKE]), [_owner(owner), _writable(mandate)])


def build_set_paused(program: Pubkey, owner: Pubkey, *, paused: bool) -> Instruction:
    """Build the owner's instruction that stops all his mandates, or lets them go on."""
    metas = [
        _owner(owner),
        _writable(derive_owner_state(program, owner)),
        _read(SYSTEM_PROGRAM),
    ]
    return Instruction(program, bytes([SET_PAUSED, paused]), metas)


def build_approve(program: Pubkey, owner: Pubkey, mint: Pubkey, units: int) -> Instruction:
    """Build the owner's instruction that lets the program take up to `units` of a token.

    A token account has one delegate: this replaces another's.
    """
    metas = [
        _writable(derive_source(owner, mint)),
        _read(derive_delegate(program, owner)),
        AccountMeta(owner, is_signer=True, is_writable=False),
    ]
    data = bytes([_TOKEN_APPROVE]) + units.to_bytes(8, "little")
    return Instruction(TOKEN_PROGRAM, data, metas)


def build_take_back(owner: Pubkey, source: Pubkey) -> Instruction:
    """Build the owner's instruction that leaves a token account of his without a delegate."""
    metas = [_writable(source), AccountMeta(owner, is_signer=True, is_writable=False)]
    return Instruction(TOKEN_PROGRAM, bytes([_TOKEN_REVOKE]), metas)


def build_native_rescue(program: Pubkey, debt: Debt, *, keeper: Pubkey) -> Instruction:
    """Build the keeper's instruction for a native mandate; the program computes the amount.

    The obligation must be refreshed before it in the same transaction.
    """
    metas = _rescue_metas(program, debt, keeper, MandateKind.NATIVE)
    return Instruction(program, bytes([EXECUTE_NATIVE]), metas)


def build_unified_rescue(
    program: Pubkey,
    debt: Debt,
    *,
    keeper: Pubkey,
    committee: Pubkey,
    units: int,
    attestation_fields: Sequence[Any],
    bitmap: int,
    proof: bytes,
) -> Instruction:
    """Build the keeper's instruction for a unified mandate, behind a refresh of the obligation.

    `attestation_fields` are the 21 values of the signed header in order; NotAccepted (ValueError)
    for a header that the program takes in no case.
    """
    data = struct.pack("<BQI", EXECUTE_UNIFIED, units, bitmap) + encode_header(attestation_fields)
    metas = _rescue_metas(program, debt, keeper, MandateKind.UNIFIED)
    return Instruction(program, data + proof, [*metas, _read(committee)])


def decode_rescued(logs: Sequence[str], program: Pubkey) -> Rescued | None:
    """Give the first rescue that the program itself logged in a transaction; None without one."""
    for data in find_data(logs, program):
        if len(data) == _EVENT.size and data.startswith(_MARK):
            _, owner, mandate, obligation, mint, bit, units, before, after = _EVENT.unpack(data)
            if bit == _REPAY:
                return Rescued(
                    owner=Pubkey(owner),
                    mandate=Pubkey(mandate),
                    obligation=Pubkey(obligation),
                    mint=Pubkey(mint),
                    instrument=Instrument.REPAY,
                    units=units,
                    health_before=int.from_bytes(before, "little"),
                    health_after=int.from_bytes(after, "little"),
                )
    return None


def _keys_of(program: Pubkey, place: OwnerPlace) -> list[Pubkey]:
    sources = [derive_source(place.wallet, mint) for mint in place.owed]
    mandates = [key for mint in place.owed for key in _mandate_keys(program, place, mint)]
    return [derive_owner_state(program, place.wallet), *sources, *mandates]


def _mandate_keys(program: Pubkey, place: OwnerPlace, mint: Pubkey) -> list[Pubkey]:
    return [
        derive_mandate(program, place.wallet, obligation, mint, kind)
        for obligation in place.owed[mint]
        for kind in MandateKind
    ]


def _decode_owner(
    chain: ChainId, program: Pubkey, place: OwnerPlace, found: Found, now: int
) -> OwnerFunds:
    holdings: list[Holding] = []
    mandates: list[Mandate] = []
    try:
        key = derive_owner_state(program, place.wallet)
        state = decode_state(chain, key, found[key], program)
        for mint in place.owed:
            source = derive_source(place.wallet, mint)
            tokens = decode_tokens(
                chain,
                source,
                found[source],
                owner=place.wallet,
                delegate=derive_delegate(program, place.wallet),
            )
            around = Circumstances(state=state, tokens=tokens, now=now)
            read = [
                decode_mandate(chain, key, found[key], program, around)
                for key in _mandate_keys(program, place, mint)
            ]
            if there := [mandate for mandate in read if mandate is not None]:
                asset = AssetId.spl(chain, Address(str(mint)))
                holdings.append(
                    Holding(asset=asset, balance=tokens.balance, allowance=tokens.allowance)
                )
                mandates += there
    except DecodeError:
        return OwnerFunds(owner=place.owner, paused=False, holdings=(), mandates=(), readable=False)
    return OwnerFunds(
        owner=place.owner,
        paused=state.paused,
        holdings=tuple(holdings),
        mandates=tuple(mandates),
    )


def _rescue_metas(
    program: Pubkey, debt: Debt, keeper: Pubkey, kind: MandateKind
) -> list[AccountMeta]:
    state = derive_owner_state(program, debt.owner)
    return [
        AccountMeta(keeper, is_signer=True, is_writable=False),
        _writable(derive_mandate(program, debt.owner, debt.obligation, debt.mint, kind)),
        _writable(state) if kind is MandateKind.UNIFIED else _read(state),
        _read(derive_delegate(program, debt.owner)),
        _writable(derive_source(debt.owner, debt.mint)),
        *map(_writable, (debt.supply, debt.reserve, debt.obligation)),
        *map(_read, (debt.market, debt.lending, TOKEN_PROGRAM)),
    ]


def _derive(program: Pubkey, word: bytes, owner: Pubkey, *more: bytes) -> Pubkey:
    return Pubkey.find_program_address([word, bytes(owner), *more], program)[0]


def _owner(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=True)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)
