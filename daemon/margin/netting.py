"""Which domains help each other, and how far.

Set N0 is one venue's account: its own rule nets it in full. N1 are domains of one chain between
which we move surplus in one transaction: gains count in full, less slippage. N2 is a live route
to other chains: losses count in full, gains with kappa. N3 is everything else (stale, paused,
isolated, without a route): gains count as nothing. A group is what nets as N0 or N1; N2 and N3 say
what its surplus is worth to the other groups.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.margin.scenarios import Domain, InvalidRiskInput, RiskBook, Route

Floats = NDArray[np.float64]
EVERYTHING: Final = "everything"


class NettingSet(StrEnum):
    """How a group's surplus counts for what is outside of it."""

    N0 = "N0"
    N1 = "N1"
    N2 = "N2"
    N3 = "N3"


@dataclass(frozen=True, slots=True, kw_only=True)
class NettingTerms:
    """What routes are worth.

    A route helps if it takes at most `delay_part` of the time that both ends have left; its kappa
    falls from `best` to `worst` as it nears that. `theta` of what can be moved is relied on, and an
    atomic move costs `slippage`, as a part of what is moved.
    """

    best: float = 0.8
    worst: float = 0.6
    delay_part: float = 0.5
    theta: float = 0.8
    slippage: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Domains that net among themselves, what their surplus counts elsewhere, and why.

    `cap` is the most that may count (USD).
    """

    name: str
    chain: str
    domains: tuple[str, ...]
    inside: NettingSet
    outside: NettingSet
    kappa: float
    cap: float
    reason: str
    slippage: float = 0.0


def transferable_excess(route: Route, terms: NettingTerms) -> float:
    """Give what can be relied on to arrive (USD)."""
    return terms.theta * min(route.withdrawable, route.liquidity, route.cap)


def build_groups(
    book: RiskBook, terms: NettingTerms, kappa: float | None = None
) -> tuple[Group, ...]:
    """Partition the domains into groups, in the order of their names.

    `kappa` takes the place of what routes are worth; at 1 all domains that may help are one group.
    InvalidRiskInput where it is outside 0 … 1.
    """
    if kappa is not None and not 0 <= kappa <= 1:
        raise InvalidRiskInput(f"kappa is {kappa}: it lies between 0 and 1")
    left_s = min((d.time_to_liquidation_s for d in book.domains.values()), default=math.inf)
    members: dict[str, list[Domain]] = {}
    for _, domain in sorted(book.domains.items()):
        members.setdefault(_name_group(domain, kappa), []).append(domain)
    return tuple(
        _build_group(name, domains, terms, kappa, left_s)
        for name, domains in sorted(members.items())
    )


def _name_group(domain: Domain, kappa: float | None) -> str:
    if _bar(domain):
        return domain.id
    if kappa == 1:
        return EVERYTHING
    return f"{domain.chain} (atomic)" if domain.atomic else domain.id


def _build_group(
    name: str, domains: Sequence[Domain], terms: NettingTerms, told: float | None, left_s: float
) -> Group:
    judged = [_judge(domain, terms, told, left_s) for domain in domains]
    outside, kappa, reason = min(judged, key=lambda one: one[1])
    excess = (transferable_excess(domain.route, terms) for domain in domains if domain.route)
    alone = len(domains) == 1 or name == EVERYTHING
    return Group(
        name=domains[0].id if len(domains) == 1 else name,
        chain=domains[0].chain,
        domains=tuple(domain.id for domain in domains),
        inside=NettingSet.N0 if alone else NettingSet.N1,
        outside=outside,
        kappa=kappa,
        cap=math.inf if told is not None else math.fsum(excess),
        reason=reason,
        slippage=0.0 if alone else terms.slippage,
    )


def _bar(domain: Domain) -> str:
    """Say why a domain may help nobody; empty where it may."""
    for wrong, reason in (
        (domain.isolated, "isolated"),
        (domain.stale, "stale"),
        (domain.paused, "paused"),
        (domain.gain_weight == 0, "its gains count as nothing"),
    ):
        if wrong:
            return reason
    return ""


def _judge(
    domain: Domain, terms: NettingTerms, told: float | None, left_s: float
) -> tuple[NettingSet, float, str]:
    """Give what a domain's surplus counts elsewhere, with `left_s` for all that may need it."""
    if barred := _bar(domain):
        return NettingSet.N3, 0.0, barred
    if told is not None:
        return NettingSet.N2 if told else NettingSet.N3, told, "as told"
    if domain.route is None:
        return NettingSet.N3, 0.0, "no route"
    if not domain.route.healthy:
        return NettingSet.N3, 0.0, "its route is not healthy"
    delay_s, limit_s = domain.route.delay_s, terms.delay_part * left_s
    if delay_s > limit_s:
        return NettingSet.N3, 0.0, f"help takes {delay_s:.0f} s, {limit_s:.0f} s are allowed"
    part = delay_s / limit_s if 0 < limit_s < math.inf else 0.0
    kappa = min(domain.route.kappa, terms.best - (terms.best - terms.worst) * part)
    return NettingSet.N2, kappa, f"help takes {delay_s:.0f} s"


def net_groups(profits: Floats, domains: Mapping[str, int], groups: Iterable[Group]) -> Floats:
    """Give the profit of each group from that of each domain: (…, domains) to (…, groups)."""
    netted = []
    for group in groups:
        own = profits[..., [domains[name] for name in group.domains]]
        netted.append(
            np.minimum(own, 0).sum(axis=-1) + (1 - group.slippage) * np.maximum(own, 0).sum(axis=-1)
        )
    return np.stack(netted, axis=-1) if netted else np.zeros((*profits.shape[:-1], 0))


def recognise(profits: Floats, groups: Sequence[Group], standing: Floats | None = None) -> Floats:
    """Give what counts of each group's profit: losses in full, gains with kappa up to the cap.

    `standing`, of the same shape, is 0 where a group's gains do not show.
    """
    kappa = np.array([group.kappa for group in groups])
    caps = np.array([group.cap for group in groups])
    if standing is not None:
        kappa = kappa * standing
    return np.asarray(np.minimum(profits, 0) + np.minimum(kappa * np.maximum(profits, 0), caps))
