"""Where everything lies in Kamino Lend's accounts.

Offsets count from the account's first byte. Source: the IDL of `@kamino-finance/klend-sdk`
8.0.2 (MIT), checked against dumps of accounts. Fields ending in `_sf` are x 2^60.
"""

from typing import Final

from solders.pubkey import Pubkey

from chains.solana.zerocopy import Field, Kind, Layout

PROGRAM: Final = Pubkey.from_string("KLend2g3cP87fffoy8q1mQqGKjrxjC8boSyAYavgmjD")
FARMS: Final = Pubkey.from_string("FarmsPZpWu9i7Kky8tPN37rs2TpmMrAZrC7S7vJa91Hr")
NULL_KEY: Final = bytes(Pubkey.from_string("nu11111111111111111111111111111111111111111"))
"""What stands for an oracle that is not in use, beside 32 zero bytes."""
DEPOSITS: Final = 8
BORROWS: Final = 5
GROUPS: Final = 32
CURVE_POINTS: Final = 11

_DEPOSIT: Final = Layout(
    name="ObligationCollateral",
    size=136,
    fields={
        "reserve": Field(0, Kind.KEY),
        "amount": Field(32, Kind.U64),
        "value_sf": Field(40, Kind.U128),
    },
)
_BORROW: Final = Layout(
    name="ObligationLiquidity",
    size=200,
    fields={
        "reserve": Field(0, Kind.KEY),
        "rate_sf": Field(32, Kind.U256),
        "amount_sf": Field(88, Kind.U128),
        "value_sf": Field(104, Kind.U128),
        "adjusted_value_sf": Field(120, Kind.U128),
    },
)
OBLIGATION: Final = Layout(
    name="Obligation",
    size=3344,
    discriminator=bytes.fromhex("a8ce8d6a584caca7"),
    fields={
        "tag": Field(8, Kind.U64),
        "slot": Field(16, Kind.U64),
        "stale": Field(24, Kind.U8),
        "price_status": Field(25, Kind.U8),
        "market": Field(32, Kind.KEY),
        "owner": Field(64, Kind.KEY),
        "deposits": Field(96, _DEPOSIT, DEPOSITS),
        "deposited_sf": Field(1192, Kind.U128),
        "borrows": Field(1208, _BORROW, BORROWS),
        "adjusted_debt_sf": Field(2208, Kind.U128),
        "debt_sf": Field(2224, Kind.U128),
        "allowed_sf": Field(2240, Kind.U128),
        "unhealthy_sf": Field(2256, Kind.U128),
        "elevation_group": Field(2285, Kind.U8),
        "has_debt": Field(2287, Kind.U8),
        "referrer": Field(2288, Kind.KEY),
    },
)

_CURVE_POINT: Final = Layout(
    name="CurvePoint",
    size=8,
    fields={"utilization_bps": Field(0, Kind.U32), "rate_bps": Field(4, Kind.U32)},
)
RESERVE: Final = Layout(
    name="Reserve",
    size=8624,
    discriminator=bytes.fromhex("2bf2ccca1af73b7f"),
    fields={
        "slot": Field(16, Kind.U64),
        "stale": Field(24, Kind.U8),
        "price_status": Field(25, Kind.U8),
        "market": Field(32, Kind.KEY),
        "collateral_farm": Field(64, Kind.KEY),
        "debt_farm": Field(96, Kind.KEY),
        "mint": Field(128, Kind.KEY),
        "supply_vault": Field(160, Kind.KEY),
        "fee_vault": Field(192, Kind.KEY),
        "available": Field(224, Kind.U64),
        "borrowed_sf": Field(232, Kind.U128),
        "price_sf": Field(248, Kind.U128),
        "price_time": Field(264, Kind.U64),
        "decimals": Field(272, Kind.U64),
        "rate_sf": Field(296, Kind.U256),
        "protocol_fees_sf": Field(344, Kind.U128),
        "referrer_fees_sf": Field(360, Kind.U128),
        "pending_fees_sf": Field(376, Kind.U128),
        "token_program": Field(408, Kind.KEY),
        "collateral_mint": Field(2560, Kind.KEY),
        "collateral_supply": Field(2592, Kind.U64),
        "collateral_vault": Field(2600, Kind.KEY),
        "host_rate_bps": Field(4858, Kind.U16),
        "take_rate_pct": Field(4870, Kind.U8),
        "liquidation_fee_pct": Field(4871, Kind.U8),
        "ltv_pct": Field(4872, Kind.U8),
        "threshold_pct": Field(4873, Kind.U8),
        "min_bonus_bps": Field(4874, Kind.U16),
        "max_bonus_bps": Field(4876, Kind.U16),
        "bad_debt_bonus_bps": Field(4878, Kind.U16),
        "curve": Field(4920, _CURVE_POINT, CURVE_POINTS),
        "borrow_factor_pct": Field(5008, Kind.U64),
        "symbol": Field(5032, Kind.KEY),
        "heuristic_lower": Field(5064, Kind.U64),
        "heuristic_upper": Field(5072, Kind.U64),
        "heuristic_exponent": Field(5080, Kind.U64),
        "max_price_age_s": Field(5096, Kind.U64),
        "scope": Field(5112, Kind.KEY),
        "scope_chain": Field(5144, Kind.U16, 4),
        "switchboard": Field(5160, Kind.KEY),
        "switchboard_twap": Field(5192, Kind.KEY),
        "pyth": Field(5224, Kind.KEY),
        "price_blocked": Field(5256, Kind.U8),
        "elevation_groups": Field(5480, Kind.U8, 20),
    },
)

_GROUP: Final = Layout(
    name="ElevationGroup",
    size=72,
    fields={
        "max_bonus_bps": Field(0, Kind.U16),
        "id": Field(2, Kind.U8),
        "ltv_pct": Field(3, Kind.U8),
        "threshold_pct": Field(4, Kind.U8),
    },
)
LENDING_MARKET: Final = Layout(
    name="LendingMarket",
    size=4664,
    discriminator=bytes.fromhex("f6723262489d1c78"),
    fields={
        "referral_fee_bps": Field(120, Kind.U16),
        "emergency": Field(122, Kind.U8),
        "close_factor_pct": Field(126, Kind.U8),
        "insolvency_ltv_pct": Field(127, Kind.U8),
        "min_full_liquidation_value": Field(128, Kind.U64),
        "max_liquidation_value": Field(136, Kind.U64),
        "groups": Field(200, _GROUP, GROUPS),
    },
)
