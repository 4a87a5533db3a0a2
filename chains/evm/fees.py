"""EIP-1559 fees: what to offer, and how far to raise it. Pure; wei per gas.

Source: EIP-1559; geth replaces a pending transaction only when both fields rise by 10 %
(core/txpool/legacypool), and some builders ask for 12.5 %, which is what is done here.
"""

from dataclasses import dataclass
from typing import Final

from chains.model.units import div_up

# A block raises the base fee by at most an eighth: twice the base fee outlasts five full blocks.
BASE_FEE_HEADROOM: Final = 2
BUMP_NUMERATOR: Final = 1125
BUMP_DENOMINATOR: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What a transaction offers: the most per gas, and the tip within it."""

    max_fee_wei: int
    priority_fee_wei: int

    def __post_init__(self) -> None:
        if not 0 <= self.priority_fee_wei <= self.max_fee_wei:
            raise ValueError(f"priority fee {self.priority_fee_wei} of {self.max_fee_wei} wei")


def is_affordable(*, base_fee_wei: int, priority_fee_wei: int, cap_wei: int) -> bool:
    """Say whether base fee and tip together stay within the cap."""
    return base_fee_wei + priority_fee_wei <= cap_wei


def plan_fees(*, base_fee_wei: int, priority_fee_wei: int, cap_wei: int) -> Fees:
    """Offer the tip over twice the base fee, at most the cap; ValueError when unaffordable."""
    if not is_affordable(
        base_fee_wei=base_fee_wei, priority_fee_wei=priority_fee_wei, cap_wei=cap_wei
    ):
        raise ValueError(f"base fee {base_fee_wei} + tip {priority_fee_wei} > cap {cap_wei} wei")
    wanted = BASE_FEE_HEADROOM * base_fee_wei + priority_fee_wei
    return Fees(max_fee_wei=min(wanted, cap_wei), priority_fee_wei=priority_fee_wei)


def plan_replacement(fees: Fees, *, base_fee_wei: int, cap_wei: int) -> Fees | None:
    """Raise both fields by at least 12.5 %, further if the base fee asks for it.

    None where the cap forbids a replacement that a node would take and a block could include.
    """
    tip = _bump(fees.priority_fee_wei)
    floor = max(_bump(fees.max_fee_wei), tip)
    if floor > cap_wei or base_fee_wei > cap_wei:
        return None
    wanted = BASE_FEE_HEADROOM * base_fee_wei + tip
    return Fees(max_fee_wei=min(max(floor, wanted), cap_wei), priority_fee_wei=tip)


def _bump(wei: int) -> int:
    return max(wei + 1, div_up(wei * BUMP_NUMERATOR, BUMP_DENOMINATOR))
