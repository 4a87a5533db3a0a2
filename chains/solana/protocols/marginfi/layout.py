"""Where everything lies in marginfi v2's accounts.

Offsets count from the account's first byte; I128 fields are I80F48. Source: the IDL 0.1.8 of
`@mrgnlabs/marginfi-client-v2` 6.4.2 (Apache-2.0), checked against dumps of accounts.
"""

from typing import Final

from solders.pubkey import Pubkey

from chains.solana.zerocopy import Field, Kind, Layout

PROGRAM: Final = Pubkey.from_string("MFv2hWf31Z9kbCa1snEPYctwafyhdvnV7FZnsebVacA")
BALANCES: Final = 16
EMODE_ENTRIES: Final = 10
CURVE_POINTS: Final = 5
ORACLE_KEYS: Final = 5

_BALANCE: Final = Layout(
    name="Balance",
    size=104,
    fields={
        "active": Field(0, Kind.U8),
        "bank": Field(1, Kind.KEY),
        "asset_shares": Field(40, Kind.I128),
        "liability_shares": Field(56, Kind.I128),
    },
)
ACCOUNT: Final = Layout(
    name="MarginfiAccount",
    size=2312,
    discriminator=bytes.fromhex("43b2826d7e721c2a"),
    fields={
        "group": Field(8, Kind.KEY),
        "authority": Field(40, Kind.KEY),
        "balances": Field(72, _BALANCE, BALANCES),
        "flags": Field(1800, Kind.U64),
        "asset_value": Field(1840, Kind.I128),
        "liability_value": Field(1856, Kind.I128),
        "asset_value_maint": Field(1872, Kind.I128),
        "liability_value_maint": Field(1888, Kind.I128),
        "asset_value_equity": Field(1904, Kind.I128),
        "liability_value_equity": Field(1920, Kind.I128),
        "cached_at": Field(1936, Kind.I64),
        "cache_flags": Field(1944, Kind.U32),
        "liquidation_record": Field(2224, Kind.KEY),
    },
)

_EMODE_ENTRY: Final = Layout(
    name="EmodeEntry",
    size=40,
    fields={
        "tag": Field(0, Kind.U16),
        "init": Field(8, Kind.I128),
        "maint": Field(24, Kind.I128),
    },
)
_RATE_POINT: Final = Layout(
    name="RatePoint",
    size=8,
    fields={"utilization": Field(0, Kind.U32), "rate": Field(4, Kind.U32)},
)
BANK: Final = Layout(
    name="Bank",
    size=1864,
    discriminator=bytes.fromhex("8e31a6f2324261bc"),
    fields={
        "mint": Field(8, Kind.KEY),
        "decimals": Field(40, Kind.U8),
        "group": Field(41, Kind.KEY),
        "asset_share_value": Field(80, Kind.I128),
        "liability_share_value": Field(96, Kind.I128),
        "liquidity_vault": Field(112, Kind.KEY),
        "insurance_vault": Field(146, Kind.KEY),
        "liability_shares": Field(256, Kind.I128),
        "asset_shares": Field(272, Kind.I128),
        "updated_at": Field(288, Kind.I64),
        "asset_init": Field(296, Kind.I128),
        "asset_maint": Field(312, Kind.I128),
        "liability_init": Field(328, Kind.I128),
        "liability_maint": Field(344, Kind.I128),
        "optimal_utilization": Field(368, Kind.I128),
        "plateau_rate": Field(384, Kind.I128),
        "max_rate": Field(400, Kind.I128),
        "insurance_fixed": Field(416, Kind.I128),
        "insurance_rate": Field(432, Kind.I128),
        "group_fixed": Field(448, Kind.I128),
        "group_rate": Field(464, Kind.I128),
        "zero_rate": Field(496, Kind.U32),
        "full_rate": Field(500, Kind.U32),
        "points": Field(504, _RATE_POINT, CURVE_POINTS),
        "curve": Field(544, Kind.U8),
        "state": Field(608, Kind.U8),
        "oracle_setup": Field(609, Kind.U8),
        "oracle_keys": Field(610, Kind.KEY, ORACLE_KEYS),
        "risk_tier": Field(784, Kind.U8),
        "asset_tag": Field(785, Kind.U8),
        "asset_value_limit": Field(792, Kind.U64),
        "oracle_max_age_s": Field(800, Kind.U16),
        "oracle_max_confidence": Field(804, Kind.U32),
        "fixed_price": Field(808, Kind.I128),
        "emode_tag": Field(920, Kind.U16),
        "emode_entries": Field(944, _EMODE_ENTRY, EMODE_ENTRIES),
    },
)
GROUP: Final = Layout(
    name="MarginfiGroup",
    size=1064,
    discriminator=bytes.fromhex("b617adf097ceb643"),
    fields={
        "flags": Field(40, Kind.U64),
        "fee_wallet": Field(48, Kind.KEY),
        "program_fixed": Field(80, Kind.I128),
        "program_rate": Field(96, Kind.I128),
    },
)
