"""A risk book's JSON reads as it was written, and what is wrong with it is named."""

import json
import math
from typing import Any, Final

import pytest
from hypothesis import given

from daemon.margin.risk_document import TimedBook, read_risk_book, render_risk_book
from daemon.margin.scenarios import InvalidRiskInput, RiskBook
from tests.daemon.margin.risk_books import books

GOOD: Final[dict[str, Any]] = {
    "now": 1_800_000_000,
    "domains": {
        "aave": {
            "chain": "eip155:1",
            "venue": "aave_v3",
            "route": {
                "healthy": True,
                "finality_s": 900,
                "execution_s": 60,
                "withdrawable": 5000,
            },
        }
    },
    "spots": [
        {
            "domain": "aave",
            "underlying": "ETH",
            "tier": "major",
            "units": 10,
            "price": 2000,
            "lt": 0.85,
            "ltv": 0.8,
        }
    ],
}


def test_defaults_chains_and_names_are_filled_in() -> None:
    book = read_risk_book(GOOD).book
    [held] = book.spots
    assert (held.id, held.chain, held.haircut) == ("aave:ETH spot 0", "eip155:1", 0.0)
    route = book.domains["aave"].route
    assert route is not None
    assert (route.delay_s, route.cap) == (960, math.inf)


@given(books())
def test_what_is_written_is_read(book: RiskBook) -> None:
    timed = TimedBook(book=book, now=1_800_000_000.0)
    assert read_risk_book(json.loads(json.dumps(render_risk_book(timed)))) == timed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"now": None}, "now is missing"),
        ({"now": "x"}, "now is 'x', not a number"),
        ({"domains": {}}, r"spots\[0\].domain is 'aave', which is not in domains"),
        ({"spots": 3}, "spots is no list"),
        ({"spots": [GOOD["spots"][0] | {"tier": "huge"}]}, r"tier is 'huge', not one of stable"),
        ({"spots": [GOOD["spots"][0] | {"units": -1}]}, r"spots\[0\].units is -1, not from 0"),
        ({"spots": [GOOD["spots"][0] | {"unit": 1}]}, r"spots\[0\].unit is not known"),
        ({"spots": [GOOD["spots"][0] | {"lt": 2}]}, "lt is 2.0, but it may be 1 at most"),
        ({"spots": [GOOD["spots"][0] | {"staked": 1}]}, "staked is 1, not true or false"),
        ({"other": 1}, "other is not known"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRiskInput, match=message):
        read_risk_book(GOOD | changes)
