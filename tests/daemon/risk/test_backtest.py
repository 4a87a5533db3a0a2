"""The walk-forward backtest: what its tests say, and that it never looks ahead."""

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binom, chi2

from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.volatility import Garch
from daemon.risk.backtest import BacktestTerms, Column, run_backtest
from daemon.risk.closes import Closes
from daemon.risk.coverage import judge_both, judge_clusters, judge_share

GARCH = Garch(omega=2e-5, alpha=0.04, gamma=0.12, beta=0.86, nu=6.0)
TERMS = BacktestTerms(alpha=0.95, window=100, refit_days=50)


def make_closes(returns: Sequence[float]) -> Closes:
    first = date(2020, 1, 1)
    prices = 100 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))
    days = tuple(first + timedelta(days=n) for n in range(len(prices)))
    return Closes(days=days, prices={"close": tuple(prices.tolist())})


def draw(count: int, seed: int = 2) -> list[float]:
    found: list[float] = np.random.default_rng(seed).normal(0, 0.03, count).tolist()
    return found


def fit_told(windows: Sequence[Sequence[float]]) -> tuple[Garch, ...]:
    return (GARCH,) * len(windows)


def fit_none(windows: Sequence[Sequence[float]]) -> tuple[str, ...]:
    return ("arch is not installed",) * len(windows)


def run(returns: Sequence[float], terms: BacktestTerms = TERMS) -> Column:
    [found] = run_backtest(make_closes(returns), terms, fit_told)
    return found


def test_the_share_of_breaches_is_judged_by_its_likelihood() -> None:
    ratio = -2 * (binom.logpmf(15, 250, 0.025) - binom.logpmf(15, 250, 15 / 250))

    found = judge_share(15, 250, 0.025)

    assert found.ratio == pytest.approx(ratio)
    assert found.p == pytest.approx(chi2.sf(ratio, 1))
    assert judge_share(0, 250, 0.025).ratio == pytest.approx(-500 * math.log(0.975))
    assert judge_share(25, 1_000, 0.025).p == pytest.approx(1)


def test_breaches_that_follow_one_another_are_found_and_scattered_ones_are_not() -> None:
    clustered = ([False] * 90 + [True] * 10) * 3
    scattered = ([False] * 9 + [True]) * 30

    assert judge_clusters(clustered).p < 1e-6
    assert judge_clusters([False] * 50).p == 1
    assert judge_clusters(scattered).p < judge_clusters([*scattered, True, True, True]).p
    share = judge_share(30, 300, 0.1)
    both = judge_both(share, judge_clusters(clustered))
    assert both.p == pytest.approx(chi2.sf(share.ratio + judge_clusters(clustered).ratio, 2))


def test_losses_that_are_drawn_alike_are_breached_as_often_as_told() -> None:
    found = run(draw(1_600))

    for judged in found.judged:
        assert judged.days == 1_600 - 90 - 100
        assert judged.share.p > 0.01, judged.model
        assert judged.rate == pytest.approx(0.05, abs=0.02)
        assert judged.severity == pytest.approx(1, abs=0.2)
        assert judged.shortfall_share is not None
        assert judged.shortfall_share.p > 0.01
        assert np.all(judged.shortfall >= judged.var)


def test_nothing_foreseen_changes_when_the_future_does() -> None:
    returns = draw(500)
    changed = [*returns[:400], *(10 * value for value in returns[400:])]

    before, after = run(returns), run(changed)

    known = 400 - 90 - 100 + 1
    for one, other in zip(before.judged, after.judged, strict=True):
        assert one.var[:known].tolist() == other.var[:known].tolist()
        assert one.shortfall[:known].tolist() == other.shortfall[:known].tolist()
    assert before.judged[2].var[known] != after.judged[2].var[known]


def test_a_storm_breaches_what_looks_back_longer_than_what_is_in_force() -> None:
    returns = draw(600)
    storm = [4 * value for value in draw(120, seed=9)]

    found = {judged.model: judged for judged in run([*returns, *storm]).judged}

    assert found["margin"].breaches < found["historical"].breaches
    assert found["historical"].share.p < 0.05


def test_moves_beyond_the_range_that_grew_are_fewer() -> None:
    found = run([*draw(400), -0.3, -0.25, 0.25, -0.3, *draw(60)])

    assert found.beyond_range == 4
    assert found.beyond_dynamic < 4


def test_without_fits_the_other_ways_go_on_and_the_reason_is_kept() -> None:
    [found] = run_backtest(make_closes(draw(600)), TERMS, fit_none)

    assert found.faults == {"arch is not installed": found.fits}
    assert found.fits == 7
    assert sum(found.binding.values()) == 600 - 90 - 100
    assert "gjr-garch-t" not in [way.value for way in found.binding]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"alpha": 1.0}, "alpha is 1.0"),
        ({"alpha": math.nan}, "alpha is nan"),
        ({"alpha": 0.99, "window": 99}, "window is 99: this alpha needs 100 days"),
        ({"refit_days": 0}, "refit_days is 0"),
    ],
)
def test_terms_that_make_no_sense_are_named(terms: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        BacktestTerms(**terms)  # type: ignore[arg-type] # fields of the terms


def test_too_few_days_are_counted() -> None:
    with pytest.raises(InvalidRiskInput, match="192 are needed"):
        run(draw(190))
