"""Auctions ask, share and pay as Derive's do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.margin.auction import (
    AuctionTerms,
    find_time,
    insolvent_payout,
    largest_share,
    price_fraction,
    simulate_sale,
)
from daemon.margin.scenarios import InvalidRiskInput

TERMS = AuctionTerms()


@given(st.floats(0, 1))
def test_the_time_of_a_price_asks_that_price(fraction: float) -> None:
    assert price_fraction(TERMS, find_time(TERMS, fraction)) == pytest.approx(fraction, abs=1e-12)


@given(st.floats(0, 9_000), st.floats(0, 9_000))
def test_the_price_never_rises(one: float, other: float) -> None:
    first, later = sorted((one, other))
    assert price_fraction(TERMS, later) <= price_fraction(TERMS, first)


def test_a_bidder_waits_for_his_gain_and_takes_what_restores_the_buffer() -> None:
    sale = simulate_sale(300.0, -100.0, 0.1, TERMS)
    assert sale is not None
    assert sale.elapsed_s == pytest.approx(300)
    assert sale.paid == pytest.approx(92.195121951)
    left = (1 - sale.share) * 300 + sale.paid
    margin = (1 - sale.share) * 400
    assert left - margin == pytest.approx(0.1 * margin)


def test_an_insolvent_account_is_taken_for_a_payout() -> None:
    sale = simulate_sale(-100.0, -300.0, 0.02, TERMS)
    assert sale is not None
    assert (sale.elapsed_s, sale.share, sale.paid) == (12.0, 1.0, -104.0)


def test_who_needs_no_auction_gets_none() -> None:
    assert simulate_sale(300.0, 0.0, 0.1, TERMS) is None


def test_an_account_on_the_wrong_side_is_refused() -> None:
    with pytest.raises(InvalidRiskInput, match="no solvent"):
        largest_share(-1.0, -2.0, 0.9, TERMS)
    with pytest.raises(InvalidRiskInput, match="no insolvent"):
        insolvent_payout(1.0, -2.0, 0.0, TERMS)
