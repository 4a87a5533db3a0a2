"""What is sold relieves what was asked for, and no other order loses less."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.ordering import Lot, order_sales, split_order
from daemon.margin.scenarios import InvalidRiskInput

lots = st.lists(
    st.tuples(st.floats(1, 1e6), st.floats(0.05, 1), st.floats(0.01, 0.2), st.floats(1e4, 1e9)),
    min_size=1,
    max_size=5,
).map(
    lambda rows: [
        Lot(id=str(i), held=held, relief=relief, daily_vol=vol, volume=volume)
        for i, (held, relief, vol, volume) in enumerate(rows)
    ]
)


def lot(name: str, held: float = 1e6, **given: float) -> Lot:
    figures = {"relief": 0.2, "daily_vol": 0.04, "volume": 1e7} | given
    rank = int(figures.pop("rank", 0))
    return Lot(id=name, held=held, rank=rank, **figures)


def test_the_interior_goes_by_the_square_of_relief_over_impact() -> None:
    sold = {p.lot.id: p.sold for p in order_sales([lot("a"), lot("b", volume=4e7)], 10_000)}
    assert sold["b"] == pytest.approx(4 * sold["a"])


def test_what_is_short_is_clipped_and_the_rest_solved_again() -> None:
    sold = {p.lot.id: p.sold for p in order_sales([lot("a", 1_000), lot("b")], 10_000)}
    assert sold == pytest.approx({"a": 1_000, "b": 49_000})


def test_a_protocols_priority_comes_before_what_is_cheap() -> None:
    first = lot("dear", 1_000, rank=0, volume=1e4)
    sold = {p.lot.id: p.sold for p in order_sales([lot("cheap", rank=1), first], 300)}
    assert sold == pytest.approx({"dear": 1_000, "cheap": 500})


def test_what_moves_no_price_is_sold_before_the_rest() -> None:
    sold = {p.lot.id: p.sold for p in order_sales([lot("a"), lot("b", 500, daily_vol=0)], 200)}
    assert sold == pytest.approx({"b": 500, "a": 500})


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match=r"all lots give 200\.00"):
        order_sales([lot("a", 1_000)], 201)
    with pytest.raises(InvalidRiskInput, match="volume is 0"):
        lot("a", volume=0.0)


def test_chunks_wait_for_their_cool_down() -> None:
    chunks = split_order(order_sales([lot("a")], 5_000), 10_000, 30)
    assert [c.at_s for c in chunks] == [0, 30, 60]
    assert [c.sold for c in chunks] == pytest.approx([25_000 / 3] * 3)


@given(lots, st.floats(0, 1))
def test_relief_is_what_was_asked_and_nothing_is_oversold(found: list[Lot], part: float) -> None:
    wanted = part * math.fsum(one.held * one.relief for one in found)
    parts = order_sales(found, wanted)
    assert math.fsum(p.sold * p.lot.relief for p in parts) == pytest.approx(wanted, abs=1e-6)
    assert all(0 <= p.sold <= p.lot.held * (1 + 1e-12) for p in parts)


@given(lots, st.floats(0.01, 0.99))
def test_no_proportional_order_loses_less(found: list[Lot], part: float) -> None:
    wanted = part * math.fsum(one.held * one.relief for one in found)
    best = math.fsum(p.cost for p in order_sales(found, wanted))
    assert best <= math.fsum(one.cost(part * one.held) for one in found) * (1 + 1e-9)
