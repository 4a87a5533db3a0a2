"""What is kept of a decision: the candidates, their costs, and why the others were not taken.

Money is decimal text in dollars, health decimal text, amounts base units as text: pure.
"""

from typing import Any

import orjson

from chains.model.units import USD, WAD, Usd, Wad
from daemon.keeper.plan import Cure
from daemon.keeper.route import Decision, Offer, Quoted


def encode_decision(decision: Decision) -> str:
    """Give the record as JSON text; `candidates` lists the chosen one first."""
    chosen = decision.chosen
    candidates = [describe_offer(r.offer) | {"reason": r.reason} for r in decision.rejected]
    if chosen is not None:
        candidates.insert(0, describe_offer(chosen) | {"reason": None})
    record = {
        "kind": decision.need.kind.value,
        "account": decision.need.account,
        "health": decimal(decision.need.health, WAD),
        "target": decimal(decision.need.target, WAD),
        "candidates": candidates,
    }
    return orjson.dumps(record).decode()


def describe_offer(offer: Offer) -> dict[str, Any]:
    """Give a candidate: where, what, how much and at what cost (None without a quote)."""
    described = _describe_cure(offer.cure)
    if not isinstance(offer, Quoted):
        return described | {"cost_usd": None, "gas_limit": None, "seconds": None}
    quote = offer.quote
    return described | {
        "cost_usd": dollars(quote.cost),
        "gas_limit": quote.gas_limit,
        "seconds": quote.seconds,
    }


def dollars(value: Usd) -> str:
    """Give Usd x 1e8 as decimal text."""
    return decimal(value, USD)


def decimal(value: int | Wad, one: int) -> str:
    """Give an integer as a decimal of `one`, exactly and without trailing zeros."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), one)
    digits = str(part).rjust(len(str(one)) - 1, "0").rstrip("0")
    return f"{sign}{whole}.{digits or '0'}"


def _describe_cure(cure: Cure) -> dict[str, Any]:
    return {
        "chain": str(cure.position.account.chain),
        "account": str(cure.position.account),
        "market": str(cure.position.market),
        "instrument": cure.instrument.value,
        "asset": str(cure.fund.asset),
        "symbol": cure.fund.symbol,
        "amount": str(cure.units),
        "value_usd": dollars(cure.value),
        "expected_health": None if cure.expected is None else decimal(cure.expected, WAD),
        "reaches_target": cure.reaches,
    }
