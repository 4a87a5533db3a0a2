"""What is kept of decisions about vault accounts: pairs, costs, why others were not taken.

Money is decimal text in dollars, health decimal text: pure.
"""

from collections.abc import Sequence
from typing import Any

from chains.evm.protocols.plimsoll_vault.state import NO_DEBT
from chains.model.units import WAD
from daemon.keeper.record import decimal, dollars
from daemon.keeper.vaults.pairs import Costed, Pair, PairChoice
from daemon.keeper.vaults.seizing import Candidate


def describe_choice(
    health: int, choice: PairChoice, refused: Sequence[tuple[Candidate, str]]
) -> dict[str, Any]:
    """Give the record of a liquidation's choice; `refused` are pairs that no chain allows."""
    candidates = [
        describe_pair(one.pair, one.costed) | {"reason": one.reason} for one in choice.rejected
    ]
    candidates += [_describe_refused(candidate, reason) for candidate, reason in refused]
    if choice.chosen is not None:
        chosen = describe_pair(choice.chosen.pair, choice.chosen)
        candidates.insert(0, chosen | {"reason": None})
    return {
        "kind": "vault liquidation",
        "health": None if health == NO_DEBT else decimal(health, WAD),
        "candidates": candidates,
    }


def describe_pair(pair: Pair, costed: Costed | None) -> dict[str, Any]:
    """Give a pair with its costs, None where it was not priced."""
    described: dict[str, Any] = {
        "collateral_chain": str(pair.collateral.chain),
        "collateral_asset": pair.collateral_asset,
        "debt_chain": str(pair.debt.chain),
        "debt_asset": pair.debt_asset,
        "value_usd": dollars(pair.value),
        "paid_usd": dollars(pair.paid),
        "seconds": pair.wait_s,
    }
    costs: dict[str, Any] = {
        "cost_usd": None if costed is None else dollars(costed.cost),
        "gas_usd": None if costed is None else dollars(costed.gas),
        "risk_usd": None if costed is None else dollars(costed.risk),
        "carry_usd": None if costed is None else dollars(costed.carry),
        "bonus_usd": None if costed is None else dollars(costed.bonus),
        "fund_usd": None if costed is None else dollars(costed.extra),
        "profit_usd": None if costed is None else dollars(costed.profit),
    }
    return described | costs


def _describe_refused(candidate: Candidate, reason: str) -> dict[str, Any]:
    return {
        "collateral_chain": str(candidate.collateral.site.chain),
        "collateral_asset": candidate.collateral_asset,
        "debt_chain": str(candidate.debt.site.chain),
        "debt_asset": candidate.debt_asset,
        "reason": reason,
    }
