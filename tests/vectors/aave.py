"""Cases of Aave v3, computed by the arithmetic of its adapter.

Some are of v3.7, whose liquidations round the fee otherwise: of those what 3.6 shares is compared.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from chains.evm.protocols.aave_v3 import rounding
from chains.evm.protocols.aave_v3.liquidation import (
    EVERYTHING,
    Liquidation,
    calculate_max_debt,
    predict_liquidation,
)
from chains.evm.protocols.aave_v3.math import (
    accrue_index,
    accrue_units,
    calculate_account_data,
    calculate_linear_interest,
)
from chains.evm.protocols.aave_v3.pair import Pair, find_pair
from chains.evm.protocols.aave_v3.rounding import RAY
from chains.evm.protocols.aave_v3.state import Market, User, Version
from chains.model.position import Accrual, Side
from chains.model.units import BPS, USD, WAD
from tests.chains.evm.protocols.aave_v3.building import holding, market_of, reserve, user_of
from tests.vectors.reading import Case, Figures, scale

Given = Mapping[str, Any]
FUNCTIONS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "percentMul": rounding.percent_mul,
    "percentMulCeil": rounding.percent_mul_ceil,
    "percentMulFloor": rounding.percent_mul_floor,
    "percentDiv": rounding.percent_div,
    "percentDivFloor": rounding.percent_div_floor,
    "wadDiv": rounding.wad_div,
    "rayMulFloor": rounding.ray_mul_floor,
    "rayMulCeil": rounding.ray_mul_ceil,
    "rayDivCeil": rounding.ray_div_ceil,
    "rayDivFloor": rounding.ray_div_floor,
}
THRESHOLD: Final = 8_600


def compare_arithmetic(case: Case, document: Given) -> Figures:
    """Compare one rounding of a product or a quotient."""
    del document
    given = case["inputs"]
    function = FUNCTIONS[case["id"].removeprefix("aave/").split("-")[0]]
    first, second = (int(given[name]) for name in (("value", "bps") if "bps" in given else "ab"))
    yield "result", function(first, second), int(case["expected"]["result"])


def compare_interest(case: Case, document: Given) -> Figures:
    """Compare linear interest: a factor, an index or a balance."""
    del document
    given, expected = case["inputs"], case["expected"]
    rate, now = int(given["rate_ray"]), given["now"]
    if "factor_ray" in expected:
        found = calculate_linear_interest(rate, now - given["last_update"])
        yield "factor", found, int(expected["factor_ray"])
        return
    accrual = Accrual(
        scaled=int(given.get("scaled_balance", 0)),
        index_ray=int(given["index_ray"]),
        rate_ray=rate,
        updated_at=given["last_update"],
    )
    if "normalized_income_ray" in expected:
        index = accrue_index(Version.V3_0, Side.COLLATERAL, accrual, now)
        yield "index", index, int(expected["normalized_income_ray"])
    else:
        units = accrue_units(Version.V3_0, Side.COLLATERAL, accrual, now)
        yield "balance", units, int(expected["balance"])


def compare_health(case: Case, document: Given) -> Figures:
    """Compare the health factor and the totals, by each release."""
    del document
    given, expected = case["inputs"], case["expected"]
    price = int(given.get("ref_price_usd", 1)) * USD
    held, owed = (int(given[k if k in given else f"{k}_ref"]) for k in ("collateral", "debt"))
    for version in Version:
        market = market_of(
            version,
            reserve(0, decimals=0, price=price, threshold=given["liq_threshold_bps"]),
            reserve(1, decimals=0, price=price),
        )
        data = calculate_account_data(market, user_of(holding(0, held=held), holding(1, owed=owed)))
        if "hf_onchain" in expected:
            yield f"HF of {version}", data.health, int(expected["hf_onchain"])
        else:
            yield f"HF of {version}", data.health, scale(expected["hf"], WAD)
        for name, total in (
            ("total_collateral_usd", data.collateral),
            ("total_borrows_usd", data.debt),
        ):
            if name in expected:
                yield f"{name} of {version}", total, int(expected[name]) * USD


def compare_close_factor(case: Case, document: Given) -> Figures:
    """Compare how much of a debt may be repaid at a health factor."""
    del document
    given = case["inputs"]
    price, held = given["weth_price"] * USD, scale(given["weth_supplied"], WAD)
    value = held * price // WAD
    owed = value * THRESHOLD // BPS * WAD // scale(given["hf"], WAD) // 100
    market = market_of(
        Version.V3_6,
        reserve(0, decimals=18, price=price, threshold=THRESHOLD),
        reserve(1, decimals=6),
    )
    pair = _find(market, user_of(holding(0, held=held), holding(1, owed=owed)))
    part = scale(case["expected"]["close_factor"], BPS)
    yield "most", calculate_max_debt(pair) * BPS, pair.total_debt * part


def compare_liquidation(case: Case, document: Given) -> Figures:
    """Compare balances, health and amounts of a liquidation of everything."""
    del document
    given, expected = case["inputs"], case["expected"]
    market, user = _read_account(given)
    pair = _find(market, user)
    outcome = predict_liquidation(market, user, collateral=0, debt=1, debt_to_cover=EVERYTHING)
    if not isinstance(outcome, Liquidation):
        raise TypeError(f"{case['id']}: {outcome}")
    yield "HF", pair.account.health, int(expected["hf_wad"])
    yield "repaid", outcome.debt_repaid, expected["debt_repaid"]
    if "collateral_balance" in expected:
        yield "collateral", pair.collateral_balance, expected["collateral_balance"]
        yield "debt", pair.total_debt, expected["debt_balance"]
        return
    yield "most", outcome.max_debt, expected["max_liquidatable_debt"]
    yield "seized", outcome.collateral_seized, expected["collateral_to_liquidator"]
    yield "fee", outcome.protocol_fee, expected["protocol_fee"]


def _find(market: Market, user: User) -> Pair:
    pair = find_pair(market, user, collateral=0, debt=1)
    if not isinstance(pair, Pair):
        raise TypeError(str(pair))
    return pair


def _read_account(given: Given) -> tuple[Market, User]:
    tiny = "scaled_collateral" in given
    market = market_of(
        Version.V3_6,
        reserve(
            0,
            decimals=6 if tiny else 8,
            price=given["price_1e8"] if tiny else given["collateral_price_1e8"],
            threshold=given["liq_threshold_bps"],
            bonus=given["liq_bonus_bps"],
            fee=given["protocol_fee_bps"],
            liquidity_index=int(given.get("liquidity_index_ray", RAY)),
        ),
        reserve(1, decimals=6, borrow_index=int(given.get("borrow_index_ray", RAY))),
    )
    held = given["scaled_collateral"] if tiny else given["collateral_1e8"]
    owed = given["scaled_debt"] if tiny else given["debt_1e6"]
    return market, user_of(holding(0, held=held), holding(1, owed=owed))
