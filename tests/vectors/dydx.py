"""Cases of dYdX v4, computed by our module."""

from collections.abc import Mapping
from typing import Any

from daemon.margin.venues.dydx_v4 import (
    LiquidityTier,
    Market,
    Risk,
    calculate_bankruptcy_price,
    calculate_fillable_price,
    compare_risk,
    measure_account,
    measure_position,
    raise_initial,
    require_initial,
)
from tests.vectors.reading import Case, Figures


def compare_liquidatable(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare whether an account may be liquidated."""
    del document
    given = case["inputs"]
    risk = _risk(given["net_collateral"], given["mmr"])
    yield "liquidatable", risk.liquidatable, case["expected"]["liquidatable"]


def compare_order(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare which of two accounts stands worse, both ways round."""
    del document
    first, second = (_risk(*case["inputs"][name]) for name in ("first_nc_mmr", "second_nc_mmr"))
    yield "order", compare_risk(first, second), case["expected"]["cmp"]
    yield "reversed", compare_risk(second, first), -case["expected"]["cmp"]


def compare_initial(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the initial margin at an open interest."""
    del document
    given = case["inputs"]
    tier = LiquidityTier(
        initial_ppm=given["initial_margin_ppm"],
        maintenance_ppm=0,
        lower_cap=given["oi_lower_cap"],
        upper_cap=given["oi_upper_cap"],
    )
    found = require_initial(tier, given["quote_quantums"], given["oi_notional"])
    yield "IMR", found, case["expected"]["initial_margin_quote_quantums"]


def compare_factor(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the initial margin's factor."""
    del document
    given = case["inputs"]
    tier = LiquidityTier(
        initial_ppm=given["base_ppm"],
        maintenance_ppm=0,
        lower_cap=given["lower"],
        upper_cap=given["upper"],
    )
    yield "factor", raise_initial(tier, given["oi"]), case["expected"]["ppm"]


def compare_requirements(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare both margins of a position."""
    del document
    given = case["inputs"]
    market = Market(
        price=int(given["price"]),
        exponent=given["exponent"],
        resolution=given["atomic_resolution"],
        open_interest=given["open_interest_base"],
        tier=LiquidityTier(
            initial_ppm=given["initial_margin_ppm"],
            maintenance_ppm=given["maintenance_fraction_ppm"],
            lower_cap=given["oi_lower_cap"],
            upper_cap=given["oi_upper_cap"],
        ),
    )
    found = measure_position(market, int(given["base_quantums"]))
    yield "IMR", found.initial, int(case["expected"]["imr"])
    yield "MMR", found.maintenance, int(case["expected"]["mmr"])


def compare_bankruptcy(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the price at which a closed part leaves the rest as it stands."""
    del document
    given = case["inputs"]
    account, market, size = _read_account(given)
    found = calculate_bankruptcy_price(account, market, size, given["delta_base_quantums"])
    yield "price", found, case["expected"]["bankruptcy_price_quote_quantums"]


def compare_fillable(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the price of a liquidation order, as a fraction."""
    del document
    given = case["inputs"]
    found = calculate_fillable_price(
        *_read_account(given),
        adjustment_ppm=given["bankruptcy_adjustment_ppm"],
        spread_ppm=given["spread_to_maintenance_ppm"],
    )
    above, below = case["expected"]["fillable_price_quote_quantums_per_base_quantum"]
    yield "price", found.numerator * below, above * found.denominator


def _risk(net: int, maintenance: int) -> Risk:
    return Risk(net=net, initial=maintenance, maintenance=maintenance)


def _read_account(given: Mapping[str, Any]) -> tuple[Risk, Market, int]:
    tier = LiquidityTier(
        initial_ppm=given["initial_margin_ppm"],
        maintenance_ppm=given["maintenance_fraction_ppm"],
    )
    markets = {
        name: Market(price=price, exponent=exponent, resolution=resolution, tier=tier)
        for name, (price, exponent, resolution) in given["price_exponent_atomic_resolution"].items()
    }
    sizes = given["positions_base_quantums"]
    quote = given["usdc_quote_units"] * given["quote_quantums_per_usd"]
    account = measure_account(quote, ((markets[name], size) for name, size in sizes.items()))
    name = given["liquidated_perp"]
    return account, markets[name], sizes[name]
