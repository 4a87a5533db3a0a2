"""marginfi's accounts from bytes; anything else is a DecodeError."""

from dataclasses import astuple, fields
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.solana.accounts import RawAccount
from chains.solana.protocols.marginfi.layout import ACCOUNT, BANK, GROUP, PROGRAM
from chains.solana.protocols.marginfi.state import (
    Account,
    Balance,
    Bank,
    EmodeWeights,
    Group,
    HealthCache,
    InterestConfig,
    RatePoint,
    Weights,
)
from chains.solana.zerocopy import View, open_account

MAX_DECIMALS: Final = 23
_PROGRAM_FEES: Final = 1
_COLLATERAL_TIER: Final = 0


def decode_account(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Account:
    """Decode a margin account with its active balances."""
    view = open_account(chain, key, account, layout=ACCOUNT, owner=program)
    return Account(
        key=bytes(key),
        group=view.key("group"),
        authority=view.key("authority"),
        balances=tuple(
            Balance(bank=part.key("bank"), **_numbers(part, "asset_shares", "liability_shares"))
            for part in view.items("balances")
            if part.number("active") != 0
        ),
        flags=view.number("flags"),
        cache=HealthCache(
            assets_init=view.number("asset_value"),
            liabilities_init=view.number("liability_value"),
            assets_maint=view.number("asset_value_maint"),
            liabilities_maint=view.number("liability_value_maint"),
            cached_at=view.number("cached_at"),
            flags=view.number("cache_flags"),
        ),
        liquidation_record=view.key("liquidation_record"),
    )


def decode_bank(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Bank:
    """Decode a bank; DecodeError also where decimals or weights are out of range."""
    view = open_account(chain, key, account, layout=BANK, owner=program)
    weights = Weights(**_numbers(view, *(field.name for field in fields(Weights))))
    if view.number("decimals") > MAX_DECIMALS:
        raise DecodeError(chain, f"bank {key} has {view.number('decimals')} decimals")
    shares = (view.number("asset_share_value"), view.number("liability_share_value"))
    if min(astuple(weights) + shares) < 0:
        raise DecodeError(chain, f"bank {key} has a negative weight or share value")
    plain = (
        "decimals",
        "asset_share_value",
        "liability_share_value",
        "asset_shares",
        "liability_shares",
        "updated_at",
        "state",
        "asset_value_limit",
        "oracle_setup",
        "oracle_max_age_s",
        "oracle_max_confidence",
        "fixed_price",
        "emode_tag",
    )
    return Bank(
        key=bytes(key),
        group=view.key("group"),
        mint=view.key("mint"),
        liquidity_vault=view.key("liquidity_vault"),
        insurance_vault=view.key("insurance_vault"),
        weights=weights,
        interest=_decode_interest(view),
        isolated=view.number("risk_tier") != _COLLATERAL_TIER,
        oracle=view.key("oracle_keys"),
        emode={
            part.number("tag"): EmodeWeights(**_numbers(part, "init", "maint"))
            for part in view.items("emode_entries")
            if part.number("tag") != 0
        },
        **_numbers(view, *plain),
    )


def decode_group(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey = PROGRAM
) -> Group:
    """Decode a group."""
    view = open_account(chain, key, account, layout=GROUP, owner=program)
    charged = view.number("flags") & _PROGRAM_FEES != 0
    return Group(
        key=bytes(key),
        program_fixed=view.number("program_fixed") if charged else 0,
        program_rate=view.number("program_rate") if charged else 0,
    )


def _decode_interest(view: View) -> InterestConfig:
    plain = (field.name for field in fields(InterestConfig) if field.name != "points")
    return InterestConfig(
        points=tuple(
            RatePoint(**_numbers(part, "utilization", "rate"))
            for part in view.items("points")
            if part.number("utilization") != 0
        ),
        **_numbers(view, *plain),
    )


def _numbers(view: View, *names: str) -> dict[str, int]:
    return {name: view.number(name) for name in names}
