"""A hedge goes back to the band's edge, cheaply, and keeps native healths above their floors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.hedge import BandTerms, Exposure, Instrument, find_band, propose_hedge
from daemon.margin.scenarios import InvalidRiskInput

TERMS = BandTerms(part=0.02, cost=0.0005, aversion=1e-6)


def exposure(delta: float, *, gamma: float = 0.0, equity: float = 1e5) -> Exposure:
    return Exposure(underlying="ETH", delta=delta, gamma=gamma, price=2_000.0, equity=equity)


def instrument(name: str = "perp", **given: float) -> Instrument:
    figures = {"fee": 0.0005, "funding": 0.0, "daily_vol": 0.04, "volume": 1e9, "margin": 0.02}
    figures |= {"collateral": 1e6, "requirement": 0.0} | given
    return Instrument(id=name, **figures)


def test_inside_the_band_nothing_is_done() -> None:
    found = propose_hedge(exposure(1_999.0), [instrument()], TERMS)
    assert (found.trades, found.left, found.reached) == ((), 1_999.0, True)


@pytest.mark.parametrize("delta", [50_000.0, -50_000.0])
def test_outside_one_goes_to_the_edge_and_no_farther(delta: float) -> None:
    found = propose_hedge(exposure(delta), [instrument()], TERMS)
    assert abs(found.left) == pytest.approx(2_000)
    assert found.trades[0].notional == pytest.approx(-48_000 if delta > 0 else 48_000)


def test_whalley_wilmotts_band_is_their_formula() -> None:
    band = find_band(exposure(0, gamma=0.01, equity=0.0), TERMS)
    units = (1.5 * 0.0005 * 2_000 * 0.01**2 / 1e-6) ** (1 / 3)
    assert band == pytest.approx(units * 2_000)


def test_the_cheapest_by_relief_is_taken_and_funding_counts_by_side() -> None:
    paid = instrument("paid", fee=0.002, funding=-0.0018)
    plain = instrument("plain")
    assert propose_hedge(exposure(5e4), [plain, paid], TERMS).trades[0].instrument == "paid"
    assert propose_hedge(exposure(-5e4), [plain, paid], TERMS).trades[0].instrument == "plain"


def test_a_floor_stops_a_trade_and_the_next_instrument_goes_on() -> None:
    tight = instrument("tight", fee=0.0001, collateral=300.0, requirement=0.0, floor=1.5)
    found = propose_hedge(exposure(5e4), [tight, instrument("wide")], TERMS)
    assert [trade.instrument for trade in found.trades] == ["tight", "wide"]
    assert found.trades[0].health == pytest.approx(1.5)
    assert found.reached
    alone = propose_hedge(exposure(5e4), [tight], TERMS)
    assert not alone.reached


def test_a_figure_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="perp: volume is 0"):
        instrument(volume=0.0)
    with pytest.raises(InvalidRiskInput, match="delta is nan"):
        propose_hedge(exposure(float("nan")), [], TERMS)


@given(
    st.floats(-1e6, 1e6),
    st.lists(
        st.tuples(st.floats(0, 0.01), st.floats(0, 1e5), st.floats(0, 1e5), st.floats(1, 2)),
        max_size=3,
    ),
)
def test_no_trade_lowers_a_native_health_below_its_floor(
    delta: float, rows: list[tuple[float, float, float, float]]
) -> None:
    instruments = [
        instrument(str(i), fee=fee, collateral=held, requirement=asked, floor=floor)
        for i, (fee, held, asked, floor) in enumerate(rows)
    ]
    found = propose_hedge(exposure(delta), instruments, TERMS)
    assert abs(found.left) <= abs(delta) + 1e-6
    for trade in found.trades:
        floor = instruments[int(trade.instrument)].floor
        assert trade.health is not None
        assert trade.health >= floor * (1 - 1e-9)
