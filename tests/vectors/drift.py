"""Cases of Drift v2, computed by our modules."""

from collections.abc import Mapping
from typing import Any, Final

from daemon.margin.venues.drift import (
    BASE,
    PRICE,
    WEIGHT,
    PerpMarket,
    PerpPosition,
    Requirement,
    SpotMarket,
    SpotPosition,
    StrictPrice,
    find_margin_ratio,
    lower_asset_weight,
    margin_account,
    raise_liability_weight,
    scale_initial_weight,
    weigh_gains,
)
from daemon.margin.venues.drift_liquidation import (
    calculate_base_to_cover,
    calculate_insurance_fee,
    calculate_interest_cut,
    calculate_liability_transfer,
)
from tests.vectors.reading import Case, Figures, scale

Given = Mapping[str, Any]
TOKEN: Final = 10**9


def compare_asset_weight(case: Case, document: Given) -> Figures:
    """Compare an asset's weight at a size."""
    del document
    given = case["inputs"]
    found = lower_asset_weight(
        int(given["size_1e9"]), given["imf_factor_1e6"], given["asset_weight_1e4"]
    )
    yield "weight", found, case["expected"]["asset_weight_1e4"]


def compare_liability_weight(case: Case, document: Given) -> Figures:
    """Compare a liability's weight at a size."""
    del document
    given = case["inputs"]
    found = raise_liability_weight(
        int(given["size_1e9"]), given["imf_factor_1e6"], given["liability_weight_1e4"]
    )
    yield "weight", found, case["expected"]["liability_weight_1e4"]


def compare_scaled_weight(case: Case, document: Given) -> Figures:
    """Compare an initial weight that shrinks with all deposits."""
    del document
    given = case["inputs"]
    market = SpotMarket(
        decimals=9,
        asset_initial=given["initial_asset_weight_1e4"],
        asset_maintenance=WEIGHT,
        liability_initial=WEIGHT,
        liability_maintenance=WEIGHT,
        scale_start=given["scale_start_usd"] * PRICE,
        deposits=given["market_deposits_tokens"] * TOKEN,
    )
    found = scale_initial_weight(market, given["oracle_price"] * PRICE)
    yield "weight", found, case["expected"]["asset_weight_1e4"]


def compare_gains_weight(case: Case, document: Given) -> Figures:
    """Compare what gains count with."""
    del document
    given = case["inputs"]
    market = PerpMarket(
        initial=0,
        maintenance=0,
        gains_initial=given["initial_asset_weight_1e4"],
        gains_factor=given["unrealized_pnl_imf_factor_1e6"],
    )
    found = weigh_gains(market, int(given["unrealized_pnl_1e6"]), Requirement.INITIAL)
    yield "weight", found, case["expected"]["asset_weight_1e4"]


def compare_ratio(case: Case, document: Given) -> Figures:
    """Compare a perp's margin ratio at a size."""
    del document
    given = case["inputs"]
    market = PerpMarket(
        initial=given["margin_ratio_initial_1e4"],
        maintenance=0,
        size_factor=given["imf_factor_1e6"],
    )
    found = find_margin_ratio(market, int(given["base_1e9"]), Requirement.INITIAL)
    yield "ratio", found, case["expected"]["margin_ratio_1e4"]


def compare_perp(case: Case, document: Given) -> Figures:
    """Compare the margin of one perp, its quote token at 1 USD or at a strict price."""
    if "usdc_deposit" in case["inputs"]:
        yield from compare_account(case, document)
        return
    given, expected = case["inputs"], case["expected"]
    market = PerpMarket(
        initial=given["margin_ratio_initial_1e4"],
        maintenance=given["margin_ratio_initial_1e4"],
        size_factor=given["imf_factor_1e6"],
        gains_initial=given["upnl_initial_weight_1e4"],
    )
    perp = PerpPosition(
        market=market,
        base=given["base_asset_amount_1e9"],
        quote=given["quote_asset_amount_1e6"],
        price=given["oracle_price"] * PRICE,
    )
    found = margin_account(0, perps=[perp], requirement=Requirement.INITIAL)
    yield "requirement", found.requirement, expected["margin_requirement_1e6"]
    yield "gains", found.collateral, expected["weighted_upnl_1e6"]


def compare_prediction(case: Case, document: Given) -> Figures:
    """Compare a position on a prediction market under both requirements."""
    del document
    given, expected = case["inputs"], case["expected"]
    market = PerpMarket(
        initial=given["margin_ratio_initial_1e4"],
        maintenance=given["margin_ratio_maintenance_1e4"],
        gains_initial=given["upnl_weight_initial"] * WEIGHT,
        gains_maintenance=given["upnl_weight_maintenance"] * WEIGHT,
        prediction=True,
    )
    perp = PerpPosition(
        market=market,
        base=given["base"] * BASE,
        quote=given["quote_1e6"],
        price=scale(given["oracle_price"], PRICE),
    )
    for requirement in Requirement:
        found = margin_account(0, perps=[perp], requirement=requirement)
        yield f"{requirement} margin", found.requirement, expected[f"margin_{requirement}_1e6"]
        yield f"{requirement} gains", found.collateral, expected[f"upnl_{requirement}_1e6"]


