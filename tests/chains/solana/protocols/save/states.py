"""Reserves and obligations of a test's choice, without a program."""

from dataclasses import replace

from chains.model.units import WAD
from chains.solana.protocols.save.state import (
    Borrow,
    Deposit,
    Obligation,
    Reserve,
    ReserveKeys,
    ReserveTerms,
)

TERMS = ReserveTerms(
    optimal_utilization=80,
    max_utilization=95,
    min_rate=0,
    optimal_rate=8,
    max_rate=50,
    super_max_rate=150,
    loan_to_value=75,
    threshold=80,
    max_threshold=85,
    bonus=5,
    max_bonus=10,
    liquidation_fee=10,
    take_rate=10,
    added_weight_bps=0,
    deposit_limit=(1 << 64) - 1,
    borrow_limit=(1 << 64) - 1,
)
COLLATERAL, DEBT = b"C" * 32, b"D" * 32


def reserve(key: bytes = COLLATERAL, **terms: int) -> Reserve:
    keys = ReserveKeys(
        reserve=key,
        market=b"m" * 32,
        mint=b"t" + key[1:],
        supply=b"s" + key[1:],
        oracle=b"o" + key[1:],
        second_oracle=bytes(32),
        collateral_mint=b"c" + key[1:],
        collateral_vault=b"v" + key[1:],
        fee_receiver=b"f" + key[1:],
    )
    return Reserve(
        keys=keys,
        terms=replace(TERMS, **terms),
        decimals=6,
        slot=1_000,
        stale=False,
        available=200_000_000,
        borrowed=800_000_000 * WAD,
        cumulative_rate=WAD,
        protocol_fees=0,
        collateral_minted=1_000_000_000,
        price=WAD,
        smoothed_price=WAD,
    )


def obligation(**values: int) -> Obligation:
    """Give an obligation of one deposit and one borrow, all values 0 but those given."""
    names = (
        "deposited_value", "borrowed_value", "allowed_value", "unhealthy_value",
        "borrowed_upper_value", "super_unhealthy_value", "unweighted_value",
    )  # fmt: skip
    return Obligation(
        key=b"O" * 32,
        market=b"m" * 32,
        owner=b"w" * 32,
        slot=1_000,
        stale=False,
        closeable=False,
        deposits=(Deposit(reserve=COLLATERAL, amount=0, value=0),),
        borrows=(Borrow(reserve=DEBT, cumulative_rate=WAD, amount=0, value=0),),
        **{name: values.get(name, 0) for name in names},
    )
