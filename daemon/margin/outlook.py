"""The volatility that margins are measured with: raised at once, let down slowly.

A forecast above the volatility in force takes its place at once. One below it does so only after a
day below, and then by a tenth a day at most, so that margins do not breathe with the market.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from daemon.margin.risk import Tier
from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive
from daemon.margin.volatility import DAY_S, Forecast, Garch

HOLD_S: Final = DAY_S
KEPT_A_DAY: Final = 0.9
GREATEST_MULTIPLIER: Final = 2.5
FLOORS: Final[Mapping[Tier, float]] = {Tier.STABLE: 0.01, Tier.MAJOR: 0.30, Tier.ALT: 0.45}
"""The least volatility per year that is believed of a tier."""
REFERENCES: Final[Mapping[Tier, float]] = {Tier.STABLE: 0.05, Tier.MAJOR: 0.60, Tier.ALT: 0.90}
"""The volatility per year at which margins and price ranges stand as they are told: a proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The volatility in force at `at`, and since when forecasts were below it (seconds)."""

    volatility: float
    at: float
    below_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is foreseen of one underlying, with all that the figure can be calculated again from.

    `first` to `last` are the days of the closes whose digest (daemon.margin.volatility) is
    `inputs`; `garch` are the parameters as fitted at `fitted_at` (seconds), None where `fault` says
    why there are none. `previous` is what was in force before.
    """

    underlying: str
    model: str
    fitted_at: int
    first: date
    last: date
    inputs: bytes
    forecast: Forecast
    in_force: InForce
    previous: InForce | None = None
    garch: Garch | None = None
    fault: str | None = None

    @property
    def volatility(self) -> float:
        """The volatility in force, per year."""
        return self.in_force.volatility


def put_in_force(previous: InForce | None, volatility: float, now: float) -> InForce:
    """Give what is in force at `now` (seconds) when `volatility` is foreseen.

    InvalidRiskInput where it is not positive, or where time runs backwards.
    """
    check_positive(volatility=volatility)
    check_finite(now=now)
    if previous is None or volatility >= previous.volatility:
        return InForce(volatility=volatility, at=now)
    if now < previous.at:
        raise InvalidRiskInput(
            f"now is {now}: before {previous.at}, when the last was put in force"
        )
    since = now if previous.below_since is None else previous.below_since
    days = max(0.0, now - max(previous.at, since + HOLD_S)) / DAY_S
    lowered = previous.volatility * KEPT_A_DAY**days
    return InForce(volatility=max(volatility, lowered), at=now, below_since=since)


def calculate_multiplier(volatility: float, reference: float) -> float:
    """Give by what margins and price ranges grow: volatility / reference, from 1 to 2.5."""
    check_positive(volatility=volatility, reference=reference)
    return min(max(volatility / reference, 1.0), GREATEST_MULTIPLIER)
