"""CME's SPAN for one combined commodity: sixteen risk arrays, and the charges beside them.

An array says what one long contract gains in each scenario. Scan risk is the worst sum of arrays;
spreads between months are charged, spreads to other commodities credited; short options ask for
a minimum. The scenarios are those of McMillan, Options as a Strategic Investment, chapter 34: the
price in thirds of its range with volatility up and down, and two moves of twice the range of which
35 % count (later arrays have three times the range at 33 %).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.margin.scenarios import InvalidRiskInput, check_finite

SCENARIOS: Final = 16
EXTREME_COVER: Final = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanScenario:
    """A row: the price in thirds of its range, the volatility's sign, the part that counts."""

    thirds: int
    vol: int
    cover: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanMargin:
    """What the rule finds; `worst` is the index of the scenario that scans worst."""

    scan_risk: float
    worst: int
    requirement: float


def list_scenarios() -> tuple[SpanScenario, ...]:
    """Give the sixteen rows in their order."""
    moves = [thirds for step in range(4) for thirds in ((step, -step) if step else (0,))]
    scanned = [
        SpanScenario(thirds=thirds, vol=vol, cover=1.0) for thirds in moves for vol in (1, -1)
    ]
    far = [SpanScenario(thirds=thirds, vol=0, cover=EXTREME_COVER) for thirds in (6, -6)]
    return (*scanned, *far)


def calculate_span(
    arrays: Mapping[str, Sequence[float]],
    positions: Mapping[str, float],
    *,
    spread_charge: float = 0.0,
    spread_credit: float = 0.0,
    short_options: float = 0.0,
    short_minimum: float = 0.0,
) -> SpanMargin:
    """Give the requirement: scan risk with charges and credits, at least the short options' own.

    `positions` are signed contracts by the arrays' names; `short_minimum` is per short option.
    InvalidRiskInput names a contract whose array is missing, short or not finite.
    """
    check_finite(spread_charge=spread_charge, spread_credit=spread_credit)
    check_finite(short_options=short_options, short_minimum=short_minimum)
    losses = [0.0] * SCENARIOS
    for name, size in sorted(positions.items()):
        check_finite(**{name: size})
        array = arrays.get(name, ())
        if len(array) != SCENARIOS or not all(math.isfinite(gain) for gain in array):
            raise InvalidRiskInput(f"risk array of {name}: it needs {SCENARIOS} finite figures")
        losses = [loss - size * gain for loss, gain in zip(losses, array, strict=True)]
    worst = max(range(SCENARIOS), key=lambda row: losses[row])
    scan_risk = max(0.0, losses[worst])
    least = short_options * short_minimum
    return SpanMargin(
        scan_risk=scan_risk,
        worst=worst,
        requirement=max(scan_risk + spread_charge - spread_credit, least),
    )
