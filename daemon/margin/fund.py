"""Who pays a loss: an insurance fund, then all claims alike, then the winners most at risk.

Conservation: what accounts and the fund have together changes only by flows from outside; here
every dollar of a loss is taken from exactly one of them. Figures are float64 USD.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.margin.scenarios import InvalidRiskInput, check_finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """A position on the winning side: its gain, what was posted, its notional (USD)."""

    account: str
    pnl: float
    margin: float
    notional: float

    @property
    def rank(self) -> float:
        """Gain on the margin times leverage: who is first to be closed."""
        if self.margin <= 0:
            return math.inf if self.pnl > 0 else 0.0
        return self.pnl / self.margin * self.notional / self.margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Who paid: the fund, all claims by a `factor` (charged on withdrawals), winners; and the rest.

    `drawn + socialised + sum(deleveraged) + uncovered` is the loss.
    """

    drawn: float
    socialised: float
    factor: float
    deleveraged: Mapping[str, float]
    uncovered: float


def absorb_loss(
    loss: float,
    fund: float,
    claims: float,
    *,
    most_factor: float = 1.0,
    winners: Sequence[Winner] = (),
) -> Waterfall:
    """Spread a loss; claims lose `most_factor` of themselves at most, winners their gains at most.

    InvalidRiskInput where a figure is negative or not finite.
    """
    check_finite(loss=loss, fund=fund, claims=claims, most_factor=most_factor)
    for name, figure in (("loss", loss), ("fund", fund), ("claims", claims)):
        if figure < 0:
            raise InvalidRiskInput(f"{name} is {figure:g}: it may not be negative")
    drawn = min(loss, fund)
    left = loss - drawn
    factor = min(left / claims, most_factor) if claims > 0 else 0.0
    socialised = min(left, factor * claims)
    left -= socialised
    closed = {}
    for winner in rank_winners(winners):
        taken = min(left, max(0.0, winner.pnl))
        if taken > 0:
            closed[winner.account] = taken
            left -= taken
    return Waterfall(
        drawn=drawn, socialised=socialised, factor=factor, deleveraged=closed, uncovered=left
    )


def rank_winners(winners: Sequence[Winner]) -> tuple[Winner, ...]:
    """Give those who gained in the order in which they are closed, ties by account."""
    gained = (winner for winner in winners if winner.pnl > 0)
    return tuple(sorted(gained, key=lambda winner: (-winner.rank, winner.account)))
