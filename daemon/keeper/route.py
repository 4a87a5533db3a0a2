"""Which of the quoted cures is done: those that reach the target first, then the cheapest: pure.

Among cures that only improve, the one that lifts the figure most goes first. Equal costs are
decided by time, then by chain and asset, so that the choice never depends on the order asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chains.model.action import Quote
from chains.model.units import USD, Usd
from daemon.keeper.plan import Cure, Need
from daemon.margin.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A cure and what it costs now."""

    cure: Cure
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A cure that has no quote, and why: it would revert, or its chain does not answer."""

    cure: Cure
    reason: str


Offer = Quoted | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An offer that was not taken, and why."""

    offer: Offer
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was chosen for a need (None when nothing could be), and everything that was not."""

    need: Need
    chosen: Quoted | None
    rejected: tuple[Rejected, ...]


def choose(need: Need, offers: Sequence[Offer], policy: Policy) -> Decision:
    """Choose among the offers for a need within the policy's cost and time."""
    rejected: list[Rejected] = []
    eligible: list[Quoted] = []
    for offer in offers:
        reason = _why_not(offer, policy)
        if reason is not None:
            rejected.append(Rejected(offer=offer, reason=reason))
        elif isinstance(offer, Quoted):
            eligible.append(offer)
    ranked = sorted(eligible, key=_rank)
    chosen = ranked[0] if ranked else None
    if chosen is not None:
        rejected += [Rejected(offer=o, reason=_why_behind(o, chosen)) for o in ranked[1:]]
    return Decision(need=need, chosen=chosen, rejected=tuple(rejected))


def _why_not(offer: Offer, policy: Policy) -> str | None:
    if isinstance(offer, Refused):
        return offer.reason
    cost, seconds = offer.quote.cost, offer.quote.seconds
    if cost < 0:
        return "its cost is not known"
    if cost > policy.max_cost:
        return f"costs {_dollars(cost)}, at most {_dollars(policy.max_cost)} allowed"
    if seconds > policy.deadline_s:
        return f"takes {seconds} s, at most {policy.deadline_s} s allowed"
    return None


def _rank(offer: Quoted) -> tuple[int, int, int, int, str, str, str]:
    cure, quote = offer.cure, offer.quote
    lift = 0 if cure.reaches else -(cure.expected or 0)
    place = str(cure.fund.asset), str(cure.position.account), cure.instrument.value
    return (0 if cure.reaches else 1, lift, quote.cost, quote.seconds, *place)


def _why_behind(offer: Quoted, chosen: Quoted) -> str:
    if chosen.cure.reaches and not offer.cure.reaches:
        return "does not reach the target"
    if not chosen.cure.reaches and offer.cure.expected != chosen.cure.expected:
        return "lifts the health less"
    if offer.quote.cost > chosen.quote.cost:
        return f"costs {_dollars(Usd(offer.quote.cost - chosen.quote.cost))} more"
    return "no better than the one chosen"


def _dollars(value: Usd) -> str:
    return f"${value // USD}.{value % USD * 100 // USD:02}"
