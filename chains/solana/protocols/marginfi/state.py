"""marginfi's accounts as values: what the pure arithmetic works on.

Keys are 32 bytes; shares, values, weights, rates and prices are I80F48.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class OracleSetup(IntEnum):
    """Where a bank's price comes from; of the others none is valued here."""

    PYTH_PUSH = 3
    SWITCHBOARD_PULL = 4
    FIXED = 8


class BankState(IntEnum):
    """What a bank lets its users do."""

    PAUSED = 0
    OPERATIONAL = 1
    REDUCE_ONLY = 2
    KILLED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint:
    """A point of the interest curve, in parts of 2^32 - 1: of 100 % used, and of 1000 % a year."""

    utilization: int
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestConfig:
    """A bank's interest: the curve of its generation, and the fees on top of it."""

    curve: int
    optimal_utilization: int
    plateau_rate: int
    max_rate: int
    zero_rate: int
    full_rate: int
    points: tuple[RatePoint, ...]
    insurance_fixed: int
    insurance_rate: int
    group_fixed: int
    group_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What assets and liabilities count with, at the start of a loan and to keep it."""

    asset_init: int
    asset_maint: int
    liability_init: int
    liability_maint: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmodeWeights:
    """What collateral counts with against debts of a bank that names its tag."""

    init: int
    maint: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One asset's bank. `oracle_setup` is the program's number, known here or not."""

    key: bytes
    group: bytes
    mint: bytes
    decimals: int
    liquidity_vault: bytes
    insurance_vault: bytes
    asset_share_value: int
    liability_share_value: int
    asset_shares: int
    liability_shares: int
    updated_at: int
    weights: Weights
    interest: InterestConfig
    state: int
    isolated: bool
    asset_value_limit: int
    oracle_setup: int
    oracle: bytes
    oracle_max_age_s: int
    oracle_max_confidence: int
    fixed_price: int
    emode_tag: int
    emode: Mapping[int, EmodeWeights]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account holds in, or owes to, one bank."""

    bank: bytes
    asset_shares: int
    liability_shares: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCache:
    """What the program computed when somebody last asked it: weighted values in USD."""

    assets_init: int
    liabilities_init: int
    assets_maint: int
    liabilities_maint: int
    cached_at: int
    flags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A margin account, its balances in their order."""

    key: bytes
    group: bytes
    authority: bytes
    balances: tuple[Balance, ...]
    flags: int
    cache: HealthCache
    liquidation_record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of banks; the program's own fees are 0 where the group does not charge them."""

    key: bytes
    program_fixed: int
    program_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRange:
    """A price lowered and raised by its uncertainty: assets count low, liabilities high."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPrices:
    """A bank's price now, which maintenance uses, and smoothed, which starting a loan uses."""

    spot: PriceRange
    smoothed: PriceRange
