"""The unified health after everything the account's mandates and idle funds allow.

Funds are applied greedily, chain by chain: an asset that is owed where its mandate acts repays
the debt, the rest is supplied where it counts as collateral. Only unified mandates before their
deadline count, and only on chains where one rescue's gas costs no more than the policy allows.
What could be supplied counts nothing while its price, or a staked form's ratio, is not known.
"""

from dataclasses import replace
from typing import Final

from chains.model.health import calculate_health
from chains.model.ids import AccountId, AssetId
from chains.model.position import Leg, Side
from chains.model.snapshot import ChainFees, ChainSnapshot, IdleFund, Mandate, MandateKind, Snapshot
from chains.model.units import WAD, Usd, Wad, div_up
from daemon.margin.policy import Policy
from daemon.margin.risk import RiskTable
from daemon.margin.weights import Ranges, price_for, weigh_leg

RESCUE_GAS: Final = 600_000
"""An upper estimate of one rescue's gas, for this figure alone; a quote simulates the call."""

_Key = tuple[AccountId, AccountId, AssetId, Side]
_Book = dict[_Key, Leg]


def calculate_rescuable(
    snapshot: Snapshot, ranges: Ranges, policy: Policy, risk: RiskTable
) -> Wad | None:
    """Give the factor after every allowed action; None where nothing would be owed."""
    book: _Book = {}
    for chain in snapshot.read:
        held = _legs_of(chain)
        if rescue_gas_cost(chain.fees) <= policy.max_cost:
            for fund in chain.funds:
                _spend(fund, held, now=snapshot.taken_at)
        book |= held
    priced = ((leg, price_for(leg, ranges, risk)) for leg in book.values())
    return calculate_health(
        weigh_leg(leg, price, risk)
        for leg, price in priced
        if price.valid or leg.side is not Side.COLLATERAL
    ).factor


def rescue_gas_cost(fees: ChainFees) -> Usd:
    """Give what one rescue's gas costs now, rounded up."""
    wei = RESCUE_GAS * (fees.base_fee_wei + fees.priority_fee_wei)
    return Usd(div_up(wei * fees.native_usd, WAD))


def _legs_of(chain: ChainSnapshot) -> _Book:
    """Give the legs held and the empty ones that could be, by market, account, asset and side."""
    book: _Book = {}
    for position in chain.positions:
        for leg in (*position.suppliable, *position.legs):
            book[position.market, position.account, leg.asset, leg.side] = leg
    return book


def _spend(fund: IdleFund, book: _Book, *, now: int) -> None:
    left = min(fund.balance, fund.allowance)
    for mandate in fund.mandates:
        if mandate.kind is MandateKind.UNIFIED and mandate.deadline >= now:
            left -= _use(mandate, min(left, mandate.left_today), book)


def _use(mandate: Mandate, units: int, book: _Book) -> int:
    """Repay with `units`, supply the rest, and give how many were used."""
    owed = (mandate.market, mandate.owner, mandate.asset, Side.DEBT)
    held = (mandate.market, mandate.owner, mandate.asset, Side.COLLATERAL)
    repaid = supplied = 0
    if debt := book.get(owed):
        repaid = min(units, debt.units)
        book[owed] = replace(debt, units=debt.units - repaid)
    if (leg := book.get(held)) and leg.liquidation_threshold:
        supplied = units - repaid
        book[held] = replace(leg, units=leg.units + supplied)
    return repaid + supplied
