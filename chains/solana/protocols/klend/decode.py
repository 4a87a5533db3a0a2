"""Kamino Lend's accounts from bytes; anything else is a DecodeError."""

from dataclasses import fields
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.oracles.scope import read_chain
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend.layout import (
    LENDING_MARKET,
    OBLIGATION,
    PROGRAM,
    RESERVE,
)
from chains.solana.protocols.klend.state import (
    Borrow,
    CurvePoint,
    Deposit,
    ElevationGroup,
    LendingMarket,
    Obligation,
    PriceConfig,
    Reserve,
    ReserveConfig,
    ReserveKeys,
    Values,
)
from chains.solana.zerocopy import View, open_account

NO_KEY: Final = bytes(32)
MAX_DECIMALS: Final = 18
MAX_HEURISTIC_EXPONENT: Final = 18
_FULL_PCT: Final = 100
_PERCENTAGES: Final = ("take_rate_pct", "liquidation_fee_pct", "ltv_pct", "threshold_pct")


def decode_obligation(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Obligation:
    """Decode an obligation; slots without a reserve are left out."""
    view = open_account(chain, key, account, layout=OBLIGATION, owner=program)
    return Obligation(
        key=bytes(key),
        tag=view.number("tag"),
        market=view.key("market"),
        owner=view.key("owner"),
        slot=view.number("slot"),
        stale=view.number("stale") != 0,
        elevation_group=view.number("elevation_group"),
        referrer=view.key("referrer"),
        deposits=tuple(
            Deposit(reserve=part.key("reserve"), **_numbers(part, "amount", "value_sf"))
            for part in view.items("deposits")
            if part.key("reserve") != NO_KEY
        ),
        borrows=tuple(
            Borrow(
                reserve=part.key("reserve"),
                **_numbers(part, "rate_sf", "amount_sf", "value_sf", "adjusted_value_sf"),
            )
            for part in view.items("borrows")
            if part.key("reserve") != NO_KEY
        ),
        values=Values(**_numbers(view, *(field.name for field in fields(Values)))),
    )


def decode_reserve(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Reserve:
    """Decode a reserve; DecodeError also where decimals or percentages are out of range."""
    view = open_account(chain, key, account, layout=RESERVE, owner=program)
    if view.number("decimals") > MAX_DECIMALS:
        raise DecodeError(chain, f"reserve {key} has {view.number('decimals')} decimals")
    if any(view.number(name) > _FULL_PCT for name in _PERCENTAGES):
        raise DecodeError(chain, f"reserve {key} has a percentage above 100")
    plain = (
        "slot",
        "price_status",
        "decimals",
        "available",
        "borrowed_sf",
        "price_sf",
        "price_time",
        "rate_sf",
        "protocol_fees_sf",
        "referrer_fees_sf",
        "pending_fees_sf",
        "collateral_supply",
    )
    return Reserve(
        key=bytes(key),
        market=view.key("market"),
        keys=ReserveKeys(**{field.name: view.key(field.name) for field in fields(ReserveKeys)}),
        config=_decode_config(view),
        prices=_decode_prices(chain, key, view),
        **_numbers(view, *plain),
    )


def decode_market(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> LendingMarket:
    """Decode a lending market with the elevation groups that are in use."""
    view = open_account(chain, key, account, layout=LENDING_MARKET, owner=program)
    plain = (
        "referral_fee_bps",
        "close_factor_pct",
        "insolvency_ltv_pct",
        "min_full_liquidation_value",
        "max_liquidation_value",
    )
    groups = {
        part.number("id"): ElevationGroup(
            **_numbers(part, "ltv_pct", "threshold_pct", "max_bonus_bps")
        )
        for part in view.items("groups")
        if part.number("id") != 0
    }
    if any(max(group.ltv_pct, group.threshold_pct) > _FULL_PCT for group in groups.values()):
        raise DecodeError(chain, f"market {key} has an elevation group above 100 %")
    return LendingMarket(
        key=bytes(key),
        emergency=view.number("emergency") != 0,
        groups=groups,
        **_numbers(view, *plain),
    )


def _decode_config(view: View) -> ReserveConfig:
    plain = (
        "host_rate_bps",
        *_PERCENTAGES,
        "min_bonus_bps",
        "max_bonus_bps",
        "bad_debt_bonus_bps",
        "borrow_factor_pct",
    )
    return ReserveConfig(
        symbol=view.key("symbol").rstrip(b"\0").decode("utf-8", "replace"),
        curve=tuple(
            CurvePoint(**_numbers(part, "utilization_bps", "rate_bps"))
            for part in view.items("curve")
        ),
        elevation_groups=frozenset(view.numbers("elevation_groups")) - {0},
        **_numbers(view, *plain),
    )


def _decode_prices(chain: ChainId, key: Pubkey, view: View) -> PriceConfig:
    if view.number("heuristic_exponent") > MAX_HEURISTIC_EXPONENT:
        raise DecodeError(chain, f"reserve {key} bounds its price by a wild exponent")
    return PriceConfig(
        scope=view.key("scope"),
        scope_chain=read_chain(view.numbers("scope_chain")),
        switchboard=view.key("switchboard"),
        switchboard_twap=view.key("switchboard_twap"),
        pyth=view.key("pyth"),
        max_age_s=view.number("max_price_age_s"),
        blocked=view.number("price_blocked") != 0,
        **_numbers(view, "heuristic_lower", "heuristic_upper", "heuristic_exponent"),
    )


def _numbers(view: View, *names: str) -> dict[str, int]:
    return {name: view.number(name) for name in names}
