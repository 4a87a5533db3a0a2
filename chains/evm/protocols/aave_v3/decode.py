"""What Aave's views return, made into typed state: pure.

Source: DataTypes.sol, ReserveConfiguration.sol, UserConfiguration.sol of @aave/core-v3 and
@aave-dao/aave-v3-origin; the bits used here are the same in both.
"""

from dataclasses import dataclass

from chains.evm.multicall import ViewResult
from chains.evm.protocols.aave_v3.contracts import (
    GET_CATEGORY,
    GET_CATEGORY_TERMS,
    GET_RESERVE_DATA,
    GET_USER_ACCOUNT_DATA,
)
from chains.evm.protocols.aave_v3.state import AccountData, Category, Holding, Reserve, Version
from chains.model.ids import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveTokens:
    """The tokens that hold a reserve's balances."""

    supplied: Address
    variable_debt: Address
    stable_debt: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveData:
    """A reserve as `getReserveData` gives it, without price and grace period.

    `stable` says whether it may be borrowed at a stable rate (3.0).
    """

    reserve: Reserve
    tokens: ReserveTokens
    stable: bool


def decode_reserve(version: Version, asset: Address, result: ViewResult) -> ReserveData:
    """Decode `getReserveData` of an asset."""
    words = GET_RESERVE_DATA.decode(result.data)
    configuration = words[0]
    reserve = Reserve(
        number=words[7],
        asset=asset,
        decimals=_bits(configuration, 48, 8),
        ltv=_bits(configuration, 0, 16),
        liquidation_threshold=_bits(configuration, 16, 16),
        liquidation_bonus=_bits(configuration, 32, 16),
        protocol_fee=_bits(configuration, 152, 16),
        liquidity_index=words[1],
        liquidity_rate=words[2],
        borrow_index=words[3],
        borrow_rate=words[4],
        updated_at=words[6],
        price=None,
        active=_flag(configuration, 56),
        frozen=_flag(configuration, 57),
        paused=_flag(configuration, 60),
        category=_bits(configuration, 168, 8) if version is Version.V3_0 else 0,
        debt_ceiling=_bits(configuration, 212, 40),
    )
    tokens = ReserveTokens(supplied=words[8], stable_debt=words[9], variable_debt=words[10])
    stable = version is Version.V3_0 and _flag(configuration, 59)
    return ReserveData(reserve=reserve, tokens=tokens, stable=stable)


def _bits(word: int, start: int, width: int) -> int:
    return word >> start & ((1 << width) - 1)


def _flag(word: int, bit: int) -> bool:
    return bool(word >> bit & 1)


def decode_category_v30(number: int, result: ViewResult) -> Category:
    """Decode 3.0's `getEModeCategoryData`; its price is read apart."""
    ((ltv, threshold, bonus, source, _),) = GET_CATEGORY.decode(result.data)
    return Category(
        number=number,
        ltv=ltv,
        liquidation_threshold=threshold,
        liquidation_bonus=bonus,
        price_source=None if int(source, 16) == 0 else source,
    )


def decode_category_v36(
    number: int, terms: ViewResult, collaterals: int, without_ltv: int
) -> Category:
    """Decode 3.6's `getEModeCategoryCollateralConfig` with the category's two bitmaps."""
    ltv, threshold, bonus = GET_CATEGORY_TERMS.decode(terms.data)
    return Category(
        number=number,
        ltv=ltv,
        liquidation_threshold=threshold,
        liquidation_bonus=bonus,
        collateral_bitmap=collaterals,
        ltv_zero_bitmap=without_ltv,
    )


def decode_account_data(result: ViewResult) -> AccountData:
    """Decode `getUserAccountData`."""
    collateral, debt, borrows, threshold, ltv, health = GET_USER_ACCOUNT_DATA.decode(result.data)
    return AccountData(
        collateral=collateral,
        debt=debt,
        available_borrows=borrows,
        liquidation_threshold=threshold,
        ltv=ltv,
        health=health,
    )


def decode_holding(
    number: int, configuration: int, scaled_collateral: int, scaled_debt: int
) -> Holding:
    """Give a holding from its balances and the user's flags: two bits per reserve, debt first."""
    return Holding(
        number=number,
        scaled_collateral=scaled_collateral,
        scaled_debt=scaled_debt,
        used_as_collateral=_flag(configuration, 2 * number + 1),
        borrowed=_flag(configuration, 2 * number),
    )
