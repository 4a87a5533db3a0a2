"""What a venue's rule finds of a domain, and what rules share."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from daemon.margin.scenarios import InvalidRiskInput, RiskBook, RiskLeg


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueMargin:
    """What a venue's rule finds (USD): the account's worth, and what it must be at least."""

    worth: float
    initial: float
    maintenance: float

    @property
    def factor(self) -> float | None:
        """Worth in parts of the maintenance margin; None where nothing is required."""
        return self.worth / self.maintenance if self.maintenance > 0 else None


VenueRule = Callable[[RiskBook, float], VenueMargin]
"""Gives the margin of a book of one domain at a time in seconds."""


def from_free(worth: float, initial: float, maintenance: float) -> VenueMargin:
    """Give the margins of an account from what is free of each."""
    return VenueMargin(worth=worth, initial=worth - initial, maintenance=worth - maintenance)


def sum_cash(book: RiskBook) -> float:
    """Give the cash of a book of one domain, less its debts."""
    [domain] = book.domains.values()
    return domain.margin - math.fsum(leg.value for leg in book.debts)


def refuse(venue: str, legs: tuple[RiskLeg, ...], why: str) -> None:
    """Raise InvalidRiskInput for the first leg, that the venue's rule cannot judge."""
    for leg in legs:
        raise InvalidRiskInput(f"{venue}: {leg.id}: {why}")
