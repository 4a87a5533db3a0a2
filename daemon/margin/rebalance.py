"""Collateral moved between chains as cheaply as possible: a linear programme (HiGHS).

Minimise what routes cost so that every place keeps native >= target: weight x (what arrives - what
leaves) >= target R - C, within what can be withdrawn, what routes carry, and the time that the
place in need has left. A debt repaid counts `target` per USD, collateral its threshold.
Figures are float64 USD, times seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from daemon.margin.scenarios import InvalidRiskInput, check_finite

Floats = NDArray[np.float64]
CENT: Final = 0.005
IDLE: Final = 1e-6
"""What sending costs besides fees: nothing is sent for nothing (above HiGHS' tolerance)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A market account: C and R of its native health, its target, what could leave it.

    `weight` is what a dollar that leaves or arrives counts in C; where `repays`, what arrives
    lowers R instead.
    """

    id: str
    collateral: float
    requirement: float
    target: float
    weight: float
    withdrawable: float = 0.0
    time_left_s: float = math.inf
    repays: bool = False

    @property
    def lacking(self) -> float:
        """What C lacks for the target (negative where there is more)."""
        return self.target * self.requirement - self.collateral

    @property
    def relief(self) -> float:
        """What a dollar that arrives takes off the lack."""
        return self.target if self.repays else self.weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A way from a place to another: `fee` a part of what is sent, `cap` USD, `time_s`."""

    source: str
    target: str
    fee: float
    cap: float
    time_s: float

    @property
    def id(self) -> str:
        """Both ends."""
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """USD sent over a bridge, and what it costs."""

    bridge: Bridge
    sent: float

    @property
    def cost(self) -> float:
        """The fee (USD)."""
        return self.sent * self.bridge.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalancing:
    """The cheapest transfers, and every place's native health afterwards (None: nothing owed).

    Where the programme has no solution, the transfers help as far as they can, `short` is what each
    place still lacks of C (USD) and `blocked` names the constraints that keep it so.
    """

    transfers: tuple[Transfer, ...]
    health: dict[str, float | None]
    short: dict[str, float]
    blocked: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        """Whether every place meets its target."""
        return not self.short

    @property
    def cost(self) -> float:
        """What all transfers cost (USD)."""
        return math.fsum(transfer.cost for transfer in self.transfers)


def plan_rebalancing(places: Sequence[Place], bridges: Sequence[Bridge]) -> Rebalancing:
    """Solve the programme; InvalidRiskInput names a bridge without ends, or a wrong figure."""
    _check(places, bridges)
    problem = _Problem(places, bridges)
    sent, short, prices = problem.solve()
    transfers = tuple(
        Transfer(bridge=bridge, sent=amount)
        for bridge, amount in zip(bridges, sent, strict=True)
        if amount > CENT
    )
    lacking = {p.id: s for p, s in zip(places, short, strict=True) if s > CENT}
    return Rebalancing(
        transfers=transfers,
        health={place.id: _measure(place, transfers) for place in places},
        short=lacking,
        blocked=tuple(problem.name_blocks(lacking, prices)),
    )


def _check(places: Sequence[Place], bridges: Sequence[Bridge]) -> None:
    names = [place.id for place in places]
    for place in places:
        for name in ("collateral", "requirement", "target", "weight", "withdrawable"):
            figure = getattr(place, name)
            check_finite(**{f"{place.id}: {name}": figure})
            if figure < 0:
                raise InvalidRiskInput(f"{place.id}: {name} may not be negative")
    for bridge in bridges:
        for end in (bridge.source, bridge.target):
            if end not in names:
                raise InvalidRiskInput(f"bridge {bridge.id}: there is no place {end}")
        if not 0 <= bridge.fee < 1 or bridge.cap < 0 or math.isnan(bridge.cap):
            raise InvalidRiskInput(f"bridge {bridge.id}: its fee or its cap is out of range")


def _measure(place: Place, transfers: Sequence[Transfer]) -> float | None:
    collateral, required = place.collateral, place.requirement
    for transfer in transfers:
        arrived = transfer.sent - transfer.cost
        if transfer.bridge.source == place.id:
            collateral -= place.weight * transfer.sent
        if transfer.bridge.target == place.id and place.repays:
            required -= arrived
        elif transfer.bridge.target == place.id:
            collateral += place.weight * arrived
    return collateral / required if required > 0 else None


class _Problem:
    """The programme with a slack for every place: the slack costs more than any route."""

    def __init__(self, places: Sequence[Place], bridges: Sequence[Bridge]) -> None:
        self._places, self._bridges = places, bridges
        by_name = {place.id: place for place in places}
        self._slow = [b for b in bridges if b.time_s > by_name[b.target].time_left_s]
        rows = {place.id: row for row, place in enumerate(places)}
        count, width = len(places), len(bridges)
        self._needs = np.zeros((count, width))
        self._leaves = np.zeros((count, width))
        self._repaid = np.zeros((count, width))
        for column, bridge in enumerate(bridges):
            source, target = rows[bridge.source], rows[bridge.target]
            self._needs[source, column] += places[source].weight
            self._needs[target, column] -= places[target].relief * (1 - bridge.fee)
            self._leaves[source, column] = 1.0
            self._repaid[target, column] = (1 - bridge.fee) * places[target].repays
        self._caps = [0.0 if b in self._slow else b.cap for b in bridges]

    def solve(self) -> tuple[list[float], list[float], Floats]:
        """Give USD by bridge, what each place lacks, and the worth of rows and then of caps."""
        count = len(self._places)
        lacking = np.array([place.lacking for place in self._places])
        fees = [bridge.fee for bridge in self._bridges]
        penalty = 1e3 * (1 + max(fees, default=0.0))
        found = linprog(
            c=[*(fee + IDLE for fee in fees), *[penalty] * count],
            A_ub=np.vstack(
                [
                    np.hstack([self._needs, -np.eye(count)]),
                    np.hstack([self._leaves, np.zeros((count, count))]),
                    np.hstack([self._repaid, np.zeros((count, count))]),
                ]
            ),
            b_ub=[
                *(-lacking),
                *(place.withdrawable for place in self._places),
                *(place.requirement for place in self._places),
            ],
            bounds=[*((0.0, cap) for cap in self._caps), *[(0.0, None)] * count],
            method="highs",
        )
        if found.x is None:
            raise InvalidRiskInput(f"the programme has no solution: {found.message}")
        width = len(self._bridges)
        worth = np.concatenate([found.ineqlin.marginals[count:], found.upper.marginals[:width]])
        return found.x[:width].tolist(), found.x[width:].tolist(), np.abs(worth)

    def name_blocks(self, lacking: dict[str, float], worth: Floats) -> list[str]:
        """Name what would help the places that lack something if there were more of it."""
        if not lacking:
            return []
        count = len(self._places)
        blocks = [
            f"{place.id}: only {place.withdrawable:,.2f} USD can leave"
            for place, price in zip(self._places, worth[:count], strict=True)
            if price > 1
        ]
        blocks += [
            f"{bridge.id}: carries {bridge.cap:,.2f} USD at most"
            for bridge, price in zip(self._bridges, worth[2 * count :], strict=True)
            if price > 1 and bridge not in self._slow
        ]
        left = {place.id: place.time_left_s for place in self._places}
        blocks += [
            f"{bridge.id}: takes {bridge.time_s:,.0f} s, {left[bridge.target]:,.0f} s are left"
            for bridge in self._slow
            if bridge.target in lacking
        ]
        reached = {bridge.target for bridge in self._bridges}
        blocks += [f"{name}: no route leads there" for name in lacking if name not in reached]
        return blocks or ["no place has collateral above its own target to give"]
