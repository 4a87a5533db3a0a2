"""How much brings a health factor C / R back to a target: by supplying, repaying, or selling.

All amounts are USD. A cure that asks for more than there is cures nothing, and says so.
"""

import math
from dataclasses import dataclass

from daemon.margin.scenarios import InvalidRiskInput, check_finite, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Cures:
    """What each way would take, 0 where the target is met; `unable` says why selling cures nothing.

    `supply` is worth of collateral, `repay` debt repaid from outside, `deleverage` debt repaid by
    selling collateral (None: it cannot cure).
    """

    supply: float | None
    repay: float
    deleverage: float | None
    unable: str | None


def calculate_cures(
    *,
    collateral: float,
    requirement: float,
    target: float,
    threshold: float,
    cost: float = 0.0,
    held: float = math.inf,
) -> Cures:
    """Give the three cures of C = `collateral` and R = `requirement`; InvalidRiskInput.

    `threshold` is what the asset supplied or sold counts with, `cost` what selling loses (a part),
    `held` the worth of what can be sold.
    """
    check_finite(collateral=collateral, requirement=requirement, threshold=threshold, cost=cost)
    check_positive(target=target)
    if min(collateral, requirement, cost, held) < 0 or not 0 <= threshold <= 1:
        raise InvalidRiskInput("cure: an amount is negative, or the threshold outside of 0 to 1")
    lacking = max(0.0, target * requirement - collateral)
    relief = target - threshold * (1 + cost)
    sold = lacking / relief if relief > 0 else math.inf
    unable = None
    if lacking > 0 and relief <= 0:
        unable = "selling takes as much health as repaying gives"
    elif sold > requirement:
        unable = "more would have to be repaid than is owed"
    elif sold * (1 + cost) > held:
        unable = "more would have to be sold than is held"
    supply = 0.0 if lacking == 0 else None
    return Cures(
        supply=lacking / threshold if threshold > 0 else supply,
        repay=lacking / target,
        deleverage=None if unable else (sold if lacking > 0 else 0.0),
        unable=unable,
    )
