"""Kamino Lend's accounts as values: what the pure arithmetic works on.

Keys are 32 bytes; `_sf` numbers are x 2^60, c-tokens and base units are plain.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A point of the borrow rate's curve."""

    utilization_bps: int
    rate_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveConfig:
    """What a market's owner set for one reserve."""

    symbol: str
    host_rate_bps: int
    take_rate_pct: int
    liquidation_fee_pct: int
    ltv_pct: int
    threshold_pct: int
    min_bonus_bps: int
    max_bonus_bps: int
    bad_debt_bonus_bps: int
    borrow_factor_pct: int
    curve: tuple[CurvePoint, ...]
    elevation_groups: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceConfig:
    """Where a reserve takes its price from, and what it demands of it.

    The heuristic's bounds are x 10^heuristic_exponent, 0 means none. A source that is not in use
    is the default key, or Kamino's own null key.
    """

    scope: bytes
    scope_chain: tuple[int, ...]
    switchboard: bytes
    switchboard_twap: bytes
    pyth: bytes
    max_age_s: int
    heuristic_lower: int
    heuristic_upper: int
    heuristic_exponent: int
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveKeys:
    """The accounts that instructions on a reserve name; a farm not in use is 32 zero bytes."""

    mint: bytes
    token_program: bytes
    supply_vault: bytes
    fee_vault: bytes
    collateral_mint: bytes
    collateral_vault: bytes
    collateral_farm: bytes
    debt_farm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """One reserve as it stood at `slot`."""

    key: bytes
    market: bytes
    keys: ReserveKeys
    config: ReserveConfig
    prices: PriceConfig
    slot: int
    price_status: int
    decimals: int
    available: int
    borrowed_sf: int
    price_sf: int
    price_time: int
    rate_sf: int
    protocol_fees_sf: int
    referrer_fees_sf: int
    pending_fees_sf: int
    collateral_supply: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """c-tokens of a reserve, and their USD value when the obligation was last refreshed."""

    reserve: bytes
    amount: int
    value_sf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrow:
    """Base units owed at a cumulative rate, and their USD value at the last refresh."""

    reserve: bytes
    rate_sf: int
    amount_sf: int
    value_sf: int
    adjusted_value_sf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """An obligation's totals in USD x 2^60.

    `adjusted_debt_sf` is the debt with borrow factors, `allowed_sf` and `unhealthy_sf` are the
    debts at which it may borrow no more and at which it may be liquidated.
    """

    deposited_sf: int
    debt_sf: int
    adjusted_debt_sf: int
    allowed_sf: int
    unhealthy_sf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One loan: up to 8 deposits and 5 borrows, with the values of its last refresh."""

    key: bytes
    tag: int
    market: bytes
    owner: bytes
    slot: int
    stale: bool
    elevation_group: int
    referrer: bytes
    deposits: tuple[Deposit, ...]
    borrows: tuple[Borrow, ...]
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class ElevationGroup:
    """Terms for a loan of assets that move together."""

    ltv_pct: int
    threshold_pct: int
    max_bonus_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingMarket:
    """A market's terms; values in whole USD."""

    key: bytes
    referral_fee_bps: int
    emergency: bool
    close_factor_pct: int
    insolvency_ltv_pct: int
    min_full_liquidation_value: int
    max_liquidation_value: int
    groups: Mapping[int, ElevationGroup]
