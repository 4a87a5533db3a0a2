"""Places and bridges of a rebalancing, as JSON.

    {"places": {"base": {"collateral": 8000, "requirement": 9000, "target": 1.1, "weight": 0.8,
                         "time_left_s": 3600},
                "mainnet": {"collateral": 40000, "requirement": 10000, "target": 1.1, "weight": 0.8,
                            "withdrawable": 20000}},
     "bridges": [{"from": "mainnet", "to": "base", "fee": 0.0006, "cap": 50000, "time_s": 900}]}

`collateral` and `requirement` are C and R of the native health, in USD; times are seconds.
"""

import math
from collections.abc import Mapping
from typing import Any

from daemon.margin.documents import Fields
from daemon.margin.rebalance import Bridge, Place


def read_rebalancing(
    document: Mapping[str, Any],
) -> tuple[tuple[Place, ...], tuple[Bridge, ...]]:
    """Give places and bridges; InvalidRiskInput names what is wrong."""
    found = Fields.of(document).only("places", "bridges")
    places = tuple(_read_place(name, row) for name, row in found.table("places").tables())
    return places, tuple(_read_bridge(row) for row in found.rows("bridges"))


def _read_place(name: str, row: Fields) -> Place:
    row.only(
        "collateral", "requirement", "target", "weight", "withdrawable", "time_left_s", "repays"
    )
    return Place(
        id=name,
        collateral=row.number("collateral"),
        requirement=row.number("requirement"),
        target=row.number("target"),
        weight=row.number("weight", most=1.0),
        withdrawable=row.number("withdrawable", 0.0),
        time_left_s=row.number("time_left_s", math.inf),
        repays=row.flag("repays"),
    )


def _read_bridge(row: Fields) -> Bridge:
    row.only("from", "to", "fee", "cap", "time_s")
    return Bridge(
        source=row.text("from"),
        target=row.text("to"),
        fee=row.number("fee", most=1.0),
        cap=row.number("cap", math.inf),
        time_s=row.number("time_s"),
    )
