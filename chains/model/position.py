"""What one account holds in one market at one block."""

from dataclasses import dataclass
from enum import IntEnum

from chains.model.anchor import BlockAnchor
from chains.model.derivatives import Option, Perp
from chains.model.ids import AccountId, Address, AssetId
from chains.model.price import Price
from chains.model.units import BPS, Bps, Usd, Wad


class Side(IntEnum):
    """Which way a leg counts; the numbers are signed in position leaves."""

    COLLATERAL = 0
    DEBT = 1
    REQUIREMENT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual:
    """What the units of a leg were accrued from, so that a verifier can do it again.

    `index_ray` and `rate_ray` (1e27, rate per year) stood at `updated_at` (seconds); `scaled`
    is the balance at index 1.
    """

    scaled: int
    index_ray: int
    rate_ray: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One asset held as collateral or owed, in base units accrued to the anchor's time.

    `price` is the protocol's own oracle price at the anchor (two prices, never one: the market's
    stands in `ChainSnapshot.references`). For collateral `ltv` and `liquidation_threshold` are
    the effective ones (eMode applied); both are 0 where the asset is not used as collateral, and
    on debts. `debt_weight` is what the protocol itself multiplies a debt with (a borrow weight or
    factor): it is part of the native health only.
    """

    asset: AssetId
    symbol: str
    side: Side
    units: int
    decimals: int
    price: Price
    ltv: Bps = Bps(0)
    liquidation_threshold: Bps = Bps(0)
    debt_weight: Bps = Bps(BPS)
    accrual: Accrual | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """All of one account's legs in one market, and the health its contract computes.

    `market` is the market's contract as CAIP-10 account; `version` selects the protocol's
    arithmetic. `native_health` is bit for bit what the contract returns at the anchor, None
    without debt; `native_collateral` and `native_debt` are the contract's own totals (Usd at the
    oracle's unit of 1e8, debts with the protocol's own weights). Where a wallet may have several
    positions in one market, `obligation` is the address of the one that this is. `suppliable` are
    legs of 0 units: the assets that this account may supply as collateral, with the thresholds
    they would count with. A member without anything in the market is a position without legs.

    A venue's positions have `perps`, `options` and `margin`, the cash posted for them (Usd x 1e8);
    their native health is what the venue states, None where it does not. `subaccount` names the
    part of the venue's account they are in: parts share nothing. What is `isolated` may lose its
    margin at most and gives nothing to what is around it.
    """

    protocol: str
    version: str
    market: AccountId
    account: AccountId
    anchor: BlockAnchor
    legs: tuple[Leg, ...]
    native_health: Wad | None
    native_collateral: Usd
    native_debt: Usd
    obligation: Address | None = None
    suppliable: tuple[Leg, ...] = ()
    perps: tuple[Perp, ...] = ()
    options: tuple[Option, ...] = ()
    margin: Usd = Usd(0)
    subaccount: str | None = None
    isolated: bool = False

    @property
    def collaterals(self) -> tuple[Leg, ...]:
        """The legs held."""
        return tuple(leg for leg in self.legs if leg.side is Side.COLLATERAL)

    @property
    def debts(self) -> tuple[Leg, ...]:
        """The legs owed."""
        return tuple(leg for leg in self.legs if leg.side is Side.DEBT)
