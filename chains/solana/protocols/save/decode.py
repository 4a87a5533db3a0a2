"""From the bytes of Save's accounts to values; anything else is a DecodeError."""

from dataclasses import fields
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.model.units import WAD
from chains.solana.accounts import RawAccount
from chains.solana.protocols.save.layout import (
    BORROW,
    DEPOSIT,
    ENTRIES_AT,
    MARKET,
    MAX_ENTRIES,
    OBLIGATION,
    PROGRAM,
    RESERVE,
    VERSION,
)
from chains.solana.protocols.save.state import (
    Borrow,
    Deposit,
    Market,
    Obligation,
    Reserve,
    ReserveKeys,
    ReserveTerms,
)
from chains.solana.zerocopy import Layout, View, open_account

_MAX_DECIMALS: Final = 18
_TERMS: Final = tuple(field.name for field in fields(ReserveTerms))
_RESERVE_KEYS: Final = tuple(f.name for f in fields(ReserveKeys) if f.name != "reserve")
_RESERVE_NUMBERS: Final = (
    "decimals", "slot", "available", "borrowed", "cumulative_rate", "protocol_fees",
    "collateral_minted", "price", "smoothed_price",
)  # fmt: skip
_OBLIGATION_NUMBERS: Final = (
    "slot", "deposited_value", "borrowed_value", "allowed_value", "unhealthy_value",
    "borrowed_upper_value", "super_unhealthy_value", "unweighted_value",
)  # fmt: skip
_PERCENTS: Final = (
    "optimal_utilization", "max_utilization", "loan_to_value", "threshold", "max_threshold",
    "take_rate", "host_fee",
)  # fmt: skip
_CLIMBS: Final = (
    ("optimal_utilization", "max_utilization"),
    ("min_rate", "optimal_rate"),
    ("optimal_rate", "max_rate"),
    ("max_rate", "super_max_rate"),
    ("threshold", "max_threshold"),
    ("bonus", "max_bonus"),
)


def decode_market(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Market:
    """Decode a lending market."""
    view = _open(chain, key, account, MARKET, program)
    return Market(
        key=bytes(key),
        bump=view.number("bump"),
        owner=view.key("owner"),
        token_program=view.key("token_program"),
        oracle_program=view.key("oracle_program"),
    )


def decode_reserve(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Reserve:
    """Decode a reserve; DecodeError also for terms that its program does not accept."""
    view = _open(chain, key, account, RESERVE, program)
    terms = ReserveTerms(**{name: view.number(name) for name in _TERMS})
    _check_terms(chain, key, terms)
    if view.number("price_offset_bps"):
        raise DecodeError(chain, f"Save reserve {key} has a price offset, which is not supported")
    numbers = {name: view.number(name) for name in _RESERVE_NUMBERS}
    if numbers["decimals"] > _MAX_DECIMALS:
        raise DecodeError(chain, f"Save reserve {key} has {numbers['decimals']} decimals")
    if numbers["cumulative_rate"] < WAD:
        raise DecodeError(chain, f"Save reserve {key} has a cumulative rate below 1")
    extra = view.number("extra_price") if view.number("has_extra_price") else None
    keys = {name: view.key(name) for name in _RESERVE_KEYS}
    return Reserve(
        keys=ReserveKeys(reserve=bytes(key), **keys),
        terms=terms,
        stale=bool(view.number("stale")),
        extra_price=extra,
        **numbers,
    )


def decode_obligation(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Obligation:
    """Decode an obligation."""
    view = _open(chain, key, account, OBLIGATION, program)
    deposits, borrows = view.number("deposit_count"), view.number("borrow_count")
    if deposits + borrows > MAX_ENTRIES or DEPOSIT.size * deposits + BORROW.size * borrows > (
        OBLIGATION.size - ENTRIES_AT
    ):
        raise DecodeError(
            chain, f"Save obligation {key} has {deposits} deposits and {borrows} borrows"
        )
    behind = ENTRIES_AT + DEPOSIT.size * deposits
    return Obligation(
        key=bytes(key),
        market=view.key("market"),
        owner=view.key("owner"),
        stale=bool(view.number("stale")),
        closeable=bool(view.number("closeable")),
        deposits=tuple(
            _decode_deposit(View(DEPOSIT, view.data, ENTRIES_AT + DEPOSIT.size * i))
            for i in range(deposits)
        ),
        borrows=tuple(
            _decode_borrow(View(BORROW, view.data, behind + BORROW.size * i))
            for i in range(borrows)
        ),
        **{name: view.number(name) for name in _OBLIGATION_NUMBERS},
    )


def _decode_deposit(view: View) -> Deposit:
    return Deposit(
        reserve=view.key("reserve"), amount=view.number("amount"), value=view.number("value")
    )


def _decode_borrow(view: View) -> Borrow:
    return Borrow(
        reserve=view.key("reserve"),
        cumulative_rate=view.number("cumulative_rate"),
        amount=view.number("amount"),
        value=view.number("value"),
    )


def _open(
    chain: ChainId, key: Pubkey, account: RawAccount | None, layout: Layout, program: Pubkey
) -> View:
    view = open_account(chain, key, account, layout=layout, owner=program)
    if (version := view.number("version")) != VERSION:
        raise DecodeError(chain, f"{layout.name} {key} has version {version}, not {VERSION}")
    return view


def _check_terms(chain: ChainId, key: Pubkey, terms: ReserveTerms) -> None:
    for name in _PERCENTS:
        if getattr(terms, name) > 100:  # noqa: PLR2004 -- percent
            raise DecodeError(chain, f"Save reserve {key} has {name} above 100 %")
    for low, high in _CLIMBS:
        if getattr(terms, low) > getattr(terms, high):
            raise DecodeError(chain, f"Save reserve {key} has {low} above {high}")
