"""Plain builders of reserves and users: a test states only what it is about."""

from chains.evm.protocols.aave_v3.rounding import RAY
from chains.evm.protocols.aave_v3.state import (
    Category,
    Holding,
    Market,
    Reserve,
    User,
    Version,
)
from chains.model.ids import Address
from chains.model.units import USD

NOW = 1_800_000_000


def reserve(
    number: int,
    *,
    decimals: int = 18,
    price: int | None = USD,
    threshold: int = 8_000,
    bonus: int = 10_500,
    fee: int = 1_000,
    liquidity_index: int = RAY,
    borrow_index: int = RAY,
    rate: int = 0,
    updated_at: int = NOW,
) -> Reserve:
    return Reserve(
        number=number,
        asset=Address(f"0x{number + 1:040x}"),
        decimals=decimals,
        ltv=max(threshold - 500, 0),
        liquidation_threshold=threshold,
        liquidation_bonus=bonus,
        protocol_fee=fee,
        liquidity_index=liquidity_index,
        liquidity_rate=rate,
        borrow_index=borrow_index,
        borrow_rate=rate,
        updated_at=updated_at,
        price=price,
    )


def market_of(
    version: Version, *reserves: Reserve, categories: tuple[Category, ...] = ()
) -> Market:
    return Market(
        version=version,
        now=NOW,
        reserves={one.number: one for one in reserves},
        categories={one.number: one for one in categories},
    )


def holding(number: int, *, held: int = 0, owed: int = 0, used: bool = True) -> Holding:
    return Holding(
        number=number,
        scaled_collateral=held,
        scaled_debt=owed,
        used_as_collateral=used and held > 0,
        borrowed=owed > 0,
    )


def user_of(*holdings: Holding, category: int = 0) -> User:
    return User(holdings=holdings, category=category)
