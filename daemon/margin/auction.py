"""Dutch auctions of whole accounts, as Derive holds them: for simulation and for bidding alike.

A solvent account's price falls from its value at mark, fast and then slowly down to nothing; one
buys a share of it, no more than brings it back to its buffer margin. An insolvent account is paid
to be taken: from minus its value up to minus its maintenance margin, out of a fund.
Source: derivexyz/v2-core, src/liquidation/DutchAuction.sol. Figures are USD; `mm` is the account's
value after maintenance margin, negative where it is to be liquidated; times are seconds.
"""

from dataclasses import dataclass

from daemon.margin.scenarios import InvalidRiskInput, check_finite


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionTerms:
    """Price from `start` of the mark to `cutoff` in `fast_s`, to nothing in `slow_s` more.

    `insolvent_s` is how long the payout grows, `buffer` what is left beyond the margin.
    """

    start: float = 1.0
    cutoff: float = 0.8
    fast_s: float = 600.0
    slow_s: float = 7_200.0
    insolvent_s: float = 600.0
    buffer: float = 0.1


def price_fraction(terms: AuctionTerms, elapsed_s: float) -> float:
    """Give the part of the value at mark that is asked."""
    if elapsed_s < terms.fast_s:
        return terms.start - (terms.start - terms.cutoff) * elapsed_s / terms.fast_s
    return terms.cutoff * max(0.0, 1 - (elapsed_s - terms.fast_s) / terms.slow_s)


def find_time(terms: AuctionTerms, fraction: float) -> float:
    """Give when the price first falls to a part of the mark (seconds; the inverse)."""
    if fraction >= terms.start:
        return 0.0
    if fraction > terms.cutoff:
        return terms.fast_s * (terms.start - fraction) / (terms.start - terms.cutoff)
    return terms.fast_s + terms.slow_s * (1 - max(0.0, fraction) / terms.cutoff)


def largest_share(
    mtm: float, mm: float, fraction: float, terms: AuctionTerms, *, reserved: float = 0.0
) -> float:
    """Give the most that one may buy: what brings the account to its buffer margin (at most 1).

    BM / (BM - MtM d - reserved (1 - d)), BM = MM + buffer (MM - MtM), `reserved` is cash of earlier
    bids. InvalidRiskInput unless the account is worth something and under its margin.
    """
    check_finite(mtm=mtm, mm=mm, fraction=fraction, reserved=reserved)
    if mtm <= 0 or mm >= 0:
        raise InvalidRiskInput(f"mtm {mtm:g} and mm {mm:g} are no solvent account to liquidate")
    buffered = mm + terms.buffer * (mm - mtm)
    return min(1.0, buffered / (buffered - mtm * fraction - reserved * (1 - fraction)))


def insolvent_payout(mtm: float, mm: float, elapsed_s: float, terms: AuctionTerms) -> float:
    """Give what is paid for taking the whole account: -MtM at first, -MM at the end."""
    check_finite(mtm=mtm, mm=mm)
    if mtm > 0 or mm > mtm:
        raise InvalidRiskInput(f"mtm {mtm:g} and mm {mm:g} are no insolvent account")
    part = min(1.0, elapsed_s / terms.insolvent_s)
    return -(mtm + (mm - mtm) * part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """Who takes what when: `share` of the account for `paid` USD (negative: paid by the fund)."""

    elapsed_s: float
    fraction: float
    share: float
    paid: float


def simulate_sale(mtm: float, mm: float, wanted: float, terms: AuctionTerms) -> Sale | None:
    """Give the first bid of somebody who wants a gain of `wanted`, as a part of what he takes.

    Of an insolvent account it is a part of the requirement that he takes over. None where the
    account needs no auction, or no payout is enough.
    """
    if mm >= 0:
        return None
    if mtm > 0:
        fraction = max(0.0, 1 - wanted)
        elapsed_s = find_time(terms, fraction)
        asked = price_fraction(terms, elapsed_s)
        share = largest_share(mtm, mm, asked, terms)
        return Sale(elapsed_s=elapsed_s, fraction=asked, share=share, paid=share * asked * mtm)
    margin = mtm - mm
    if margin <= 0 or wanted > 1:
        return None
    elapsed_s = wanted * terms.insolvent_s
    payout = insolvent_payout(mtm, mm, elapsed_s, terms)
    return Sale(elapsed_s=elapsed_s, fraction=0.0, share=1.0, paid=-payout)
