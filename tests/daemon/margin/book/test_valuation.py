"""Health of a fleet: alike by either engine, by loop and by hand."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.units import BPS
from daemon.margin import book
from daemon.margin.book import engine as engines
from daemon.margin.book.columns import Columns
from daemon.margin.book.engine import Engine, choose_engine, find_kernels
from daemon.margin.book.factors import Factors, Formula
from daemon.margin.book.valuation import find_lowest, sum_rows, value_all
from daemon.margin.book.warm import warm
from daemon.margin.scenarios import InvalidRiskInput
from tests.daemon.margin.book.fleets import make_columns, make_factors, make_values

SEEDS = st.integers(0, 2**32 - 1)


def value_by_hand(columns: Columns, factors: Factors) -> list[float]:
    flat, found = columns.flatten(), []
    for start, end in zip(flat.starts[:-1], flat.starts[1:], strict=True):
        backing = owed = 0.0
        for number, amount in zip(flat.numbers[start:end], flat.amounts[start:end], strict=True):
            value = amount * factors.values[number]
            if factors.owed[number]:
                owed += value
            else:
                backing += value * factors.thresholds[number] / BPS
        found.append(backing / owed if owed else float("inf"))
    return found


@given(SEEDS, st.sampled_from(Formula))
def test_both_engines_give_everybody_the_health_that_a_plain_loop_gives(
    seed: int, formula: Formula
) -> None:
    rng = np.random.default_rng(seed)
    columns, factors = make_columns(rng, 60), make_factors(make_values(rng), formula=formula)
    expected = value_by_hand(columns, factors)
    for engine in Engine:
        assert value_all(columns, factors, engine=engine) == pytest.approx(expected, rel=1e-13)


@given(SEEDS)
def test_both_engines_give_the_same_sums_of_any_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns, factors = make_columns(rng, 60), make_factors(make_values(rng))
    rows = rng.integers(0, 60, 40)
    compiled, sparse = (sum_rows(columns, factors, rows, engine=engine) for engine in Engine)
    for name in compiled.__slots__:
        np.testing.assert_allclose(getattr(compiled, name), getattr(sparse, name), rtol=1e-13)
    np.testing.assert_allclose(compiled.health, value_all(columns, factors)[rows], rtol=1e-13)


def test_two_threads_give_what_one_gives() -> None:
    rng = np.random.default_rng(1)
    columns, factors = make_columns(rng, 50_000), make_factors(make_values(rng))
    once, twice = (value_all(columns, factors, threads=threads) for threads in (1, 2))
    assert np.array_equal(once, twice)
    assert np.isfinite(once).any()


@pytest.mark.parametrize("engine", Engine)
@given(
    health=st.lists(st.sampled_from([0.5, 0.9, 1.0, 1.5, 2.0, float("inf")])),
    count=st.integers(0, 9),
)
def test_the_lowest_are_those_of_a_whole_sort_without_who_owes_nothing(
    engine: Engine, health: list[float], count: int
) -> None:
    values = np.array(health, np.float64)
    found = find_lowest(values, count, engine=engine)
    finite = sorted(value for value in health if value != float("inf"))
    assert values[found].tolist() == finite[:count]
    assert len(set(found.tolist())) == len(found)


@pytest.mark.parametrize("field", ["values", "thresholds", "errors"])
@pytest.mark.parametrize("bad", [float("nan"), -1.0])
def test_a_factor_that_is_no_number_is_named(field: str, bad: float) -> None:
    good = make_factors(np.array([0.0, 1.0, 1.0]))
    fields = {name: getattr(good, name).copy() for name in good.__slots__ if name != "formula"}
    fields[field][1] = bad
    with pytest.raises(InvalidRiskInput, match=field):
        Factors(formula=Formula.SUM, **fields)


@pytest.mark.parametrize("engine", Engine)
def test_an_asset_without_a_factor_is_named(engine: Engine) -> None:
    columns = Columns.empty()
    columns.append([(3, 1.0)])
    factors = make_factors(np.array([0.0, 1.0, 1.0]))
    with pytest.raises(InvalidRiskInput, match="numbers: 3 names no asset, 3 are known"):
        value_all(columns, factors, engine=engine)
    with pytest.raises(InvalidRiskInput, match="numbers: 3 names no asset"):
        sum_rows(columns, factors, np.array([0]), engine=engine)
    with pytest.raises(InvalidRiskInput, match="rows: 1 are known, 1 is asked for"):
        sum_rows(columns, make_factors(np.ones(9) - np.eye(9)[0]), np.array([1]), engine=engine)


def test_whatever_is_compiled_is_ready_after_warming() -> None:
    script = """
from daemon.margin.book.warm import warm
from daemon.margin.options import load_kernel
warm()
from daemon.margin.book import kernels
loops = [getattr(kernels, name) for name in kernels.__all__] + [load_kernel().price_rows]
print([len(loop.signatures) for loop in loops])
"""
    done = subprocess.run(  # noqa: S603 -- the script above
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([1] * 6)


def test_without_numba_scipy_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warm() is Engine.COMPILED
    monkeypatch.setitem(sys.modules, "daemon.margin.book.kernels", None)
    monkeypatch.delattr(book, "kernels")
    monkeypatch.setattr(engines, "load_kernels", engines.load_kernels.__wrapped__)
    assert choose_engine() is Engine.SPARSE
    assert warm() is Engine.SPARSE
    with pytest.raises(ImportError, match="install the extra `fast`"):
        find_kernels(Engine.COMPILED)
