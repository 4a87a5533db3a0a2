"""The vault's arithmetic, bit for bit: interest, shares, values, caps. Pure integers.

Every function takes the time as `now` and rounds as the contract does. What it changes is given
back as new values; a call that the contract would refuse raises Refused with the contract's reason.
Source: contracts/vault/rates.vy, pools.vy, buckets.vy, vault.vy (`_margin`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chains.evm.protocols.plimsoll_vault.state import Asset, Curve, Debt, Legs, Level, Pool
from chains.model.units import BPS, WAD, Usd, div_down, div_up

RAY: Final = 10**27
YEAR_S: Final = 365 * 86_400
HOUR_S: Final = 3_600
VIRTUAL_SHARES: Final = 10**6
VIRTUAL_UNITS: Final = 1


class Refused(ValueError):
    """The contract would revert with this reason."""


def calculate_rate(curve: Curve, *, cash: int, debt: int, ceiling: int) -> int:
    """Give what borrowing costs a year (wad), rounded down part by part."""
    if debt == 0:
        return min(curve.base, ceiling)
    used = div_down(debt * WAD, cash + debt)
    kink = div_down(curve.kink_bps * WAD, BPS)
    found = curve.base + div_down(curve.low * min(used, kink), kink)
    if used > kink:
        found += div_down(curve.high * (used - kink), WAD - kink)
    return min(found, ceiling)


def grow(index: int, rate: int, seconds: int) -> int:
    """Give an index after linear interest, rounded down."""
    return index + div_down(index * rate * seconds, YEAR_S * WAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a pool's interest goes by."""

    curve: Curve
    max_rate: int


def calculate_index(pool: Pool, terms: Terms, *, now: int) -> int:
    """Give the debt index at `now`."""
    if pool.index == 0:
        return RAY
    passed = now - pool.accrued_at
    if passed == 0 or pool.debt_shares == 0:
        return pool.index
    debt = div_down(pool.debt_shares * pool.index, RAY)
    rate = calculate_rate(terms.curve, cash=pool.cash, debt=debt, ceiling=terms.max_rate)
    return grow(pool.index, rate, passed)


def accrue(pool: Pool, terms: Terms, *, now: int) -> Pool:
    """Bring a pool's interest up to `now`, the insurance fund's part taken off."""
    if pool.accrued_at == now:
        return pool
    index = calculate_index(pool, terms, now=now)
    return replace(pool, fund=_grow_fund(pool, terms, index), index=index, accrued_at=now)


def _grow_fund(pool: Pool, terms: Terms, index: int) -> int:
    interest = div_down(pool.debt_shares * (index - pool.index), RAY) if pool.debt_shares else 0
    return pool.fund + div_down(interest * terms.curve.reserve_bps, BPS)


def to_debt(shares: int, index: int) -> int:
    """Give the units that debt shares stand for, rounded up."""
    return div_up(shares * index, RAY)


def calculate_debt(pool: Pool, terms: Terms, debt: Debt, *, now: int) -> int:
    """Give what is owed at `now`, what was written down included."""
    live = to_debt(debt.shares, calculate_index(pool, terms, now=now)) if debt.shares else 0
    return live + debt.bad


def calculate_owned(pool: Pool, terms: Terms, *, now: int) -> int:
    """Give what the lenders own at `now`, every provision taken off."""
    index = calculate_index(pool, terms, now=now)
    owned = pool.cash + div_down(pool.debt_shares * index, RAY)
    return owned - min(owned, _grow_fund(pool, terms, index) + pool.provisions)


def to_supply_shares(pool: Pool, terms: Terms, units: int, *, now: int) -> int:
    """Give the shares that units bring their lender, rounded down; Refused for provision, dust."""
    if pool.provisions:
        raise Refused("provision")
    owned = calculate_owned(pool, terms, now=now)
    minted = div_down(units * (pool.supply_shares + VIRTUAL_SHARES), owned + VIRTUAL_UNITS)
    if minted == 0:
        raise Refused("dust")
    return minted


