"""Where the fields of Save's accounts lie, as tables of offsets.

Market 290 bytes, reserve 619, obligation 1300; an obligation's borrows lie behind its deposits,
however many there are. Source: the account layouts that Save publishes.
"""

from typing import Final

from solders.pubkey import Pubkey

from chains.solana.zerocopy import Field, Kind, Layout

PROGRAM: Final = Pubkey.from_string("So1endDq2YkqhipRh3WViPa8hdiSpxWy6z3Z6tMCpAo")
NULL_ORACLE: Final = Pubkey.from_string("nu11111111111111111111111111111111111111111")
VERSION: Final = 1
MAX_ENTRIES: Final = 10
ENTRIES_AT: Final = 204

MARKET: Final = Layout(
    name="Save lending market",
    size=290,
    fields={
        "version": Field(0, Kind.U8),
        "bump": Field(1, Kind.U8),
        "owner": Field(2, Kind.KEY),
        "token_program": Field(66, Kind.KEY),
        "oracle_program": Field(98, Kind.KEY),
    },
)

RESERVE: Final = Layout(
    name="Save reserve",
    size=619,
    fields={
        "version": Field(0, Kind.U8),
        "slot": Field(1, Kind.U64),
        "stale": Field(9, Kind.U8),
        "market": Field(10, Kind.KEY),
        "mint": Field(42, Kind.KEY),
        "decimals": Field(74, Kind.U8),
        "supply": Field(75, Kind.KEY),
        "oracle": Field(107, Kind.KEY),
        "second_oracle": Field(139, Kind.KEY),
        "available": Field(171, Kind.U64),
        "borrowed": Field(179, Kind.U128),
        "cumulative_rate": Field(195, Kind.U128),
        "price": Field(211, Kind.U128),
        "collateral_mint": Field(227, Kind.KEY),
        "collateral_minted": Field(259, Kind.U64),
        "collateral_vault": Field(267, Kind.KEY),
        "optimal_utilization": Field(299, Kind.U8),
        "loan_to_value": Field(300, Kind.U8),
        "bonus": Field(301, Kind.U8),
        "threshold": Field(302, Kind.U8),
        "min_rate": Field(303, Kind.U8),
        "optimal_rate": Field(304, Kind.U8),
        "max_rate": Field(305, Kind.U8),
        "flash_fee": Field(314, Kind.U64),
        "host_fee": Field(322, Kind.U8),
        "deposit_limit": Field(323, Kind.U64),
        "borrow_limit": Field(331, Kind.U64),
        "fee_receiver": Field(339, Kind.KEY),
        "liquidation_fee": Field(371, Kind.U8),
        "take_rate": Field(372, Kind.U8),
        "protocol_fees": Field(373, Kind.U128),
        "added_weight_bps": Field(445, Kind.U64),
        "smoothed_price": Field(453, Kind.U128),
        "max_utilization": Field(470, Kind.U8),
        "super_max_rate": Field(471, Kind.U64),
        "max_bonus": Field(479, Kind.U8),
        "max_threshold": Field(480, Kind.U8),
        "price_offset_bps": Field(481, Kind.I64),
        "has_extra_price": Field(521, Kind.U8),
        "extra_price": Field(522, Kind.U128),
    },
)

OBLIGATION: Final = Layout(
    name="Save obligation",
    size=1300,
    fields={
        "version": Field(0, Kind.U8),
        "slot": Field(1, Kind.U64),
        "stale": Field(9, Kind.U8),
        "market": Field(10, Kind.KEY),
        "owner": Field(42, Kind.KEY),
        "deposited_value": Field(74, Kind.U128),
        "borrowed_value": Field(90, Kind.U128),
        "allowed_value": Field(106, Kind.U128),
        "unhealthy_value": Field(122, Kind.U128),
        "borrowed_upper_value": Field(138, Kind.U128),
        "super_unhealthy_value": Field(155, Kind.U128),
        "unweighted_value": Field(171, Kind.U128),
        "closeable": Field(187, Kind.U8),
        "deposit_count": Field(202, Kind.U8),
        "borrow_count": Field(203, Kind.U8),
        "entries": Field(ENTRIES_AT, Kind.U8, 1096),
    },
)

DEPOSIT: Final = Layout(
    name="Save deposit",
    size=88,
    fields={
        "reserve": Field(0, Kind.KEY),
        "amount": Field(32, Kind.U64),
        "value": Field(40, Kind.U128),
    },
)

BORROW: Final = Layout(
    name="Save borrow",
    size=112,
    fields={
        "reserve": Field(0, Kind.KEY),
        "cumulative_rate": Field(32, Kind.U128),
        "amount": Field(48, Kind.U128),
        "value": Field(64, Kind.U128),
    },
)
