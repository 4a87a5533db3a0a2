"""Cases of Derive's Dutch auction, computed by our module."""

import math

from daemon.margin.auction import (
    AuctionTerms,
    insolvent_payout,
    largest_share,
    price_fraction,
)
from tests.vectors.reading import Case, Figures


def compare_auction(case: Case) -> Figures:
    """Compare whatever a case expects; floors are taken as upstream takes them."""
    given, expected = case["inputs"], case["expected"]
    terms = AuctionTerms(
        start=given["starting_mtm_pct"],
        cutoff=given["fast_cutoff_pct"],
        fast_s=given["fast_len_s"],
        slow_s=given["slow_len_s"],
        insolvent_s=given["insolvent_len_s"],
        buffer=given["buffer_margin_pct"],
    )
    elapsed_s = given["elapsed_s"]
    if case["kind"] == "dutch_auction_insolvent":
        payout = given["percent"] * insolvent_payout(given["mtm"], given["mm"], elapsed_s, terms)
        yield "payout", payout, expected["security_module_payout"]
        return
    fraction = price_fraction(terms, elapsed_s)
    if case["kind"] == "dutch_auction_discount":
        yield "fraction", fraction, expected["price_fraction_of_mtm"]
        return
    most = largest_share(given["mtm"], given["mm"], fraction, terms)
    found = {
        "bid_price": fraction * given["mtm"],
        "max_proportion_permille_floor": math.floor(1000 * most),
        "cash_from_bidder_floor": math.floor(most * fraction * given["mtm"]),
        "cash_from_bidder": given.get("percent", most) * fraction * given["mtm"],
    }
    for name, figure in expected.items():
        yield name, found[name], figure
