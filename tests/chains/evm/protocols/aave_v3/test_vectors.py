"""Figures asserted by Aave's own public test suites, where a collection of them is at hand.

The collection is not part of this repository: its folder is `$PLIMSOLL_VECTORS`, else
`shared/vectors` beside the checkout. Some of its figures are of v3.7, whose liquidations round
otherwise; of those the parts that 3.6 shares are checked.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chains.evm.protocols.aave_v3 import rounding
from chains.evm.protocols.aave_v3.liquidation import (
    EVERYTHING,
    Liquidation,
    calculate_max_debt,
    predict_liquidation,
)
from chains.evm.protocols.aave_v3.math import (
    NO_DEBT,
    accrue_index,
    accrue_units,
    calculate_account_data,
    calculate_linear_interest,
)
from chains.evm.protocols.aave_v3.pair import Pair, find_pair
from chains.evm.protocols.aave_v3.state import Version
from chains.model.position import Accrual, Side
from chains.model.units import USD, WAD
from tests.chains.evm.protocols.aave_v3.building import holding, market_of, reserve, user_of

Case = dict[str, Any]
_BESIDE = Path(__file__).resolve().parents[6] / "shared" / "vectors"
_FILE = Path(os.environ.get("PLIMSOLL_VECTORS", _BESIDE)) / "aave_v3.json"
OF_V37 = {"aave/tiny-full-scaled-consumption"}


def load() -> list[Case]:
    if not _FILE.exists():
        return []
    cases: list[Case] = json.loads(_FILE.read_text())["cases"]
    return cases


def of_kind(kind: str) -> pytest.MarkDecorator:
    found = [
        pytest.param(c["inputs"], c["expected"], id=c["id"]) for c in load() if c["kind"] == kind
    ]
    reason = f"the collection of public figures is not at {_FILE.parent}"
    absent = pytest.param({}, {}, marks=pytest.mark.skip(reason=reason))
    return pytest.mark.parametrize(("given", "expected"), found or [absent])


FUNCTIONS = {
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


@of_kind("integer_math")
def test_integer_arithmetic(given: Case, expected: Case, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id.removeprefix("aave/").split("-")[0]
    first, second = (int(given[key]) for key in (("value", "bps") if "bps" in given else "ab"))
    assert FUNCTIONS[name](first, second) == int(expected["result"])


@of_kind("interest")
def test_interest(given: Case, expected: Case) -> None:
    rate, elapsed_s = int(given["rate_ray"]), given["now"] - given["last_update"]
    if "factor_ray" in expected:
        assert calculate_linear_interest(rate, elapsed_s) == int(expected["factor_ray"])
        return
    accrual = Accrual(
        scaled=int(given.get("scaled_balance", 0)),
        index_ray=int(given["index_ray"]),
        rate_ray=rate,
        updated_at=given["last_update"],
    )
    if "normalized_income_ray" in expected:
        index = accrue_index(Version.V3_0, Side.COLLATERAL, accrual, given["now"])
        assert index == int(expected["normalized_income_ray"])
    else:
        units = accrue_units(Version.V3_0, Side.COLLATERAL, accrual, given["now"])
        assert units == int(expected["balance"])


@of_kind("health_factor")
@pytest.mark.parametrize("version", list(Version))
def test_health_factor(given: Case, expected: Case, version: Version) -> None:
    price = int(given.get("ref_price_usd", 1)) * USD
    held, owed = (int(given[k if k in given else f"{k}_ref"]) for k in ("collateral", "debt"))
    state = market_of(
        version,
        reserve(0, decimals=0, price=price, threshold=given["liq_threshold_bps"]),
        reserve(1, decimals=0, price=price),
    )
    data = calculate_account_data(state, user_of(holding(0, held=held), holding(1, owed=owed)))
    if "hf_onchain" in expected:
        assert data.health == int(expected["hf_onchain"]) == NO_DEBT
    else:
        assert data.health == int(Decimal(expected["hf"]) * WAD)
    if "total_collateral_usd" in expected:
        assert data.collateral == int(expected["total_collateral_usd"]) * USD
        assert data.debt == int(expected["total_borrows_usd"]) * USD


@of_kind("close_factor")
def test_close_factor_of_36(given: Case, expected: Case) -> None:
    price = given["weth_price"] * USD
    held = int(given["weth_supplied"] * 10**18)
    threshold = 8_600
    value = held * price // 10**18
    owed = value * threshold // 10_000 * WAD // int(given["hf"] * WAD) // 100
    state = market_of(
        Version.V3_6,
        reserve(0, decimals=18, price=price, threshold=threshold),
        reserve(1, decimals=6),
    )
    pair = find_pair(
        state, user_of(holding(0, held=held), holding(1, owed=owed)), collateral=0, debt=1
    )
    assert isinstance(pair, Pair)
    assert calculate_max_debt(pair) == int(pair.total_debt * expected["close_factor"])


@of_kind("liquidation_int")
def test_liquidation_of_36(given: Case, expected: Case, request: pytest.FixtureRequest) -> None:
    tiny = "scaled_collateral" in given
    indices = (
        int(given.get(f"{name}_index_ray", rounding.RAY)) for name in ("liquidity", "borrow")
    )
    liquidity_index, borrow_index = indices
    held = given["scaled_collateral"] if tiny else given["collateral_1e8"]
    owed = given["scaled_debt"] if tiny else given["debt_1e6"]
    state = market_of(
        Version.V3_6,
        reserve(
            0,
            decimals=6 if tiny else 8,
            price=given["price_1e8"] if tiny else given["collateral_price_1e8"],
            threshold=given["liq_threshold_bps"],
            bonus=given["liq_bonus_bps"],
            fee=given["protocol_fee_bps"],
            liquidity_index=liquidity_index,
        ),
        reserve(1, decimals=6, borrow_index=borrow_index),
    )
    user = user_of(holding(0, held=held), holding(1, owed=owed))
    pair = find_pair(state, user, collateral=0, debt=1)
    assert isinstance(pair, Pair)
    assert pair.account.health == int(expected["hf_wad"])
    outcome = predict_liquidation(state, user, collateral=0, debt=1, debt_to_cover=EVERYTHING)
    assert isinstance(outcome, Liquidation)
    assert outcome.debt_repaid == expected["debt_repaid"]
    if any(name in request.node.name for name in OF_V37):
        assert pair.collateral_balance == expected["collateral_balance"]
        assert pair.total_debt == expected["debt_balance"]
        return
    assert outcome.max_debt == expected["max_liquidatable_debt"]
    assert outcome.collateral_seized == expected["collateral_to_liquidator"]
    assert outcome.protocol_fee == expected["protocol_fee"]
