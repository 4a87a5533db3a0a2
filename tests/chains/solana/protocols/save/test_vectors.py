"""Figures asserted by Solend's own public test suite, where a collection of them is at hand.

The collection is not part of this repository: its folder is `$PLIMSOLL_VECTORS`, else
`shared/vectors` beside the checkout.
"""

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chains.model.units import WAD
from chains.solana.protocols.save.decimals import whole
from chains.solana.protocols.save.liquidation import (
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

Case = dict[str, Any]
_BESIDE = Path(__file__).resolve().parents[6] / "shared" / "vectors"
_FILE = Path(os.environ.get("PLIMSOLL_VECTORS", _BESIDE)) / "save_solend.json"


def load() -> list[Case]:
    if not _FILE.exists():
        return []
    cases: list[Case] = json.loads(_FILE.read_text(), parse_float=Decimal)["cases"]
    return cases


def of_kind(kind: str) -> pytest.MarkDecorator:
    found = [
        pytest.param(c["inputs"], c["expected"], id=c["id"]) for c in load() if c["kind"] == kind
    ]
    reason = f"the collection of public figures is not at {_FILE.parent}"
    absent = pytest.param({}, {}, marks=pytest.mark.skip(reason=reason))
    return pytest.mark.parametrize(("given", "expected"), found or [absent])


def wad(number: Decimal | int) -> int:
    scaled = Decimal(number) * WAD
    assert scaled == int(scaled)
    return int(scaled)


def test_every_kind_of_figure_is_tried() -> None:
    if not (cases := load()):
        pytest.skip(f"the collection of public figures is not at {_FILE.parent}")
    known = {"liquidation_bonus", "liquidation_amounts", "protocol_liquidation_fee"}
    assert {case["kind"] for case in cases} == known


@of_kind("liquidation_bonus")
def test_liquidation_bonus(given: Case, expected: Case) -> None:
    state = replace(
        obligation(
            borrowed_value=wad(given["borrowed_value"]),
            unhealthy_value=wad(given["unhealthy_borrow_value"]),
            super_unhealthy_value=wad(given["super_unhealthy_borrow_value"]),
        ),
        closeable=given["closeable"],
    )
    assert given["max_bonus_pct"] == 25
    source = reserve(
        bonus=given["liquidation_bonus_pct"],
        max_bonus=given["max_liquidation_bonus_pct"],
        liquidation_fee=given["protocol_fee_deca_bps"],
    )
    bonus = calculate_bonus(state, source)
    if "error" in expected:
        assert bonus is None
        return
    assert bonus == Bonus(
        total=wad(expected["total_bonus"]), fee=wad(expected["protocol_liquidation_fee"])
    )


@of_kind("liquidation_amounts")
def test_liquidation_amounts(given: Case, expected: Case) -> None:
    assert wad(given["close_factor"]) == CLOSE_FACTOR
    assert wad(given["max_value_at_once"]) == MAX_VALUE_AT_ONCE
    assert wad(given["dust_value"]) == DUST_VALUE
    owed, held = wad(given["borrow_value"]), wad(given["deposit_value"])
    amounts = calculate_amounts(
        obligation(borrowed_value=owed),
        Deposit(reserve=COLLATERAL, amount=given["deposit_amount"], value=held),
        Borrow(reserve=DEBT, cumulative_rate=WAD, amount=whole(given["borrow_amount"]), value=owed),
        Bonus(total=wad(given["total_bonus"]), fee=0),
        EVERYTHING,
    )
    assert amounts.settled == whole(expected["settle_amount"])
    assert amounts.repaid == expected["repay_amount"]
    assert amounts.withdrawn == expected["withdraw_amount"]


@of_kind("protocol_liquidation_fee")
def test_protocol_liquidation_fee(given: Case, expected: Case) -> None:
    bonus = Bonus(total=wad(given["total_bonus"]), fee=wad(given["protocol_fee"]))
    assert calculate_fee(given["amount_liquidated"], bonus) == expected["fee"]
