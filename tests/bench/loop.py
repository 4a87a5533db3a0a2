"""Kamino loans decoded one by one into objects, as makers' SDKs do, in fast plain Python.

An SDK walks the IDL: field by field, each by the reader of its type, paddings too, keys as key
objects and wide numbers as ints, into an object for each struct. This does the same with compiled
`struct`s and slotted dataclasses. It is what columns are compared with, and knows nothing of them.
Source of the tables: the IDL of `@kamino-finance/klend-sdk` 8.0.2.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from struct import Struct
from typing import Any, Final

from solders.pubkey import Pubkey

DISCRIMINATOR: Final = bytes.fromhex("a8ce8d6a584caca7")
Read = Callable[[bytes, int], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A type of the IDL: its size, and how it is read at an offset."""

    size: int
    read: Read


def _number(code: str) -> Type:
    packed = Struct("<" + code)
    unpack = packed.unpack_from
    return Type(size=packed.size, read=lambda data, at: unpack(data, at)[0])


def _wide(size: int) -> Type:
    number = int.from_bytes
    return Type(size=size, read=lambda data, at: number(data[at : at + size], "little"))


def _array(of: Type, count: int) -> Type:
    size, read = of.size, of.read
    span = size * count
    return Type(
        size=span, read=lambda data, at: [read(data, i) for i in range(at, at + span, size)]
    )


def _struct(name: str, **fields: Type) -> Type:
    made = make_dataclass(name, list(fields), slots=True)
    steps, offset = [], 0
    for each in fields.values():
        steps.append((each.read, offset))
        offset += each.size
    return Type(
        size=offset, read=lambda data, at: made(*[read(data, at + by) for read, by in steps])
    )


U8, U16, U32, U64 = (_number(code) for code in "BHIQ")
U128: Final = _wide(16)
KEY: Final = Type(size=32, read=lambda data, at: Pubkey(data[at : at + 32]))
LAST_UPDATE: Final = _struct(
    "LastUpdate", slot=U64, stale=U8, price_status=U8, placeholder=_array(U8, 6)
)
DEPOSIT: Final = _struct(
    "ObligationCollateral",
    reserve=KEY,
    amount=U64,
    value_sf=U128,
    against_group=U64,
    padding=_array(U64, 9),
)
RATE: Final = _struct("BigFractionBytes", value=_array(U64, 4), padding=_array(U64, 2))
ROLLOVER: Final = _struct(
    "FixedTermBorrowRolloverConfig",
    auto=U8,
    open_term=U8,
    migration=U8,
    padding=_array(U8, 1),
    max_rate_bps=U32,
    min_term_s=U64,
)
BORROW: Final = _struct(
    "ObligationLiquidity",
    reserve=KEY,
    rate=RATE,
    borrowed_at=U64,
    amount_sf=U128,
    value_sf=U128,
    adjusted_value_sf=U128,
    outside_groups=U64,
    rollover=ROLLOVER,
    at_expiration=U64,
    padding=_array(U64, 4),
)
ORDER: Final = _struct(
    "ObligationOrder",
    threshold_sf=U128,
    parameter_sf=U128,
    min_bonus_bps=U16,
    max_bonus_bps=U16,
    condition=U8,
    opportunity=U8,
    padding=_array(U8, 10),
    more_padding=_array(U128, 5),
)
BORROW_ORDER: Final = _struct(
    "BorrowOrder",
    mint=KEY,
    remaining=U64,
    destination=KEY,
    min_term_s=U64,
    fillable_until=U64,
    placed_at=U64,
    updated_at=U64,
    requested=U64,
    max_rate_bps=U32,
    active=U8,
    auto_rollover=U8,
    padding=_array(U8, 2),
    end_padding=_array(U64, 5),
)
LOAN: Final = _struct(
    "Obligation",
    discriminator=Type(size=8, read=lambda data, at: data[at : at + 8]),
    tag=U64,
    last_update=LAST_UPDATE,
    market=KEY,
    owner=KEY,
    deposits=_array(DEPOSIT, 8),
    lowest_threshold=U64,
    deposited_sf=U128,
    borrows=_array(BORROW, 5),
    adjusted_debt_sf=U128,
    debt_sf=U128,
    allowed_sf=U128,
    unhealthy_sf=U128,
    asset_tiers=_array(U8, 13),
    elevation_group=U8,
    obsolete_deposits=U8,
    has_debt=U8,
    referrer=KEY,
    borrowing_disabled=U8,
    deleverage_target=U8,
    lowest_ltv=U8,
    obsolete_borrows=U8,
    transfer_state=U8,
    reserved=_array(U8, 3),
    highest_factor=U64,
    margin_call_at=U64,
    orders=_array(ORDER, 2),
    borrow_order=BORROW_ORDER,
    pending_owner=KEY,
    padding=_array(U64, 69),
)


def decode_loan(data: bytes) -> Any:  # noqa: ANN401 -- a class made from the table
    """Decode one account; ValueError on another kind."""
    if len(data) != LOAN.size or not data.startswith(DISCRIMINATOR):
        raise ValueError("no obligation")
    return LOAN.read(data, 0)


def read_health(loan: Any) -> float | None:  # noqa: ANN401 -- a class made from the table
    """Give the health a loan stores; None where it owes nothing."""
    return loan.unhealthy_sf / loan.adjusted_debt_sf if loan.adjusted_debt_sf else None


def value_health(
    loan: Any,  # noqa: ANN401 -- a class made from the table
    units: Mapping[Pubkey, float],
    debts: Mapping[Pubkey, float],
) -> float | None:
    """Give a loan's health from what a unit of each reserve backs and costs now."""
    none = Pubkey.default()
    backing = sum(
        each.amount * units[each.reserve] for each in loan.deposits if each.reserve != none
    )
    owed = sum(
        each.amount_sf * debts[each.reserve] / _join(each.rate.value)
        for each in loan.borrows
        if each.reserve != none
    )
    return backing / owed if owed else None


def find_unhealthy(healths: Sequence[float | None]) -> list[int]:
    """Give the rows at a health of 1 or under it."""
    return [row for row, health in enumerate(healths) if health is not None and health <= 1]


def _join(words: Sequence[int]) -> int:
    return sum(word << (64 * place) for place, word in enumerate(words))
