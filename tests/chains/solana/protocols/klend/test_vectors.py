"""Kamino Lend's liquidation figures, exactly, where the collection of them is at hand."""

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
from tests.chains.solana.protocols.dumps import Case, of_kind
from tests.chains.solana.protocols.klend.building import borrow, market_of, values_of

SUITE = "kamino_klend"


@of_kind(SUITE, "liquidation_bonus")
def test_liquidation_bonus(given: Case, expected: Case) -> None:
    bonuses = Bonuses(
        least=max(given["min_bonus_bps_coll_debt"]),
        most=max(given["max_bonus_bps_coll_debt"]),
        bad_debt=min(given["bad_debt_bonus_bps_coll_debt"]),
        group=given["emode_max_bonus_bps"],
    )
    bonus = calculate_bonus(
        bonuses,
        user_ltv=int(given["user_ltv_sf"]),
        user_plain_ltv=int(given["user_no_bf_ltv_sf"]),
        max_allowed_ltv=int(given["max_allowed_ltv_sf"]),
    )
    assert bonus == int(expected["bonus_sf"])


@of_kind(SUITE, "autodeleverage_threshold")
def test_deleverage_threshold(given: Case, expected: Case) -> None:
    threshold = deleverage_threshold(given["decrease_bps_per_day"], given["seconds_since_start"])
    assert threshold == int(expected["threshold_sf"])


@of_kind(SUITE, "autodeleverage_bonus")
def test_deleverage_bonus(given: Case, expected: Case) -> None:
    bonus = deleverage_bonus(
        min_bps=given["min_bonus_bps"],
        max_bps=given["max_bonus_bps"],
        increase_bps_per_day=given["increase_bps_per_day"],
        seconds=given["seconds"],
        user_plain_ltv=int(given["no_bf_ltv_sf"]),
    )
    assert bonus == int(expected["bonus_sf"])


@of_kind(SUITE, "close_amount")
def test_closable_amount(given: Case, expected: Case) -> None:
    market = market_of(
        close_factor_pct=given["close_factor_pct"],
        insolvency_ltv_pct=given["insolvency_risk_ltv_pct"],
        max_liquidation_value=given["max_value_at_once"],
    )
    owed = borrow(
        amount_sf=int(given["borrowed_amount_sf"]), value_sf=int(given["debt_market_value_sf"])
    )
    values = values_of(debt_sf=int(given["total_debt_market_value_sf"]))
    assert closable(owed, values, market, int(given["ltv_sf"])) == int(
        expected["max_liquidatable_sf"]
    )


@of_kind(SUITE, "liquidation_amounts")
def test_liquidation_amounts(given: Case, expected: Case) -> None:
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
    assert (amounts.repaid, amounts.withdrawn) == (
        expected["repay_amount"],
        expected["withdraw_amount"],
    )


@of_kind(SUITE, "protocol_liquidation_fee")
def test_protocol_fee(given: Case, expected: Case) -> None:
    fee = calculate_protocol_fee(
        given["amount_liquidated"], int(given["bonus_sf"]), given["fee_pct"]
    )
    assert fee == expected["fee"]
