"""The unified health after everything the account's mandates and idle funds allow.

Funds are applied greedily, chain by chain: an asset that is owed where its mandate acts repays
the debt, the rest is supplied where it counts as collateral. Only unified mandates before their
deadline count, for what they allow in the position they are for, and only on chains where one
rescue's gas costs no more than the policy allows.
What could be supplied counts nothing while its price, or a staked form's ratio, is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chains.model.action import Instrument
from chains.model.health import WeightedLeg, calculate_health
from chains.model.ids import AccountId, Address, AssetId
from chains.model.position import Leg, Position, Side
from chains.model.snapshot import ChainFees, ChainSnapshot, IdleFund, Mandate, MandateKind, Snapshot
from chains.model.units import WAD, Usd, Wad, div_up
from daemon.margin.policy import Policy
from daemon.margin.risk import RiskTable
from daemon.margin.weights import Ranges, price_for, weigh_leg

RESCUE_GAS: Final = 600_000
"""An upper estimate of one rescue's gas, for this figure alone; a quote simulates the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a mandate acts: one side of an asset in one of an account's positions."""

    market: AccountId
    account: AccountId
    obligation: Address | None
    asset: AssetId
    side: Side


_Book = dict[_Place, list[Leg]]


def calculate_rescuable(
    snapshot: Snapshot,
    ranges: Ranges,
    policy: Policy,
    risk: RiskTable,
    required: Sequence[WeightedLeg] = (),
) -> Wad | None:
    """Give the factor after every allowed action; None where nothing would be owed.

    `required` is what books published for the account ask for, which no action changes.
    """
    legs: list[Leg] = []
    for chain in snapshot.read:
        book = _legs_of(chain)
        if rescue_gas_cost(chain.fees) <= policy.max_cost:
            for fund in chain.funds:
                _spend(fund, book, now=snapshot.taken_at)
        legs += (leg for found in book.values() for leg in found)
    priced = ((leg, price_for(leg, ranges, risk)) for leg in legs)
    weighted = [
        weigh_leg(leg, price, risk)
        for leg, price in priced
        if price.valid or leg.side is not Side.COLLATERAL
    ]
    return calculate_health([*weighted, *required]).factor


def rescue_gas_cost(fees: ChainFees) -> Usd:
    """Give what one rescue's gas costs now, rounded up."""
    wei = RESCUE_GAS * (fees.base_fee_wei + fees.priority_fee_wei)
    return Usd(div_up(wei * fees.native_usd, WAD))


def _legs_of(chain: ChainSnapshot) -> _Book:
    """Give every leg held, and an empty one where nothing is held that could be supplied."""
    book: _Book = {}
    for position in chain.positions:
        for leg in position.legs:
            book.setdefault(_place_of(position, leg), []).append(leg)
    for position in chain.positions:
        for leg in position.suppliable:
            book.setdefault(_place_of(position, leg), [leg])
    return book


def _place_of(position: Position, leg: Leg) -> _Place:
    return _Place(
        market=position.market,
        account=position.account,
        obligation=position.obligation,
        asset=leg.asset,
        side=leg.side,
    )


def _spend(fund: IdleFund, book: _Book, *, now: int) -> None:
    left = min(fund.balance, fund.allowance)
    for mandate in fund.mandates:
        if mandate.kind is MandateKind.UNIFIED and mandate.deadline >= now:
            left -= _use(mandate, min(left, mandate.left_today), book)


def _use(mandate: Mandate, units: int, book: _Book) -> int:
    """Repay with `units`, supply the rest, and give how many were used."""
    left = units
    if Instrument.REPAY in mandate.instruments:
        owed = book.get(_place_for(mandate, Side.DEBT), [])
        for index, debt in enumerate(owed):
            repaid = min(left, debt.units)
            owed[index] = replace(debt, units=debt.units - repaid)
            left -= repaid
    if Instrument.SUPPLY in mandate.instruments:
        held = book.get(_place_for(mandate, Side.COLLATERAL), [])
        counted = (index for index, leg in enumerate(held) if leg.liquidation_threshold)
        if (first := next(counted, None)) is not None:
            held[first] = replace(held[first], units=held[first].units + left)
            left = 0
    return units - left


def _place_for(mandate: Mandate, side: Side) -> _Place:
    return _Place(
        market=mandate.market,
        account=mandate.owner,
        obligation=mandate.obligation,
        asset=mandate.asset,
        side=side,
    )
