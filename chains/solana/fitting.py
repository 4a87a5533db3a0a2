"""What is left out of a read where not all of it fits into one call: pure.

First obligations without debts, which anybody can give to anybody and which only make their owner
look poorer; then what rescues are paid from. What owes is never left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from chains.model.ids import AccountId
from chains.solana.accounts import CLOCK, MAX_KEYS, AccountPlan
from chains.solana.markets import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What to leave out of a read: some obligations, and perhaps the funds."""

    spared: frozenset[Target] = frozenset()
    funds: bool = True


EVERYTHING: Final = Extent()
T = TypeVar("T")


def choose_plan(
    build: Callable[[Extent], AccountPlan[T]], find_spare: Callable[[], Sequence[Target]]
) -> tuple[Extent, AccountPlan[T]]:
    """Give the plan of all that fits; of obligations to spare the first ones go first.

    Where not even the rest fits, the plan without all that may be left out.
    """
    plan = build(EVERYTHING)
    if _excess(plan) <= 0:
        return EVERYTHING, plan
    spare = find_spare()
    for funds in (True, False):
        excess = max(_excess(build(Extent(funds=funds))), 0)
        extent = Extent(spared=frozenset(spare[:excess]), funds=funds)
        if excess <= len(spare):
            break
    return extent, build(extent)


def describe_spared(spared: Iterable[Target]) -> Mapping[AccountId, str]:
    """Say of whose obligations some were left out."""
    counts: dict[AccountId, int] = {}
    for target in spared:
        counts[target.account] = counts.get(target.account, 0) + 1
    return {
        account: f"{count} obligations without debts do not fit into a read: they count as nothing"
        for account, count in counts.items()
    }


def _excess(plan: AccountPlan[Any]) -> int:
    return len({CLOCK, *plan.keys}) - MAX_KEYS
