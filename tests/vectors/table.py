"""Every system's cases: what compares them, or why nothing here can."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.vectors import drift, dydx, perps
from tests.vectors.portfolio import COVERED as MODELS
from tests.vectors.portfolio import Compare
from tests.vectors.reading import CASES, Case, list_misses, read_document

COVERED: Final[Mapping[tuple[str, str], Compare]] = {
    **MODELS,
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

NOT_COVERED: Final[Mapping[tuple[str, str], str]] = {}
"""Why a system's kind of cases is not compared."""


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
    """Say why a case is not compared; None where it is."""
    if (system, case["kind"]) in COVERED:
        return None
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
            if (reason := find_reason(system, case)) is not None:
                left_out[reason] = left_out.get(reason, 0) + 1
                continue
            found = check(system, case)
            misses += found
            passed += not found
        yield Result(
            system=system,
            cases=len(cases),
            passed=passed,
            misses=tuple(misses),
            left_out=left_out,
        )
