"""Cases of our own model that portfolio margin covers, and the table of all covered here."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from daemon.margin.correlation import aggregate_losses
from daemon.margin.portfolio import evaluate_portfolio
from daemon.margin.portfolio_report import Charges, PortfolioSettings
from daemon.margin.risk import Tier
from daemon.margin.scenario_rows import Family, Scenario
from daemon.margin.scenarios import Debt, Domain, Perp, RiskBook, Spot
from daemon.margin.tails import calculate_shortfall, calculate_var
from tests.vectors.derive import compare_black76, compare_pmrm2, compare_srm, compare_svi
from tests.vectors.dynamics import (
    compare_cures,
    compare_distance,
    compare_ewma,
    compare_time,
)
from tests.vectors.exchanges import (
    compare_deribit,
    compare_inverse_gains,
    compare_minimum,
    compare_open_size,
    compare_share,
    compare_socialised,
    compare_span_risk,
    compare_span_rows,
)
from tests.vectors.reading import Case, Figures
from tests.vectors.standard import compare_standard

Compare = Callable[[Case, Mapping[str, Any]], Figures]
PRICE: Final = 2_000.0


def compare_hedge(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare collateral on one venue hedged by a perp on another."""
    del document
    given, expected = case["inputs"], case["expected"]
    shock = given["shock"]
    settings = PortfolioSettings(
        mu=given["mu"],
        phi=given["floor_phi"],
        kappa=given["kappa"],
        published_gains=True,
        charges=Charges(
            unhedged=given["unhedged_factor"],
            hedged=given["hedged_factor"],
            perp=given["perp_contingency"],
        ),
        rows=tuple(
            Scenario(name=f"{move:+g}", family=Family.SPAN, moves={Tier.MAJOR: move})
            for move in (shock, -shock)
        ),
    )
    found = evaluate_portfolio(build_hedge(given), settings, now=0)
    yield "scenario risk", found.risk, expected["scenario_risk"]
    yield "minimum", found.minimum, expected["min_delta"]
    yield "MMR of standard mode", found.standard_maintenance, expected["MMR_std"]
    yield "MMR", found.maintenance, expected["MMR_pm"]
    yield "C0", found.c0, expected["C0"]
    yield "R0 and MMR", found.r0 + found.maintenance, expected["R"]
    yield "factor", found.factor or 0.0, expected["HF"]


def build_hedge(given: Mapping[str, Any]) -> RiskBook:
    """Give a book of spot and debt at a market, and a perp at a venue."""
    market, venue = "eip155:1:pool", "venue:perps:1"
    return RiskBook(
        domains={
            market: Domain(id=market, chain="eip155:1", venue="aave_v3"),
            venue: Domain(id=venue, chain="venue:perps", venue="perps"),
        },
        spots=(
            Spot(
                id="spot",
                domain=market,
                chain="eip155:1",
                underlying="ETH",
                tier=Tier.MAJOR,
                units=given["spot_value"] / PRICE,
                price=PRICE,
                lt=given["spot_lt"],
                ltv=given["spot_lt"],
            ),
        ),
        debts=(
            Debt(
                id="debt",
                domain=market,
                chain="eip155:1",
                underlying="USDC",
                tier=Tier.STABLE,
                units=given["debt"],
                price=1.0,
            ),
        ),
        perps=(
            Perp(
                id="perp",
                domain=venue,
                chain="venue:perps",
                underlying="ETH",
                tier=Tier.MAJOR,
                size=given["perp_notional"] / PRICE,
                entry=PRICE,
                mark=PRICE,
                initial=given["perp_mm_fraction"],
                maintenance=given["perp_mm_fraction"],
            ),
        ),
    )


def compare_aggregate(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare two losses added up under a correlation."""
    del document
    rho = case["inputs"]["rho"]
    losses = np.array(case["inputs"]["signed_losses"], dtype=np.float64)
    found = float(aggregate_losses(losses, np.array([[1.0, rho], [rho, 1.0]])))
    yield "aggregate", found, case["expected"]["aggregate"]


def compare_tails(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the order statistic and the mean of the tail."""
    del document
    losses = np.arange(1.0, 101.0)
    alpha = case["inputs"]["alpha"]
    yield "VaR", calculate_var(losses, alpha), case["expected"]["VaR"]
    yield "ES", calculate_shortfall(losses, alpha), case["expected"]["ES"]


COVERED: Final[Mapping[tuple[str, str], Compare]] = {
    ("derive_pmrm2", "portfolio_margin"): compare_pmrm2,
    ("derive_srm", "standard_margin"): compare_srm,
    ("black76_svi", "black76"): compare_black76,
    ("black76_svi", "svi_vol"): compare_svi,
    ("deribit_pm", "inverse_perp_pnl"): compare_inverse_gains,
    ("deribit_pm", "portfolio_margin"): compare_deribit,
    ("span", "scenario_array"): compare_span_rows,
    ("span", "span_scan_risk"): compare_span_risk,
    ("paradex", "min_delta_margin"): compare_minimum,
    ("paradex", "initial_margin"): compare_open_size,
    ("paradex", "partial_liquidation"): compare_share,
    ("paradex", "socialised_loss"): compare_socialised,
    ("unified_model", "hf_standard"): compare_standard,
    ("unified_model", "hf_portfolio"): compare_hedge,
    ("unified_model", "correlation"): compare_aggregate,
    ("unified_model", "var_es"): compare_tails,
    ("unified_model", "distance"): compare_distance,
    ("unified_model", "time_to_liquidation"): compare_time,
    ("unified_model", "cure"): compare_cures,
    ("unified_model", "volatility"): compare_ewma,
}
"""What compares a case, by its system and kind."""
