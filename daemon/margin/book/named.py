"""A fleet as people write it down: assets, accounts and scenarios by name, made into columns.

    {"assets": {"WETH": {"price": 2000, "threshold": 0.825}, "USDC": {"price": 1}},
     "accounts": {"alice": {"collateral": {"WETH": 10}, "debt": {"USDC": 15000}}},
     "scenarios": [{"WETH": -0.1}, {"WETH": 0.05, "USDC": -0.01}]}

Prices are USD a whole token, thresholds parts of one, scenarios relative moves (what is not named
stays). Floats throughout: for risk, never for what a chain decides.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chains.model.units import BPS
from daemon.margin.book.arrays import Singles
from daemon.margin.book.columns import Columns
from daemon.margin.book.factors import Factors, Formula
from daemon.margin.scenarios import InvalidRiskInput

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedFleet:
    """Rows with their accounts' names; `moves` is what a unit of each number gains in USD."""

    accounts: tuple[str, ...]
    columns: Columns
    factors: Factors
    moves: Singles


def build_fleet(document: Document) -> NamedFleet:
    """Make columns of a fleet; InvalidRiskInput names what is missing, unknown or no number."""
    assets, accounts = _take(document, "assets"), _take(document, "accounts")
    places = {name: place for place, name in enumerate(assets, start=1)}
    columns = Columns.empty()
    for name, account in accounts.items():
        field = f"accounts.{name}"
        held = _read_side(account, f"{field}.collateral", places)
        owed = _read_side(account, f"{field}.debt", places)
        columns.append([*held, *((len(places) + place, amount) for place, amount in owed)])
    factors = _build_factors(assets)
    return NamedFleet(
        accounts=tuple(accounts),
        columns=columns,
        factors=factors,
        moves=_build_moves(document.get("scenarios", ()), places, factors),
    )


def _take(document: Document, field: str) -> Document:
    found = document.get(field.rsplit(".", 1)[-1])
    if not isinstance(found, Mapping):
        raise InvalidRiskInput(f"{field} is missing, or no table of names")
    return found


def _read_side(account: object, field: str, places: Mapping[str, int]) -> list[tuple[int, float]]:
    side = field.rsplit(".", 1)[-1]
    if not isinstance(account, Mapping) or not isinstance(account.get(side, {}), Mapping):
        raise InvalidRiskInput(f"{field} is no table of names")
    amounts = account.get(side, {})
    return [
        (_find(places, name, field), _read_number(amount, f"{field}.{name}", least=0))
        for name, amount in amounts.items()
    ]


def _find(places: Mapping[str, int], name: str, field: str) -> int:
    if name not in places:
        raise InvalidRiskInput(f"{field}: {name} is not among the assets")
    return places[name]


def _read_number(value: object, field: str, *, least: float, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRiskInput(f"{field} is {value!r}, not a number")
    if not least <= value <= most:
        raise InvalidRiskInput(f"{field} is {value!r}, not from {least:g} to {most:g}")
    return float(value)


def _build_factors(assets: Document) -> Factors:
    prices, thresholds = [], []
    for name, asset in assets.items():
        if not isinstance(asset, Mapping):
            raise InvalidRiskInput(f"assets.{name} is no table of names")
        prices.append(_read_number(asset.get("price"), f"assets.{name}.price", least=0))
        threshold = asset.get("threshold", 0)
        thresholds.append(_read_number(threshold, f"assets.{name}.threshold", least=0, most=1))
    count = len(prices)
    return Factors(
        formula=Formula.SUM,
        values=np.array([0.0, *prices, *prices]),
        thresholds=np.array([0.0, *(BPS * each for each in thresholds), *[float(BPS)] * count]),
        errors=np.zeros(2 * count + 1),
        owed=np.arange(2 * count + 1) > count,
    )


def _build_moves(scenarios: object, places: Mapping[str, int], factors: Factors) -> Singles:
    if not isinstance(scenarios, Sequence) or isinstance(scenarios, str):
        raise InvalidRiskInput("scenarios is no list")
    changes = np.zeros((len(places) + 1, len(scenarios)))
    for number, scenario in enumerate(scenarios):
        field = f"scenarios[{number}]"
        if not isinstance(scenario, Mapping):
            raise InvalidRiskInput(f"{field} is no table of names")
        for name, change in scenario.items():
            place = _find(places, name, field)
            changes[place, number] = _read_number(change, f"{field}.{name}", least=-1)
    signed = np.concatenate([changes, -changes[1:]])
    return (signed * factors.values[:, None]).astype(np.float32)
