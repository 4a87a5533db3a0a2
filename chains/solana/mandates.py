"""The rescue program's accounts as values: mandates, owners' states, token accounts. Pure.

Source of every offset: programs/rescue_state.h; token accounts: SPL Token's account layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.errors import DecodeError
from chains.model.action import Instrument
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.snapshot import NOBODY, Mandate, MandateKind
from chains.model.units import Bps, Wad
from chains.solana.accounts import RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, View, open_account

KIND_NUMBERS: Final = {MandateKind.NATIVE: 0, MandateKind.UNIFIED: 1}
DAY_S: Final = 86_400
MANDATE: Final = Layout(
    name="mandate",
    size=472,
    discriminator=b"\x01",
    fields={
        "kind": Field(1, Kind.U8),
        "keeper": Field(8, Kind.KEY),
        "trigger": Field(40, Kind.U128),
        "target": Field(56, Kind.U128),
        "per_action": Field(72, Kind.U64),
        "per_day": Field(80, Kind.U64),
        "min_action": Field(88, Kind.U64),
        "cooldown": Field(96, Kind.U64),
        "deadline": Field(104, Kind.U64),
        "root": Field(112, Kind.KEY),
        "max_age": Field(144, Kind.U64),
        "slack": Field(152, Kind.U64),
        "owner": Field(160, Kind.KEY),
        "lending": Field(192, Kind.KEY),
        "market": Field(224, Kind.KEY),
        "reserve": Field(256, Kind.KEY),
        "obligation": Field(288, Kind.KEY),
        "mint": Field(320, Kind.KEY),
        "committee": Field(416, Kind.KEY),
        "day": Field(448, Kind.U64),
        "spent": Field(456, Kind.U64),
        "last_action": Field(464, Kind.U64),
    },
)
_SETS: Final = 8
_SET: Final = Layout(
    name="account set",
    size=48,
    fields={
        "root": Field(0, Kind.KEY),
        "sequence": Field(32, Kind.U64),
        "used_at": Field(40, Kind.U64),
    },
)
STATE: Final = Layout(
    name="rescue owner's state",
    size=424,
    discriminator=b"\x02",
    fields={
        "paused": Field(1, Kind.U8),
        "owner": Field(8, Kind.KEY),
        "sets": Field(40, _SET, _SETS),
    },
)
TOKEN: Final = Layout(
    name="token account",
    size=165,
    fields={
        "mint": Field(0, Kind.KEY),
        "owner": Field(32, Kind.KEY),
        "amount": Field(64, Kind.U64),
        "has_delegate": Field(72, Kind.U32),
        "delegate": Field(76, Kind.KEY),
        "state": Field(108, Kind.U8),
        "delegated": Field(121, Kind.U64),
    },
)
_USABLE: Final = 1
"""A token account's state: 0 blank, 1 usable, 2 frozen."""
_KINDS: Final = {number: kind for kind, number in KIND_NUMBERS.items()}
_SYSTEM: Final = Pubkey.default()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerState:
    """What holds for all of an owner's mandates.

    By account set: the last sequence, and the time (seconds) of the action that used it.
    """

    paused: bool = False
    sequences: Mapping[bytes, int] = field(default_factory=dict)
    used_at: Mapping[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegated:
    """Units of a token that an owner has, and how many of them a delegate may move."""

    balance: int = 0
    allowance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a mandate's use depends on beside itself; `now` in seconds."""

    state: OwnerState
    tokens: Delegated
    now: int


def decode_mandate(
    chain: ChainId, key: Pubkey, account: RawAccount | None, program: Pubkey, around: Circumstances
) -> Mandate | None:
    """Decode a mandate as it can be used now; None where there is none, DecodeError on garbage."""
    if account is None or _is_unused(account):
        return None
    view = open_account(chain, key, account, layout=MANDATE, owner=program)
    if (kind := _KINDS.get(view.number("kind"))) is None:
        raise DecodeError(chain, f"mandate {key} is of kind {view.number('kind')}")
    left = _left_today(view, around.now)
    last, root = view.number("last_action"), view.key("root")
    return Mandate(
        kind=kind,
        contract=AccountId(chain, str(program)),
        owner=AccountId(chain, _address(view, "owner")),
        market=AccountId(chain, _address(view, "market")),
        asset=AssetId.spl(chain, _address(view, "mint")),
        trigger=Wad(view.number("trigger")),
        target=Wad(view.number("target")),
        per_action=view.number("per_action"),
        left_today=left,
        deadline=view.number("deadline"),
        id=bytes(key),
        instruments=frozenset({Instrument.REPAY}),
        keeper=_address(view, "keeper"),
        min_action=view.number("min_action"),
        available=_available(view, left, around),
        ready_at=last + view.number("cooldown") if last else 0,
        account_set_root=root,
        verifier=_address(view, "committee") if kind is MandateKind.UNIFIED else NOBODY,
        max_age_s=view.number("max_age"),
        slack_bps=Bps(view.number("slack")),
        last_sequence=around.state.sequences.get(root, 0),
        acted_at=max(last, around.state.used_at.get(root, 0)),
        obligation=_address(view, "obligation"),
    )


def decode_state(
    chain: ChainId, key: Pubkey, account: RawAccount | None, program: Pubkey
) -> OwnerState:
    """Decode an owner's state; one who has none has not paused and used nothing."""
    if account is None or _is_unused(account):
        return OwnerState()
    view = open_account(chain, key, account, layout=STATE, owner=program)
    sets = {item.key("root"): item for item in view.items("sets")}
    return OwnerState(
        paused=bool(view.number("paused")),
        sequences={root: item.number("sequence") for root, item in sets.items()},
        used_at={root: item.number("used_at") for root, item in sets.items()},
    )


def decode_tokens(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, owner: Pubkey, delegate: Pubkey
) -> Delegated:
    """Decode an owner's token account; nothing where it is missing, frozen or another's now."""
    if account is None or _is_unused(account):
        return Delegated()
    view = open_account(chain, key, account, layout=TOKEN, owner=TOKEN_PROGRAM)
    if view.number("state") != _USABLE or view.key("owner") != bytes(owner):
        return Delegated()
    ours = view.number("has_delegate") == 1 and view.key("delegate") == bytes(delegate)
    return Delegated(
        balance=view.number("amount"), allowance=view.number("delegated") if ours else 0
    )


def _is_unused(account: RawAccount) -> bool:
    return account.owner == _SYSTEM and not account.data


def _left_today(view: View, now: int) -> int:
    spent = view.number("spent") if view.number("day") == now // DAY_S else 0
    return max(view.number("per_day") - spent, 0)


def _available(view: View, left: int, around: Circumstances) -> int:
    if around.state.paused or around.now > view.number("deadline"):
        return 0
    tokens = around.tokens
    return min(view.number("per_action"), left, tokens.balance, tokens.allowance)


def _address(view: View, name: str) -> Address:
    return Address(str(Pubkey(view.key(name))))
