"""What the keeper may spend, and when a lane that keeps failing is closed: pure, fails closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chains.model.ids import ChainId
from chains.model.units import USD, Usd

HOUR_S: Final = 3_600
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What one transaction spends: the keeper's gas and the owner's value it moves (Usd).

    `liquidates` tells what is done for profit from what protects an account.
    """

    at: int
    chain: ChainId
    gas: Usd
    moved: Usd
    liquidates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most gas per transaction, hour and day (Usd)."""

    per_transaction: Usd
    per_hour: Usd
    per_day: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Close a lane for `rest_s` once `failures` lie within `window_s` of each other."""

    failures: int = 3
    window_s: int = 3_600
    rest_s: int = 900


def refuse_spend(wanted: Spend, ledger: Sequence[Spend], limits: Limits, *, now: int) -> str | None:
    """Say why a spend is not allowed, None when it is.

    What liquidations used is never missing to a rescue; what rescues used counts for both. A
    spend dated after `now` counts as spent now: a clock set back opens nothing.
    """
    if wanted.gas < 0 or wanted.moved < 0:
        return "what it would spend is not known"
    amount = wanted.gas
    if amount > limits.per_transaction:
        return _over("transaction", amount, limits.per_transaction)
    for name, window_s, limit in (
        ("hour", HOUR_S, limits.per_hour),
        ("day", DAY_S, limits.per_day),
    ):
        spent = sum(
            s.gas
            for s in ledger
            if s.at > now - window_s and (wanted.liquidates or not s.liquidates)
        )
        if spent + amount > limit:
            return _over(name, spent + amount, limit)
    return None


def find_allowance(wanted: Spend, ledger: Sequence[Spend], limits: Limits, *, now: int) -> Usd:
    """Give the most gas that may be spent on what is wanted now; nothing where all is used."""
    spent = [s for s in ledger if wanted.liquidates or not s.liquidates]
    hour = sum(s.gas for s in spent if s.at > now - HOUR_S)
    day = sum(s.gas for s in spent if s.at > now - DAY_S)
    least = min(limits.per_transaction, limits.per_hour - hour, limits.per_day - day)
    return Usd(max(0, least))


def closed_until(failures: Sequence[int], breaker: Breaker) -> int:
    """Give the time (seconds) until which a lane with failures at these times is closed."""
    times = sorted(failures)
    until = 0
    for first, last in zip(times, times[breaker.failures - 1 :], strict=False):
        if last - first <= breaker.window_s:
            until = last + breaker.rest_s
    return until


def _over(period: str, amount: int, limit: Usd) -> str:
    return f"the limit per {period} would be passed: ${amount / USD:.2f} of ${limit / USD:.2f}"
