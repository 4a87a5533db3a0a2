"""Losses are paid by the fund, then by all, then by the winners most at risk, to the last cent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.fund import Winner, absorb_loss, rank_winners
from daemon.margin.scenarios import InvalidRiskInput

money = st.floats(0, 1e9)
winners = st.lists(st.tuples(money, money, money), max_size=4).map(
    lambda rows: [
        Winner(account=str(i), pnl=pnl, margin=margin, notional=notional)
        for i, (pnl, margin, notional) in enumerate(rows)
    ]
)


def test_claims_pay_a_quarter_where_a_thousand_of_four_thousand_is_lacking() -> None:
    found = absorb_loss(1_500, 500, 4_000)
    assert (found.drawn, found.factor, found.socialised, found.uncovered) == (500, 0.25, 1000, 0)


def test_winners_are_closed_by_gain_and_leverage_once_claims_paid_their_most() -> None:
    calm = Winner(account="calm", pnl=100, margin=1_000, notional=1_000)
    bold = Winner(account="bold", pnl=100, margin=100, notional=1_000)
    loser = Winner(account="loser", pnl=-100, margin=100, notional=1_000)
    assert [w.account for w in rank_winners([calm, loser, bold])] == ["bold", "calm"]
    found = absorb_loss(250, 0, 1_000, most_factor=0.1, winners=[calm, loser, bold])
    assert found.deleveraged == {"bold": 100, "calm": 50}


def test_a_figure_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="fund is -1"):
        absorb_loss(1, -1, 1)
    with pytest.raises(InvalidRiskInput, match="loss is nan"):
        absorb_loss(math.nan, 1, 1)


@given(money, money, money, st.floats(0, 1), winners)
def test_every_dollar_is_paid_by_exactly_one(
    loss: float, fund: float, claims: float, most: float, found: list[Winner]
) -> None:
    paid = absorb_loss(loss, fund, claims, most_factor=most, winners=found)
    parts = (paid.drawn, paid.socialised, *paid.deleveraged.values(), paid.uncovered)
    assert math.fsum(parts) == pytest.approx(loss, rel=1e-12, abs=1e-6)
    assert paid.drawn <= fund
    assert paid.socialised <= most * claims * (1 + 1e-12)
    assert all(part >= -1e-6 for part in parts)
