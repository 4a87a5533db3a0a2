"""What a liquidation may do now, bit for bit: its value, its bonus, whether it ends the debt. Pure.

The size restores the target health; each chain orders its own share of it, by weighted collateral,
less what it has ordered since the other chains were last seen. Source: contracts/vault/seizure.vy
(`_plan`).
"""

from dataclasses import dataclass

from chains.evm.protocols.plimsoll_vault.curve import (
    calculate_bonus,
    calculate_covered,
    calculate_health,
    calculate_needed,
)
from chains.evm.protocols.plimsoll_vault.health import Judged
from chains.evm.protocols.plimsoll_vault.math import Refused
from chains.evm.protocols.plimsoll_vault.state import SeizureTerms
from chains.model.units import BPS, div_down, div_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Seizable:
    """Collateral and debt of one liquidation.

    `leg` is what is owed (USD x 1e8), `units` the collateral that may be taken, at `price`, with
    its threshold; `buffer_bps` is locked beyond what is due, `used` was ordered before.
    """

    leg: int
    units: int
    price: int
    threshold: int
    buffer_bps: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The most that may be repaid (USD x 1e8), for which bonus, and whether that is all."""

    value: int
    whole: bool
    bonus_bps: int
    health: int


def plan_liquidation(judged: Judged, seizable: Seizable, terms: SeizureTerms) -> Plan:
    """Give what a liquidation may do; Refused with debt, done or dust."""
    if seizable.leg <= 0:
        raise Refused("debt")
    health = calculate_health(judged.weight, judged.debt)
    bonus = calculate_bonus(
        health,
        seizable.threshold,
        least=terms.min_bonus_bps,
        most=terms.max_bonus_bps,
        floor=terms.floor,
    )
    value = _find_share(judged, seizable, bonus, terms)
    whole = value + terms.min_debt > seizable.leg
    if whole:
        value = seizable.leg
        if seizable.buffer_bps:
            value += div_down(seizable.leg * terms.tolerance_bps, BPS)
    covered = calculate_covered(seizable.units, bonus, seizable.buffer_bps, seizable.price)
    if covered < value:
        value, whole = covered, False
    if value == 0 or not (whole or value >= terms.min_order):
        raise Refused("dust")
    return Plan(value=value, whole=whole, bonus_bps=bonus, health=health)


def _find_share(judged: Judged, seizable: Seizable, bonus: int, terms: SeizureTerms) -> int:
    """Give this chain's share of what the whole account needs, less what it has ordered."""
    needed = calculate_needed(judged.weight, judged.debt, seizable.threshold, bonus, terms.target)
    share = 0
    if judged.read_weight > 0:
        share = div_up((needed + seizable.used) * judged.own_weight, judged.read_weight)
    if share <= seizable.used:
        raise Refused("done")
    return share - seizable.used