def compare_account(case: Case, document: Given) -> Figures:
    """Compare the margin of an account of the quote token, SOL and a perp."""
    del document
    given = case["inputs"]
    strict = given.get("strict", False)
    oracle, average = given.get("usdc_oracle", given.get("usdc_price", 1)), given.get("usdc_twap5m")
    found = margin_account(
        scale(given.get("usdc_deposit", 0), PRICE),
        _read_spots(given, strict=strict),
        _read_perps(given),
        requirement=Requirement(given.get("type", "initial")),
        quote_price=_read_price(oracle, average, strict=strict),
        user_ratio=given.get("user_max_margin_ratio_1e4", 0),
        buffer=scale(given.get("margin_buffer", 0), WEIGHT),
    )
    figures = {
        "margin_requirement_usd": found.requirement,
        "total_collateral_usd": found.collateral,
        "total_collateral_plus_buffer_usd": found.buffered_collateral,
    }
    for name, theirs in case["expected"].items():
        yield name, figures[name], scale(theirs, PRICE)


def _read_price(price: object, average: object, *, strict: bool) -> StrictPrice:
    known = scale(average, PRICE) if strict and average is not None else None
    return StrictPrice(price=scale(price, PRICE), average=known)


def _read_spots(given: Given, *, strict: bool) -> list[SpotPosition]:
    if "sol_price" not in given:
        return []
    market = SpotMarket(
        decimals=9,
        asset_initial=scale(given["sol_asset_weight_init"], WEIGHT),
        asset_maintenance=scale(given["sol_asset_weight_maint"], WEIGHT),
        liability_initial=scale(given["sol_liab_weight_init"], WEIGHT),
        liability_maintenance=scale(given["sol_liab_weight_maint"], WEIGHT),
    )
    bids, asks = given.get("sol_open_bids", 0), given.get("sol_open_asks", 0)
    held = given.get("sol_deposit", 0) - given.get("sol_borrow", 0)
    price = _read_price(given["sol_price"], given.get("sol_twap5m"), strict=strict)
    return [
        SpotPosition(
            market=market,
            price=price,
            amount=held * TOKEN,
            bids=bids * TOKEN,
            asks=asks * TOKEN,
            open_orders=(bids != 0) + (asks != 0),
        )
    ]


def _read_perps(given: Given) -> list[PerpPosition]:
    """Give the perp, without gains where its cost is not told."""
    if not {"perp_base", "perp_quote"} & given.keys():
        return []
    base, price = given.get("perp_base", 0), given.get("perp_price", 0)
    initial = given.get("perp_mr_init", given.get("margin_ratio_initial", 0))
    market = PerpMarket(
        initial=scale(initial, WEIGHT),
        maintenance=scale(given.get("perp_mr_maint", 0), WEIGHT),
    )
    quote = given.get("perp_quote", -base * price)
    return [
        PerpPosition(
            market=market, base=base * BASE, quote=scale(quote, PRICE), price=scale(price, PRICE)
        )
    ]


def compare_size(case: Case, document: Given) -> Figures:
    """Compare how much of a perp or of a debt a liquidation takes over."""
    del document
    given, expected = case["inputs"], case["expected"]
    if "base_amount_1e9" in expected:
        base = calculate_base_to_cover(
            given["margin_shortage_1e6"],
            margin_ratio=given["margin_ratio_1e4"],
            fee=given["liquidation_fee_1e6"],
            insurance_fee=given["if_fee_1e6"],
            price=given["oracle_price_1e6"],
            quote_price=given["quote_price_1e6"],
        )
        yield "base", base, expected["base_amount_1e9"]
        return
    transfer = calculate_liability_transfer(
        given["margin_shortage_1e6"],
        asset_weight=given["asset_weight_1e4"],
        asset_multiplier=given["asset_mult_1e6"],
        liability_weight=given["liab_weight_1e4"],
        liability_multiplier=given["liab_mult_1e6"],
        liability_decimals=given["liab_decimals"],
        liability_price=given["liab_price_1e6"],
        insurance_fee=given["if_fee_1e6"],
    )
    yield "transfer", transfer, expected["liability_transfer"]


def compare_insurance(case: Case, document: Given) -> Figures:
    """Compare the insurance fund's fee."""
    del document
    given = case["inputs"]
    found = calculate_insurance_fee(
        given["margin_shortage_1e6"],
        given["base_1e9"],
        margin_ratio=given["margin_ratio_1e4"],
        liquidator_fee=given["liquidator_fee_1e6"],
        price=given["oracle_price_1e6"],
        quote_price=given["quote_price_1e6"],
        most=given["max_if_fee_1e6"],
    )
    yield "fee", found, case["expected"]["if_fee_1e6"]


def compare_loss(case: Case, document: Given) -> Figures:
    """Compare what depositors' index loses."""
    del document
    given = case["inputs"]
    found = calculate_interest_cut(
        given["loss_1e6"], given["total_deposits_1e6"], given["cumulative_deposit_interest_1e10"]
    )
    yield "cut", found, case["expected"]["delta_1e10"]
