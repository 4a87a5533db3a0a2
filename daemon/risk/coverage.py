"""Whether losses go beyond what was foreseen as often as told, and whether they cluster.

Kupiec (1995): the share of breaches against the nominal, χ² with one degree of freedom.
Christoffersen (1998): whether a breach makes another one likelier the day after, one degree; both
together, two. Small p-values speak against the model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.special import chdtrc


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A likelihood ratio and its p-value."""

    ratio: float
    p: float


def judge_share(breaches: int, days: int, nominal: float) -> Judgement:
    """Test the share of breaches (Kupiec); `nominal` lies between 0 and 1."""
    told = _likelihood(breaches, days, nominal)
    seen = _likelihood(breaches, days, breaches / days)
    return _test(2 * (seen - told), 1)


def judge_clusters(breached: Sequence[bool]) -> Judgement:
    """Test whether breaches follow one another (Christoffersen's independence)."""
    pairs = list(pairwise(breached))
    after_quiet = [now for before, now in pairs if not before]
    after_breach = [now for before, now in pairs if before]
    apart = sum(
        _likelihood(sum(found), len(found), sum(found) / len(found))
        for found in (after_quiet, after_breach)
        if found
    )
    both = sum(now for _, now in pairs)
    together = _likelihood(both, len(pairs), both / len(pairs)) if pairs else 0.0
    return _test(2 * (apart - together), 1)


def judge_both(share: Judgement, clusters: Judgement) -> Judgement:
    """Test share and independence together."""
    return _test(share.ratio + clusters.ratio, 2)


def _test(ratio: float, degrees: int) -> Judgement:
    ratio = max(0.0, ratio)
    return Judgement(ratio=ratio, p=float(chdtrc(degrees, ratio)))


def _likelihood(hits: int, days: int, share: float) -> float:
    """Give the logarithm of the likelihood of `hits` in `days`; 0 log 0 is 0."""
    missed = days - hits
    return (hits * math.log(share) if hits else 0.0) + (
        missed * math.log1p(-share) if missed else 0.0
    )
