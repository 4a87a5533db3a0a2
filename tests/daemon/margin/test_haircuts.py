"""What volatility, depth, age, doubt and the chain take off, reason by reason."""

import math
from dataclasses import replace

import pytest

from daemon.margin.haircuts import (
    Market,
    lower_threshold,
    measure_haircut,
    raise_margins,
)
from daemon.margin.scenarios import InvalidRiskInput
from tests.daemon.margin.risk_books import make_book, perp, spot

YEAR_S = 365 * 86_400
MARKET = Market(volatility=0.6)


def test_every_reason_takes_its_own_part() -> None:
    found = measure_haircut(
        Market(
            volatility=0.6,
            liquidation_s=3_600,
            sold=0.04,
            age_s=4_200,
            heartbeat_s=3_600,
            confidence=0.001,
            chain=0.01,
        )
    )

    assert found.market == pytest.approx(2.33 * 0.6 * math.sqrt(3_600 / YEAR_S))
    assert found.depth == pytest.approx(0.6 * 0.6 / math.sqrt(365) * 0.2)
    assert found.age == pytest.approx(0.0061, abs=5e-5)
    assert found.doubt == pytest.approx(0.00212)
    assert found.chain == 0.01
    assert found.total == pytest.approx(
        found.market + found.depth + found.age + found.doubt + found.chain
    )


def test_no_venue_liquidates_in_less_than_ten_minutes() -> None:
    quick, slow = (measure_haircut(Market(volatility=0.6, liquidation_s=s)) for s in (1, 600))

    assert quick == slow


def test_a_threshold_is_lowered_only_where_the_haircut_leaves_less() -> None:
    doubtful = measure_haircut(replace(MARKET, confidence=0.1))

    assert lower_threshold(0.85, measure_haircut(MARKET)) == 0.85
    assert lower_threshold(0.85, doubtful) == pytest.approx(1 - doubtful.total)
    assert lower_threshold(0.85, measure_haircut(replace(MARKET, chain=5.0))) == 0


def test_a_price_that_is_too_old_is_worth_nothing() -> None:
    stale = replace(MARKET, age_s=86_401)

    assert lower_threshold(0.85, measure_haircut(stale)) == 0
    assert lower_threshold(0.85, measure_haircut(replace(MARKET, age_s=86_400))) > 0


def test_margins_of_perps_grow_by_their_underlying_and_to_the_notional_at_most() -> None:
    book = make_book(
        spot(), perp(100.0, maintenance=0.02), perp(9.0, underlying="BTC", maintenance=0.6)
    )

    raised = raise_margins(book, {"ETH": 1.5, "BTC": 2.5})

    by_name = {found.underlying: found.maintenance for found in raised.perps}
    assert by_name == {"ETH": pytest.approx(0.03), "BTC": 1}
    assert raised.spots == book.spots


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"volatility": math.nan}, "volatility is nan"),
        ({"volatility": 0.0}, "volatility is 0.0"),
        ({"sold": -1.0}, "sold is -1.0"),
        ({"age_s": math.inf}, "age_s is inf"),
        ({"confidence": math.nan}, "confidence is nan"),
    ],
)
def test_a_figure_that_is_none_is_named(given: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidRiskInput, match=said):
        Market(**({"volatility": 0.6} | given))


@pytest.mark.parametrize("threshold", [math.nan, -0.1, 1.1])
def test_a_threshold_that_is_none_is_named(threshold: float) -> None:
    with pytest.raises(InvalidRiskInput, match="threshold is"):
        lower_threshold(threshold, measure_haircut(MARKET))
