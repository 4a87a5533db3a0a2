"""A cascade settles, keeps every cent, and spreads along assets, venues and chains."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.cascade import CascadeReport, Shock, run_cascade, shock_asset
from daemon.margin.cascade_book import CascadeBook, read_cascade_book
from daemon.margin.cascade_fleet import generate_fleet
from daemon.margin.contagion import Source, measure_contagion
from daemon.margin.curves import build_morpho
from daemon.margin.scenarios import InvalidRiskInput

CENT: Final = 0.005
SHOCKS: Final = (-0.1, -0.2, -0.3, -0.4, -0.5)
DOCUMENT: Final[dict[str, Any]] = {
    "assets": {
        "ETH": {"price": 2000, "daily_vol": 0.04, "volume": 1e6},
        "wstETH": {
            "price": 2400,
            "daily_vol": 0.04,
            "volume": 1e5,
            "parent": "ETH",
            "passes": 0.3,
        },
        "USDC": {"price": 1, "daily_vol": 0.001, "volume": 1e9},
    },
    "venues": {
        "first": {
            "chain": "eip155:1",
            "curve": "aave",
            "bonus": 0.05,
            "fund": 100,
            "thresholds": {"ETH": 0.8, "wstETH": 0.7},
        },
        "second": {"chain": "eip155:10", "curve": "morpho", "thresholds": {"ETH": 0.86}},
    },
    "accounts": {
        "low": {"venue": "first", "collateral": {"ETH": 100}, "debt": {"USDC": 150_000}},
        "next": {"venue": "second", "collateral": {"ETH": 100}, "debt": {"USDC": 157_600}},
        "far": {
            "venue": "first",
            "collateral": {"wstETH": 100, "ETH": 1},
            "debt": {"USDC": 50_000},
        },
    },
}


def read(**changes: object) -> CascadeBook:
    return read_cascade_book(DOCUMENT | changes)


def fall(book: CascadeBook, move: float) -> CascadeReport:
    shock = Shock.none(book)
    shock.moves[[asset.id != "USDC" for asset in book.assets]] = move
    return run_cascade(book, shock)


@pytest.fixture(scope="module")
def fleet() -> CascadeBook:
    return generate_fleet(7, 600)


@pytest.mark.parametrize("move", SHOCKS)
def test_a_fleet_on_five_venues_keeps_every_cent(fleet: CascadeBook, move: float) -> None:
    found = fall(fleet, move)
    assert found.settled
    assert abs(found.ledger.residual) < CENT
    assert found.amplification is not None
    assert found.amplification >= 1
    assert found.liquidated.sum() > 0


def test_a_deeper_fall_leaves_more_bad_debt_and_lower_prices(fleet: CascadeBook) -> None:
    found = [fall(fleet, move) for move in SHOCKS]
    lost = [one.bad_debt.sum() for one in found]
    assert lost == sorted(lost)
    assert lost[-1] > 0
    assert [one.total_move for one in found] == sorted((o.total_move for o in found), reverse=True)


def test_where_nothing_moves_nobody_is_liquidated(fleet: CascadeBook) -> None:
    found = fall(fleet, 0.0)
    assert (found.rounds, found.amplification, found.ledger.residual) == (0, None, 0)


def test_a_liquidation_at_one_venue_reaches_its_neighbour_through_the_price() -> None:
    document = {name: dict(table) for name, table in DOCUMENT.items()}
    alone = dict(document["accounts"])
    alone.pop("low")
    move = -0.08
    assert fall(read(accounts=alone), move).liquidated.tolist() == [0, 0]
    together = fall(read(), move)
    assert together.liquidated.tolist() == [1, 1]
    assert together.moves[1] < move
    assert together.amplification is not None
    assert together.amplification > 1.05


def test_the_lowest_threshold_is_seized_first() -> None:
    accounts = {
        "both": {
            "venue": "first",
            "collateral": {"ETH": 10, "wstETH": 1},
            "debt": {"USDC": 17_700},
        }
    }
    book = read(accounts=accounts)
    found = run_cascade(book, shock_asset(book, "USDC", 0.01))
    assert found.sold[0] > 0
    assert found.moves[1] < found.moves[0] < 0


def test_the_fund_pays_before_the_lenders() -> None:
    found = fall(read(), -0.5)
    first = found.waterfalls[0]
    assert first.drawn == 100
    assert first.drawn + first.socialised + first.uncovered == pytest.approx(found.bad_debt[0])
    assert abs(found.ledger.residual) < CENT


def test_the_matrix_has_assets_venues_and_chains_and_spreads(fleet: CascadeBook) -> None:
    rows = measure_contagion(fleet, -0.3)
    assert {row.source for row in rows} == set(Source)
    assert all(abs(row.residual) < CENT for row in rows)
    by_name = {(row.source, row.name): row.equity for row in rows}
    kamino = [venue.id for venue in fleet.venues].index("kamino")
    chain = by_name[Source.CHAIN, "solana:mainnet"]
    assert chain == pytest.approx(by_name[Source.VENUE, "kamino"])
    assert int(np.argmin(chain)) == kamino
    others = np.delete(chain, kamino)
    assert (others <= 0).all()
    assert others.sum() < 0


@given(st.integers(0, 1_000), st.floats(-0.7, 0.3))
def test_no_seed_and_no_shock_make_or_lose_a_cent(seed: int, move: float) -> None:
    book = generate_fleet(seed, 40)
    found = fall(book, move)
    assert found.settled
    assert abs(found.ledger.residual) < CENT
    assert (found.bad_debt >= 0).all()
    assert np.isfinite(found.moves).all()
    assert found.total_move <= found.initial_move + 1e-12


@given(st.integers(0, 100), st.floats(0.1, 10))
def test_a_larger_fleet_in_a_larger_market_falls_alike(seed: int, factor: float) -> None:
    # Terms in dollars (small accounts, dust, most per call) do not scale; Morpho has none.
    base = generate_fleet(seed, 30)
    curve = build_morpho(0.86)
    venues = tuple(replace(venue, curve=curve) for venue in base.venues)
    small = replace(base, venues=venues)
    large = replace(
        small,
        held=small.held * factor,
        owed=small.owed * factor,
        assets=tuple(replace(asset, volume=asset.volume * factor) for asset in small.assets),
    )
    assert fall(large, -0.4).moves == pytest.approx(fall(small, -0.4).moves, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"venues": {}}, "venue 'first' is not known"),
        ({"assets": {"ETH": {"price": 0}}}, "assets.ETH.price is 0, not from"),
        ({"assets": {"ETH": {"price": 1, "daily_vol": 0.1}}}, "assets.ETH.volume is missing"),
        ({"accounts": {"a": {"venue": "first", "debt": {"X": 1}}}}, "asset 'X' is not known"),
        ({"accounts": {"a": {"venue": "first", "debts": {}}}}, "accounts.a.debts is not known"),
        ({"accounts": []}, "accounts is no JSON object"),
        ({"more": 1}, "more is not known"),
        (
            {"venues": {"first": {"chain": "a", "curve": "own", "thresholds": {"ETH": 0.8}}}},
            "curve is 'own', not one of",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRiskInput, match=message):
        read(**changes)


def test_a_price_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="-100 %"):
        fall(read(), -1.0)
