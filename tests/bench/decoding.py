"""Columns of 10,000 Kamino loans against decoding them one by one into objects.

Both sides begin with the same whole accounts in memory and end with the same list of who is
unhealthy; they take turns, so that a busy machine slows both.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from solders.pubkey import Pubkey

from chains.model.units import WAD, Wad
from chains.solana.columns import view_rows
from chains.solana.protocols.klend.columns import (
    LOANS,
    STORED,
    calculate_columns,
    view_stored,
)
from chains.solana.protocols.klend.fraction import ONE, percent
from chains.solana.protocols.klend.layout import OBLIGATION
from chains.solana.protocols.klend.math import borrow_factor, total_supply
from tests.bench.figures import Figure, Figures, median
from tests.bench.loans import COUNT, Fleet, make_fleet
from tests.bench.loop import decode_loan, find_unhealthy, read_health, value_health

ROUNDS: Final = 7
LIMIT: Final = Wad(WAD)
Finder = Callable[[], Sequence[int]]


def run(say: object) -> Figures:
    """Measure 10,000 loans."""
    del say
    return measure(make_fleet(COUNT), rounds=ROUNDS)


def measure(fleet: Fleet, *, rounds: int) -> Figures:
    """Time each way `rounds` times, by turns; RuntimeError where two ways find other loans."""
    stored = _compare((lambda: loop_stored(fleet), lambda: find_stored(fleet)), rounds)
    valued = _compare((lambda: loop_valued(fleet), lambda: find_valued(fleet)), rounds)
    [table] = _compare((lambda: _view_all(fleet),), rounds)
    return {
        "solana.decode_vs_object_loop": Figure(
            value=stored[0] / stored[1], unit="ratio", better="higher", target=50
        ),
        "solana.table_vs_object_loop": Figure(
            value=stored[0] / table, unit="ratio", better="higher"
        ),
        "solana.value_vs_object_loop": Figure(
            value=valued[0] / valued[1], unit="ratio", better="higher"
        ),
        "solana.decode_10k_ms": Figure(value=stored[1] * 1_000, unit="ms"),
        "solana.value_10k_ms": Figure(value=valued[1] * 1_000, unit="ms"),
        "solana.object_loop_10k_ms": Figure(value=stored[0] * 1_000, unit="ms"),
    }


def loop_stored(fleet: Fleet) -> Sequence[int]:
    """Decode every loan into an object; give who is unhealthy by what it stores."""
    return find_unhealthy([read_health(decode_loan(data)) for data in fleet.accounts])


def find_stored(fleet: Fleet) -> Sequence[int]:
    """Give the same by columns, decided in integers."""
    return view_stored(fleet.keys, [STORED.cut(data) for data in fleet.accounts]).find(LIMIT)


def loop_valued(fleet: Fleet) -> Sequence[int]:
    """Decode every loan into an object and value it now; give who is unhealthy."""
    units, debts = _price(fleet)
    loans = (decode_loan(data) for data in fleet.accounts)
    return find_unhealthy([value_health(loan, units, debts) for loan in loans])


def find_valued(fleet: Fleet) -> Sequence[int]:
    """Give the same by columns."""
    parts = [LOANS.cut(data) for data in fleet.accounts]
    found = calculate_columns(fleet.keys, parts, fleet.market, fleet.reserves).screen(LIMIT)
    return [int(row) for row in found]


def _view_all(fleet: Fleet) -> Sequence[int]:
    """Make one table of whole accounts, every field in reach."""
    return view_rows(OBLIGATION, fleet.accounts).shape


def _compare(ways: Sequence[Finder], rounds: int) -> list[float]:
    """Time each way by turns; give the medians."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        found = []
        for took, way in zip(seconds, ways, strict=True):
            began = time.perf_counter()
            found.append(list(way()))
            took.append(time.perf_counter() - began)
        if any(each != found[0] for each in found):
            raise RuntimeError("columns and objects find other loans")
    return [median(took) for took in seconds]


def _price(fleet: Fleet) -> tuple[dict[Pubkey, float], dict[Pubkey, float]]:
    """Give what a c-token backs, and what a unit of debt counts at a rate of 1."""
    units, debts = {}, {}
    for key, reserve in fleet.reserves.items():
        scale: int = ONE**3 * 10**reserve.decimals
        weight = percent(reserve.config.threshold_pct)
        owned = total_supply(reserve) * reserve.price_sf * weight
        units[Pubkey(key)] = owned / (scale * reserve.collateral_supply)
        factor = borrow_factor(reserve, 0)
        debts[Pubkey(key)] = reserve.rate_sf * reserve.price_sf * factor / scale
    return units, debts
