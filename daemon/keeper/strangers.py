"""Liquidations of strangers: which may be done and which is worth most: pure.

Only positions under a health of 1 at the protocol's own price count. Nothing is done while the
market's price of either asset parts from the protocol's, or without the least profit after
everything: profit = sale of the collateral − debt repaid − flash premium − gas.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import orjson

from chains.evm.protocols.aave_v3.adapter import MarketRead
from chains.evm.protocols.aave_v3.sizing import Choice, Size, rank_liquidations
from chains.model.ids import AccountId, Address, AssetId
from chains.model.position import Position
from chains.model.price import Price
from chains.model.units import BPS, WAD, Usd, Wad, div_up, units_up, value_down, value_up
from daemon.keeper.record import decimal, dollars

EXTRA_PARTS: Final = 2_000
"""One part in so many is borrowed beyond the debt, for interest until inclusion."""
MOST_CHOICES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Prey:
    """A liquidation the protocol would allow at the anchor: amounts in base units.

    `repaid` of `debt` takes `seized` of `collateral`; `borrowed` is what the flash loan brings
    and the pool is offered; `price` is the protocol's of the debt. `obligation` names the position
    where a wallet may have several in the market.
    """

    market: AccountId
    account: AccountId
    health: Wad
    collateral: AssetId
    debt: AssetId
    seized: int
    repaid: int
    borrowed: int
    decimals: int
    price: Price
    obligation: Address | None = None

    @property
    def need(self) -> str:
        """The name of this liquidation through its time."""
        obligation = f" {self.obligation}" if self.obligation else ""
        return f"liquidation {self.account} {self.market}{obligation}"

    @property
    def pool(self) -> frozenset[AssetId]:
        """What the sale goes through: both tokens in either direction, empty without a sale."""
        pair = frozenset({self.collateral, self.debt})
        return pair if len(pair) > 1 else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A liquidation with what its collateral would sell for; None where there is no pool."""

    prey: Prey
    proceeds: int | None
    premium: int

    @property
    def gross_units(self) -> int:
        """The profit before gas, in units of the debt; negative without a sale."""
        proceeds = 0 if self.proceeds is None else self.proceeds
        return proceeds - self.prey.repaid - self.premium

    @property
    def gross(self) -> Usd:
        """The profit before gas: rounded down, a loss up."""
        units, prey = self.gross_units, self.prey
        if units < 0:
            return Usd(-value_up(-units, prey.price.usd, prey.decimals))
        return value_down(units, prey.price.usd, prey.decimals)


AnySale = TypeVar("AnySale", bound=Sale)


def find_prey(found: MarketRead) -> list[Prey]:
    """Give every liquidation the protocol would accept, at each size worth trying.

    Those of an account by their gross bonus, the highest first.
    """
    return [
        _describe(found, position, choice)
        for position in found.positions
        if position.native_health is not None
        for choice in rank_liquidations(found.state, found.users[position.account])
    ]


def _describe(found: MarketRead, position: Position, choice: Choice) -> Prey:
    chain, outcome = position.market.chain, choice.outcome
    reserves = found.state.reserves
    debt = AssetId.erc20(chain, reserves[outcome.debt].asset)
    owed = next(leg for leg in position.debts if leg.asset == debt)
    exact = choice.size is not Size.MAXIMUM
    return Prey(
        market=position.market,
        account=position.account,
        health=position.native_health or Wad(0),
        collateral=AssetId.erc20(chain, reserves[outcome.collateral].asset),
        debt=debt,
        seized=outcome.collateral_seized,
        repaid=outcome.debt_repaid,
        borrowed=choice.debt_to_cover if exact else with_interest(outcome.debt_repaid),
        decimals=owed.decimals,
        price=owed.price,
    )


def keep_few(prey: Iterable[Prey]) -> list[Prey]:
    """Keep the first MOST_CHOICES of each account: every one is a quote."""
    kept: Counter[str] = Counter()
    few = []
    for one in prey:
        kept[one.need] += 1
        if kept[one.need] <= MOST_CHOICES:
            few.append(one)
    return few


def with_interest(repaid: int) -> int:
    """Give what to borrow to repay a debt in full that grows until inclusion: a little more."""
    return repaid + repaid // EXTRA_PARTS + 1


def flash_premium(borrowed: int, premium_bps: int) -> int:
    """Give what the flash loan costs, rounded up."""
    return div_up(borrowed * premium_bps, BPS)


def eligible(prey: Sequence[Prey], is_latched: Callable[[AssetId], bool]) -> tuple[Prey, ...]:
    """Keep what may be liquidated at all: health under 1, valid price, no latch on either side."""
    return tuple(
        one
        for one in prey
        if one.health < WAD
        and one.price.valid
        and one.repaid > 0
        and one.seized > 0
        and not is_latched(one.collateral)
        and not is_latched(one.debt)
    )


def rank(sales: Sequence[AnySale], min_profit: Usd) -> tuple[AnySale, ...]:
    """Give the sales above the floor before gas, the best first, one for each account."""
    best: dict[str, AnySale] = {}
    for sale in sorted(sales, key=lambda s: (-s.gross, s.prey.need, str(s.prey.collateral))):
        if sale.gross > min_profit:
            best.setdefault(sale.prey.need, sale)
    return tuple(best.values())


def order_sales(
    sales: Iterable[AnySale], *, selling: Collection[frozenset[AssetId]], refused: Collection[str]
) -> list[AnySale]:
    """Leave out sales through pools that are `selling` already, and put `refused` needs last.

    A price quoted beside another sale in the same pool is not the price the second one gets.
    """
    free = [sale for sale in sales if sale.prey.pool not in selling]
    return sorted(free, key=lambda sale: sale.prey.need in refused)


def least_profit_units(sale: Sale, gas_cost: Usd, min_profit: Usd) -> int | None:
    """Give the profit the contract must insist on; None where the sale does not bring it."""
    prey = sale.prey
    floor = units_up(Usd(min_profit + gas_cost), prey.price.usd, prey.decimals)
    return floor if sale.gross_units >= floor else None


def describe_sale(sale: Sale, gas_cost: Usd) -> str:
    """Give the record of a chosen liquidation as JSON text."""
    prey = sale.prey
    record = {
        "kind": "liquidation",
        "account": str(prey.account),
        "health": decimal(prey.health, WAD),
        "collateral": str(prey.collateral),
        "debt": str(prey.debt),
        "seized_units": str(prey.seized),
        "repaid_units": str(prey.repaid),
        "gas_usd": dollars(gas_cost),
        "profit_usd": dollars(Usd(sale.gross - gas_cost)),
    }
    return orjson.dumps(record).decode()
