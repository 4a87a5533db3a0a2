import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin import options
from daemon.margin.options import (
    CALL,
    COMPILED_FROM,
    PUT,
    Svi,
    calculate_greeks,
    calculate_implied_vol,
    price_black76,
    price_black_scholes,
    price_with_ndtr,
)
from daemon.margin.scenarios import InvalidRiskInput

prices = st.floats(1.0, 1e5)
ratios = st.floats(0.2, 5.0)
years = st.floats(0.003, 3.0)
vols = st.floats(0.02, 3.0)


@given(prices, ratios, years, vols, st.floats(0.5, 1.0))
def test_a_call_less_a_put_is_the_discounted_forward_less_the_strike(
    forward: float, ratio: float, time: float, vol: float, discount: float
) -> None:
    strike = forward * ratio

    call = price_black76(CALL, forward, strike, time, vol, discount)
    put = price_black76(PUT, forward, strike, time, vol, discount)

    assert float(call - put) == pytest.approx(
        discount * (forward - strike), rel=1e-12, abs=1e-11 * forward
    )


@given(prices, ratios, years, vols)
def test_a_price_lies_between_the_intrinsic_value_and_the_forward_or_strike(
    forward: float, ratio: float, time: float, vol: float
) -> None:
    strike = forward * ratio

    call = float(price_black76(CALL, forward, strike, time, vol))
    put = float(price_black76(PUT, forward, strike, time, vol))

    slack = 1e-12 * forward * max(ratio, 1)
    assert max(forward - strike, 0) - slack <= call <= forward + slack
    assert max(strike - forward, 0) - slack <= put <= strike + slack


@given(prices, ratios, years, vols, st.sampled_from((CALL, PUT)))
def test_greeks_are_what_differences_of_prices_tend_to(
    forward: float, ratio: float, time: float, vol: float, side: float
) -> None:
    strike = forward * ratio
    greeks = calculate_greeks(side, forward, strike, time, vol)
    step, sigma = 1e-4 * forward * min(1.0, vol * math.sqrt(time)), 1e-4 * vol

    up, here, down = price_black76(
        side, forward + np.array([step, 0, -step]), strike, time, vol
    ).tolist()
    more, less = price_black76(side, forward, strike, time, np.array([vol + sigma, vol - sigma]))

    assert (up - down) / (2 * step) == pytest.approx(float(greeks.delta), rel=1e-4, abs=1e-6)
    noise = 1e-14 * forward * max(ratio, 1) / step**2
    assert (up - 2 * here + down) / step**2 == pytest.approx(
        float(greeks.gamma), rel=1e-3, abs=10 * noise + 1e-9
    )
    assert float(more - less) / (2 * sigma) == pytest.approx(
        float(greeks.vega), rel=1e-4, abs=1e-6 * forward
    )


@given(prices, st.floats(0.5, 2.0), years, st.floats(0.1, 2.0), st.sampled_from((CALL, PUT)))
def test_the_implied_volatility_gives_its_price_again(
    forward: float, ratio: float, time: float, vol: float, side: float
) -> None:
    strike = forward * ratio
    price = float(price_black76(side, forward, strike, time, vol))
    intrinsic = max(side * (forward - strike), 0.0)
    if price - intrinsic < 1e-9 * forward:
        return

    found = calculate_implied_vol(side, price, forward, strike, time)

    assert float(price_black76(side, forward, strike, time, found)) == pytest.approx(
        price, rel=1e-12, abs=1e-13 * forward
    )
    assert found == pytest.approx(vol, rel=1e-4)


def test_a_volatility_that_newton_misses_is_found_by_halving() -> None:
    price = float(price_black76(CALL, 100.0, 900.0, 0.01, 6.0))

    assert calculate_implied_vol(CALL, price, 100.0, 900.0, 0.01) == pytest.approx(6.0, rel=1e-9)


@pytest.mark.parametrize(
    ("price", "said"),
    [(9.99, "price 9.99"), (100.0, "price 100.0"), (math.nan, "price is nan")],
)
def test_a_price_that_no_volatility_explains_is_named(price: float, said: str) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        calculate_implied_vol(CALL, price, 100.0, 90.0, 1.0)


def test_black_scholes_is_black_76_on_the_carried_forward() -> None:
    # Hull, Options, Futures, and Other Derivatives, example 15.6: 42, 40, 10 %, 20 %, half a year
    call = float(price_black_scholes(CALL, 42.0, 40.0, 0.5, 0.2, rate=0.1))
    put = float(price_black_scholes(PUT, 42.0, 40.0, 0.5, 0.2, rate=0.1))

    assert call == pytest.approx(4.76, abs=0.005)
    assert put == pytest.approx(0.81, abs=0.005)


def test_without_time_or_volatility_an_option_is_worth_what_it_pays() -> None:
    side = np.array([CALL, PUT, CALL, PUT])
    worth = [20.0, 0.0, 20.0, 0.0]

    time, vol = np.array([0, 0, 1.0, 1.0]), np.array([0.5, 0.5, 0, 0])
    assert price_black76(side, 120.0, 100.0, time, vol).tolist() == worth
    assert price_black76(side, 100.0, 100.0, 0.0, 0.5).tolist() == [0.0] * 4


@pytest.mark.parametrize("count", [1, COMPILED_FROM])
def test_a_strike_of_nothing_is_the_forward_for_calls_and_nothing_for_puts(count: int) -> None:
    sides = np.array([CALL, PUT]).repeat(count)

    priced = price_black76(sides, 120.0, 0.0, 1.0, 0.5)

    assert priced.tolist() == [120.0] * count + [0.0] * count


@pytest.mark.parametrize("count", [1, COMPILED_FROM])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("field", ["forward", "strike", "years", "vol"])
def test_a_figure_that_no_option_has_is_an_error_that_names_it(
    field: str, bad: float, count: int
) -> None:
    figures = dict.fromkeys(("forward", "strike", "years", "vol"), np.ones(count))
    figures[field] = np.append(np.ones(count - 1), bad)

    with pytest.raises(InvalidRiskInput, match=field):
        price_black76(CALL, **figures)


@pytest.mark.skipif(options.load_kernel() is None, reason="numba is not installed")
def test_compiled_prices_are_those_of_scipy() -> None:
    rng = np.random.default_rng(7)
    count = 20_000
    side = np.where(rng.random(count) < 0.5, CALL, PUT)
    forward = 10 ** rng.uniform(-4, 6, count)
    strike = forward * np.exp(rng.normal(0, 1.5, count))
    time, vol = 10 ** rng.uniform(-6, 1, count), 10 ** rng.uniform(-3, 1.3, count)
    discount = rng.uniform(0.5, 1, count)

    compiled = price_black76(side, forward, strike, time, vol, discount)
    plain = price_with_ndtr(side, forward, strike, time, vol, discount)

    assert float(np.max(np.abs(compiled - plain) / np.maximum(forward, strike))) < 2e-14


def test_prices_do_not_depend_on_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    strikes = np.linspace(50.0, 200.0, COMPILED_FROM)
    fast = price_black76(PUT, 100.0, strikes, 0.5, 0.6)

    monkeypatch.setattr(options, "load_kernel", lambda: None)

    assert price_black76(PUT, 100.0, strikes, 0.5, 0.6) == pytest.approx(fast, abs=1e-12)


def test_a_smile_without_variance_is_an_error() -> None:
    smile = Svi(a=-1.0, b=0.1, rho=0.0, m=0.0, sigma=0.1, forward=100.0, years=0.5)

    with pytest.raises(InvalidRiskInput, match="svi"):
        smile.vol(100.0)
