"""Kamino Lend's values with sensible defaults, for tests."""

from collections.abc import Mapping

from chains.solana.protocols.klend.fraction import ONE, whole
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

MARKET = bytes([77]) * 32
CURVE = (
    CurvePoint(utilization_bps=0, rate_bps=1),
    CurvePoint(utilization_bps=8_000, rate_bps=500),
    CurvePoint(utilization_bps=10_000, rate_bps=8_000),
    CurvePoint(utilization_bps=10_000, rate_bps=8_000),
)


def key_of(number: int) -> bytes:
    return bytes([number]) * 32


def market_of(
    *,
    close_factor_pct: int = 20,
    insolvency_ltv_pct: int = 95,
    max_liquidation_value: int = 500_000,
    min_full_liquidation_value: int = 2,
    groups: Mapping[int, ElevationGroup] | None = None,
    referral_fee_bps: int = 0,
) -> LendingMarket:
    return LendingMarket(
        key=MARKET,
        referral_fee_bps=referral_fee_bps,
        emergency=False,
        close_factor_pct=close_factor_pct,
        insolvency_ltv_pct=insolvency_ltv_pct,
        min_full_liquidation_value=min_full_liquidation_value,
        max_liquidation_value=max_liquidation_value,
        groups=groups or {},
    )


def config_of(
    *,
    threshold_pct: int = 80,
    borrow_factor_pct: int = 100,
    elevation_groups: frozenset[int] = frozenset(),
    host_rate_bps: int = 0,
    max_bonus_bps: int = 500,
) -> ReserveConfig:
    return ReserveConfig(
        symbol="TOK",
        host_rate_bps=host_rate_bps,
        take_rate_pct=20,
        liquidation_fee_pct=10,
        ltv_pct=max(threshold_pct - 5, 0),
        threshold_pct=threshold_pct,
        min_bonus_bps=200,
        max_bonus_bps=max_bonus_bps,
        bad_debt_bonus_bps=99,
        borrow_factor_pct=borrow_factor_pct,
        curve=CURVE,
        elevation_groups=elevation_groups,
    )


def reserve_of(
    number: int,
    *,
    usd: int = 1,
    decimals: int = 6,
    available: int = 4 * 10**12,
    borrowed: int = 6 * 10**12,
    collateral_supply: int = 9 * 10**12,
    config: ReserveConfig | None = None,
    slot: int = 1_000,
) -> Reserve:
    keys = [bytes([number, part]) * 16 for part in range(1, 7)]
    return Reserve(
        key=key_of(number),
        market=MARKET,
        keys=ReserveKeys(
            mint=keys[0],
            token_program=keys[1],
            supply_vault=keys[2],
            fee_vault=keys[3],
            collateral_mint=keys[4],
            collateral_vault=keys[5],
            collateral_farm=bytes(32),
            debt_farm=bytes(32),
        ),
        config=config or config_of(),
        prices=PriceConfig(
            scope=bytes(32),
            scope_chain=(),
            switchboard=bytes(32),
            switchboard_twap=bytes(32),
            pyth=bytes(32),
            max_age_s=120,
            heuristic_lower=0,
            heuristic_upper=0,
            heuristic_exponent=0,
            blocked=False,
        ),
        slot=slot,
        price_status=63,
        decimals=decimals,
        available=available,
        borrowed_sf=whole(borrowed),
        price_sf=whole(usd),
        price_time=1_700_000_000,
        rate_sf=ONE * 11 // 10,
        protocol_fees_sf=whole(10**6),
        referrer_fees_sf=0,
        pending_fees_sf=0,
        collateral_supply=collateral_supply,
    )


def deposit(reserve: int = 1, amount: int = 10**9) -> Deposit:
    return Deposit(reserve=key_of(reserve), amount=amount, value_sf=0)


def borrow(
    reserve: int = 2, amount_sf: int = whole(10**8), value_sf: int = 0, rate_sf: int = ONE
) -> Borrow:
    return Borrow(
        reserve=key_of(reserve),
        rate_sf=rate_sf,
        amount_sf=amount_sf,
        value_sf=value_sf,
        adjusted_value_sf=value_sf,
    )


def values_of(*, debt_sf: int = 0) -> Values:
    return Values(
        deposited_sf=0, debt_sf=debt_sf, adjusted_debt_sf=debt_sf, allowed_sf=0, unhealthy_sf=0
    )


def obligation_of(
    deposits: tuple[Deposit, ...] = (),
    borrows: tuple[Borrow, ...] = (),
    *,
    elevation_group: int = 0,
) -> Obligation:
    return Obligation(
        key=key_of(200),
        tag=0,
        market=MARKET,
        owner=key_of(201),
        slot=0,
        stale=True,
        elevation_group=elevation_group,
        referrer=bytes(32),
        deposits=deposits,
        borrows=borrows,
        values=values_of(),
    )
