"""What portfolio margin charges besides scenarios: the minimum on deltas, and contingencies.

A hedge is not free of risk: net delta asks for a part of its notional, and what offsets it for less
(Paradex: 2 % and 1 %, documentation of portfolio margin). The offset of another group counts as far
as its gains do. Stables have no such minimum: their range is narrower than it. Perps, naked short
options and doubtful oracles ask for contingencies (Derive PMRM_2).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from chains.model.derivatives import OptionKind
from daemon.margin.netting import Group
from daemon.margin.portfolio_report import Charges
from daemon.margin.risk import Tier
from daemon.margin.scenarios import Option, RiskBook, RiskLeg

OPTION_MAINTENANCE: Final = 0.075
OPTION_INITIAL: Final = 0.15
OPTION_LEAST_INITIAL: Final = 0.10
"""A short option's standard margin beside its mark, as parts of the forward, as in standard mode
(Derive's standard manager for calls)."""


def calculate_minimum(
    deltas: Iterable[tuple[RiskLeg, float]],
    groups: Sequence[Group],
    charges: Charges,
    *,
    cut: str | None = None,
) -> float:
    """Give the minimum on deltas (USD); with `cut`, that chain's groups and the others apart."""
    if cut is not None:
        found = tuple(deltas)
        inside = [group for group in groups if group.chain == cut]
        outside = [group for group in groups if group.chain != cut]
        return math.fsum(calculate_minimum(found, part, charges) for part in (inside, outside))
    where = {domain: group.name for group in groups for domain in group.domains}
    sides: dict[tuple[str, Tier], dict[str, list[float]]] = {}
    for leg, delta in deltas:
        if leg.tier is Tier.STABLE or leg.domain not in where:
            continue
        per_group = sides.setdefault((leg.underlying, leg.tier), {})
        side = per_group.setdefault(where[leg.domain], [0.0, 0.0])
        side[delta < 0] += abs(delta)
    kappa = {group.name: group.kappa for group in groups}
    return math.fsum(
        _charge(per_group, kappa, _parts_of(tier, charges))
        for (_, tier), per_group in sorted(sides.items())
    )


def _parts_of(tier: Tier, charges: Charges) -> tuple[float, float]:
    if tier is Tier.ALT:
        return charges.alt_unhedged, charges.alt_hedged
    return charges.unhedged, charges.hedged


def _charge(
    sides: Mapping[str, Sequence[float]],
    kappa: Mapping[str, float],
    parts: tuple[float, float],
) -> float:
    """Give the greater of what the long and what the short side asks for, offsets included."""
    unhedged, hedged = parts
    net = {group: long - short for group, (long, short) in sides.items()}
    asked = []
    for sign in (1, -1):
        own = math.fsum(max(sign * delta, 0.0) for delta in net.values())
        other = ((kappa[group], max(-sign * delta, 0.0)) for group, delta in net.items())
        helped = min(own, math.fsum(part * delta for part, delta in other))
        asked.append(unhedged * (own - helped) + hedged * helped)
    inside = math.fsum(min(side) for side in sides.values())
    return max(asked) + hedged * inside


def charge_perps(book: RiskBook, part: float) -> float:
    """Give the contingency on perps (USD)."""
    return part * math.fsum(perp.notional for perp in book.perps)


def charge_naked_shorts(book: RiskBook, part: float) -> float:
    """Give the contingency on short options that no long one of the same strike covers (USD)."""
    net: dict[tuple[str, str, int, float], list[Option]] = {}
    for leg in book.options:
        net.setdefault((leg.domain, leg.underlying, leg.expiry, leg.strike), []).append(leg)
    return part * math.fsum(
        max(0.0, -math.fsum(leg.size for leg in legs)) * max(leg.forward for leg in legs)
        for legs in net.values()
    )


def charge_oracles(book: RiskBook, least: float) -> float:
    """Give what doubtful oracles ask for initially (USD): the confidence that they lack."""
    doubtful = [(leg.confidence, leg.value) for leg in book.spots]
    doubtful += [(leg.confidence, leg.notional) for leg in book.perps]
    return math.fsum((1 - sure) * value for sure, value in doubtful if sure < least)


def margin_in_standard_mode(book: RiskBook, *, initial: bool) -> float:
    """Give what standard mode asks for beside losses and debts (USD).

    Margins of perps and short options, and what thresholds take off collateral.
    """
    return math.fsum(
        (
            *(leg.notional * (leg.initial if initial else leg.maintenance) for leg in book.perps),
            *(_margin_option(leg, initial=initial) for leg in book.options),
            *(
                leg.value * (1 - (leg.ltv if initial else leg.lt))
                for leg in book.spots
                if leg.lt > 0
            ),
        )
    )


def _margin_option(leg: Option, *, initial: bool) -> float:
    """Give a short option's margin beside its mark; a put never owes more than its strike."""
    if leg.size >= 0:
        return 0.0
    side = 1 if leg.kind is OptionKind.CALL else -1
    margin = OPTION_MAINTENANCE * leg.forward
    if initial:
        out = max(0.0, side * (leg.strike - leg.forward))
        margin = max(OPTION_INITIAL * leg.forward - out, OPTION_LEAST_INITIAL * leg.forward)
    if leg.kind is OptionKind.PUT:
        margin = min(margin, max(0.0, leg.strike - leg.mark))
    return -leg.size * margin
