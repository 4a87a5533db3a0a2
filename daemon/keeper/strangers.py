"""Liquidations of strangers: which may be done and which is worth most: pure.

Only positions under a health of 1 at the protocol's own price count. Nothing is done while the
market's price of either asset parts from the protocol's, or without the least profit after
everything: profit = sale of the collateral − debt repaid − flash premium − gas.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from chains.model.ids import AccountId, AssetId
from chains.model.price import Price
from chains.model.units import BPS, WAD, Usd, Wad, div_up, units_up, value_down, value_up
from daemon.keeper.record import decimal, dollars

EXTRA_PARTS: Final = 2_000
"""One part in so many is borrowed beyond the debt, for interest until inclusion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prey:
    """A liquidation the protocol would allow at the anchor: amounts in base units.

    `repaid` of `debt` takes `seized` of `collateral`; `borrowed` is what the flash loan brings
    and the pool is offered; `price` is the protocol's of the debt.
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

    @property
    def need(self) -> str:
        """The name of this liquidation through its time."""
        return f"liquidation {self.account} {self.market}"

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


def rank(sales: Sequence[Sale], min_profit: Usd) -> tuple[Sale, ...]:
    """Give the sales above the floor before gas, the best first, one for each account."""
    best: dict[str, Sale] = {}
    for sale in sorted(sales, key=lambda s: (-s.gross, s.prey.need, str(s.prey.collateral))):
        if sale.gross > min_profit:
            best.setdefault(sale.prey.need, sale)
    return tuple(best.values())


def order_sales(
    sales: Iterable[Sale], *, selling: Collection[frozenset[AssetId]], refused: Collection[str]
) -> list[Sale]:
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
