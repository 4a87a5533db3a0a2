"""Every system's cases: what compares them, or why nothing here can."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.vectors import aave, auctions, curves, drift, dydx, klend, marginfi, perps, save
from tests.vectors.portfolio import COVERED as MODELS
from tests.vectors.portfolio import Compare
from tests.vectors.reading import CASES, Case, Figures, list_misses, read_document


def _compare_auction(case: Case, document: Mapping[str, Any]) -> Figures:
    del document
    return auctions.compare_auction(case)


COVERED: Final[Mapping[tuple[str, str], Compare]] = {
    **MODELS,
    ("aave_v3", "integer_math"): aave.compare_arithmetic,
    ("aave_v3", "health_factor"): aave.compare_health,
    ("aave_v3", "interest"): aave.compare_interest,
    ("aave_v3", "liquidation_int"): aave.compare_liquidation,
    ("aave_v3", "close_factor"): aave.compare_close_factor,
    ("save_solend", "liquidation_bonus"): save.compare_bonus,
    ("save_solend", "liquidation_amounts"): save.compare_amounts,
    ("save_solend", "protocol_liquidation_fee"): save.compare_fee,
    ("kamino_klend", "liquidation_bonus"): klend.compare_bonus,
    ("kamino_klend", "autodeleverage_threshold"): klend.compare_threshold,
    ("kamino_klend", "autodeleverage_bonus"): klend.compare_deleverage_bonus,
    ("kamino_klend", "close_amount"): klend.compare_closable,
    ("kamino_klend", "liquidation_amounts"): klend.compare_amounts,
    ("kamino_klend", "protocol_liquidation_fee"): klend.compare_fee,
    ("marginfi", "liquidation"): marginfi.compare_liquidation,
    ("marginfi", "account_health"): marginfi.compare_health,
    ("marginfi", "max_borrow"): marginfi.compare_room,
    ("marginfi", "emode_asset_weight"): marginfi.compare_emode,
    ("morpho_blue", "lif"): curves.compare_incentive,
    ("euler_v2", "health_score"): curves.compare_score,
    ("euler_v2", "liquidation_check"): curves.compare_euler,
    ("euler_v2", "liquidation_amounts"): curves.compare_euler,
    ("derive_auction", "dutch_auction_discount"): _compare_auction,
    ("derive_auction", "dutch_auction_solvent"): _compare_auction,
    ("derive_auction", "dutch_auction_insolvent"): _compare_auction,
    ("dydx_v4", "is_liquidatable"): dydx.compare_liquidatable,
    ("dydx_v4", "risk_ordering"): dydx.compare_order,
    ("dydx_v4", "initial_margin_oimf"): dydx.compare_initial,
    ("dydx_v4", "oimf_ppm"): dydx.compare_factor,
    ("dydx_v4", "margin_requirements"): dydx.compare_requirements,
    ("dydx_v4", "bankruptcy_price"): dydx.compare_bankruptcy,
    ("dydx_v4", "fillable_price"): dydx.compare_fillable,
    ("drift", "asset_weight"): drift.compare_asset_weight,
    ("drift", "liability_weight"): drift.compare_liability_weight,
    ("drift", "scaled_initial_asset_weight"): drift.compare_scaled_weight,
    ("drift", "unrealized_pnl_asset_weight"): drift.compare_gains_weight,
    ("drift", "margin_ratio"): drift.compare_ratio,
    ("drift", "perp_margin"): drift.compare_perp,
    ("drift", "perp_margin_prediction"): drift.compare_prediction,
    ("drift", "spot_margin"): drift.compare_account,
    ("drift", "margin_requirement"): drift.compare_account,
    ("drift", "liquidation_buffer"): drift.compare_account,
    ("drift", "liquidation_size"): drift.compare_size,
    ("drift", "insurance_fee"): drift.compare_insurance,
    ("drift", "socialised_loss"): drift.compare_loss,
    ("synthetix_v3", "perp_margin"): perps.compare_synthetix,
    ("synthetix_v3", "maintenance_margin"): perps.compare_synthetix_maintenance,
    ("hyperliquid", "portfolio_margin"): perps.compare_borrowable,
    ("hyperliquid", "interest"): perps.compare_rate,
    ("hyperliquid", "maintenance_margin"): perps.compare_maintenance,
    ("hyperliquid", "liquidation_price"): perps.compare_liquidation_price,
}
"""What compares a case, by its system and kind."""

_NO_MORPHO: Final = "no adapter for Morpho Blue: its curves know no shares"
_NO_COMET: Final = "no adapter for Compound III, and no curve: it liquidates whole accounts"

NOT_COVERED: Final[Mapping[tuple[str, str], str]] = {
    ("morpho_blue", "health_factor"): _NO_MORPHO,
    ("morpho_blue", "integer_math"): _NO_MORPHO,
    ("morpho_blue", "borrow_capacity"): _NO_MORPHO,
    **{
        ("compound_comet", kind): _NO_COMET
        for kind in (
            "is_liquidatable",
            "is_borrow_collateralized",
            "quote_collateral",
            "absorb",
            "present_value",
        )
    },
}
"""Why a system's kind of cases is not compared."""

PARTLY: Final[Mapping[str, str]] = {
    "aave/tiny-full-scaled-consumption": "of v3.7: what 3.6 shares agrees, the fee does not",
}
"""Why a case does not count as passed though a part of it is compared."""

NOT_VALUED: Final[Mapping[str, str]] = {
    "euler/worthless-collateral": "curves take what collateral is worth, here nothing",
}
"""Why a case of a kind that is compared is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One system's cases: how many passed, the misses, and the reasons of those not compared."""

    system: str
    cases: int
    passed: int
    misses: tuple[str, ...]
    left_out: Mapping[str, int]


def list_systems() -> tuple[str, ...]:
    """Give the systems that there are cases of."""
    return tuple(sorted({path.name.split(".")[0] for path in CASES.iterdir()}))


def find_reason(system: str, case: Case) -> str | None:
    """Say why a case is not compared; None where it is, if only partly."""
    if (system, case["kind"]) in COVERED:
        return NOT_VALUED.get(case["id"])
    return NOT_COVERED.get((system, case["kind"]), "nothing here compares this kind")


def check(system: str, case: Case) -> list[str]:
    """Give what a case says otherwise than our module does."""
    compare = COVERED[system, case["kind"]]
    return list_misses(case, compare(case, read_document(system)))


def run() -> Iterator[Result]:
    """Compare every case of every system."""
    for system in list_systems():
        cases, left_out = read_document(system)["cases"], dict[str, int]()
        misses, passed = list[str](), 0
        for case in cases:
            reason = find_reason(system, case)
            found = check(system, case) if reason is None else []
            misses += found
            reason = reason or (None if found else PARTLY.get(case["id"]))
            if reason is not None:
                left_out[reason] = left_out.get(reason, 0) + 1
            else:
                passed += not found
        yield Result(
            system=system,
            cases=len(cases),
            passed=passed,
            misses=tuple(misses),
            left_out=left_out,
        )
