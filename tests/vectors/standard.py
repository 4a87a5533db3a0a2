"""Cases of our own model that standard mode covers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chains.model.snapshot import PublishedBook
from chains.model.units import USD, WAD
from tests.daemon.margin import venues_story as s
from tests.support import books as b
from tests.support import values as v
from tests.vectors.reading import Case, Figures

PRICE = 2_000


def compare_standard(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare lending and a perp at a venue; the perp's is an underlying no chain has a price of.

    Where nothing is required there is no factor, and none is expected.
    """
    del document
    given, expected = case["inputs"], case["expected"]
    legs = [s.weth(value / PRICE, round(lt * 10_000)) for value, lt in given.get("collateral", [])]
    legs += [s.usdc(given["debt"])] if given.get("debt") else []
    books = (_book(given["perp"]),) if "perp" in given else ()
    taken = s.snapshot(*legs, books=books)
    [chain] = taken.read
    unpriced = v.asset(v.CHEAP, "WBTC")
    prices = tuple(price for price in chain.prices if price.asset != unpriced)
    found = s.judge(replace(taken, chains=(replace(chain, prices=prices),))).standard
    assert found is not None
    health = found.maintenance
    for name, figure in (
        ("C", health.collateral),
        ("R", health.requirement),
        ("E", health.equity),
        ("shortfall", max(0, -health.equity)),
    ):
        if name in expected:
            yield name, figure / USD, expected[name]
    assert (health.factor is None) == (expected["HF"] is None)
    if health.factor is not None:
        yield "HF", health.factor / WAD, expected["HF"]


def _book(perp: Mapping[str, Any]) -> PublishedBook:
    held = b.perp(
        str(perp["size"]),
        str(perp["entry"]),
        str(perp["mark"]),
        underlying="WBTC",
        maintenance_bps=round(perp["mm_fraction"] * 10_000),
    )
    return s.book(b.part(str(perp["margin"]), perps=[held]))
