"""Cases of Kamino Lend, computed by the arithmetic of its adapter."""

from collections.abc import Mapping
from typing import Any

from chains.solana.protocols.klend.liquidation import (
    Bonuses,
    calculate_amounts,
    calculate_bonus,
    calculate_protocol_fee,
    closable,
    deleverage_bonus,
    deleverage_threshold,
)
from chains.solana.protocols.klend.state import Deposit
from tests.chains.solana.protocols.klend.building import borrow, market_of, values_of
from tests.vectors.reading import Case, Figures

Given = Mapping[str, Any]


def compare_bonus(case: Case, document: Given) -> Figures:
    """Compare a liquidation's bonus."""
    del document
    given = case["inputs"]
    bonuses = Bonuses(
        least=max(given["min_bonus_bps_coll_debt"]),
        most=max(given["max_bonus_bps_coll_debt"]),
        bad_debt=min(given["bad_debt_bonus_bps_coll_debt"]),
        group=given["emode_max_bonus_bps"],
    )
    found = calculate_bonus(
        bonuses,
        user_ltv=int(given["user_ltv_sf"]),
        user_plain_ltv=int(given["user_no_bf_ltv_sf"]),
        max_allowed_ltv=int(given["max_allowed_ltv_sf"]),
    )
    yield "bonus", found, int(case["expected"]["bonus_sf"])


def compare_threshold(case: Case, document: Given) -> Figures:
    """Compare the threshold of an auto-deleveraging."""
    del document
    given = case["inputs"]
    found = deleverage_threshold(given["decrease_bps_per_day"], given["seconds_since_start"])
    yield "threshold", found, int(case["expected"]["threshold_sf"])


def compare_deleverage_bonus(case: Case, document: Given) -> Figures:
    """Compare the bonus of an auto-deleveraging."""
    del document
    given = case["inputs"]
    found = deleverage_bonus(
        min_bps=given["min_bonus_bps"],
        max_bps=given["max_bonus_bps"],
        increase_bps_per_day=given["increase_bps_per_day"],
        seconds=given["seconds"],
        user_plain_ltv=int(given["no_bf_ltv_sf"]),
    )
    yield "bonus", found, int(case["expected"]["bonus_sf"])


def compare_closable(case: Case, document: Given) -> Figures:
    """Compare how much of a debt one liquidation may repay."""
    del document
    given = case["inputs"]
    market = market_of(
        close_factor_pct=given["close_factor_pct"],
        insolvency_ltv_pct=given["insolvency_risk_ltv_pct"],
        max_liquidation_value=given["max_value_at_once"],
    )
    owed = borrow(
        amount_sf=int(given["borrowed_amount_sf"]), value_sf=int(given["debt_market_value_sf"])
    )
    values = values_of(debt_sf=int(given["total_debt_market_value_sf"]))
    found = closable(owed, values, market, int(given["ltv_sf"]))
    yield "closable", found, int(case["expected"]["max_liquidatable_sf"])


def compare_amounts(case: Case, document: Given) -> Figures:
    """Compare what a liquidation costs and takes."""
    del document
    given, expected = case["inputs"], case["expected"]
    amounts = calculate_amounts(
        Deposit(
            reserve=bytes(32),
            amount=given["collateral_deposited"],
            value_sf=int(given["collateral_market_value_sf"]),
        ),
        total_value_sf=int(given["total_value_incl_bonus_sf"]),
        debt_sf=int(given["debt_liquidation_amount_sf"]),
        whole_debt=given["below_min_full_liquidation_value"],
    )
    yield "repaid", amounts.repaid, expected["repay_amount"]
    yield "withdrawn", amounts.withdrawn, expected["withdraw_amount"]


def compare_fee(case: Case, document: Given) -> Figures:
    """Compare the protocol's part of a bonus."""
    del document
    given = case["inputs"]
    found = calculate_protocol_fee(
        given["amount_liquidated"], int(given["bonus_sf"]), given["fee_pct"]
    )
    yield "fee", found, case["expected"]["fee"]