def to_supply_units(pool: Pool, terms: Terms, shares: int, *, now: int) -> int:
    """Give what a lender's shares are worth, rounded down."""
    owned = calculate_owned(pool, terms, now=now)
    return div_down(shares * (owned + VIRTUAL_UNITS), pool.supply_shares + VIRTUAL_SHARES)


def borrow(pool: Pool, terms: Terms, debt: Debt, units: int, *, now: int) -> tuple[Pool, Debt]:
    """Take units out of a pool; Refused for cash."""
    pool = accrue(pool, terms, now=now)
    if units > pool.cash:
        raise Refused("cash")
    shares = div_up(units * RAY, pool.index)
    return (
        replace(pool, cash=pool.cash - units, debt_shares=pool.debt_shares + shares),
        replace(debt, shares=debt.shares + shares),
    )


def repay(pool: Pool, terms: Terms, debt: Debt, units: int, *, now: int) -> tuple[Pool, Debt, int]:
    """Put units into a pool and give by how much the debt fell; what is beyond is the lenders'."""
    pool = accrue(pool, terms, now=now)
    pool = replace(pool, cash=pool.cash + units)
    live = to_debt(debt.shares, pool.index)
    repaid = min(units, live)
    shares = debt.shares if repaid >= live else div_down(repaid * RAY, pool.index)
    pool = replace(pool, debt_shares=pool.debt_shares - shares)
    debt = replace(debt, shares=debt.shares - shares)
    pool, debt = _unprovide(pool, debt, max(0, debt.provided - (live - repaid)))
    bad = min(units - repaid, debt.bad)
    pool = replace(pool, bad_debt=pool.bad_debt - bad)
    return pool, replace(debt, bad=debt.bad - bad), repaid + bad


def _unprovide(pool: Pool, debt: Debt, units: int) -> tuple[Pool, Debt]:
    back = min(units, debt.from_fund)
    return (
        replace(pool, fund=pool.fund + back, provisions=pool.provisions - units),
        replace(debt, provided=debt.provided - units, from_fund=debt.from_fund - back),
    )


def value_units(units: int, price: int, *, up: bool) -> Usd:
    """Give what wad units are worth (USD x 1e8): debt is rounded up, collateral down."""
    return Usd(div_up(units * price, WAD) if up else div_down(units * price, WAD))


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What an account owes on a chain, and what it may owe there (USD x 1e8)."""

    owed: Usd
    most: Usd


def calculate_margin(assets: Sequence[Asset], legs: Legs) -> Margin:
    """Give the spending check's two sides; Refused with price where one that is needed is not good.

    Who owes nothing needs no price and may spend what is free.
    """
    owed = most = 0
    if not any(legs.debt):
        return Margin(owed=Usd(0), most=Usd(0))
    for asset in assets:
        debt, backing = legs.debt[asset.number], calculate_backing(legs, asset.number)
        if not debt and not backing:
            continue
        if asset.price is None:
            raise Refused("price")
        owed += div_up(debt * asset.price, WAD)
        most += div_down(backing * asset.price * asset.ltv, WAD * BPS)
    return Margin(owed=Usd(owed), most=Usd(most))


def calculate_backing(legs: Legs, number: int) -> int:
    """Give the units of an asset that back spending here: free ones, and those lent to this chain.

    What is lent away, or locked, backs nothing here.
    """
    bound = legs.lines_out[number] + legs.locked[number]
    return max(0, legs.collateral[number] - bound) + legs.lines_in[number]


def calculate_room(level: Level, size: int, *, now: int) -> int:
    """Give what may still leave through a leaky bucket of a size an hour."""
    leaked = div_down(size * (now - level.at), HOUR_S)
    used = level.used - min(level.used, leaked)
    return size - min(used, size)
