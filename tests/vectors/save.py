"""Cases of Save (Solend), computed by the arithmetic of its adapter."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chains.model.units import WAD
from chains.solana.protocols.save.decimals import whole
from chains.solana.protocols.save.liquidation import (
    BONUS_LIMIT,
    CLOSE_FACTOR,
    DUST_VALUE,
    MAX_VALUE_AT_ONCE,
    Bonus,
    calculate_amounts,
    calculate_bonus,
    calculate_fee,
)
from chains.solana.protocols.save.math import EVERYTHING
from chains.solana.protocols.save.state import Borrow, Deposit
from tests.chains.solana.protocols.save.states import COLLATERAL, DEBT, obligation, reserve
from tests.vectors.reading import Case, Figures, scale

Given = Mapping[str, Any]


def compare_bonus(case: Case, document: Given) -> Figures:
    """Compare the bonus and the fee in it, or that a healthy obligation has none."""
    del document
    given, expected = case["inputs"], case["expected"]
    state = replace(
        obligation(
            borrowed_value=scale(given["borrowed_value"], WAD),
            unhealthy_value=scale(given["unhealthy_borrow_value"], WAD),
            super_unhealthy_value=scale(given["super_unhealthy_borrow_value"], WAD),
        ),
        closeable=given["closeable"],
    )
    source = reserve(
        bonus=given["liquidation_bonus_pct"],
        max_bonus=given["max_liquidation_bonus_pct"],
        liquidation_fee=given["protocol_fee_deca_bps"],
    )
    bonus = calculate_bonus(state, source)
    yield "limit", BONUS_LIMIT, scale(given["max_bonus_pct"], WAD // 100)
    yield "healthy", bonus is None, expected.get("error") == "ObligationHealthy"
    if bonus is not None:
        yield "bonus", bonus.total, scale(expected["total_bonus"], WAD)
        yield "fee", bonus.fee, scale(expected["protocol_liquidation_fee"], WAD)


def compare_amounts(case: Case, document: Given) -> Figures:
    """Compare what a liquidation of everything settles, costs and takes."""
    del document
    given, expected = case["inputs"], case["expected"]
    yield "close factor", CLOSE_FACTOR, scale(given["close_factor"], WAD)
    yield "at once", MAX_VALUE_AT_ONCE, scale(given["max_value_at_once"], WAD)
    yield "dust", DUST_VALUE, scale(given["dust_value"], WAD)
    owed, held = scale(given["borrow_value"], WAD), scale(given["deposit_value"], WAD)
    amounts = calculate_amounts(
        obligation(borrowed_value=owed),
        Deposit(reserve=COLLATERAL, amount=given["deposit_amount"], value=held),
        Borrow(reserve=DEBT, cumulative_rate=WAD, amount=whole(given["borrow_amount"]), value=owed),
        Bonus(total=scale(given["total_bonus"], WAD), fee=0),
        EVERYTHING,
    )
    yield "settled", amounts.settled, whole(expected["settle_amount"])
    yield "repaid", amounts.repaid, expected["repay_amount"]
    yield "withdrawn", amounts.withdrawn, expected["withdraw_amount"]


def compare_fee(case: Case, document: Given) -> Figures:
    """Compare the protocol's part of what was redeemed."""
    del document
    given = case["inputs"]
    bonus = Bonus(total=scale(given["total_bonus"], WAD), fee=scale(given["protocol_fee"], WAD))
    yield "fee", calculate_fee(given["amount_liquidated"], bonus), case["expected"]["fee"]
